"""The validation report of one document: facts only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum

from pipeline.model.finding import Finding, Layer, LayerResult, Outcome

#: What writers of UBL put where an order's number must stand and there is none.
_NO_ORDER = frozenset({"NA", "N/A"})


class Syntax(Enum):
    """How a document is written down."""

    UBL_INVOICE = "ubl-invoice"
    UBL_CREDIT_NOTE = "ubl-credit-note"
    CII = "cii"
    FACTURX = "factur-x"  #: a PDF that carries its invoice as CII


@dataclass(frozen=True, slots=True)
class PackRun:
    """One official rule pack, or one set of rules of our own, that was run on a document.

    Attributes:
        name: Name in the catalogue, e.g. ``en16931-ubl``, or of the set, e.g. ``cpro``.
        version: As the pack states it; of a set, that of this product.
        sha256: Of the pack's files; of a set, of the code it is written in.
        rules: How many assertions it holds; all of them were tried.
    """

    name: str
    version: str
    sha256: str
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingHeader:
    """The few terms that routing and answering need, as written in the document.

    Every field but the last four is the text found there, stripped, or None. The
    comment gives the business term.
    """

    number: str | None = None  #: BT-1
    issue_date: date | None = None  #: BT-2
    type_code: str | None = None  #: BT-3
    currency: str | None = None  #: BT-5
    frame: str | None = None  #: BT-23
    customization: str | None = None  #: BT-24
    order_reference: str | None = None  #: BT-13
    contract_reference: str | None = None  #: BT-12
    preceding: str | None = None  #: BT-25, the first
    seller_name: str | None = None  #: BT-27
    seller_siret: str | None = None  #: BT-29, scheme 0009
    seller_siren: str | None = None  #: BT-30, scheme 0002; else the SIRET's first nine digits
    seller_vat: str | None = None  #: BT-31
    seller_country: str | None = None  #: BT-40
    agent_siret: str | None = None  #: EXT-FR-FE-69, scheme 0009: who stands between
    buyer_name: str | None = None  #: BT-44
    buyer_siret: str | None = None  #: BT-46, scheme 0009
    buyer_service: str | None = None  #: BT-46, scheme 0224
    buyer_siren: str | None = None  #: BT-47, scheme 0002; else the SIRET's first nine digits
    buyer_endpoint: str | None = None  #: BT-49
    buyer_endpoint_scheme: str | None = None  #: BT-49-1
    total_without_vat: Decimal | None = None  #: BT-109
    total_with_vat: Decimal | None = None  #: BT-112
    amount_due: Decimal | None = None  #: BT-115

    @property
    def engagement(self) -> str | None:
        """Return what engages the recipient: BT-13, else the contract's number (BT-12)."""
        order = self.order_reference
        return self.contract_reference if order is None or order in _NO_ORDER else order


class Trouble(Enum):
    """Why a check could not be carried out: always on our side, never the document's."""

    ENGINE_CRASH = "ENGINE_CRASH"
    ENGINE_TIMEOUT = "ENGINE_TIMEOUT"
    ENGINE_MEMORY = "ENGINE_MEMORY"
    PACK_MISSING = "PACK_MISSING"
    SCANNER_SILENT = "SCANNER_SILENT"  #: attachments could not be looked at
    PACK_ERROR = "PACK_ERROR"  #: the rule pack itself raised an error on this document


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """One file inside a document, as a receiver's agreement looks at it.

    Attributes:
        name: Its name in a form that is safe to show.
        extension: Lower case, without the point; empty where the name has none.
        size: Bytes, decoded.
    """

    name: str
    extension: str
    size: int


@dataclass(frozen=True, slots=True)
class SchemaRun:
    """What an XSD of ours for receivers says of a document, whoever it is for.

    Attributes:
        schema: Its name in the catalogue.
        findings: The first faults, none where it is valid.
        unclear: Why it could not be asked; empty where it was.
    """

    schema: str
    findings: tuple[Finding, ...] = ()
    unclear: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """All layer results of one document.

    Attributes:
        syntax: What the document was recognised as, or None.
        layers: One result a layer, lowest first, never left out.
        packs: Rule packs, and sets of rules of our own, that ran to their end.
        profile: Version of the profile it was held against; empty where there was none.
        partial: True where only some layers were asked for; such a report is
            never stored nor acted on.
        trouble: Why a layer is unclear, or None.
        trouble_detail: The engine's or the pack's own words, for operators.
        attached: Files inside, as far as they are listed; what a receiver takes of them
            is asked where it is known who receives.
        attached_more: How many more there are.
        receivers: The XSDs of receivers that it breaks, or that could not be asked.
    """

    syntax: Syntax | None
    layers: tuple[LayerResult, ...]
    packs: tuple[PackRun, ...] = ()
    profile: str = ""
    partial: bool = False
    trouble: Trouble | None = None
    trouble_detail: str = ""
    attached: tuple[AttachedFile, ...] = ()
    attached_more: int = 0
    receivers: tuple[SchemaRun, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Return invalid before unclear before valid; skipped layers do not count.

        A report in which nothing ran is unclear: nothing was seen to pass.
        """
        seen = {result.outcome for result in self.layers}
        for outcome in (Outcome.INVALID, Outcome.UNCLEAR, Outcome.VALID):
            if outcome in seen:
                return outcome
        return Outcome.UNCLEAR

    @property
    def findings(self) -> Iterator[Finding]:
        """Yield every finding, lowest layer first."""
        for result in self.layers:
            yield from result.findings

    def result(self, layer: Layer) -> LayerResult:
        """Return the result of `layer`."""
        return next(result for result in self.layers if result.layer is layer)

    @property
    def structure_known(self) -> bool:
        """Tell whether syntax and structure both came to an answer."""
        return all(
            result.outcome is not Outcome.UNCLEAR
            for result in self.layers
            if result.layer in {Layer.SYNTAX, Layer.STRUCTURE}
        )

    @property
    def structure_broken(self) -> bool:
        """Tell whether the document fails below its semantics (IRR_SYNTAX)."""
        return any(
            result.outcome is Outcome.INVALID
            for result in self.layers
            if result.layer in {Layer.SYNTAX, Layer.STRUCTURE}
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a worker says of one document.

    Attributes:
        report: All layer results.
        header: What routing needs, where it could be read.
        infected: What the scanner found in an attachment, ``NAME: SIGNATURE``; None if
            nothing was found or nobody looked.
    """

    report: ValidationReport
    header: RoutingHeader = field(default_factory=RoutingHeader)
    infected: str | None = None
