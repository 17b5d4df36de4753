"""The only XML parser: bytes from anybody in, a tree that cannot hurt out.

Two passes over the same bytes, in one encoding that this module settles, so that two
parsers never see two documents. Expat goes first and refuses what no invoice needs
(document types, other encodings, excessive sizes) without building anything; lxml then
builds the tree. A small document in which a few counts rule all of that out is spared
the first pass.

Schemas are compiled here too, for the same reason: nothing is fetched that was not
handed in.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from types import MappingProxyType
from xml.parsers import expat

from lxml import etree

from pipeline.model.errors import PackMissing
from pipeline.model.limits import Limits
from pipeline.syntax import cii, ubl

#: Longest name of an element (with its namespace) or attribute, in characters.
NAME_CHARS = 1000

#: Most digits in a row outside attachments: to calculate with a number takes a rule engine
#: time that grows with the square of its length, a minute for a million digits.
MOST_DIGITS = 1000

#: Elements whose text is an attachment in base 64, as Clark names.
ATTACHMENTS = (ubl.ATTACHMENT, cii.ATTACHMENT)

#: What `cut_attachments` leaves of a longer one, in characters: whole groups of base 64.
ATTACHMENT_KEPT = 1024

#: Up to this many bytes a document may be spared the first pass.
_SMALL = 1 << 16
#: How nearly every invoice starts; any other declaration is left to the first pass.
_USUAL_START = re.compile(
    rb"""<\?xml version=["']1\.0["'](?: encoding=["'][Uu][Tt][Ff]-8["'])?"""
    rb"""(?: standalone=["'](?:yes|no)["'])?\s*\?>|<[A-Za-z]"""
)
#: Attributes that a usual tag has at most, and bytes too few for one more of them.
_USUAL_ATTRIBUTES = 32
_USUAL_TAG = 5 * _USUAL_ATTRIBUTES

_LONG = etree.XPath(f"//*[not(*)][string-length() > {MOST_DIGITS}]")
_LONG_NUMBER = re.compile(f"[0-9]{{{MOST_DIGITS + 1}}}")

#: libxml2's own cap on one text node; above it only its huge mode reads on.
_LIBXML_TEXT = 10_000_000
#: Bytes given to expat at first (most documents are given whole), and at most, at a time.
_FIRST_PIECE, _LARGEST_PIECE = 1 << 16, 1 << 22
#: libxml2's codes for a name or a nesting beyond its own caps.
_LIBXML_CAPS = frozenset({110, 114})

