"""How statuses are numbered and coded in the formats that carry them.

Three vocabularies, one row an event: the two numberings of a CPPStatut, which mean different
things by the same number and are never mixed, and the codes of a CDAR.

Source:
    N1: labels inside CPPStatut V1_19. N2: DSE FE – Chorus Pro v1.0, tables 1 and 5; the numbers
    not printed there are the places of the interface's code list, deduced. CDAR: annex of
    interfaces and statuses; MDT-88: published samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.model.life import Actor, Event, Numbering, Status
from pipeline.model.life_table import MOVES
from pipeline.syntax.cdar import PROCESSING, TRANSMISSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """How an event is said.

    Attributes:
        n1: IdStatut by the labels of the schema; None where it has no number.
        n2: IdStatut by the code list; None where it has no number.
        cdar: MDT-105; None where it has no code.
        transmission: MDT-88.
        phase: MDT-77.
        label: MDT-106.
    """

    n1: int | None = None
    n2: int | None = None
    cdar: int | None = None
    transmission: str | None = None
    phase: str = PROCESSING
    label: str = ""

    def number(self, numbering: Numbering) -> int | None:
        """Return its IdStatut in one of the two numberings."""
        return self.n1 if numbering is Numbering.N1 else self.n2


CODES: Mapping[Event, Code] = MappingProxyType(
    {
        Event.DEPOSIT: Code(
            n1=1, n2=11, cdar=200, transmission="10", phase=TRANSMISSION, label="Déposée"
        ),
        Event.ROUTE: Code(n1=2, n2=13),
        # a mandataire's word for it; a sub-contractor's validator says 205
        Event.VALIDATE: Code(cdar=214, transmission="5", label="Visée"),
        Event.MAKE_AVAILABLE: Code(
            n1=3,
            n2=14,
            cdar=203,
            transmission="48",
            phase=TRANSMISSION,
            label="Mise à disposition",
        ),
        Event.TAKE_IN_CHARGE: Code(cdar=204, transmission="45", label="Prise en charge"),
        Event.APPROVE: Code(cdar=205, transmission="1", label="Approuvée"),
        Event.APPROVE_PARTLY: Code(cdar=206, transmission="49", label="Approuvée partiellement"),
        Event.DISPUTE: Code(cdar=207, transmission="46", label="En litige"),
        Event.RETURN: Code(n1=4, n2=15, cdar=221, phase=TRANSMISSION, label="Erreur de routage"),
        Event.SUSPEND: Code(n1=6, n2=16, cdar=208, transmission="39", label="Suspendue"),
        Event.COMPLETE: Code(n1=12, n2=32, cdar=209, transmission="37", label="Complétée"),
        Event.REJECT: Code(n1=5, n2=17, cdar=210, transmission="50", label="Refusée"),
        Event.SERVICE_DONE: Code(n1=7, n2=37),
        Event.MANDATE: Code(n1=8, n2=18),
        Event.GIVE_TO_ACCOUNTANT: Code(n1=9, n2=21),
        Event.BOOK: Code(n1=10, n2=20),
        Event.PAY: Code(n1=11, n2=19, cdar=211, transmission="47", label="Paiement transmis"),
        Event.CASH: Code(cdar=212, transmission="47", label="Encaissée"),
        Event.CANCEL: Code(cdar=220, transmission="5", label="Annulée"),
        Event.GIVE_UP: Code(n2=22),
        Event.ASK_DIRECT_PAYMENT: Code(
            cdar=224, transmission="5", label="Demande de paiement direct"
        ),
        Event.FACTOR: Code(cdar=225, transmission="5", label="Affacturée"),
        Event.FACTOR_CONFIDENTIALLY: Code(
            cdar=226, transmission="5", label="Affacturée confidentiel"
        ),
        Event.CHANGE_PAYEE: Code(cdar=227, transmission="5", label="Changement de compte à payer"),
        Event.NOT_FACTORED: Code(cdar=228, transmission="5", label="Non affacturée"),
    }
)

#: What a platform hears as 204 (DSE §4.2.1.1, table 1), and the words that tell which it is.
AS_TAKEN_IN_CHARGE: Mapping[Event, str] = MappingProxyType(
    {
        Event.SERVICE_DONE: "Service fait constaté par le destinataire.",
        Event.MANDATE: "Mandat ou demande de paiement validés par le destinataire.",
        Event.GIVE_TO_ACCOUNTANT: "Facture mise à disposition du comptable.",
        Event.BOOK: "Facture comptabilisée.",
    }
)

#: How numbering N2 counts what is about a validation: by where the invoice then stands.
VALIDATION_N2: Mapping[Status, int] = MappingProxyType(
    {
        Status.A_VALIDER_1: 1,
        Status.ERREUR_FOURNISSEUR_SUR_VALIDEUR: 2,
        Status.REFUSEE_1: 3,
        Status.VALIDEE_1: 4,
        Status.ABSENCE_VALIDATION_1_HORS_DELAI: 5,
        Status.A_VALIDER_2: 6,
        Status.ERREUR_COTRAITANT_SUR_VALIDEUR: 7,
        Status.REFUSEE_2: 8,
        Status.VALIDEE_2: 9,
        Status.ABSENCE_VALIDATION_2_HORS_DELAI: 10,
        Status.ERREUR_FOURNISSEUR_SUR_MOE: 12,
        Status.A_VALIDER_MOE: 26,
        Status.REFUSEE_MOE: 27,
        Status.ERREUR_MOE_SUR_MOA: 34,
    }
)
#: What a validator says by these numbers; the others are the hub's and the clock's to say.
_VALIDATOR_N2: Mapping[int, Event] = MappingProxyType(
    {
        VALIDATION_N2[move.after]: move.event
        for move in MOVES
        if move.actor is Actor.VALIDATOR and move.after and move.after in VALIDATION_N2
    }
)

_BY_NUMBER: Mapping[Numbering, Mapping[int, Event]] = MappingProxyType(
    {
        numbering: {
            number: event
            for event, code in CODES.items()
            if (number := code.number(numbering)) is not None
        }
        for numbering in Numbering
    }
)
_BY_CODE: Mapping[int, Event] = MappingProxyType(
    {code.cdar: event for event, code in CODES.items() if code.cdar is not None}
)


def event_of_number(number: int, numbering: Numbering) -> Event | None:
    """Return what an IdStatut means in a numbering; None if it means nothing there.

    >>> event_of_number(6, Numbering.N1).value, event_of_number(6, Numbering.N2)
    ('suspend', None)
    """
    if numbering is Numbering.N2 and number in _VALIDATOR_N2:
        return _VALIDATOR_N2[number]
    return _BY_NUMBER[numbering].get(number)


def event_of_code(code: int) -> Event | None:
    """Return what the status of a CDAR means; None for what is no status of an invoice's life."""
    return _BY_CODE.get(code)


def cdar_code(event: Event) -> Code:
    """Return how a CDAR says an event; its `cdar` is None where it has no word for it."""
    return CODES.get(Event.TAKE_IN_CHARGE if event in AS_TAKEN_IN_CHARGE else event, Code())
