"""PDF/A-3b, as far as its structure tells: the clauses that a file breaks.

Every Factur-X that is written is held against these before it leaves. What only a drawn page
would show is not looked at: the operators of a page beyond those that choose a colour, the
glyphs and widths inside a font program, the pixels of an image. A file without a finding is
therefore not proven to be a PDF/A; one with a finding is proven to be none.

Source:
    ISO 19005-3:2012; the clause of each finding is its own. ISO 32000-1 for the keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO

import pikepdf
from lxml import etree

from pipeline.model.limits import Limits
from pipeline.syntax import xmp
from pipeline.syntax.facturx import cap_decoding, dictionaries_in, filters_of, streams_of
from pipeline.syntax.parse import XmlRefused, parse


@dataclass(frozen=True, slots=True)
class Broken:
    """One clause of PDF/A-3 that a file breaks.

    Attributes:
        clause: Number in ISO 19005-3, ``6.1.3``; in part 1 where that asks for more.
        fr: What was found, in French.
        en: The same in English.
    """

    clause: str
    fr: str
    en: str


#: Two clauses that part 3 no longer has: that metadata can be read without decoding, and that
#: the document information says the same. Receivers still ask for both.
_IN_CLEAR, _AGREEMENT = "PDF/A-1 6.7.2", "PDF/A-1 6.7.3"

#: Actions that PDF/A-3 forbids (§6.5.1); the named ones it allows turn pages.
_FORBIDDEN_ACTIONS = frozenset(
    {
        "/Launch",
        "/Sound",
        "/Movie",
        "/ResetForm",
        "/ImportData",
        "/Hide",
        "/SetOCGState",
        "/Rendition",
        "/Trans",
        "/GoTo3DView",
        "/JavaScript",
    }
)
_NAMED_ACTIONS = frozenset({"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"})
_ANNOTATIONS = frozenset(
    {
        "/Text",
        "/Link",
        "/FreeText",
        "/Line",
        "/Square",
        "/Circle",
        "/Polygon",
        "/PolyLine",
        "/Highlight",
        "/Underline",
        "/Squiggly",
        "/StrikeOut",
        "/Stamp",
        "/Caret",
        "/Ink",
        "/Popup",
        "/FileAttachment",
        "/Widget",
        "/PrinterMark",
        "/Watermark",
        "/Redact",
        "/TrapNet",
    }
)
_FILTERS = frozenset(
    f"/{name}Decode"
    for name in ("ASCIIHex", "ASCII85", "Flate", "RunLength", "CCITTFax", "JBIG2", "DCT")
) | {"/JPXDecode"}
_BLEND_MODES = frozenset(
    {
        "/Normal",
        "/Compatible",
        "/Multiply",
        "/Screen",
        "/Overlay",
        "/Darken",
        "/Lighten",
        "/ColorDodge",
        "/ColorBurn",
        "/HardLight",
        "/SoftLight",
        "/Difference",
        "/Exclusion",
        "/Hue",
        "/Saturation",
        "/Color",
        "/Luminosity",
    }
)
_RELATIONSHIPS = frozenset({"/Source", "/Data", "/Alternative", "/Supplement", "/Unspecified"})
#: How many parts a colour has, by the name an ICC profile gives its colour space.
_COMPONENTS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
#: Which colours of a device each operator chooses.
_DEVICE_COLOURS = {"g": 1, "G": 1, "rg": 3, "RG": 3, "k": 4, "K": 4}
_HIDING = 0b1 | 0b10 | 0b100000 | 0b100000000  # Invisible, Hidden, NoView, ToggleNoView
_PRINT = 0b100
_HEADER = re.compile(rb"%PDF-1\.[0-7][\r\n]{1,2}%[\x80-\xff]{4}")
_PDF_DATE = re.compile(r"D:([0-9]{8})([0-9]{6})(Z|[+-][0-9]{2}'[0-9]{2})?(?:00'00)?'?")
#: Entry of the document information, and the path of what must agree with it in the XMP.
_AGREEING = {
    "/Title": "dc:title/rdf:Alt/rdf:li[1]",
    "/Author": "dc:creator/rdf:Seq/rdf:li[1]",
    "/Subject": "dc:description/rdf:Alt/rdf:li[1]",
    "/Keywords": "pdf:Keywords",
    "/Creator": "xmp:CreatorTool",
    "/Producer": "pdf:Producer",
    "/CreationDate": "xmp:CreateDate",
    "/ModDate": "xmp:ModifyDate",
}
_PREFIXES = {
    "rdf": xmp.RDF,
    "dc": xmp.DC,
    "pdf": xmp.PDF,
    "xmp": xmp.XMP,
    "pdfaid": xmp.PDFAID,
}
#: Schemas whose properties need no description (ISO 19005-3 §6.6.2.3.1, XMP 2005).
_KNOWN_SCHEMAS = frozenset(
    {
        xmp.DC,
        xmp.PDF,
        xmp.XMP,
        xmp.PDFAID,
        xmp.EXTENSION,
        f"{xmp.XMP}mm/",
        f"{xmp.XMP}rights/",
        "http://ns.adobe.com/photoshop/1.0/",
        "http://ns.adobe.com/tiff/1.0/",
        "http://ns.adobe.com/exif/1.0/",
    }
)


def broken_clauses(data: bytes) -> tuple[Broken, ...]:
    """Hold a PDF against the clauses of PDF/A-3b that its structure tells of.

    Args:
        data: All of it.

    Returns:
        What it breaks, in the order of the norm; empty for nothing seen.

    Raises:
        pikepdf.PdfError: It is no whole PDF, or needs a password.
    """
    cap_decoding()
    with pikepdf.open(BytesIO(data), attempt_recovery=False) as pdf:
        parts = list(_parts(pdf))
        found = [
            *_file(data, pdf),
            *_streams(pdf),
            *_graphics(pdf, parts),
            *_interaction(pdf, parts),
            *_metadata(pdf),
            *_embedded_files(parts),
        ]
    # the same fault in every page is told once
    return tuple(sorted(dict.fromkeys(found), key=lambda each: _place_of(each.clause)))


def _place_of(clause: str) -> tuple[int, ...]:
    return tuple(int(part) for part in clause.rpartition(" ")[2].split("."))


def _file(data: bytes, pdf: pikepdf.Pdf) -> Iterator[Broken]:
    if not _HEADER.match(data):
        yield Broken("6.1.2", "En-tête non conforme.", "The header is not the one asked for.")
    identifier = pdf.trailer.get("/ID")
    if not isinstance(identifier, pikepdf.Array) or not all(len(bytes(e)) for e in identifier):
        yield Broken("6.1.3", "Identifiant (ID) absent.", "There is no identifier (ID).")
    if "/Encrypt" in pdf.trailer:
        yield Broken("6.1.3", "Le fichier est chiffré.", "The file is encrypted.")
    if not re.search(rb"%%EOF(?:\r\n|\r|\n)?\Z", data[-16:]):
        yield Broken("6.1.3", "Octets après la fin.", "There are bytes behind the end.")


def _streams(pdf: pikepdf.Pdf) -> Iterator[Broken]:
    for stream in pdf.objects:
        if not isinstance(stream, pikepdf.Stream):
            continue
        if any(key in stream for key in ("/F", "/FFilter", "/FDecodeParms")):
            yield Broken("6.1.7.1", "Flux externe.", "A stream lies outside the file.")
        for name in filters_of(stream):
            if name not in _FILTERS:
                yield Broken(
                    "6.1.7.2", f"Filtre interdit : {name}.", f"Filter not allowed: {name}."
                )


def _graphics(pdf: pikepdf.Pdf, parts: Sequence[pikepdf.Dictionary]) -> Iterator[Broken]:
    intended = None
    for profile in _profiles(pdf):
        intended = _components_of(profile)
        if intended is None:
            yield Broken(
                "6.2.3", "Profil ICC non conforme.", "The ICC profile is not a valid one."
            )
    used: set[int] = set()
    for part in parts:
        yield from _font(part)
        yield from _picture(part)
        yield from _state(part, has_intent=intended is not None)
        used |= _colours_of(part)
    for drawn in [*pdf.pages, *_drawings(pdf)]:
        used |= _colours_drawn(drawn)
    if used and intended is None:
        yield Broken("6.2.4.3", "Couleurs sans intention de sortie.", "Colours without intent.")
    for count in sorted(used - {1, intended}):
        name = {3: "RGB", 4: "CMYK"}[count]
        yield Broken(
            "6.2.4.3",
            f"Couleurs {name} que l'intention de sortie n'admet pas.",
            f"{name} colours that the output intent does not admit.",
        )


def _profiles(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object | None]:
    """Yield the colour profile of each output intent that is one for PDF/A."""
    for intent in pdf.Root.get("/OutputIntents", pikepdf.Array()):
        if intent.get("/S") == "/GTS_PDFA1":
            yield intent.get("/DestOutputProfile")


def _components_of(profile: pikepdf.Object | None) -> int | None:
    """Return how many parts a colour has in a profile; None where it is none for output."""
    if not isinstance(profile, pikepdf.Stream):
        return None
    head = profile.read_bytes()[:40]
    count = _COMPONENTS.get(head[16:20])
    sound = head[36:40] == b"acsp" and head[12:16] in {b"mntr", b"prtr"} and head[8:9] < b"\x05"
    return count if sound and count == int(profile.get("/N", 0)) else None


def _parts(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Dictionary]:
    """Yield every dictionary of the file, those of streams and those inside others too."""
    for each in pdf.objects:
        whole = each.stream_dict if isinstance(each, pikepdf.Stream) else each
        if isinstance(whole, pikepdf.Dictionary | pikepdf.Array):
            yield from dictionaries_in(whole)


def _font(part: pikepdf.Dictionary) -> Iterator[Broken]:
    if part.get("/Type") != "/Font" or part.get("/Subtype") in ("/Type0", "/Type3"):
        return  # the first has its program in a descendant, the second draws by itself
    name = str(part.get("/BaseFont", "?")).lstrip("/")
    described = part.get("/FontDescriptor", pikepdf.Dictionary())
    if not any(f"/FontFile{which}" in described for which in ("", "2", "3")):
        yield Broken(
            "6.2.11.4.1", f"Police non incorporée : {name}.", f"Font not embedded: {name}."
        )
    if part.get("/Subtype") == "/CIDFontType2" and "/CIDToGIDMap" not in part:
        yield Broken(
            "6.2.11.3.2",
            f"Police sans table des glyphes : {name}.",
            f"Font without a map of its glyphs: {name}.",
        )


def _picture(part: pikepdf.Dictionary) -> Iterator[Broken]:
    kind = part.get("/Subtype")
    if kind == "/Image":
        if "/Alternates" in part or "/OPI" in part or bool(part.get("/Interpolate", False)):
            yield Broken(
                "6.2.8", "Image remplaçable ou interpolée.", "Image replaced or smoothed."
            )
    elif kind == "/Form" and any(key in part for key in ("/OPI", "/PS", "/Ref")):
        yield Broken("6.2.9", "Objet de formulaire externe.", "A form refers outside the file.")
    elif kind == "/PS":
        yield Broken("6.2.9.3", "Objet PostScript.", "A PostScript object.")


def _state(part: pikepdf.Dictionary, *, has_intent: bool) -> Iterator[Broken]:
    """Look at what a graphics state, or an image, blends."""
    if "/TR" in part or part.get("/TR2", "/Default") != "/Default":
        yield Broken("6.2.5", "Fonction de transfert.", "A transfer function.")
    modes = part.get("/BM", "/Normal")
    for mode in modes if isinstance(modes, pikepdf.Array) else [modes]:
        if str(mode) not in _BLEND_MODES:
            yield Broken("6.2.10", f"Mode de fusion {mode}.", f"Blend mode {mode}.")
    blends = (
        any(part.get(key, 1) != 1 for key in ("/ca", "/CA"))
        or part.get("/SMask", "/None") != "/None"
        or modes not in ("/Normal", "/Compatible")
    )
    if blends and not has_intent:
        yield Broken(
            "6.2.10",
            "Transparence sans espace de couleurs.",
            "Transparency without a colour space to blend in.",
        )


def _colours_of(part: pikepdf.Dictionary) -> set[int]:
    """Return the device colours that an image or a blending group names."""
    names = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4}
    given = [part.get("/ColorSpace"), part.get("/CS")]
    return {
        names[str(each)] for each in given if isinstance(each, pikepdf.Name) and str(each) in names
    }


def _drawings(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Stream]:
    """Yield every stream of a page's operators that is drawn from within a page."""
    for each in pdf.objects:
        if isinstance(each, pikepdf.Stream) and (
            each.get("/Subtype") == "/Form" or each.get("/PatternType") == 1
        ):
            yield each


