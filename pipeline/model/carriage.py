"""What a receiver gets of a document: in which form, what goes with it, how many in one file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pipeline.model.conversion import Form, Lost
from pipeline.model.identity import DocumentId


class Original(Enum):
    """What becomes of the bytes as received, where another form is delivered."""

    BESIDE = "beside"  #: they travel with it
    NONE = "none"


class LossRule(Enum):
    """What becomes of a document that its new form does not hold as a whole."""

    ALLOW = "allow"  #: delivered; what is missing is on record
    HOLD = "hold"  #: not delivered before a person has looked at it


class Grouping(Enum):
    """How many documents one file may hold."""

    INVOICE = "invoice"  #: one
    FLOW = "flow"  #: those of one interchange
    RUN = "run"  #: all that one run of the hub decided on
    DAY = "day"  #: all until the day's cut-off


#: Groupings in which documents wait for others, across interchanges.
WAITING_GROUPS = frozenset({Grouping.RUN, Grouping.DAY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriage:
    """What a receiver's sheet asks for.

    Attributes:
        form: The form; as received by default.
        facturx_profile: Of a Factur-X: what its XML is to hold; empty otherwise.
        original: Whether the bytes as received go along where the form differs.
        loss: What happens where the form does not hold everything.
        group: How many documents one file may hold; None for all of a flow in an archive,
            and one alone otherwise.
        documents: Most documents in one file.
        bytes: Most bytes of documents as received in one file; one document may have more.
    """

    form: Form = Form.AS_RECEIVED
    facturx_profile: str = ""
    original: Original = Original.NONE
    loss: LossRule = LossRule.HOLD
    group: Grouping | None = None
    documents: int = 500
    bytes: int = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the bytes of one delivery are made: as the sheet said when it was planned.

    It is kept with the delivery, so that a second attempt makes the same bytes, whatever
    the sheet says by then.

    Attributes:
        form: The form, never as received.
        facturx_profile: As in the sheet.
        original: As in the sheet.
        loss: As in the sheet.
        readable: Whether a document without a page for people is given one (DSE §3.3).
    """

    form: Form
    facturx_profile: str = ""
    original: Original = Original.NONE
    loss: LossRule = LossRule.HOLD
    readable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What became of one document that was written in another form.

    Attributes:
        document: The document.
        form: What it was written in.
        lost: What that form does not hold, as the document and then the model tell it.
    """

    document: DocumentId
    form: Form
    lost: tuple[Lost, ...] = ()
