"""The one transition table: from where, what, who, to where, and what has to be given.

Code obeys it (`model.life_step`), tests close it, and the documentation is drawn from it.
Chorus Pro imposes no order on what a recipient says, so most rows start from `ACTIVE`;
what only looks unusual is accepted with a warning.

Source:
    DSE FE – Chorus Pro v1.0 §3.4, §4.2, §6.12; A7 v1.8; AIFE's pages on the life cycle. What
    is deduced is called so in `Move.source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pipeline.model.life import Actor, Circuit, Event, Status
from pipeline.model.life_reasons import MISSING_ATTACHMENT


class Need(Enum):
    """What has to come with an event; without it the event is refused."""

    REASON = "reason"  #: one of its list (`life_reasons`), or a comment where there is no code
    VALIDATOR_REASON = "validator-reason"  #: one of the mandataire's list
    COMMENT = "comment"
    CASH = "cash"  #: an amount for each VAT rate; a comment with a negative one
    ATTACHMENT = "attachment"  #: at least one, and nothing else changes
    VALIDATOR = "validator"  #: SIRET of another validator
    ROUTING_ONLY = "routing-only"  #: recipient, service or engagement change, nothing else
    STOPPED = "stopped"  #: its delivery was stopped: words alone stop nothing


class Doubt(Enum):
    """What is accepted with a warning."""

    BACKWARDS = "backwards"  #: behind the order in which these usually come
    UNANNOUNCED_PAYMENT = "unannounced-payment"  #: its directory entry says it does not tell
    AFTER_WORK_BEGAN = "after-work-began"  #: returned or cancelled late


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One row of the table.

    Attributes:
        before: Where the invoice may stand; None stands for an invoice not yet taken.
        event: What happens.
        actor: Who may make it happen.
        after: Where it stands then; None leaves it there.
        needs: What has to be given.
        doubts: What is warned of.
        circuits: Of which invoices; empty for all.
        reason: Only where this reason is given; such a row comes before the plain one.
        source: Where this was read.
    """

    before: frozenset[Status | None]
    event: Event
    actor: Actor
    after: Status | None
    needs: frozenset[Need] = frozenset()
    doubts: frozenset[Doubt] = frozenset()
    circuits: frozenset[Circuit] = frozenset()
    reason: str | None = None
    source: str


#: Where a recipient may say whatever it likes, in any order (DSE §3.4).
ACTIVE: frozenset[Status | None] = frozenset(
    {
        Status.MISE_A_DISPOSITION,
        Status.PRISE_EN_CHARGE,
        Status.APPROUVEE,
        Status.APPROUVEE_PARTIELLEMENT,
        Status.EN_LITIGE,
        Status.SERVICE_FAIT,
        Status.MANDATEE,
        Status.MISE_A_DISPOSITION_COMPTABLE,
        Status.COMPTABILISEE,
        Status.SUSPENDUE,
        Status.COMPLETEE,
    }
)

#: Where nothing moves an invoice any more.
TERMINAL: frozenset[Status | None] = frozenset(
    {
        Status.REJETEE,
        Status.MISE_EN_PAIEMENT,
        Status.ANNULEE,
        Status.ABANDONNEE,
        Status.REFUSEE_MOE,
        Status.REFUSEE_MOA,
    }
)

#: The order in which they usually come (deduced from AIFE's pages).
USUAL_ORDER = (
    Status.MISE_A_DISPOSITION,
    Status.SERVICE_FAIT,
    Status.MANDATEE,
    Status.MISE_A_DISPOSITION_COMPTABLE,
    Status.COMPTABILISEE,
    Status.MISE_EN_PAIEMENT,
)

