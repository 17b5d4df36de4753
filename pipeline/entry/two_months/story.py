"""What happens in the two months: one table, a row an invoice. Add a row, and it is played.

A row says who bills whom on which day, what happens then, and where that has to end. What
happens is written as people say it, parted by semicolons, each with its day::

    8 service-done; 15 suspend JUSTIF_ABS; 22 complete; 29 pay; 36 cash 208.80@20

An act is an event of the life cycle (`model.life.Event`); whose it is, the table of moves
says. After it stand reason codes, amounts received with their VAT rates, or (``resend``) the
recipient to which the invoice goes instead. ``lapse`` is the clock's: a validator's last day.
An invoice that somebody validates first says which way it goes (`WAYS`); one that takes the
place of a rejected one names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from types import MappingProxyType

from pipeline.entry.two_months.parties import PARTIES
from pipeline.model.life import Actor, Circuit, Event, Status
from pipeline.model.life_table import MOVES

#: The morning of day 1, and how many days are told.
BEGINS, DAYS = datetime(2026, 9, 1, 8, tzinfo=UTC), 61


class Flaw(Enum):
    """What is wrong with an invoice as it is deposited."""

    NO_DATE = "no-date"  #: the XSD asks for one
    WRONG_TOTAL = "wrong-total"  #: BR-CO-15
    NOBODY = "nobody"  #: its buyer is in nobody's directory


@dataclass(frozen=True, slots=True)
class Way:
    """Through whose hands an invoice goes before its recipient has it.

    Attributes:
        frame: BT-23.
        circuit: Who is asked.
        validators: They, by name, in order.
        contract: BT-12; empty where the invoice itself names its validator.
    """

    frame: str
    circuit: Circuit
    validators: tuple[str, ...]
    contract: str = ""

    @property
    def waits(self) -> tuple[Status, ...]:
        """Return where it waits for each of them."""
        return _WAITS[self.circuit]

    @property
    def is_works(self) -> bool:
        """Tell whether works are invoiced: by contract the hub knows who validates them."""
        return self.circuit in {Circuit.WORKS, Circuit.WORKS_TWICE, Circuit.WORKS_OWNER}


_WAITS: Mapping[Circuit, tuple[Status, ...]] = MappingProxyType(
    {
        Circuit.SUBCONTRACT: (Status.A_VALIDER_1,),
        Circuit.SUBCONTRACT_TWICE: (Status.A_VALIDER_1, Status.A_VALIDER_2),
        Circuit.COCONTRACT: (Status.A_VALIDER_1,),
        Circuit.WORKS: (Status.A_VALIDER_MOE,),
        Circuit.WORKS_TWICE: (Status.A_VALIDER_MOE, Status.MISE_A_DISPOSITION_MOA),
        Circuit.WORKS_OWNER: (Status.MISE_A_DISPOSITION_MOA,),
    }
)
#: Contracts by which the hub knows who validates: a mandataire's, and two of works.
MANDATED, SUPERVISED, OWNED = "M-2026-014", "T-2026-001", "T-2026-002"

#: Each way, as the table below calls it.
WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "A9": Way("A9", Circuit.SUBCONTRACT, ("batisseur",)),
        "S3": Way("S3", Circuit.SUBCONTRACT, ("architecte",)),
        "A9, mandataire": Way(
            "A9", Circuit.SUBCONTRACT_TWICE, ("batisseur", "mandataire"), MANDATED
        ),
        "A12": Way("A12", Circuit.COCONTRACT, ("batisseur",)),
        "S6": Way("S6", Circuit.COCONTRACT, ("mandataire",)),
        "A4, MOE": Way("A4", Circuit.WORKS, ("architecte",), SUPERVISED),
        "A4, MOE, MOA": Way("A4", Circuit.WORKS_TWICE, ("architecte", "amenageur"), OWNED),
        "A15, MOA": Way("A15", Circuit.WORKS_OWNER, ("amenageur",), OWNED),
    }
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a partner does with an invoice.

    Attributes:
        day: On which, from 1.
        event: What.
        words: What goes along: reasons, amounts, or a partner's name.
    """

    day: int
    event: Event
    words: tuple[str, ...] = ()

    @property
    def actor(self) -> Actor:
        """Return whose act it is."""
        said = (move.actor for move in MOVES if move.event is self.event)
        return next(one for one in said if one is not Actor.HUB)

    @property
    def validates(self) -> bool:
        """Tell whether it is a validator's word, or its silence."""
        return self.actor in {Actor.VALIDATOR, Actor.CLOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One invoice of the story.

    Attributes:
        number: BT-1.
        supplier: Who bills, by name.
        recipient: Who is billed, by name.
        day: On which it is deposited, from 1.
        acts: What happens then, in order.
        final: Where it ends; None where it is refused at the door.
        flaw: What is wrong with it.
        refused: Code that its supplier reads; empty where it is taken.
        way: Through whose hands it goes first; None where it goes straight to its recipient.
        replaces: Number of the rejected invoice that it takes the place of; empty for none.
    """

    number: str
    supplier: str
    recipient: str
    day: int
    acts: tuple[Act, ...] = ()
    final: Status | None = None
    flaw: Flaw | None = None
    refused: str = ""
    way: Way | None = None
    replaces: str = ""

    def holder(self, day: int = DAYS) -> str:
        """Return the recipient that has it at the end of a day, or will have it."""
        resent = [
            one.words[0] for one in self.acts if one.event is Event.RESEND and one.day <= day
        ]
        return resent[-1] if resent else self.recipient

    def whose(self, act: Act) -> str:
        """Return who does something, by name; empty where time itself does."""
        if act.actor is Actor.SUPPLIER:
            return self.supplier
        if self.way is not None and act.actor is Actor.VALIDATOR:
            return self.way.validators[self.place_of(act)]
        return "" if act.actor is Actor.CLOCK else self.holder(act.day)

    def place_of(self, act: Act) -> int:
        """Return whose turn it is to validate with an act, from 0."""
        return [one for one in self.acts if one.validates].index(act)

    def leads_to(self, act: Act) -> Status | None:
        """Return where a validator's word leads; None for anything else."""
        if self.way is None or not act.validates:
            return None
        before, circuit = self.way.waits[self.place_of(act)], self.way.circuit
        fitting = (
            move.after
            for move in MOVES
            if move.event is act.event and before in move.before and circuit in move.circuits
        )
        return next(fitting)


def _read_acts(text: str) -> Iterator[Act]:
    for one in filter(None, (part.split() for part in text.split(";"))):
        day, event, *words = one
        yield Act(int(day), Event(event), tuple(words))


def _taken(
    number: str,
    supplier: str,
    recipient: str,
    day: int,
    acts: str,
    final: str,
    *,
    way: str = "",
    replaces: str = "",
) -> Row:
    return Row(
        number=number,
        supplier=supplier,
        recipient=recipient,
        day=day,
        acts=tuple(_read_acts(acts)),
        final=Status(final),
        way=WAYS[way] if way else None,
        replaces=replaces,
    )


def _refused(
    number: str, supplier: str, recipient: str, day: int, code: str, flaw: Flaw | None = None
) -> Row:
    """Return a row that is refused: for its flaw, or since its number was there before."""
    return Row(
        number=number, supplier=supplier, recipient=recipient, day=day, refused=code, flaw=flaw
    )


# fmt: off
_DIRECT = (
    # A supplier of Chorus Pro's historical formats, and public recipients by CPPStatut.
    _taken("PAP-01", "papeterie", "ville", 1,
           "3 service-done; 8 mandate; 15 give-to-accountant; 22 book; 36 pay",
           "MISE_EN_PAIEMENT"),
    _taken("PAP-02", "papeterie", "ville", 1,
           "8 service-done; 15 mandate; 57 pay", "MISE_EN_PAIEMENT"),
    _taken("PAP-03", "papeterie", "ville", 1, "8 service-done", "SERVICE_FAIT"),
    _taken("PAP-04", "papeterie", "hopital", 1, "8 service-done; 15 mandate", "MANDATEE"),
    _taken("PAP-05", "papeterie", "hopital", 1,
           "8 service-done; 15 mandate; 22 give-to-accountant", "MISE_A_DISPOSITION_COMPTABLE"),
    _taken("PAP-06", "papeterie", "hopital", 1, "15 mandate; 29 book", "COMPTABILISEE"),
    _taken("PAP-07", "papeterie", "ville", 3, "10 reject TX_TVA_ERR", "REJETEE"),
    _taken("PAP-08", "papeterie", "hopital", 3, "10 suspend CMD_ERR", "SUSPENDUE"),
    _taken("PAP-09", "papeterie", "ville", 3, "10 reject JUSTIF_ABS", "SUSPENDUE"),
    _taken("PAP-10", "papeterie", "hopital", 3, "", "MISE_A_DISPOSITION"),
    _taken("PAP-11", "papeterie", "ville", 8, "15 return ROUTAGE_ERR", "A_RECYCLER"),
    _taken("PAP-12", "papeterie", "musee", 8, "15 service-done; 36 pay", "MISE_EN_PAIEMENT"),

    # A platform that deposits for its suppliers: it says and hears CDAR.
    _taken("PLA-01", "plateforme", "ville", 1,
           "8 service-done; 22 mandate; 36 pay; 43 cash 208.80@20", "MISE_EN_PAIEMENT"),
    _taken("PLA-02", "plateforme", "hopital", 1,
           "8 mandate; 22 pay; 29 cash 100.00@20; 57 cash 108.80@20", "MISE_EN_PAIEMENT"),
    _taken("PLA-03", "plateforme", "hopital", 1,
           "10 suspend COORD_BANC_ERR; 22 reject COORD_BANC_ERR", "REJETEE"),
    _taken("PLA-04", "plateforme", "ville", 3, "10 reject MONTANTTOTAL_ERR", "REJETEE"),
    _taken("PLA-05", "plateforme", "ville", 3, "15 book", "COMPTABILISEE"),
    _taken("PLA-06", "plateforme", "hopital", 3, "", "MISE_A_DISPOSITION"),
    _taken("PLA-07", "plateforme", "musee", 8, "15 approve", "APPROUVEE"),
    _taken("PLA-08", "plateforme", "musee", 8,
           "15 approve-partly QTE_ERR", "APPROUVEE_PARTIELLEMENT"),
    _taken("PLA-09", "plateforme", "musee", 8, "15 take-in-charge", "PRISE_EN_CHARGE"),

    # A public body that bills a company: CDAR on both sides.
    _taken("EAU-01", "regie", "imprimerie", 1,
           "8 take-in-charge; 22 pay; 36 cash 208.80@20", "MISE_EN_PAIEMENT"),
    _taken("EAU-02", "regie", "imprimerie", 1,
           "8 approve-partly QTE_ERR", "APPROUVEE_PARTIELLEMENT"),
    _taken("EAU-03", "regie", "imprimerie", 1, "8 dispute PU_ERR", "EN_LITIGE"),
    _taken("EAU-04", "regie", "imprimerie", 1,
           "8 suspend JUSTIF_ABS; 15 complete; 22 take-in-charge; 36 pay", "MISE_EN_PAIEMENT"),
    _taken("EAU-05", "regie", "imprimerie", 3, "10 suspend JUSTIF_ABS; 15 complete", "COMPLETEE"),
    _taken("EAU-06", "regie", "imprimerie", 3, "10 cancel", "ANNULEE"),
    _taken("EAU-07", "regie", "imprimerie", 3, "10 dispute CALCUL_ERR; 22 cancel", "ANNULEE"),
    _taken("EAU-08", "regie", "imprimerie", 8, "15 reject CALCUL_ERR", "REJETEE"),
    _taken("EAU-09", "regie", "imprimerie", 8, "", "MISE_A_DISPOSITION"),

    # A caterer with free names, which reads JSON; the museum answers it by tables.
    _taken("TRA-01", "traiteur", "musee", 1, "8 approve; 22 pay; 29 cash 208.80@20",
           "MISE_EN_PAIEMENT"),
    _taken("TRA-02", "traiteur", "musee", 1, "8 approve", "APPROUVEE"),
    _taken("TRA-03", "traiteur", "musee", 3, "10 dispute PU_ERR", "EN_LITIGE"),
    _taken("TRA-04", "traiteur", "ville", 3,
           "10 service-done; 22 mandate; 57 pay", "MISE_EN_PAIEMENT"),
    _taken("TRA-05", "traiteur", "hopital", 3, "15 mandate", "MANDATEE"),
    _taken("TRA-06", "traiteur", "musee", 8, "15 suspend REF_ERR", "SUSPENDUE"),
    _taken("TRA-07", "traiteur", "imprimerie", 8, "15 take-in-charge", "PRISE_EN_CHARGE"),
    _taken("TRA-08", "traiteur", "musee", 8, "15 dispute PU_ERR; 22 cancel", "ANNULEE"),
)

#: Sent back by their recipients, and put right by new deposits.
_RETURNED = (
    _taken("PAP-20", "papeterie", "ville", 3,
           "10 return DEST_ERR; 15 resend hopital; 22 service-done; 43 pay", "MISE_EN_PAIEMENT"),
    _taken("PAP-21", "papeterie", "hopital", 3, "10 return ADR_ERR; 15 resend ville",
           "MISE_A_DISPOSITION"),
    _taken("PAP-22", "papeterie", "ville", 3,
           "10 suspend JUSTIF_ABS; 15 complete; 22 mandate; 43 pay", "MISE_EN_PAIEMENT"),
    _taken("PAP-23", "papeterie", "hopital", 3, "10 reject JUSTIF_ABS; 15 complete", "COMPLETEE"),
    _taken("PAP-24", "papeterie", "ville", 15, "22 service-done; 43 pay", "MISE_EN_PAIEMENT",
           replaces="PAP-07"),
    _taken("PLA-20", "plateforme", "ville", 3, "10 suspend REF_CT_ABSENT; 15 complete",
           "COMPLETEE"),
    _taken("TRA-20", "traiteur", "musee", 3, "10 suspend REF_ERR; 15 complete; 22 approve",
           "APPROUVEE"),
)

#: Validated, or not, before their recipients have them.
_VALIDATED = (
    # Sub-contractors: a refusal goes on all the same, and so does silence after 15 days.
    _taken("MAC-01", "macon", "ville", 3, "8 validate; 22 service-done; 43 pay",
           "MISE_EN_PAIEMENT", way="A9"),
    _taken("MAC-02", "macon", "ville", 3, "8 refuse; 22 mandate", "MANDATEE", way="A9"),
    _taken("MAC-03", "macon", "hopital", 3, "18 lapse; 29 service-done", "SERVICE_FAIT", way="A9"),
    _taken("PLA-30", "plateforme", "ville", 3, "10 refuse PU_ERR; 29 pay; 43 cash 208.80@20",
           "MISE_EN_PAIEMENT", way="S3"),
    # One of a co-contractor: its mandataire reads after it.
    _taken("MAC-04", "macon", "hopital", 3, "8 validate; 15 validate; 29 mandate", "MANDATEE",
           way="A9, mandataire"),
    _taken("MAC-05", "macon", "ville", 3, "8 refuse; 23 lapse; 36 book", "COMPTABILISEE",
           way="A9, mandataire"),
    # Co-contractors: a refusal stops, silence waits.
    _taken("MAC-06", "macon", "ville", 3, "10 validate; 22 service-done; 43 pay",
           "MISE_EN_PAIEMENT", way="A12"),
    _taken("MAC-07", "macon", "ville", 3, "10 refuse DEST_ERR", "REFUSEE_1", way="A12"),
    _taken("MAC-08", "macon", "ville", 8, "", "A_VALIDER_1", way="A12"),
    _taken("PLA-31", "plateforme", "hopital", 3, "10 validate; 22 pay; 36 cash 208.80@20",
           "MISE_EN_PAIEMENT", way="S6"),
    _taken("PLA-32", "plateforme", "ville", 3, "10 refuse DEST_ERR", "REFUSEE_1", way="S6"),
    # Works: the MOE has seven days, and its refusal stops.
    _taken("MAC-09", "macon", "ville", 8, "15 lapse; 22 service-done; 43 pay",
           "MISE_EN_PAIEMENT", way="A4, MOE"),
    _taken("MAC-10", "macon", "ville", 8, "10 refuse", "REFUSEE_MOE", way="A4, MOE"),
    _taken("MAC-11", "macon", "ville", 8, "15 lapse; 22 validate; 43 service-done",
           "SERVICE_FAIT", way="A4, MOE, MOA"),
    _taken("MAC-12", "macon", "ville", 8, "15 validate; 29 mandate; 43 pay", "MISE_EN_PAIEMENT",
           way="A15, MOA"),
)

#: Refused at the door.
_AT_THE_DOOR = (
    _refused("PAP-90", "papeterie", "ville", 3, "IRR_SYNTAX", Flaw.NO_DATE),
    _refused("PLA-90", "plateforme", "ville", 3, "REJ_SEMAN", Flaw.WRONG_TOTAL),
    _refused("TRA-90", "traiteur", "inconnue", 3, "DEST_INC", Flaw.NOBODY),
    _refused("PAP-01", "papeterie", "ville", 8, "DOUBLON"),
    _refused("EAU-01", "regie", "imprimerie", 8, "DOUBLON"),
    _refused("PAP-07", "papeterie", "ville", 15, "RETURN_REJECTED"),
)
# fmt: on

STORY: tuple[Row, ...] = (*_DIRECT, *_RETURNED, *_VALIDATED, *_AT_THE_DOOR)


def check(rows: Sequence[Row]) -> None:
    """Hold the table against what can be played.

    Raises:
        ValueError: Names the row, and what is wrong with it.
    """
    for row in rows:
        days = [row.day, *(act.day for act in row.acts)]
        known = {row.supplier, row.recipient} <= {*PARTIES, "inconnue"}
        if not known or days != sorted(set(days)) or not 1 <= days[-1] <= DAYS:
            raise ValueError(f"{row.number}: unknown partner, or days out of order: {days}")
        if (row.final is None) is not bool(row.refused):
            raise ValueError(f"{row.number}: it ends somewhere, or is refused")
