"""The metadata of a Factur-X: that it is a PDF/A-3, and which invoice it carries.

Source:
    ISO 16684-1 (XMP); ISO 19005-3 §6.6 (PDF/A identification, extension schemas);
    Factur-X 1.09 §6.3 (the four properties and their schema).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from pipeline.syntax.characters import carriable

#: Namespace of the Factur-X properties.
FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
#: Namespace that says which part of PDF/A a file follows.
PDFAID = "http://www.aiim.org/pdfa/ns/id/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
PDF = "http://ns.adobe.com/pdf/1.3/"
XMP = "http://ns.adobe.com/xap/1.0/"
#: Namespaces that describe a namespace which PDF/A itself does not know.
EXTENSION = "http://www.aiim.org/pdfa/ns/extension/"
SCHEMA = "http://www.aiim.org/pdfa/ns/schema#"
PROPERTY = "http://www.aiim.org/pdfa/ns/property#"

_PREFIXES = {
    "xml": "http://www.w3.org/XML/1998/namespace",
    "x": "adobe:ns:meta/",
    "rdf": RDF,
    "pdfaid": PDFAID,
    "dc": DC,
    "pdf": PDF,
    "xmp": XMP,
    "fx": FX,
    "pdfaExtension": EXTENSION,
    "pdfaSchema": SCHEMA,
    "pdfaProperty": PROPERTY,
}
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="r"?>'
_RESOURCE = {"rdf:parseType": "Resource"}

#: The Factur-X properties, and what they mean, for readers that do not know them.
_MEANINGS = {
    "DocumentType": "Kind of the embedded business document",
    "DocumentFileName": "Name of the embedded XML file",
    "Version": "Version of the data format of the embedded XML file",
    "ConformanceLevel": "Profile that the embedded XML file follows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the metadata say; the document information says the same, word for word.

    Attributes:
        at: When the file was made, and last changed.
        title: Of the page, or None; so with those below.
        author: Whose page it is.
        subject: What it is about.
        keywords: As one text.
        creator: The program that laid out the page.
        producer: The program that wrote the PDF.
    """

    at: datetime
    title: str | None = None
    author: str | None = None
    subject: str | None = None
    keywords: str | None = None
    creator: str | None = None
    producer: str | None = None


def write_xmp(described: Described, level: str, filename: str) -> bytes:
    """Write the metadata packet of a Factur-X.

    Args:
        described: What is said of the page.
        level: The profile's name there, ``EN 16931``.
        filename: Of the embedded XML.

    Returns:
        UTF-8 text, to be stored as it is: a packet must be readable without decoding.
    """
    tree = _element(
        "x:xmpmeta",
        _element(
            "rdf:RDF",
            _about(_element("pdfaid:part", "3"), _element("pdfaid:conformance", "B")),
            _about(*_page(described)),
            _about(
                _element("fx:DocumentType", "INVOICE"),
                _element("fx:DocumentFileName", filename),
                _element("fx:Version", "1.0"),
                _element("fx:ConformanceLevel", level),
            ),
            _about(_element("pdfaExtension:schemas", _element("rdf:Bag", _fx_schema()))),
        ),
    )
    return (_HEAD + etree.tostring(tree, encoding="unicode", pretty_print=True) + _TAIL).encode()


def xmp_date(at: datetime) -> str:
    """Return a moment as XMP writes it, in UTC.

    >>> xmp_date(datetime(2026, 9, 1, 8, 30, tzinfo=UTC))
    '2026-09-01T08:30:00Z'
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _element(
    name: str, *inside: str | etree._Element, attributes: Mapping[str, str] | None = None
) -> etree._Element:
    """Make an element of a name with its prefix, and what stands in it."""
    made = etree.Element(_clark(name), nsmap=_PREFIXES)
    for key, value in (attributes or {}).items():
        made.set(_clark(key), value)
    for each in inside:
        if isinstance(each, str):
            made.text = carriable(each)
        else:
            made.append(each)
    return made


def _clark(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_PREFIXES[prefix]}}}{local}"


def _about(*properties: etree._Element) -> etree._Element:
    return _element("rdf:Description", *properties, attributes={"rdf:about": ""})


def _page(described: Described) -> list[etree._Element]:
    """Return what is said of the page; what is not known is left out."""
    made = xmp_date(described.at)
    found = [_element(f"xmp:{key}", made) for key in ("CreateDate", "ModifyDate", "MetadataDate")]
    if described.title is not None:
        found.append(_element("dc:title", _in_any_language(described.title)))
    if described.author is not None:
        names = _element("rdf:Seq", _element("rdf:li", described.author))
        found.append(_element("dc:creator", names))
    if described.subject is not None:
        found.append(_element("dc:description", _in_any_language(described.subject)))
    if described.keywords is not None:
        found.append(_element("pdf:Keywords", described.keywords))
    if described.creator is not None:
        found.append(_element("xmp:CreatorTool", described.creator))
    if described.producer is not None:
        found.append(_element("pdf:Producer", described.producer))
    return found


def _in_any_language(text: str) -> etree._Element:
    return _element("rdf:Alt", _element("rdf:li", text, attributes={"xml:lang": "x-default"}))


def _fx_schema() -> etree._Element:
    """Describe the Factur-X properties: PDF/A admits no property that it is not told of."""
    properties = (
        _element(
            "rdf:li",
            _element("pdfaProperty:name", name),
            _element("pdfaProperty:valueType", "Text"),
            _element("pdfaProperty:category", "external"),
            _element("pdfaProperty:description", meaning),
            attributes=_RESOURCE,
        )
        for name, meaning in _MEANINGS.items()
    )
    return _element(
        "rdf:li",
        _element("pdfaSchema:schema", "Factur-X PDFA Extension Schema"),
        _element("pdfaSchema:namespaceURI", FX),
        _element("pdfaSchema:prefix", "fx"),
        _element("pdfaSchema:property", _element("rdf:Seq", *properties)),
        attributes=_RESOURCE,
    )
