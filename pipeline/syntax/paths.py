"""Where something stands in a document, as a path for people and tools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from lxml import etree

#: One element of the document.
Element: TypeAlias = etree._Element  # noqa: SLF001  # lxml gives its element class no public name

_OASIS = "urn:oasis:names:specification:ubl:schema:xsd:"
_CEFACT = "urn:un:unece:uncefact:data:standard:"

INVOICE = _OASIS + "Invoice-2"
CREDIT_NOTE = _OASIS + "CreditNote-2"
CAC = _OASIS + "CommonAggregateComponents-2"
CBC = _OASIS + "CommonBasicComponents-2"
RSM = _CEFACT + "CrossIndustryInvoice:100"
RAM = _CEFACT + "ReusableAggregateBusinessInformationEntity:100"
UDT = _CEFACT + "UnqualifiedDataType:100"
QDT = _CEFACT + "QualifiedDataType:100"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

#: How namespaces are written in every path of a report, whatever prefixes the
#: document uses. With these, a path can be evaluated as XPath 1.0.
PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        INVOICE: "ubl",
        CREDIT_NOTE: "cn",
        CAC: "cac",
        CBC: "cbc",
        _OASIS + "CommonExtensionComponents-2": "ext",
        RSM: "rsm",
        RAM: "ram",
        UDT: "udt",
        QDT: "qdt",
    }
)


def path_of(element: Element) -> str:
    """Return the path of an element from the root."""
    steps = [_step(element), *(_step(parent) for parent in element.iterancestors())]
    return "/" + "/".join(reversed(steps))


def shown_tag(tag: str) -> str:
    """Return a Clark name in the prefixes of `PREFIXES`.

    >>> shown_tag("{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}ID")
    'cbc:ID'
    >>> shown_tag("currencyID"), shown_tag("{urn:other}x")
    ('currencyID', 'x')
    """
    name = etree.QName(tag)
    prefix = PREFIXES.get(name.namespace or "")
    return f"{prefix}:{name.localname}" if prefix else name.localname


def shown_step(tag: str) -> str:
    """Return a Clark name as one step of a path, without a number."""
    name = etree.QName(tag)
    if name.namespace in PREFIXES or not name.namespace:
        return shown_tag(tag)
    return f"*[local-name()='{name.localname}' and namespace-uri()='{name.namespace}']"


def _step(element: Element) -> str:
    tag = str(element.tag)
    before = sum(1 for _ in element.itersiblings(tag, preceding=True))
    alone = not before and next(element.itersiblings(tag), None) is None
    shown = shown_step(tag)
    return shown if alone else f"{shown}[{before + 1}]"