def _colours_drawn(drawn: pikepdf.Page | pikepdf.Stream) -> set[int]:
    """Return the device colours that operators choose."""
    chosen = pikepdf.parse_content_stream(drawn, " ".join(_DEVICE_COLOURS))
    return {_DEVICE_COLOURS[str(instruction.operator)] for instruction in chosen}


def _interaction(pdf: pikepdf.Pdf, parts: Sequence[pikepdf.Dictionary]) -> Iterator[Broken]:
    for part in parts:
        action = str(part.get("/S", ""))
        if action in _FORBIDDEN_ACTIONS or (
            action == "/Named" and str(part.get("/N", "")) not in _NAMED_ACTIONS
        ):
            yield Broken(
                "6.5.1", f"Action interdite : {action}.", f"Action not allowed: {action}."
            )
        if "/AA" in part:
            yield Broken("6.5.2", "Action sur événement.", "Something happens by itself.")
        if "/XFA" in part or bool(part.get("/NeedAppearances", False)):
            yield Broken("6.4.1", "Formulaire dynamique.", "A form that is drawn by its reader.")
    for page in pdf.pages:
        for annotation in page.obj.get("/Annots", pikepdf.Array()):
            yield from _annotation(annotation)
    if "/Requirements" in pdf.Root:
        yield Broken("6.11", "Exigences envers le lecteur.", "The file asks things of its reader.")


