"""Puts the routing of a returned invoice right, or attaches papers, in its own XML.

Only these places are touched: whatever else stands in the document, known to the model or
not, stays as its supplier wrote it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from pipeline.model.life import Attached
from pipeline.model.limits import Limits
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.parse import parse

_SERVICE = "0224"


class Uncorrectable(Exception):
    """A document that cannot be put right for its supplier; says why, French / English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is put right.

    Attributes:
        siret: Of the recipient, fourteen digits; None for the same.
        service: Code of its service; None for the same.
        engagement: Number of the order (BT-13); None for the same.
        papers: To be attached.
    """

    siret: str | None = None
    service: str | None = None
    engagement: str | None = None
    papers: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where a syntax has what is put right.

    Attributes:
        namespaces: By prefix.
        buyer: The recipient.
        ids: Its identifiers, from there, in the order of the schema.
        wrapped: What stands around one identifier; empty for nothing.
        id: A new identifier with a scheme.
        scheme: Attribute that names the scheme.
        restated: Where SIREN, SIRET and service are said once more, from the recipient.
        around: What orders and papers stand in; empty for the root.
        order: The order, and its number in it.
        after_order: Elements that come behind an order, where there is none.
        paper: One paper.
        after_paper: Elements that come behind papers.
    """

    namespaces: dict[str, str]
    buyer: str
    ids: tuple[str, ...]
    wrapped: str
    id: str
    scheme: str
    restated: tuple[str, ...]
    around: str
    order: tuple[str, str]
    after_order: tuple[str, ...]
    paper: str
    after_paper: tuple[str, ...]


_UBL_AFTER_PAPER = (
    "cac:StatementDocumentReference",
    "cac:OriginatorDocumentReference",
    "cac:ProjectReference",
    "cac:Signature",
    "cac:AccountingSupplierParty",
)
_UBL = _Places(
    namespaces=dict(ubl.NAMESPACES),
    buyer="cac:AccountingCustomerParty/cac:Party",
    ids=("cac:PartyIdentification/cbc:ID",),
    wrapped="cac:PartyIdentification",
    id="cbc:ID",
    scheme="schemeID",
    restated=("cac:PartyLegalEntity/cbc:CompanyID", "cbc:EndpointID"),
    around="",
    order=("cac:OrderReference", "cbc:ID"),
    after_order=(
        "cac:BillingReference",
        "cac:DespatchDocumentReference",
        "cac:ReceiptDocumentReference",
        "cac:ContractDocumentReference",
        "cac:AdditionalDocumentReference",
        *_UBL_AFTER_PAPER,
    ),
    paper="cac:AdditionalDocumentReference",
    # of an invoice the first two come before the papers, of a credit note behind them
    after_paper=_UBL_AFTER_PAPER,
)
_CII_AFTER_PAPER = (
    "ram:RequisitionerTradeParty",
    "ram:BuyerAgentTradeParty",
    "ram:PurchaseConditionsReferencedDocument",
    "ram:SpecifiedProcuringProject",
    "ram:UltimateCustomerOrderReferencedDocument",
)
_CII = _Places(
    namespaces=dict(cii.NAMESPACES),
    buyer="rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeAgreement/ram:BuyerTradeParty",
    ids=("ram:ID", "ram:GlobalID"),
    wrapped="",
    id="ram:GlobalID",
    scheme="schemeID",
    restated=("ram:SpecifiedLegalOrganization/ram:ID", "ram:URIUniversalCommunication/ram:URIID"),
    around="rsm:SupplyChainTradeTransaction/ram:ApplicableHeaderTradeAgreement",
    order=("ram:BuyerOrderReferencedDocument", "ram:IssuerAssignedID"),
    after_order=(
        "ram:QuotationReferencedDocument",
        "ram:ContractReferencedDocument",
        "ram:DemandForecastReferencedDocument",
        "ram:SupplyInstructionReferencedDocument",
        "ram:PromotionalDealReferencedDocument",
        "ram:PriceListReferencedDocument",
        "ram:AdditionalReferencedDocument",
        *_CII_AFTER_PAPER,
    ),
    paper="ram:AdditionalReferencedDocument",
    after_paper=_CII_AFTER_PAPER,
)


def correct(
    data: bytes, syntax: Syntax, header: RoutingHeader, correction: Correction, limits: Limits
) -> tuple[bytes, RoutingHeader]:
    """Return a document put right, and the header that it has then.

    Args:
        data: Its bytes, as received; they were judged.
        syntax: What it was recognised as.
        header: What it was routed by.
        correction: What is put right.
        limits: Caps of the safe parser.

    Raises:
        Uncorrectable: A PDF, whose page says the same once more; or the place is not there.
        XmlRefused: It cannot be read.
    """
    if syntax is Syntax.FACTURX:
        raise Uncorrectable(
            "une Factur-X dit deux fois la même chose, au PDF et au XML : demandez au fournisseur"
            " de la redéposer / a Factur-X says everything twice, in its PDF and its XML: ask"
            " its supplier to send it again"
        )
    root = parse(data, limits)
    places, module = (_CII, cii) if syntax is Syntax.CII else (_UBL, ubl)
    desk = _Desk(root, places)
    desk.route(header, correction)
    for paper in correction.papers:
        desk.attach(paper)
    tree = root.getroottree()
    payload = etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
    return payload, module.read_header(root)


