"""What an invoice lives through once it is taken, in Chorus Pro's words.

Numbers and codes of other vocabularies are no business of this module: they are written
and read at the edge (`syntax.status_codes`).

Source:
    DSE FE – Chorus Pro v1.0 §3.4, §4.2, §6.12; its annex of interfaces and statuses; A7 v1.8.
    The chain of works contracts is not published: what is here is deduced from the names of its
    statuses. Left out: drafts, which live on a portal only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from types import MappingProxyType

from pipeline.model.identity import DocumentId, InterchangeId, derived

#: How far ahead of ours a partner's clock is believed.
CLOCKS_DIFFER = timedelta(days=1)


class Status(Enum):
    """Where an invoice is in its business life, by the names of Chorus Pro's interface."""

    DEPOSEE = "DEPOSEE"
    EN_COURS_ACHEMINEMENT = "EN_COURS_ACHEMINEMENT"
    A_VALIDER_1 = "A_VALIDER_1"
    VALIDEE_1 = "VALIDEE_1"
    REFUSEE_1 = "REFUSEE_1"
    ABSENCE_VALIDATION_1_HORS_DELAI = "ABSENCE_VALIDATION_1_HORS_DELAI"
    ERREUR_FOURNISSEUR_SUR_VALIDEUR = "ERREUR_FOURNISSEUR_SUR_VALIDEUR"
    A_VALIDER_2 = "A_VALIDER_2"
    VALIDEE_2 = "VALIDEE_2"
    REFUSEE_2 = "REFUSEE_2"
    ABSENCE_VALIDATION_2_HORS_DELAI = "ABSENCE_VALIDATION_2_HORS_DELAI"
    ERREUR_COTRAITANT_SUR_VALIDEUR = "ERREUR_COTRAITANT_SUR_VALIDEUR"
    A_VALIDER_MOE = "A_VALIDER_MOE"
    PRISE_EN_COMPTE_MOE = "PRISE_EN_COMPTE_MOE"
    REFUSEE_MOE = "REFUSEE_MOE"
    ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE = "ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE"
    ERREUR_FOURNISSEUR_SUR_MOE = "ERREUR_FOURNISSEUR_SUR_MOE"
    MISE_A_DISPOSITION_MOA = "MISE_A_DISPOSITION_MOA"
    PRISE_EN_COMPTE_MOA = "PRISE_EN_COMPTE_MOA"
    REFUSEE_MOA = "REFUSEE_MOA"
    ERREUR_MOE_SUR_MOA = "ERREUR_MOE_SUR_MOA"
    MISE_A_DISPOSITION = "MISE_A_DISPOSITION"
    PRISE_EN_CHARGE = "PRISE_EN_CHARGE"  #: AFNOR's word
    APPROUVEE = "APPROUVEE"  #: AFNOR's word
    APPROUVEE_PARTIELLEMENT = "APPROUVEE_PARTIELLEMENT"  #: AFNOR's word
    EN_LITIGE = "EN_LITIGE"  #: AFNOR's word
    A_RECYCLER = "A_RECYCLER"
    SUSPENDUE = "SUSPENDUE"
    COMPLETEE = "COMPLETEE"
    SERVICE_FAIT = "SERVICE_FAIT"
    MANDATEE = "MANDATEE"
    MISE_A_DISPOSITION_COMPTABLE = "MISE_A_DISPOSITION_COMPTABLE"
    COMPTABILISEE = "COMPTABILISEE"
    MISE_EN_PAIEMENT = "MISE_EN_PAIEMENT"
    REJETEE = "REJETEE"
    ANNULEE = "ANNULEE"  #: AFNOR's word
    ABANDONNEE = "ABANDONNEE"


class Event(Enum):
    """What may happen to an invoice: a status that somebody says, or an act of the hub.

    The events below `CASH` say something of an invoice and leave it where it is.
    """

    DEPOSIT = "deposit"
    ROUTE = "route"
    ASK_VALIDATION = "ask-validation"
    ASK_SECOND_VALIDATION = "ask-second-validation"
    VALIDATE = "validate"
    REFUSE = "refuse"
    LAPSE = "lapse"
    NAME_WRONG_VALIDATOR = "name-wrong-validator"
    NAME_VALIDATOR = "name-validator"
    MAKE_AVAILABLE = "make-available"
    TAKE_IN_CHARGE = "take-in-charge"
    APPROVE = "approve"
    APPROVE_PARTLY = "approve-partly"
    DISPUTE = "dispute"
    RETURN = "return"
    RESEND = "resend"
    REROUTE = "reroute"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    SERVICE_DONE = "service-done"
    MANDATE = "mandate"
    GIVE_TO_ACCOUNTANT = "give-to-accountant"
    BOOK = "book"
    PAY = "pay"
    REJECT = "reject"
    CANCEL = "cancel"
    GIVE_UP = "give-up"
    CASH = "cash"
    PROCESS_REJECT = "process-reject"
    ASK_DIRECT_PAYMENT = "ask-direct-payment"
    FACTOR = "factor"
    FACTOR_CONFIDENTIALLY = "factor-confidentially"
    CHANGE_PAYEE = "change-payee"
    NOT_FACTORED = "not-factored"