def _annotation(annotation: pikepdf.Object) -> Iterator[Broken]:
    kind = str(annotation.get("/Subtype", ""))
    if kind not in _ANNOTATIONS:
        yield Broken(
            "6.3.1", f"Annotation interdite : {kind}.", f"Annotation not allowed: {kind}."
        )
    flags = int(annotation.get("/F", 0))
    if kind != "/Popup" and (flags & _HIDING or not flags & _PRINT):
        yield Broken("6.3.2", "Annotation non imprimée.", "An annotation that is not printed.")
    if kind not in ("/Popup", "/Link") and "/AP" not in annotation:
        yield Broken("6.3.3", "Annotation sans apparence.", "An annotation without appearance.")


def _metadata(pdf: pikepdf.Pdf) -> Iterator[Broken]:
    stream = pdf.Root.get("/Metadata")
    if not isinstance(stream, pikepdf.Stream):
        yield Broken("6.6.2.1", "Métadonnées absentes.", "There are no metadata.")
        return
    if filters_of(stream):
        yield Broken(_IN_CLEAR, "Métadonnées comprimées.", "The metadata are compressed.")
    try:
        root = parse(stream.read_bytes(), Limits())
    except XmlRefused as refused:
        yield Broken(
            "6.6.2.1", "Métadonnées illisibles.", f"Metadata not readable: {refused.code}."
        )
        return
    identified = [_said(root, f"pdfaid:{name}") for name in ("part", "conformance")]
    if identified not in [["3", "A"], ["3", "B"], ["3", "U"]]:  # each of the others holds B
        yield Broken("6.6.4", "Ne se dit pas PDF/A-3.", "Does not say that it is PDF/A-3.")
    yield from _undescribed(root)
    yield from _disagreement(pdf, root)