class _Desk:
    """One document on which a few places are written anew."""

    def __init__(self, root: etree._Element, places: _Places) -> None:
        self._root = root
        self._places = places
        self._around = self._one(root, places.around) if places.around else root
        self._buyer = self._one(root, places.buyer)

    def route(self, header: RoutingHeader, correction: Correction) -> None:
        """Write recipient, service and order."""
        siret, service = correction.siret, correction.service
        if siret is not None:
            self._replace(header.buyer_siret, siret, "SIRET (BT-46)")
            self._restate(header.buyer_siret, siret)
            self._restate((header.buyer_siret or "")[:9], siret[:9])
        if service is not None and header.buyer_service is None:
            self._add_service(service)
        elif service is not None:
            self._replace(header.buyer_service, service, "service (BT-46)")
            self._restate(header.buyer_service, service)
        if correction.engagement is not None:
            self._order(correction.engagement)

    def attach(self, paper: Attached) -> None:
        """Add one paper behind those that are there."""
        made = self._new(self._places.paper)
        if self._places is _UBL:
            self._child(made, "cbc:ID", paper.name)
            holder = self._child(made, "cac:Attachment")
            file = self._child(holder, "cbc:EmbeddedDocumentBinaryObject")
        else:
            self._child(made, "ram:IssuerAssignedID", paper.name)
            self._child(made, "ram:TypeCode", "916")
            file = self._child(made, "ram:AttachmentBinaryObject")
        file.text = b64encode(paper.payload).decode("ascii")
        file.set("mimeCode", paper.mime)
        file.set("filename", paper.name)
        there = self._all(self._around, self._places.paper)
        if there:
            there[-1].addnext(made)
        else:
            self._insert(made, self._places.after_paper)

    def _replace(self, before: str | None, after: str, name: str) -> None:
        for element in self._ids():
            if before and (element.text or "").strip() == before:
                element.text = after
                return
        raise Uncorrectable(
            f"{name} : absent du document, rien à corriger / not in the document, nothing to"
            " put right"
        )

    def _restate(self, before: str | None, after: str) -> None:
        """Write it where the document says it once more."""
        for path in self._places.restated:
            for element in self._all(self._buyer, path):
                if before and element.text:
                    element.text = element.text.replace(before, after)

    def _add_service(self, service: str) -> None:
        places = self._places
        ids = self._ids()
        if not ids:
            raise Uncorrectable(
                "le destinataire n'a pas d'identifiant (BT-46) / the recipient has no identifier"
            )
        made = self._new(places.wrapped or places.id)
        file = self._child(made, places.id) if places.wrapped else made
        file.text = service
        file.set(places.scheme, _SERVICE)
        last = ids[-1].getparent() if places.wrapped else ids[-1]
        if last is not None:
            last.addnext(made)

    def _order(self, number: str) -> None:
        order, name = self._places.order
        found = self._all(self._around, f"{order}/{name}")
        if found:
            found[0].text = number
            return
        made = self._new(order)
        self._child(made, name, number)
        self._insert(made, self._places.after_order)

    def _insert(self, made: etree._Element, behind: Sequence[str]) -> None:
        """Insert an element before the first that comes behind it, else at the end."""
        tags = {self._tag(name) for name in behind}
        credit = self._root.tag.endswith("CreditNote")
        if self._places is _UBL and not credit and made.tag == self._tag(self._places.paper):
            tags -= {self._tag(name) for name in _UBL_AFTER_PAPER[:2]}
        following = next((one for one in self._around if one.tag in tags), None)
        if following is None:
            self._around.append(made)
        else:
            following.addprevious(made)

    def _one(self, element: etree._Element, path: str) -> etree._Element:
        found = self._all(element, path)
        if not found:
            raise Uncorrectable(f"{path} : absent du document / not in the document")
        return found[0]

    def _ids(self) -> list[etree._Element]:
        return [one for path in self._places.ids for one in self._all(self._buyer, path)]

    def _all(self, element: etree._Element, path: str) -> list[etree._Element]:
        return element.findall(path, self._places.namespaces)

    def _new(self, name: str) -> etree._Element:
        return etree.Element(self._tag(name))

    def _child(self, parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
        child = etree.SubElement(parent, self._tag(name))
        child.text = text
        return child

    def _tag(self, name: str) -> str:
        prefix, _, local = name.partition(":")
        return f"{{{self._places.namespaces[prefix]}}}{local}"
