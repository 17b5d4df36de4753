"""The structure layer: the official XSD of the document's syntax.

lxml is the validator of record: it decides. xmlschema only explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from lxml import etree

from pipeline.model.finding import Finding, Layer, LayerResult
from pipeline.model.report import Syntax
from pipeline.validate.place import (
    Place,
    line_of,
    path_of,
    place_of,
    shown_tag,
    structure_finding,
)
from pipeline.validate.pyramid import layer_result

if TYPE_CHECKING:  # costs 20 MB and 0.3 s: loaded when there is something to explain
    import xmlschema

#: The schema (``config/packs.toml``) that each syntax is held against, where the document's
#: claim names no other.
SCHEMAS: Mapping[Syntax, str] = MappingProxyType(
    {
        Syntax.UBL_INVOICE: "ubl-2.1-invoice-xsd",
        Syntax.UBL_CREDIT_NOTE: "ubl-2.1-creditnote-xsd",
        Syntax.CII: "cii-d22b-xsd",
        Syntax.FACTURX: "cii-d22b-xsd",
    }
)

#: Findings listed for one document.
MOST_FINDINGS = 100

#: Above this many elements xmlschema would take longer than an answer is worth
#: (1.5 s for 20,000): lxml's own sentences have to do.
MOST_EXPLAINED = 50_000

#: Formats that are known by name and cannot be taken for an invoice here: why, by their root.
_NO_DEPOSITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "CPPFactureMixte": (
            (
                "Le format CPPFactureMixte n'est pas traité : seul son nom est publié. Déposez la "
                "facture en UBL 2.1, en CII ou en Factur-X."
            ),
            (
                "The format CPPFactureMixte is not served: nothing but its name is published. "
                "Send the invoice as UBL 2.1, CII or Factur-X."
            ),
        ),
        "CPPFacturePivot": (
            (
                "Un CPPFacturePivot est ce que reçoit un destinataire, non un dépôt. Déposez la "
                "facture en UBL 2.1, en CII ou en Factur-X."
            ),
            (
                "A CPPFacturePivot is what a recipient gets, not what a supplier sends. Send the "
                "invoice as UBL 2.1, CII or Factur-X."
            ),
        ),
        "CPPStatut": (
            "Un CPPStatut porte des statuts, non une facture.",
            "A CPPStatut carries statuses, not an invoice.",
        ),
    }
)

_CLARK = re.compile(r"\{[^}\s]*:[^}\s]*\}[^\W\d][\w.-]*")


def check_structure(
    root: etree._Element,
    schema: etree.XMLSchema,
    explainer: Callable[[], xmlschema.XMLSchema],
) -> LayerResult:
    """Hold one document against its XSD.

    Args:
        root: A document from our own parser.
        schema: The compiled XSD of its syntax.
        explainer: Gives the same XSD as xmlschema builds it; called only if the
            document is invalid.

    Returns:
        The layer's result; an invalid one has at least one finding.
    """
    if schema.validate(root):
        return LayerResult.of(Layer.STRUCTURE, ())
    # the log is replaced by the next validation: read it now
    log: Iterable[etree._LogEntry] = schema.error_log  # type: ignore[assignment]  # stubs lag
    findings = [_as_lxml_says(root, entry) for entry in islice(log, MOST_FINDINGS + 1)]
    if sum(1 for _ in islice(root.iter(), MOST_EXPLAINED + 1)) <= MOST_EXPLAINED:
        from pipeline.validate.explain import explain

        # one more than is kept, so that the report says that there are more
        findings = list(islice(explain(root, explainer()), MOST_FINDINGS + 1)) or findings
    return layer_result(Layer.STRUCTURE, findings, MOST_FINDINGS)


def unknown_syntax(root: etree._Element, *, in_pdf: bool = False) -> Finding:
    """Say that a document is of no syntax we know, or not of the one a PDF may embed."""
    if in_pdf:
        return structure_finding(
            "SYNTAX-UNKNOWN",
            _root_place(root),
            f"L'élément racine du XML joint au PDF, {root.tag}, n'est pas celui d'un CII.",
            f"The root element of the XML inside the PDF, {root.tag}, is not that of a CII.",
        )
    known = _NO_DEPOSITS.get(etree.QName(root).localname)
    if known is not None:
        return structure_finding("SYNTAX-UNKNOWN", _root_place(root), *known)
    return structure_finding(
        "SYNTAX-UNKNOWN",
        _root_place(root),
        f"L'élément racine {root.tag} n'est ni une facture ou un avoir UBL 2.1, ni un CII.",
        f"The root element {root.tag} is no UBL 2.1 invoice or credit note and no CII.",
    )


def not_agreed(
    root: etree._Element, syntax: Syntax, allowed: Collection[Syntax]
) -> Finding | None:
    """Say that a document's syntax is not one that was agreed; None if it is.

    Args:
        root: The document.
        syntax: What it was recognised as.
        allowed: Syntaxes that were agreed; empty for any.
    """
    if not allowed or syntax in allowed:
        return None
    agreed = ", ".join(sorted(each.value for each in allowed))
    return structure_finding(
        "SYNTAX-NOT-AGREED",
        _root_place(root),
        f"La syntaxe {syntax.value} n'est pas convenue pour ce flux ; convenu : {agreed}.",
        f"The syntax {syntax.value} is not agreed for this flow; agreed: {agreed}.",
    )


def _root_place(root: etree._Element) -> Place:
    return Place(path_of(root), line_of(root), None)


def _as_lxml_says(root: etree._Element, entry: etree._LogEntry) -> Finding:
    """Keep what libxml2 says, with short names."""
    said = _CLARK.sub(lambda found: shown_tag(found.group()), entry.message)
    element = _element_at(root, entry.path or "")
    place = (
        Place(path_of(root), entry.line or None, None) if element is None else place_of(element)
    )
    return structure_finding(
        "XSD-INVALID",
        place,
        f"Non conforme au schéma : {said}",
        f"Does not conform to the schema: {said}",
    )


def _element_at(root: etree._Element, path: str) -> etree._Element | None:
    """Return the element at a path in the document's own prefixes, as far as the root has them."""
    prefixes = {prefix: space for prefix, space in root.nsmap.items() if prefix}
    try:
        found = root.getroottree().xpath(path, namespaces=prefixes)
    except etree.XPathError:
        return None
    first = found[0] if isinstance(found, list) and found else None
    return first if isinstance(first, etree._Element) else None  # noqa: SLF001  # lxml's only name