class Actor(Enum):
    """In whose name an event happens."""

    HUB = "hub"
    CLOCK = "clock"
    SUPPLIER = "supplier"
    RECIPIENT = "recipient"
    VALIDATOR = "validator"


class Circuit(Enum):
    """Who has to validate an invoice before its recipient gets it, by its frame (BT-23)."""

    DIRECT = "direct"  #: nobody
    SUBCONTRACT = "subcontract"  #: A9, S3: the titulaire
    SUBCONTRACT_TWICE = "subcontract-twice"  #: A9, S3: the co-contractor, then its mandataire
    COCONTRACT = "cocontract"  #: A12, S6: the mandataire
    WORKS = "works"  #: A4, A7, A10, A13, A14: the MOE
    WORKS_TWICE = "works-twice"  #: the same frames: the MOE, then the MOA
    WORKS_OWNER = "works-owner"  #: A15, A17, which the MOE deposits: the MOA


class Numbering(Enum):
    """Which of the two numberings of a CPPStatut a partner speaks."""

    N1 = "N1"  #: the labels inside the schema, 01 to 12
    N2 = "N2"  #: the places in Chorus Pro's list of codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cash:
    """An amount received, in the invoice's currency.

    Attributes:
        amount: With VAT; negative takes an earlier one back.
        rate: VAT rate in percent.
        currency: ISO 4217.
    """

    amount: Decimal
    rate: Decimal
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is asked to validate an invoice, and until when.

    Attributes:
        circuit: Of the invoice.
        validators: SIRET of everybody who was asked, in order; the last is asked now. One who
            was named by mistake is among them.
        deadline: Until when an answer is expected (aware, UTC).
        following: SIRET of those who are asked afterwards, in order.
    """

    circuit: Circuit
    validators: tuple[str, ...]
    deadline: datetime
    following: tuple[str, ...] = ()

    @property
    def validator(self) -> str:
        """Return who was asked last."""
        return self.validators[-1]

    def told(self) -> dict[str, object]:
        """Return what it says, in JSON values; the deadline is UTC."""
        return {
            "circuit": self.circuit.value,
            "validators": list(self.validators),
            "deadline": self.deadline.astimezone(UTC).isoformat(),
            "following": list(self.following),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What comes with an event.

    Attributes:
        reasons: Codes of reasons, in order.
        comment: Words for a person; empty if none.
        coded: Whether the form it came in has a place for reason codes; where it has none
            the comment stands for them.
        cash: Amounts received.
        attachments: How many are added.
        contents: SHA-256 of each, in order: other papers are another word.
        changed: Terms of the invoice that a new deposit changes, e.g. ``BT-13``.
        stopped: Whether its delivery was stopped.
        circuit: Of the invoice.
        validator: SIRET of another validator, where one is named.
        asked: Who is asked to validate from now on, where somebody is.
        tells_payment: Whether the recipient announced that it says when it pays.
        late: Whether the same actor said the current status at a later moment.
    """

    reasons: tuple[str, ...] = ()
    comment: str = ""
    coded: bool = True
    cash: tuple[Cash, ...] = ()
    attachments: int = 0
    contents: tuple[str, ...] = ()
    changed: frozenset[str] = frozenset()
    stopped: bool = False
    circuit: Circuit = Circuit.DIRECT
    validator: str = ""
    asked: Asked | None = None
    tells_payment: bool = True
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One file that came with a status.

    Attributes:
        name: As it is called.
        mime: What it is.
        payload: Its bytes.
    """

    name: str
    mime: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a partner says of one invoice, before it is known whether it may.

    Attributes:
        place: Where it stands in its flow: a file, an element, a line.
        number: BT-1.
        issue_date: BT-2, if it is told.
        seller: Identifier of the seller: SIREN, SIRET or VAT number; a foreign one's own.
        event: What it says; None where its status has no meaning here.
        status: The status as written, to be quoted.
        said_at: When, as it says (aware).
        given: What comes with it.
        message: Identifier of the message, to be quoted.
        files: Attachments.
    """

    place: str
    number: str
    issue_date: date | None
    seller: str
    event: Event | None
    status: str
    said_at: datetime
    given: Given
    message: str = ""
    files: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an invoice's history; written once, never edited.

    Attributes:
        id: Derived from what was said, so that saying it again changes nothing.
        document: The invoice.
        place: In the history, from 1: the order in which the hub took it.
        event: What happened.
        actor: In whose name.
        by: Who did it: ``partner:<name>``, ``operator:<name>`` or ``run:<id>``.
        before: Status before; None for the first.
        after: Status after; the same as before where the event leaves it there.
        said_at: When it happened, as whoever said it says (aware).
        taken_at: When the hub wrote it down (aware).
        source: Flow that said it; None where no flow did.
        reasons: Codes, in order.
        comment: Words for a person.
        cash: Amounts received.
        warnings: Codes of what was accepted though it is unusual.
        bearer: The document that bears the invoice since, where this line changes it.
        asked: Who is asked to validate, where this line is about a validation.
    """

    id: str
    document: DocumentId
    place: int
    event: Event
    actor: Actor
    by: str
    before: Status | None
    after: Status
    said_at: datetime
    taken_at: datetime
    source: InterchangeId | None = None
    reasons: tuple[str, ...] = ()
    comment: str = ""
    cash: tuple[Cash, ...] = ()
    warnings: tuple[str, ...] = ()
    bearer: DocumentId | None = None
    asked: Asked | None = None

    @property
    def moved(self) -> bool:
        """Tell whether the invoice stands elsewhere since."""
        return self.before is not self.after

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all that it says, as the chain of events keeps it."""
        return sha256(json.dumps(self.told(), sort_keys=True).encode()).hexdigest()

    def told(self) -> dict[str, object]:
        """Return all that it says, in JSON values; moments are UTC."""
        cash = [[str(one.amount), str(one.rate), one.currency] for one in self.cash]
        return {
            "id": self.id,
            "document": self.document,
            "place": self.place,
            "event": self.event.value,
            "actor": self.actor.value,
            "by": self.by,
            "before": self.before.value if self.before else None,
            "after": self.after.value,
            "said_at": self.said_at.astimezone(UTC).isoformat(),
            "taken_at": self.taken_at.astimezone(UTC).isoformat(),
            "source": self.source,
            "reasons": list(self.reasons),
            "comment": self.comment,
            "cash": cash,
            "warnings": list(self.warnings),
            "bearer": self.bearer,
            "asked": self.asked.told() if self.asked else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Where one invoice stands.

    Attributes:
        id: Of the document that was taken first: the invoice's, for ever.
        status: Now.
        actor: In whose name it got there.
        said_at: When that happened, by that actor's clock (aware).
        since: When the hub wrote that down (aware, UTC).
        entries: How many lines its history has.
        bearer: The document whose bytes and route are the invoice now: the one that was taken
            first, until another one corrects or completes it.
        asked: Who was asked to validate it last; None where nobody ever was.
    """

    id: DocumentId
    status: Status
    actor: Actor
    said_at: datetime
    since: datetime
    entries: int
    bearer: DocumentId
    asked: Asked | None = None

    @property
    def asks(self) -> str:
        """Return who is asked until when, as events tell it; empty where nobody ever was."""
        if self.asked is None:
            return ""
        asked = self.asked
        told = (asked.circuit.value, *asked.validators, ">", *asked.following)
        return f"{' '.join(told)} {asked.deadline.isoformat()}"

    @property
    def circuit(self) -> Circuit:
        """Return who has to validate the invoice."""
        return self.asked.circuit if self.asked else Circuit.DIRECT

    def is_late(self, actor: Actor, said_at: datetime) -> bool:
        """Tell whether somebody says something older than what it said last.

        Clocks differ; but a moment far after the hub wrote it down is a mistake, and is not
        to silence all that its author says until then.
        """
        latest = min(self.said_at, self.since + CLOCKS_DIFFER)
        return actor is self.actor and said_at < latest


def lived(before: Life | None, entries: Sequence[Entry]) -> Life:
    """Return where an invoice stands after new lines of its history, in order; one at least.

    Raises:
        ValueError: A line does not follow the one before: our bug.
    """
    now = before
    for entry in entries:
        if entry.place != (now.entries if now else 0) + 1:
            raise ValueError(f"{entry.document}: line {entry.place} follows no line")
        if entry.before is not (now.status if now else None):
            raise ValueError(f"{entry.document}: line {entry.place} starts elsewhere")
        bearer = entry.bearer or (now.bearer if now else entry.document)
        asked = entry.asked or (now.asked if now else None)
        if now is not None and not entry.moved:
            now = replace(now, entries=entry.place, bearer=bearer, asked=asked)
            continue
        now = Life(
            id=entry.document,
            status=entry.after,
            actor=entry.actor,
            said_at=entry.said_at,
            since=entry.taken_at,
            entries=entry.place,
            bearer=bearer,
            asked=asked,
        )
    if now is None:
        raise ValueError("no line, no life")
    return now


def entry_id(
    document: DocumentId,
    event: Event,
    actor: Actor,
    said_at: datetime,
    given: Given,
    place: int = 0,
) -> str:
    """Name one line of a history by what it says: whoever says it again says nothing new.

    Acts of the hub are told apart by their `place`: it makes an invoice available as often as
    that comes back, perhaps at the same moment by a clock that was set.
    """
    cash = [(one.amount, one.rate, one.currency) for one in given.cash]
    said = (document, event.value, actor.value, said_at.isoformat(), given.reasons, given.comment)
    acts = (str(place),) if actor is Actor.HUB else ()
    named = (given.validator,) if given.validator else ()
    return f"S{derived(*said, cash, *given.contents, *named, *acts)}"


#: What people read for a status, French and English.
STATUS_WORDS: Mapping[Status, tuple[str, str]] = MappingProxyType(
    {
        Status.DEPOSEE: ("Déposée", "deposited"),
        Status.EN_COURS_ACHEMINEMENT: ("En cours d'acheminement", "on its way"),
        Status.A_VALIDER_1: ("À valider 1", "to be validated (1)"),
        Status.VALIDEE_1: ("Validée 1", "validated (1)"),
        Status.REFUSEE_1: ("Refusée 1", "refused by its validator (1)"),
        Status.ABSENCE_VALIDATION_1_HORS_DELAI: (
            "Absence de validation 1 hors délai",
            "not validated in time (1)",
        ),
        Status.ERREUR_FOURNISSEUR_SUR_VALIDEUR: (
            "Erreur fournisseur sur valideur",
            "wrong validator named by the supplier",
        ),
        Status.A_VALIDER_2: ("À valider 2", "to be validated (2)"),
        Status.VALIDEE_2: ("Validée 2", "validated (2)"),
        Status.REFUSEE_2: ("Refusée 2", "refused by its validator (2)"),
        Status.ABSENCE_VALIDATION_2_HORS_DELAI: (
            "Absence de validation 2 hors délai",
            "not validated in time (2)",
        ),
        Status.ERREUR_COTRAITANT_SUR_VALIDEUR: (
            "Erreur cotraitant sur valideur",
            "wrong validator named by the co-contractor",
        ),
        Status.A_VALIDER_MOE: ("À valider MOE", "to be validated by the works supervisor"),
        Status.PRISE_EN_COMPTE_MOE: (
            "Prise en compte MOE",
            "taken into account by the works supervisor",
        ),
        Status.REFUSEE_MOE: ("Refusée MOE", "refused by the works supervisor"),
        Status.ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE: (
            "Absence de validation MOE dans le délai réglementaire",
            "not validated in time by the works supervisor",
        ),
        Status.ERREUR_FOURNISSEUR_SUR_MOE: (
            "Erreur fournisseur sur MOE",
            "wrong works supervisor named by the supplier",
        ),
        Status.MISE_A_DISPOSITION_MOA: (
            "Mise à disposition MOA",
            "to be validated by the owner of the works",
        ),
        Status.PRISE_EN_COMPTE_MOA: (
            "Prise en compte MOA",
            "taken into account by the owner of the works",
        ),
        Status.REFUSEE_MOA: ("Refusée MOA", "refused by the owner of the works"),
        Status.ERREUR_MOE_SUR_MOA: (
            "Erreur MOE sur MOA",
            "wrong owner of the works named by the supervisor",
        ),
        Status.MISE_A_DISPOSITION: ("Mise à disposition", "made available"),
        Status.PRISE_EN_CHARGE: ("Prise en charge", "taken in charge"),
        Status.APPROUVEE: ("Approuvée", "approved"),
        Status.APPROUVEE_PARTIELLEMENT: ("Approuvée partiellement", "partly approved"),
        Status.EN_LITIGE: ("En litige", "disputed"),
        Status.A_RECYCLER: ("À recycler", "to be sent again to another recipient"),
        Status.SUSPENDUE: ("Suspendue", "suspended"),
        Status.COMPLETEE: ("Complétée", "completed"),
        Status.SERVICE_FAIT: ("Service fait", "service done"),
        Status.MANDATEE: ("Mandatée", "payment ordered"),
        Status.MISE_A_DISPOSITION_COMPTABLE: (
            "Mise à disposition du comptable",
            "given to the accountant",
        ),
        Status.COMPTABILISEE: ("Comptabilisée", "booked"),
        Status.MISE_EN_PAIEMENT: ("Mise en paiement", "put into payment"),
        Status.REJETEE: ("Rejetée", "rejected by its recipient"),
        Status.ANNULEE: ("Annulée", "cancelled"),
        Status.ABANDONNEE: ("Abandonnée", "given up"),
    }
)