def _said(root: etree._Element, path: str) -> str | None:
    """Return what a metadata packet says at a path, as an element or as an attribute."""
    found = _text_at(path)(root)
    return str(found[0]) if isinstance(found, list) and found else None


@cache
def _text_at(path: str) -> etree.XPath:
    here = "//rdf:RDF/rdf:Description/"
    paths = f"{here}{path}/text()"
    if "/" not in path:
        paths += f" | {here}@{path}"
    return etree.XPath(paths, namespaces=_PREFIXES)


def _undescribed(root: etree._Element) -> Iterator[Broken]:
    """Find properties of a schema that PDF/A does not know, and that is not described."""
    described = root.iterfind(f".//{{{xmp.SCHEMA}}}namespaceURI")
    known = _KNOWN_SCHEMAS | {each.text for each in described}
    for description in root.iterfind(f"{{{xmp.RDF}}}RDF/{{{xmp.RDF}}}Description"):
        for each in description:
            namespace = etree.QName(each).namespace
            if namespace not in known:
                yield Broken(
                    "6.6.2.3.1",
                    f"Propriétés d'un schéma non décrit : {namespace}.",
                    f"Properties of a schema that is not described: {namespace}.",
                )


def _disagreement(pdf: pikepdf.Pdf, root: etree._Element) -> Iterator[Broken]:
    """Find what the document information says otherwise than the metadata do."""
    information = pdf.trailer.get("/Info", pikepdf.Dictionary())
    for key, path in _AGREEING.items():
        here, there = str(information.get(key, "")), _said(root, path) or ""
        same = _moment(here) == _moment(there) if key.endswith("Date") else here == there
        if here and not same:
            yield Broken(
                _AGREEMENT,
                f"{key} diffère des métadonnées.",
                f"{key} is not what the metadata say.",
            )