#: Where an invoice waits for its validator.
WAITS: frozenset[Status] = frozenset(
    {
        Status.A_VALIDER_1,
        Status.A_VALIDER_2,
        Status.A_VALIDER_MOE,
        Status.MISE_A_DISPOSITION_MOA,
    }
)
#: Where an invoice waits for another validator to be named.
MISNAMED: frozenset[Status] = frozenset(
    {
        Status.ERREUR_FOURNISSEUR_SUR_VALIDEUR,
        Status.ERREUR_COTRAITANT_SUR_VALIDEUR,
        Status.ERREUR_FOURNISSEUR_SUR_MOE,
        Status.ERREUR_MOE_SUR_MOA,
    }
)
#: From where a recipient has had the invoice.
REACHED: frozenset[Status | None] = (ACTIVE | TERMINAL | {Status.A_RECYCLER}) - {
    Status.REFUSEE_MOE,
    Status.REFUSEE_MOA,
}
_TAKEN: frozenset[Status | None] = frozenset(Status)
_BEFORE_RECIPIENT: frozenset[Status | None] = frozenset(
    {Status.DEPOSEE, Status.EN_COURS_ACHEMINEMENT, *WAITS, *MISNAMED}
)
_ONCE, _TWICE = frozenset({Circuit.SUBCONTRACT}), frozenset({Circuit.SUBCONTRACT_TWICE})
_SUB, _CO = _ONCE | _TWICE, frozenset({Circuit.COCONTRACT})
_VALIDATED = _SUB | _CO
_MOE_ALONE, _MOE_FIRST = frozenset({Circuit.WORKS}), frozenset({Circuit.WORKS_TWICE})
_OWNER_ALONE = frozenset({Circuit.WORKS_OWNER})
_MOE, _MOA = _MOE_ALONE | _MOE_FIRST, _MOE_FIRST | _OWNER_ALONE
_COMMENT = frozenset({Need.COMMENT})
_EXPLAINED = frozenset({Need.REASON, Need.COMMENT})
_ORDER = frozenset({Doubt.BACKWARDS})


def _at(*statuses: Status) -> frozenset[Status | None]:
    return frozenset(statuses)


#: What is known of the chain of works contracts: the names of its statuses.
_WORKS_SOURCE = "names of statuses; deduced"


def _routed(source: str, circuits: frozenset[Circuit], *before: Status) -> Move:
    """Return a row of what leaves once the last validation is done."""
    return Move(
        before=_at(*before),
        event=Event.ROUTE,
        actor=Actor.HUB,
        after=Status.EN_COURS_ACHEMINEMENT,
        circuits=circuits,
        source=source,
    )


_PLATFORM = (
    Move(
        before=frozenset({None}),
        event=Event.DEPOSIT,
        actor=Actor.HUB,
        after=Status.DEPOSEE,
        source="DSE §3.2.1.4",
    ),
    Move(
        before=_at(Status.DEPOSEE),
        event=Event.ROUTE,
        actor=Actor.HUB,
        after=Status.EN_COURS_ACHEMINEMENT,
        circuits=frozenset({Circuit.DIRECT}),
        source="AIFE",
    ),
    _routed("deduced", _ONCE | _CO, Status.VALIDEE_1),
    _routed("deduced", _ONCE, Status.ABSENCE_VALIDATION_1_HORS_DELAI),
    _routed("DSE §6.12.2", _ONCE, Status.REFUSEE_1),
    _routed("deduced", _TWICE, Status.VALIDEE_2, Status.ABSENCE_VALIDATION_2_HORS_DELAI),
    _routed("DSE §6.12.2", _TWICE, Status.REFUSEE_2),
    _routed(
        _WORKS_SOURCE,
        _MOE_ALONE,
        Status.PRISE_EN_COMPTE_MOE,
        Status.ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE,
    ),
    _routed(_WORKS_SOURCE, _MOA, Status.PRISE_EN_COMPTE_MOA),
    Move(
        before=_at(Status.EN_COURS_ACHEMINEMENT),
        event=Event.MAKE_AVAILABLE,
        actor=Actor.HUB,
        after=Status.MISE_A_DISPOSITION,
        source="AIFE, CPPStatut V1_19",
    ),
    Move(
        before=ACTIVE | _at(Status.A_RECYCLER, Status.REJETEE),
        event=Event.REROUTE,
        actor=Actor.HUB,
        after=Status.EN_COURS_ACHEMINEMENT,
        needs=_COMMENT,
        source="our own: whoever had it was not its recipient",
    ),
    Move(
        before=_at(Status.ANNULEE),
        event=Event.MAKE_AVAILABLE,
        actor=Actor.HUB,
        after=None,
        source="deduced: what corrects it names it, so it is delivered all the same",
    ),
)


