"""What a document is written in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lxml import etree

from pipeline.model.report import Syntax
from pipeline.syntax import cii, ubl

#: How a PDF starts.
MAGIC = b"%PDF-"

#: Root elements, as Clark names.
ROOTS: Mapping[str, Syntax] = MappingProxyType(
    {
        f"{{{ubl.INVOICE}}}Invoice": Syntax.UBL_INVOICE,
        f"{{{ubl.CREDIT_NOTE}}}CreditNote": Syntax.UBL_CREDIT_NOTE,
        f"{{{cii.RSM}}}CrossIndustryInvoice": Syntax.CII,
    }
)

#: The family of each syntax: documents of one family are held against the same rule packs.
FAMILIES: Mapping[Syntax, str] = MappingProxyType(
    {
        Syntax.UBL_INVOICE: "ubl",
        Syntax.UBL_CREDIT_NOTE: "ubl",
        Syntax.CII: "cii",
        Syntax.FACTURX: "cii",
    }
)

_MARKS = tuple(
    (namespace.encode(), FAMILIES[syntax])
    for namespace, syntax in (
        (ubl.INVOICE, Syntax.UBL_INVOICE),
        (ubl.CREDIT_NOTE, Syntax.UBL_CREDIT_NOTE),
        (cii.RSM, Syntax.CII),
    )
)


def recognise(root: etree._Element) -> Syntax | None:
    """Return the syntax whose root element this is, or None.

    What came out of a PDF is no more than CII here: its root does not tell where it was.
    """
    return ROOTS.get(str(root.tag))


def family(syntax: Syntax) -> str:
    """Return ``ubl`` or ``cii``."""
    return FAMILIES[syntax]


def guess_family(head: bytes) -> str:
    """Guess the family from a document's first bytes: a hint, never a verdict.

    >>> guess_family(b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">')
    'ubl'
    >>> guess_family(b"%PDF-1.7"), guess_family(b"<html>")
    ('cii', '')
    """
    if is_pdf(head):
        return FAMILIES[Syntax.FACTURX]
    ascii_head = head.replace(b"\0", b"")  # so that UTF-16 is read too
    return next((name for mark, name in _MARKS if mark in ascii_head), "")


def is_pdf(data: bytes) -> bool:
    """Tell whether a document is a PDF by its first bytes."""
    return data.startswith(MAGIC)
