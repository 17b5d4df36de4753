"""What we tell a sender about one interchange, before it is written in any format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pipeline.model.connection import AnswerFormat, Scanning
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Carries, Interface
from pipeline.model.status import InterchangeStep, Step


class FlowOutcome(Enum):
    """What became of a file as a whole."""

    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    HELD = "held"
    RECEIVED = "received"  #: not judged yet; never answered


@dataclass(frozen=True, slots=True)
class AnsweredDocument:
    """One document of the flow with what was found in it.

    Attributes:
        document: Where it stands, with its reasons.
        findings: Fatal ones first, then warnings, in the report's order.
    """

    document: Document
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a flow's manifest beside what was found.

    Attributes:
        what: ``count``, ``sum EUR`` (one a currency), ``sha256 NAME`` (one a file).
        announced: As the manifest says it; None where it says nothing.
        found: As counted; None where there is nothing to count.
    """

    what: str
    announced: str | None
    found: str | None

    @property
    def holds(self) -> bool:
        """Tell whether both say the same."""
        return self.announced == self.found


@dataclass(frozen=True, slots=True)
class Correction:
    """That an answer is a further one, given after the final one turned out not to hold.

    Attributes:
        number: 2 for the first of them.
        documents: Those that were accepted and are no more: what it is about.
    """

    number: int
    documents: frozenset[DocumentId]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """Everything an answer may say.

    Attributes:
        interchange: The file, with its sha256, size and moment of receipt.
        outcome: What became of it.
        reasons: Why the flow as a whole is refused, duplicate or held; in an
            atomic flow one for each broken file.
        documents: Every document found inside, by place.
        at: Moment of the answer (aware, UTC).
        final_by: On an interim notice, when the final answer is due at the latest.
        interface: The sender's interface; None on a free-name connection.
        application_code: The sender's six characters, or None.
        hub_code: Our own six characters.
        scanner: Who looked for malware.
        formats: Forms asked for besides that of the interface family.
        figures: The manifest beside what was found; empty without a manifest.
        answer_by: When the final answer was agreed to be there; None if nothing was.
        matricule: The sender's four digits if it is a platform, or None.
        siren: The sender's if it is none, or None.
        said: Names of the answers that were given before.
        correction: Set where this is a further answer; None on the first final one.
        about: What the flow carries.
    """

    interchange: Interchange
    outcome: FlowOutcome
    reasons: tuple[Reason, ...]
    documents: tuple[AnsweredDocument, ...]
    at: datetime
    final_by: datetime | None
    interface: Interface | None
    application_code: str | None
    hub_code: str
    scanner: Scanning = Scanning.NONE
    formats: tuple[AnswerFormat, ...] = ()
    figures: tuple[Figure, ...] = ()
    answer_by: datetime | None = None
    matricule: str | None = None
    siren: str | None = None
    said: tuple[str, ...] = ()
    correction: Correction | None = None
    about: Carries = Carries.INVOICES

    @property
    def told(self) -> tuple[AnsweredDocument, ...]:
        """Return the documents that something is new of: all, or those of a correction."""
        if self.correction is None:
            return self.documents
        about = self.correction.documents
        return tuple(one for one in self.documents if one.document.id in about)

    @property
    def final(self) -> bool:
        """Tell whether this is the last word, or an interim notice."""
        return self.outcome is not FlowOutcome.HELD


#: Codes that BR-FR-CDV-CL-09 takes with 501 and with 213.
FLOW_REASONS = frozenset(
    {
        "IRR_VIDE_F",
        "IRR_TYPE_F",
        "IRR_SYNTAX",
        "IRR_TAILLE_PJ",
        "IRR_NOM_PJ",
        "IRR_VID_PJ",
        "IRR_EXT_DOC",
        "IRR_TAILLE_F",
        "IRR_ANTIVIRUS",
        "IRR_NOM_F",
    }
)
INVOICE_REASONS = frozenset(
    {
        "MONTANTTOTAL_ERR",
        "CALCUL_ERR",
        "DOUBLON",
        "DEST_INC",
        "ADR_ERR",
        "REJ_SEMAN",
        "REJ_UNI",
        "REJ_COH",
        "REJ_ADR",
        "REJ_CONT_B2G",
        "REJ_REF_PJ",
        "REJ_ASS_PJ",
    }
)


@dataclass(frozen=True, slots=True)
class ReasonCodes:
    """Which published code stands for one of the control table (``config/reasons.toml``).

    Attributes:
        flow: With status 501; a code that is listed itself need not be there.
        invoice: With status 213.

    Raises:
        ValueError: A code stands for one that is not listed with its status.
    """

    flow: Mapping[str, str]
    invoice: Mapping[str, str]

    def __post_init__(self) -> None:
        for given, listed in ((self.flow, FLOW_REASONS), (self.invoice, INVOICE_REASONS)):
            wrong = sorted(set(given.values()) - listed)
            if wrong:
                raise ValueError(f"not a published reason: {', '.join(wrong)}")


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """One answer as it will stand in the partner's folder."""

    name: str
    payload: bytes


def flow_outcome(step: InterchangeStep, steps: Iterable[Step]) -> FlowOutcome:
    """Sum up an interchange from its own step and those of its documents.

    >>> flow_outcome(InterchangeStep.OPENED, [Step.ROUTED, Step.REJECTED]).value
    'partly accepted'
    """
    if step in {InterchangeStep.REFUSED, InterchangeStep.DUPLICATE, InterchangeStep.HELD}:
        return {
            InterchangeStep.REFUSED: FlowOutcome.REJECTED,
            InterchangeStep.DUPLICATE: FlowOutcome.DUPLICATE,
            InterchangeStep.HELD: FlowOutcome.HELD,
        }[step]
    found = set(steps)
    if Step.HELD in found:
        return FlowOutcome.HELD
    if step is InterchangeStep.RECEIVED or Step.RECEIVED in found:
        return FlowOutcome.RECEIVED
    refused = found & {Step.REJECTED, Step.DUPLICATE}
    if not refused:
        return FlowOutcome.ACCEPTED
    return FlowOutcome.PARTLY_ACCEPTED if found - refused else FlowOutcome.REJECTED