#: Declared encodings that are taken, and the codecs each may stand for. Byte order is
#: told by the first bytes.
_DECLARED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "utf-8": frozenset({"utf-8"}),
        "utf-16": frozenset({"utf-16-le", "utf-16-be"}),
        "utf-16le": frozenset({"utf-16-le"}),
        "utf-16be": frozenset({"utf-16-be"}),
        "iso-8859-1": frozenset({"iso-8859-1"}),
        "iso-8859-15": frozenset({"iso-8859-15"}),
        "windows-1252": frozenset({"cp1252"}),
    }
)
#: First bytes that settle the encoding, and how many of them are a mark to be dropped.
_FIRST_BYTES = (
    (b"\xef\xbb\xbf", "utf-8", 3),
    (b"\xff\xfe", "utf-16-le", 2),
    (b"\xfe\xff", "utf-16-be", 2),
    (b"<\0", "utf-16-le", 0),
    (b"\0<", "utf-16-be", 0),
)
#: First bytes of UTF-32, UTF-7 and EBCDIC; two of them begin like UTF-16.
_FOREIGN = (
    b"\0\0\xfe\xff",
    b"\xff\xfe\0\0",
    b"\0\0\0<",
    b"<\0\0\0",
    b"+/v",
    b"+ADw",
    b"\x4c\x6f\xa7\x94",
)
_DECLARATION = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)""")

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        expat.errors.XML_ERROR_NO_ELEMENTS: "document vide ou tronqué",
        expat.errors.XML_ERROR_INVALID_TOKEN: "caractère ou balise non autorisé",
        expat.errors.XML_ERROR_UNCLOSED_TOKEN: "balise non terminée, fichier peut-être tronqué",
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION: "section CDATA non fermée",
        expat.errors.XML_ERROR_TAG_MISMATCH: "balise fermante sans balise ouvrante de ce nom",
        expat.errors.XML_ERROR_DUPLICATE_ATTRIBUTE: "attribut en double",
        expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT: "contenu après la fin du document",
        expat.errors.XML_ERROR_UNDEFINED_ENTITY: "entité inconnue",
        expat.errors.XML_ERROR_UNBOUND_PREFIX: "préfixe d'espace de noms non déclaré",
        expat.errors.XML_ERROR_MISPLACED_XML_PI: "déclaration XML qui n'est pas au tout début",
    }
)


class XmlRefused(Exception):
    """A document that is not to be read.

    A value for whoever judges it, who makes a finding of it.

    Attributes:
        code: ``XML-DTD`` (it has a document type), ``XML-ENC`` (its encoding),
            ``XML-LIMIT`` (it is excessive), ``IRR_TAILLE_PJ`` (an attachment is) or
            ``XML-WF`` (it is no well-formed XML).
        line: Where, from 1; None where it has no lines to count.
        message: What was found and what was expected: ``fr`` and ``en``.
    """

    def __init__(self, code: str, line: int | None, fr: str, en: str) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.line = line
        self.message: Mapping[str, str] = {"fr": fr, "en": en}


def parse(data: bytes, limits: Limits) -> etree._Element:
    """Read one document.

    Args:
        data: All of it, as received.
        limits: `file_bytes`, `depth`, `elements`, `attributes` (namespace declarations
            count), `text_bytes` and `attachment_bytes` are obeyed.

    Returns:
        The root element. Comments and processing instructions are kept and nothing they
        ask for is done; lines are those of `data`.

    Raises:
        XmlRefused: It is not to be read.
    """
    most = limits.file_bytes
    if len(data) > most:
        raise _excessive(None, f"fichier de plus de {most} octets", f"file over {most} bytes")
    codec, text = _as_utf8(data)
    harmless = _is_harmless(codec, text, limits)
    if not harmless:
        _scan(codec, text, limits)
    try:
        root = etree.fromstring(text, _LARGE if len(text) > _LIBXML_TEXT else _PLAIN)
        if harmless and _deeper_than(limits.depth)(root):
            _scan(codec, text, limits)
    except etree.XMLSyntaxError as error:
        if harmless:
            _scan(codec, text, limits)  # says it in its own words, the same for any size
        if error.code in _LIBXML_CAPS:  # type: ignore[attr-defined]  # the stubs lack it
            raise _excessive(error.lineno, error.msg, error.msg) from error
        raise _ill_formed(error.lineno, error.msg, error.msg) from error
    if len(text) > _SMALL:  # in fewer bytes no number is long enough to matter
        _check_numbers(root)
    return root


def _check_numbers(root: etree._Element) -> None:
    """Refuse endless numbers, also where comments stand between their digits."""
    long: list[etree._Element] = _LONG(root)  # type: ignore[assignment]  # elements, by its path
    for element in long:
        if element.tag not in ATTACHMENTS and _LONG_NUMBER.search(whole_text(element)):
            fr, en = "chiffres d'un nombre", "digits of a number"
            line: int | None = element.sourceline  # type: ignore[assignment]  # the stubs are vague
            raise _excessive(line, f"{fr}, {MOST_DIGITS} au plus", f"{en}, at most {MOST_DIGITS}")


def _is_harmless(codec: str, text: bytes, limits: Limits) -> bool:
    """Tell whether a few counts show that the first pass could refuse nothing but its shape."""
    return (
        len(text) <= min(_SMALL, limits.text_bytes, limits.attachment_bytes)
        and codec == "utf-8"
        and limits.attributes >= _USUAL_ATTRIBUTES
        and _USUAL_START.match(text) is not None
        and b"<!DOCTYPE" not in text
        and text.count(b"<") <= limits.elements
        and all(map(_is_usual, text.split(b"<")))
    )


def _is_usual(tag: bytes) -> bool:
    """Tell whether a tag, with the text behind it, is too short for an excessive name.

    A name counts with its namespace, hence half the cap; so short a tag that has an
    excessive number of attributes shows by its equals signs.
    """
    return len(tag) <= _USUAL_TAG or (
        len(tag) <= NAME_CHARS // 2 and tag.count(b"=") <= _USUAL_ATTRIBUTES
    )


@cache
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def _scan(codec: str, text: bytes, limits: Limits) -> None:
    scan = _Scan if len(text) <= min(limits.text_bytes, limits.attachment_bytes) else _FullScan
    scan(codec, limits).run(text)


def cut_attachments(root: etree._Element) -> etree._Element | None:
    """Return a copy of a document in which attachments are cut short, lines kept.

    Rule packs have no use for an attachment's bytes, but pay for every one of them.

    Returns:
        The copy, or None where there is nothing to cut.
    """
    if not any(map(_is_long, root.iter(*ATTACHMENTS))):
        return None
    copy = deepcopy(root)
    for attachment in copy.iter(*ATTACHMENTS):
        text = whole_text(attachment)
        del attachment[:]  # comments that stand in it, with what follows them
        attachment.text = text[:ATTACHMENT_KEPT]
    return copy


def whole_text(element: etree._Element) -> str:
    """Return the text of an element as XPath reads it: also behind comments that stand in it."""
    return "".join(map(str, element.itertext()))


def _is_long(attachment: etree._Element) -> bool:
    return sum(map(len, attachment.itertext())) > ATTACHMENT_KEPT


def compile_schema(path: str) -> etree.XMLSchema:
    """Compile the XSD that lies at `path`, with all that it includes and imports.

    Args:
        path: Absolute path of a local file. It may draw on the folder it lies in, on that
            folder's siblings (as UBL's ``maindoc`` does on ``common``), and on nothing else.

    Raises:
        PackMissing: It or a schema it needs is absent, is no schema, or lies elsewhere.
            libxml2 alone would leave out an import it cannot find, and then accept more.
    """
    tree = posixpath.dirname(posixpath.dirname(posixpath.normpath(path)))
    parser = _parser(huge_tree=False)
    parser.resolvers.add(_Within(tree))
    try:
        schema = etree.XMLSchema(etree.parse(path, parser))
    except (OSError, etree.LxmlError) as error:
        raise PackMissing(path, str(error)) from error
    left_out = schema.error_log.last_error  # type: ignore[attr-defined]  # the stubs lag
    if left_out is not None:
        raise PackMissing(path, left_out.message)
    return schema


class _Within(etree.Resolver):
    """Lets a schema load files of one folder tree, and nothing else."""

    def __init__(self, tree: str) -> None:
        super().__init__()
        self._tree = tree.rstrip("/") + "/"

    def resolve(self, system_url: str, *_: object) -> None:
        """Leave a file of the tree to libxml2; libxml2 has resolved ``..`` in it already.

        Raises:
            ValueError: It is another; lxml makes a schema error of it.
        """
        if not system_url.startswith(self._tree):
            raise ValueError(f"{system_url} lies outside {self._tree}")


class _Scan:
    """The first pass: refuses, builds nothing.

    Enough for a document that is shorter than the cap on one text: most are, and are
    spared the cost of a call for every text.
    """

    def __init__(self, codec: str, limits: Limits) -> None:
        self._codec = codec
        self._limits = limits
        self._depth = self._elements = self._namespaces = 0
        # with a separator names come as "namespace}name"; no namespace may contain it
        self._parser = expat.ParserCreate("utf-8", "}")
        self._parser.ordered_attributes = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def run(self, text: bytes) -> None:
        """Read a whole document in UTF-8.

        Raises:
            XmlRefused: It is not to be read.
        """
        try:
            self._parser.Parse(self._feed(text), True)  # noqa: FBT003  # "this is all"
        except expat.ExpatError as error:
            raise _why(error, text) from error

    def _feed(self, text: bytes) -> memoryview:
        """Give expat a document in pieces; return the last one, not given yet.

        After a handler has refused, expat still reads to the end of what it was given, so it
        gets little at first. And it reads an unfinished tag or comment anew with each piece,
        so that one is not let grow.
        """
        rest = memoryview(text)
        size = _FIRST_PIECE
        while len(rest) > size:
            self._parser.Parse(rest[:size])
            rest, size = rest[size:], min(2 * size, _LARGEST_PIECE)
            unfinished = self._parser.CurrentByteIndex
            given = len(text) - len(rest)
            if 0 <= unfinished < given - self._limits.text_bytes:
                most = self._limits.text_bytes
                raise self._excessive("longueur d'une balise", "length of a tag", most)
        return rest

    def _excessive(self, fr: str, en: str, most: int) -> XmlRefused:
        """Make the refusal of what the parser has just met."""
        line = self._parser.CurrentLineNumber
        return _excessive(line, f"{fr}, {most} au plus", f"{en}, at most {most}")

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG002  # expat's signature
        if version != "1.0":
            raise _ill_formed(1, f"XML {version} ; attendu : 1.0", f"XML {version}, expected 1.0")
        if encoding is not None and self._codec not in _DECLARED.get(encoding.lower(), ()):
            raise _not_this_encoding(1, f"« {encoding} »", f"'{encoding}'")

    def _doctype(self, *_: object) -> None:
        raise XmlRefused(
            "XML-DTD",
            self._parser.CurrentLineNumber,
            "Le document contient une déclaration DOCTYPE, interdite dans une facture.",
            "The document has a DOCTYPE declaration, which no invoice may have.",
        )

    def _namespace(self, prefix: str | None, uri: str) -> None:  # noqa: ARG002  # expat's signature
        self._namespaces += 1
        if self._namespaces > self._limits.attributes:
            raise self._excessive(
                "attributs d'un élément", "attributes of an element", self._limits.attributes
            )

    def _start(self, name: str, attributes: list[str]) -> None:
        limits = self._limits
        self._depth += 1
        self._elements += 1
        if self._depth > limits.depth:
            raise self._excessive("imbrication des éléments", "nesting of elements", limits.depth)
        if self._elements > limits.elements:
            raise self._excessive("nombre d'éléments", "number of elements", limits.elements)
        if len(name) > NAME_CHARS:
            raise self._excessive("longueur d'un nom", "length of a name", NAME_CHARS)
        if attributes or self._namespaces:
            self._attributes(attributes)

    def _attributes(self, attributes: list[str]) -> None:
        most = self._limits.attributes
        if len(attributes) // 2 + self._namespaces > most:
            raise self._excessive("attributs d'un élément", "attributes of an element", most)
        if attributes and len(max(attributes[::2], key=len)) > NAME_CHARS:
            raise self._excessive("longueur d'un nom", "length of a name", NAME_CHARS)
        self._namespaces = 0

    def _end(self, name: str) -> None:  # noqa: ARG002  # expat's signature
        self._depth -= 1


class _FullScan(_Scan):
    """The first pass over a document long enough to hold an excessive text, or too many nodes."""

    def __init__(self, codec: str, limits: Limits) -> None:
        super().__init__(codec, limits)
        self._text = 0
        self._attachment = False
        self._others = 0
        self._parser.buffer_text = True
        self._parser.buffer_size = 1 << 16
        self._parser.CharacterDataHandler = self._characters
        self._parser.CommentHandler = self._aside
        self._parser.ProcessingInstructionHandler = self._aside

    def _start(self, name: str, attributes: list[str]) -> None:
        super()._start(name, attributes)
        self._text = 0
        self._attachment = f"{{{name}" in ATTACHMENTS

    def _end(self, name: str) -> None:
        super()._end(name)
        self._text = 0
        self._attachment = False

    def _attributes(self, attributes: list[str]) -> None:
        super()._attributes(attributes)
        self._count(len(attributes) // 2)
        self._bounded(sum(map(len, attributes)))

    def _aside(self, *texts: str) -> None:
        self._count(1)
        self._bounded(sum(map(len, texts)))

    def _characters(self, text: str) -> None:
        if not self._attachment:
            self._text += len(text.encode())
            self._bounded(self._text)
            return
        # base 64 writes 3 bytes as 4 characters; line ends and indentation hold none
        self._text += len(text) - sum(map(text.count, "\n \t\r"))
        most = self._limits.attachment_bytes
        if self._text > (most + 2) // 3 * 4:
            raise XmlRefused(
                "IRR_TAILLE_PJ",
                self._parser.CurrentLineNumber,
                f"Pièce jointe de plus de {most} octets.",
                f"Attachment of more than {most} bytes.",
            )

    def _count(self, nodes: int) -> None:
        """Hold what is neither element nor text to the cap on elements: it costs as much."""
        self._others += nodes
        most = self._limits.elements
        if self._others > most:
            raise self._excessive(
                "nombre d'attributs et de commentaires", "number of attributes and comments", most
            )

    def _bounded(self, size: int) -> None:
        most = self._limits.text_bytes
        if size > most:
            raise self._excessive("longueur d'un texte", "length of a text", most)


def _as_utf8(data: bytes) -> tuple[str, bytes]:
    """Settle the encoding of a document.

    Returns:
        The codec that `data` is read by, and the document in UTF-8 without a mark.

    Raises:
        XmlRefused: It is in an encoding that is not taken, or not in the one it says.
    """
    if data.startswith(_FOREIGN):
        raise _not_this_encoding(None, "UTF-32, UTF-7 ou EBCDIC", "UTF-32, UTF-7 or EBCDIC")
    codec, mark = _codec_of(data)
    if codec == "utf-8":
        return codec, data[mark:] if mark else data
    try:
        return codec, data[mark:].decode(codec).encode()
    except UnicodeError as error:  # lone surrogates too, which UTF-8 cannot write
        raise _not_this_encoding(
            None, f"octets impossibles en {codec}", f"bytes impossible in {codec}"
        ) from error


def _codec_of(data: bytes) -> tuple[str, int]:
    for first, codec, mark in _FIRST_BYTES:
        if data.startswith(first):
            return codec, mark
    declared = _DECLARATION.match(data)
    codecs = _DECLARED.get(declared[1].decode("ascii").lower(), ()) if declared else ()
    # one that is unknown, or needs other first bytes, is refused by the scan
    return (next(iter(codecs)) if len(codecs) == 1 else "utf-8"), 0


def _why(error: expat.ExpatError, text: bytes) -> XmlRefused:
    """Say why expat stopped: bytes that are no UTF-8 are an encoding fault."""
    if b"\0" in text:
        return _not_this_encoding(error.lineno, "octets nuls", "null bytes")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = text.count(b"\n", 0, fault.start) + 1
        return _not_this_encoding(line, "octets impossibles en UTF-8", "bytes impossible in UTF-8")
    said = expat.ErrorString(error.code)
    return _ill_formed(error.lineno, _REASONS.get(said, said), said)


def _ill_formed(line: int | None, fr: str, en: str) -> XmlRefused:
    return XmlRefused(
        "XML-WF",
        line,
        f"Le document n'est pas du XML bien formé : {fr}.",
        f"The document is not well-formed XML: {en}.",
    )


def _not_this_encoding(line: int | None, fr: str, en: str) -> XmlRefused:
    return XmlRefused(
        "XML-ENC",
        line,
        f"Encodage non admis, ou autre que celui déclaré : {fr} ; admis : UTF-8, UTF-16, "
        "ISO-8859-1, ISO-8859-15, windows-1252.",
        f"Encoding not allowed, or not the one declared: {en}; allowed: UTF-8, UTF-16, "
        "ISO-8859-1, ISO-8859-15, windows-1252.",
    )


def _excessive(line: int | None, fr: str, en: str) -> XmlRefused:
    return XmlRefused("XML-LIMIT", line, f"Limite dépassée : {fr}.", f"Limit exceeded: {en}.")


def _parser(*, huge_tree: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",  # settled already: what the document declares is not asked again
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        recover=False,
        huge_tree=huge_tree,
    )


_PLAIN = _parser(huge_tree=False)
#: Attachments may be longer than libxml2's own caps. Lifting these is safe only because the
#: scan has bounded depth, names, texts and size before, and because there is no DTD.
_LARGE = _parser(huge_tree=True)