def _asks(
    event: Event, after: Status, circuits: frozenset[Circuit], source: str, *before: Status
) -> Move:
    """Return a row of the hub asking a validator."""
    return Move(
        before=_at(*before),
        event=event,
        actor=Actor.HUB,
        after=after,
        circuits=circuits,
        source=source,
    )


def _answers(
    at: Status,
    event: Event,
    after: Status,
    circuits: frozenset[Circuit],
    source: str,
    needs: frozenset[Need] = _COMMENT,
) -> Move:
    """Return a row of a validator's word, or of its silence."""
    return Move(
        before=_at(at),
        event=event,
        actor=Actor.CLOCK if event is Event.LAPSE else Actor.VALIDATOR,
        after=after,
        needs=needs,
        circuits=circuits,
        source=source,
    )


_FIRST = (
    _asks(
        Event.ASK_VALIDATION,
        Status.A_VALIDER_1,
        _VALIDATED,
        "AIFE, DSE §6.12",
        Status.DEPOSEE,
        Status.ERREUR_FOURNISSEUR_SUR_VALIDEUR,
    ),
    _answers(Status.A_VALIDER_1, Event.VALIDATE, Status.VALIDEE_1, _VALIDATED, "DSE §6.12.2"),
    _answers(Status.A_VALIDER_1, Event.REFUSE, Status.REFUSEE_1, _SUB, "DSE §6.12.2"),
    _answers(
        Status.A_VALIDER_1,
        Event.REFUSE,
        Status.REFUSEE_1,
        _CO,
        "DSE §6.12, A7 G7.39",
        frozenset({Need.VALIDATOR_REASON, Need.COMMENT}),
    ),
    _answers(
        Status.A_VALIDER_1,
        Event.LAPSE,
        Status.ABSENCE_VALIDATION_1_HORS_DELAI,
        _SUB,
        "DSE §6.12.2, art. R.2193-13",
    ),
    _answers(
        Status.A_VALIDER_1,
        Event.NAME_WRONG_VALIDATOR,
        Status.ERREUR_FOURNISSEUR_SUR_VALIDEUR,
        _VALIDATED,
        "deduced",
        frozenset(),
    ),
)

_SECOND = (
    _asks(
        Event.ASK_SECOND_VALIDATION,
        Status.A_VALIDER_2,
        _TWICE,
        "AIFE; after REFUSEE_1 deduced",
        Status.VALIDEE_1,
        Status.ABSENCE_VALIDATION_1_HORS_DELAI,
        Status.REFUSEE_1,
        Status.ERREUR_COTRAITANT_SUR_VALIDEUR,
    ),
    _answers(Status.A_VALIDER_2, Event.VALIDATE, Status.VALIDEE_2, _TWICE, "DSE §4.2.1.1"),
    _answers(Status.A_VALIDER_2, Event.REFUSE, Status.REFUSEE_2, _TWICE, "DSE §4.2.1.1"),
    _answers(
        Status.A_VALIDER_2,
        Event.LAPSE,
        Status.ABSENCE_VALIDATION_2_HORS_DELAI,
        _TWICE,
        "DSE §4.2.1.1",
    ),
    _answers(
        Status.A_VALIDER_2,
        Event.NAME_WRONG_VALIDATOR,
        Status.ERREUR_COTRAITANT_SUR_VALIDEUR,
        _TWICE,
        "deduced",
        frozenset(),
    ),
)

