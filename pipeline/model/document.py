"""One business document of an interchange: the unit of judging and routing."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.model.agreement import Agreement
from pipeline.model.decision import Reason
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.model.status import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessKey:
    """What makes an invoice the same invoice: SIREN + number + year, without the type.

    Attributes:
        seller: SIREN; where the seller has none, its VAT number, else its name.
        number: BT-1.
        year: Of BT-2.
    """

    seller: str
    number: str
    year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document and where it stands.

    Attributes:
        id: Derived from its interchange and place in it.
        interchange: The file it came in.
        seq: Place in the interchange, from 1.
        name: Name inside the interchange (shown form); the flow's own name for a
            file that travels alone.
        size: Bytes.
        sha256: Of its own bytes.
        step: Where it is.
        syntax: What it was recognised as, or None.
        header: Its routing terms, as far as they could be read.
        reasons: Why it is rejected, duplicate or held.
        route: Connection it goes to, or None.
        first: The document that holds its business key, if this one repeats it: of an accepted
            one the invoice that it puts right or completes.
        agreement: What it was held against when it was decided on; None before.
    """

    id: DocumentId
    interchange: InterchangeId
    seq: int
    name: str
    size: int
    sha256: str
    step: Step = Step.RECEIVED
    syntax: Syntax | None = None
    header: RoutingHeader = field(default_factory=RoutingHeader)
    reasons: tuple[Reason, ...] = ()
    route: str | None = None
    first: DocumentId | None = None
    agreement: Agreement | None = None

    @property
    def business_key(self) -> BusinessKey | None:
        """Return the key, or None where the document lacks a part of it or is exempt.

        Frames A9 and S3 (sub-contracting) are exempt: DSE §6.12.2.
        """
        header = self.header
        seller = header.seller_siren or header.seller_vat or header.seller_name
        if header.frame in {"A9", "S3"} or not seller:
            return None
        if header.number is None or header.issue_date is None:
            return None
        return BusinessKey(seller=seller, number=header.number, year=header.issue_date.year)