def _moment(date: str) -> datetime | str:
    """Return the moment that a date of either notation means; what is none, as it is."""
    found = _PDF_DATE.fullmatch(date)
    if found is not None:
        date = f"{found[1]}T{found[2]}{found[3] or 'Z'}".replace("'", "")
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _embedded_files(parts: Sequence[pikepdf.Dictionary]) -> Iterator[Broken]:
    associated = {
        each.objgen
        for part in parts
        if isinstance(part.get("/AF"), pikepdf.Array)
        for each in part["/AF"]
    }
    for part in parts:
        if "/EF" not in part:
            continue
        name = str(part.get("/UF", part.get("/F", "?")))
        if "/F" not in part or "/UF" not in part:
            yield Broken("6.8", f"{name} : un nom manque.", f"{name}: a name is missing.")
        if str(part.get("/AFRelationship", "")) not in _RELATIONSHIPS:
            yield Broken("6.8", f"{name} : sans relation.", f"{name}: without a relationship.")
        if part.objgen not in associated:
            yield Broken("6.8", f"{name} : associé à rien.", f"{name}: associated with nothing.")
        for stream in streams_of(part):
            if "/Subtype" not in stream:
                yield Broken("6.8", f"{name} : sans type.", f"{name}: without a type.")
            if "/ModDate" not in stream.get("/Params", pikepdf.Dictionary()):
                yield Broken("6.8", f"{name} : sans date.", f"{name}: without a date.")