_WORKS = (
    _asks(
        Event.ASK_VALIDATION,
        Status.A_VALIDER_MOE,
        _MOE,
        _WORKS_SOURCE,
        Status.DEPOSEE,
        Status.ERREUR_FOURNISSEUR_SUR_MOE,
    ),
    _answers(
        Status.A_VALIDER_MOE, Event.VALIDATE, Status.PRISE_EN_COMPTE_MOE, _MOE, _WORKS_SOURCE
    ),
    _answers(
        Status.A_VALIDER_MOE,
        Event.REFUSE,
        Status.REFUSEE_MOE,
        _MOE,
        "AIFE: a refusal of the MOE stops the circuit",
    ),
    _answers(
        Status.A_VALIDER_MOE,
        Event.LAPSE,
        Status.ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE,
        _MOE,
        "AIFE: seven days; onward deduced",
    ),
    _answers(
        Status.A_VALIDER_MOE,
        Event.NAME_WRONG_VALIDATOR,
        Status.ERREUR_FOURNISSEUR_SUR_MOE,
        _MOE,
        _WORKS_SOURCE,
        frozenset(),
    ),
    _asks(
        Event.ASK_SECOND_VALIDATION,
        Status.MISE_A_DISPOSITION_MOA,
        _MOE_FIRST,
        _WORKS_SOURCE,
        Status.PRISE_EN_COMPTE_MOE,
        Status.ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE,
        Status.ERREUR_MOE_SUR_MOA,
    ),
    _asks(
        Event.ASK_VALIDATION,
        Status.MISE_A_DISPOSITION_MOA,
        _OWNER_ALONE,
        _WORKS_SOURCE,
        Status.DEPOSEE,
        Status.ERREUR_MOE_SUR_MOA,
    ),
    _answers(
        Status.MISE_A_DISPOSITION_MOA,
        Event.VALIDATE,
        Status.PRISE_EN_COMPTE_MOA,
        _MOA,
        _WORKS_SOURCE,
    ),
    _answers(Status.MISE_A_DISPOSITION_MOA, Event.REFUSE, Status.REFUSEE_MOA, _MOA, _WORKS_SOURCE),
    _answers(
        Status.MISE_A_DISPOSITION_MOA,
        Event.NAME_WRONG_VALIDATOR,
        Status.ERREUR_MOE_SUR_MOA,
        _MOA,
        _WORKS_SOURCE,
        frozenset(),
    ),
)


def _said(
    event: Event,
    after: Status,
    source: str,
    needs: frozenset[Need] = frozenset(),
    doubts: frozenset[Doubt] = frozenset(),
    reason: str | None = None,
) -> Move:
    """Return a row of what a recipient says of an invoice that it has."""
    return Move(
        before=ACTIVE,
        event=event,
        actor=Actor.RECIPIENT,
        after=after,
        needs=needs,
        doubts=doubts,
        reason=reason,
        source=source,
    )


_RECIPIENT = (
    _said(Event.MAKE_AVAILABLE, Status.MISE_A_DISPOSITION, "DSE annex, 203", doubts=_ORDER),
    _said(Event.TAKE_IN_CHARGE, Status.PRISE_EN_CHARGE, "DSE annex, 204"),
    _said(Event.APPROVE, Status.APPROUVEE, "DSE annex, 205"),
    _said(
        Event.APPROVE_PARTLY,
        Status.APPROUVEE_PARTIELLEMENT,
        "BR-FR-CDV-15",
        frozenset({Need.REASON}),
    ),
    _said(Event.DISPUTE, Status.EN_LITIGE, "BR-FR-CDV-15", frozenset({Need.REASON})),
    _said(
        Event.RETURN,
        Status.A_RECYCLER,
        "AIFE",
        doubts=frozenset({Doubt.AFTER_WORK_BEGAN}),
    ),
    _said(Event.SUSPEND, Status.SUSPENDUE, "A7 G7.25, BR-FR-CDV-15", _EXPLAINED),
    _said(
        Event.REJECT,
        Status.SUSPENDUE,
        "A7, reasons of statuses",
        _EXPLAINED,
        reason=MISSING_ATTACHMENT,
    ),
    _said(Event.REJECT, Status.REJETEE, "A7 G7.25, BR-FR-CDV-15", _EXPLAINED),
    _said(Event.SERVICE_DONE, Status.SERVICE_FAIT, "DSE §4.2.1.1, table 1", doubts=_ORDER),
    _said(Event.MANDATE, Status.MANDATEE, "DSE §4.2.1.1, table 1", doubts=_ORDER),
    _said(
        Event.GIVE_TO_ACCOUNTANT,
        Status.MISE_A_DISPOSITION_COMPTABLE,
        "DSE §4.2.1.1, table 1",
        doubts=_ORDER,
    ),
    _said(Event.BOOK, Status.COMPTABILISEE, "DSE §4.2.1.1, table 1", doubts=_ORDER),
    _said(
        Event.PAY,
        Status.MISE_EN_PAIEMENT,
        "DSE §4.2.1.1, table 1; directory DT-4-13-6",
        doubts=frozenset({Doubt.UNANNOUNCED_PAYMENT}),
    ),
)


def _told(event: Event, source: str, needs: frozenset[Need] = frozenset()) -> Move:
    """Return a row of what a supplier says that leaves the invoice where it is."""
    return Move(
        before=_TAKEN,
        event=event,
        actor=Actor.SUPPLIER,
        after=None,
        needs=needs,
        source=source,
    )


_SUPPLIER = (
    Move(
        before=MISNAMED,
        event=Event.NAME_VALIDATOR,
        actor=Actor.SUPPLIER,
        after=None,
        needs=frozenset({Need.VALIDATOR}),
        source="deduced",
    ),
    Move(
        before=_at(Status.A_RECYCLER),
        event=Event.RESEND,
        actor=Actor.SUPPLIER,
        after=Status.EN_COURS_ACHEMINEMENT,
        needs=frozenset({Need.ROUTING_ONLY}),
        source="AIFE, CPPFacturePivot V2_02",
    ),
    Move(
        before=_at(Status.SUSPENDUE),
        event=Event.COMPLETE,
        actor=Actor.SUPPLIER,
        after=Status.COMPLETEE,
        needs=frozenset({Need.ATTACHMENT}),
        source="AIFE, CPPFacturePivot V2_02; one attachment at least is deduced",
    ),
    Move(
        before=_at(Status.REJETEE),
        event=Event.PROCESS_REJECT,
        actor=Actor.SUPPLIER,
        after=None,
        source="AIFE",
    ),
    Move(
        before=ACTIVE | {Status.DEPOSEE, Status.EN_COURS_ACHEMINEMENT},
        event=Event.CANCEL,
        actor=Actor.SUPPLIER,
        after=Status.ANNULEE,
        doubts=frozenset({Doubt.AFTER_WORK_BEGAN}),
        source="DSE annex, 220",
    ),
    Move(
        before=_BEFORE_RECIPIENT,
        event=Event.GIVE_UP,
        actor=Actor.SUPPLIER,
        after=Status.ABANDONNEE,
        needs=frozenset({Need.STOPPED}),
        source="deduced",
    ),
    _told(Event.CASH, "A7 P1.15–P1.18, G7.45", frozenset({Need.CASH})),
    _told(Event.ASK_DIRECT_PAYMENT, "DSE §4.2.2.1, 224"),
    _told(Event.FACTOR, "DSE §4.2.2.1, 225"),
    _told(Event.FACTOR_CONFIDENTIALLY, "DSE §4.2.2.1, 226"),
    _told(Event.CHANGE_PAYEE, "DSE §4.2.2.1, 227"),
    _told(Event.NOT_FACTORED, "228"),
)

#: Every row; the first that fits counts.
MOVES: tuple[Move, ...] = (
    *_PLATFORM,
    *_FIRST,
    *_SECOND,
    *_WORKS,
    *_RECIPIENT,
    *_SUPPLIER,
)

#: Warnings in words, French and English.
DOUBT_WORDS: Mapping[Doubt, tuple[str, str]] = MappingProxyType(
    {
        Doubt.BACKWARDS: (
            "statut antérieur à celui en place dans l'ordre habituel",
            "this status usually comes before the one in place",
        ),
        Doubt.UNANNOUNCED_PAYMENT: (
            "l'annuaire dit que ce destinataire ne signale pas la mise en paiement",
            "the directory says that this recipient does not tell when it pays",
        ),
        Doubt.AFTER_WORK_BEGAN: (
            "demande tardive : le destinataire avait commencé à traiter la facture",
            "late: the recipient had begun to work on the invoice",
        ),
    }
)

#: Warning of something said before the current status was, which therefore moves nothing.
LATE = "late"
LATE_WORDS = (
    "dit avant le statut en place : inscrit à l'historique, le statut ne change pas",
    "said before the status in place: written in the history, the status stays",
)
