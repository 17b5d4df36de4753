"""Factur-X: a PDF that carries its invoice as CII. Takes the XML out, and nothing else.

No page is drawn and nothing is followed; only what the file attaches is decoded, within
limits, and in memory: no attached file ever gets a name of its own on a disk.

Source:
    Factur-X 1.09 §6.2 (names of the embedded file); ISO 32000-1 §7.11.3 (file
    specifications), §7.11.4 (embedded files), §12.6.4 (actions); PDF/A-3
    (ISO 19005-3), which forbids encryption and every action refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO

import pikepdf

from pipeline.model.limits import Limits
from pipeline.syntax.attachments import MOST_NAME, Attachment

#: Names under which an invoice may be embedded, lower case: Factur-X, ZUGFeRD, XRechnung.
INVOICE_NAMES = frozenset({"factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml"})

#: Most files that one PDF may attach.
MOST_FILES = 100

#: Most bytes of one stream of the file's own structure, which qpdf decodes by itself.
STRUCTURE_BYTES = 32_000_000

#: Filters of one embedded file; producers use Flate, at most with an ASCII one around it.
MOST_FILTERS = 2
_FILTERS = frozenset({"/FlateDecode", "/ASCIIHexDecode", "/ASCII85Decode"})

#: Actions that make a reader do something, and keys that hold a program.
_ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/ImportData",
        "/SubmitForm",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/GoTo3DView",
        "/RichMediaExecute",
    }
)
_PROGRAM_KEYS = frozenset({"/JS", "/XFA"})
_MAYBE_ACTIVE = re.compile(
    rb"/S /(?:%s)\b|%s" % ("|".join(name[1:] for name in sorted(_ACTIONS)).encode(), b"/JS |/XFA ")
)
#: How programs start (Windows, Linux, scripts), and what they are called.
_PROGRAM_HEADS = (b"MZ", b"\x7fELF", b"#!")
_PROGRAM_NAME = re.compile(
    r"\.(?:bat|cmd|com|cpl|dll|exe|hta|jar|js|jse|lnk|msi|pif|ps1|scr|sh|vbe|vbs|wsf)\s*$",
    re.IGNORECASE,
)


#: Number and generation of an object.
_Key = tuple[int, int]


class PdfRefused(Exception):
    """A PDF that is not to be read.

    Attributes:
        code: ``PDF-BROKEN``, ``PDF-ENCRYPTED``, ``PDF-ACTIVE`` (it does something, or
            brings a program), ``PDF-LIMIT`` (too many files or filters), ``IRR_TAILLE_PJ``
            (too large a file), ``PDF-XML-MISSING`` or ``PDF-XML-SEVERAL`` (no invoice
            inside, or more than one).
        message: What was found and what was expected: ``fr`` and ``en``.
    """

    def __init__(self, code: str, fr: str, en: str) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.message: Mapping[str, str] = {"fr": fr, "en": en}


@dataclass(frozen=True, slots=True)
class Opened:
    """What a Factur-X holds.

    Attributes:
        invoice: The embedded XML, as it was embedded.
        others: Every other embedded file.
    """

    invoice: bytes
    others: tuple[Attachment, ...] = ()


def open_facturx(data: bytes, limits: Limits) -> Opened:
    """Take the one invoice out of a PDF.

    Args:
        data: All of it, as received.
        limits: `attachment_bytes` holds for each embedded file, `file_bytes` for all of
            them together, decoded.

    Raises:
        PdfRefused: It is not to be read. Of several reasons the first is told, in the
            order: broken, encrypted, active, invoice missing or several, excessive.
    """
    cap_decoding()
    try:
        with pikepdf.open(BytesIO(data), attempt_recovery=False) as pdf:
            return _read(pdf, limits)
    except pikepdf.PasswordError as error:
        raise _encrypted() from error
    except (pikepdf.PdfError, pikepdf.ForeignObjectError, ValueError, TypeError) as error:
        raise PdfRefused(
            "PDF-BROKEN",
            "Le PDF est endommagé et ne peut être lu sans deviner : réécrivez-le.",
            "The PDF is damaged and cannot be read without guessing: write it again.",
        ) from error


def cap_decoding(most: int = STRUCTURE_BYTES) -> None:
    """Let qpdf decode no stream to more than that many bytes."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=most,
        png_max_memory=most,
        tiff_max_memory=most,
        max_stream_filters=MOST_FILTERS,
    )


def _read(pdf: pikepdf.Pdf, limits: Limits) -> Opened:
    if pdf.is_encrypted:
        raise _encrypted()
    embedded = _embedded(_look_through(pdf))
    for name, _ in embedded.values():
        if is_program(name):
            raise _active("un programme joint", "an embedded program")
    invoices = _invoices(pdf)
    if len(invoices) != 1:
        raise _not_one(len(invoices))
    if len(embedded) > MOST_FILES:
        raise PdfRefused(
            "PDF-LIMIT",
            f"Le PDF joint {len(embedded)} fichiers ; {MOST_FILES} au plus.",
            f"The PDF embeds {len(embedded)} files; at most {MOST_FILES}.",
        )
    ((chosen, stream),) = invoices.items()
    invoice = _decoded(stream, limits, limits.file_bytes)
    left = limits.file_bytes - len(invoice)
    others: list[Attachment] = []
    for key, (name, other) in embedded.items():
        if key != chosen:
            payload = _decoded(other, limits, left)
            left -= len(payload)
            others.append(_attachment(name, payload))
    return Opened(invoice, tuple(others))


def _attachment(name: str, payload: bytes) -> Attachment:
    if is_program(name, payload):
        raise _active("un programme joint", "an embedded program")
    return Attachment(name, None, lambda: payload)


def is_program(name: str, payload: bytes = b"") -> bool:
    """Tell whether a file is a program by its name, or by how it starts."""
    return bool(_PROGRAM_NAME.search(name)) or payload.startswith(_PROGRAM_HEADS)


def _look_through(pdf: pikepdf.Pdf) -> list[pikepdf.Object]:
    """Return every file specification; refuse what acts, wherever it is, used or not."""
    found: list[pikepdf.Object] = []
    for each in pdf.objects:
        whole = each.stream_dict if isinstance(each, pikepdf.Stream) else each
        if not isinstance(whole, pikepdf.Dictionary | pikepdf.Array):
            continue
        written = whole.unparse(resolved=True)
        # the written form tells what to look at; only the objects themselves tell what it is
        if _MAYBE_ACTIVE.search(written) or b"/EF " in written:
            for part in dictionaries_in(whole):
                _refuse_action(part)
                if "/EF" in part:
                    found.append(part)
    return found


def dictionaries_in(value: pikepdf.Object) -> Iterator[pikepdf.Dictionary]:
    """Yield a dictionary and all that are written inside it, not those it refers to."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, pikepdf.Dictionary):
            yield value
            inside = [value[key] for key in value.keys()]  # noqa: SIM118  # no mapping: iterating one fails
        elif isinstance(value, pikepdf.Array):
            inside = list(value)
        else:
            continue
        pending += [each for each in inside if _is_written_here(each)]


def _is_written_here(value: object) -> bool:
    return isinstance(value, pikepdf.Dictionary | pikepdf.Array) and not value.is_indirect


def _refuse_action(dictionary: pikepdf.Dictionary) -> None:
    action = str(dictionary.get("/S", ""))
    key = next((key for key in sorted(_PROGRAM_KEYS) if key in dictionary), "")
    if action in _ACTIONS or key:
        what = (action if action in _ACTIONS else key).lstrip("/")
        raise _active(f"une action {what}", f"an action {what}")


def _embedded(specifications: list[pikepdf.Object]) -> dict[_Key, tuple[str, pikepdf.Stream]]:
    """Return each embedded file once, by the number of its stream, with its name."""
    found: dict[_Key, tuple[str, pikepdf.Stream]] = {}
    for specification in specifications:
        for stream in streams_of(specification):
            found.setdefault(stream.objgen, (_names(specification)[0], stream))
    return found


def _invoices(pdf: pikepdf.Pdf) -> dict[_Key, pikepdf.Stream]:
    """Return the embedded files that are named as an invoice, and that a reader is shown."""
    root = pdf.Root
    associated, names_of = root.get("/AF"), root.get("/Names")
    listed = list(associated) if isinstance(associated, pikepdf.Array) else []
    tree = names_of.get("/EmbeddedFiles") if isinstance(names_of, pikepdf.Dictionary) else None
    if isinstance(tree, pikepdf.Dictionary):
        listed += pikepdf.NameTree(tree).values()
    return {
        stream.objgen: stream
        for specification in listed
        if isinstance(specification, pikepdf.Dictionary)
        if any(name.strip().lower() in INVOICE_NAMES for name in _names(specification))
        for stream in streams_of(specification)
    }


def _names(specification: pikepdf.Object) -> list[str]:
    """Return the name a reader shows, then the older one."""
    there = [str(specification[key]) for key in ("/UF", "/F") if key in specification]
    return [name[:MOST_NAME] for name in there] or [""]


def streams_of(specification: pikepdf.Object) -> list[pikepdf.Stream]:
    """Return the streams of a file specification; every key may name one of its own."""
    inside = specification.get("/EF") if isinstance(specification, pikepdf.Dictionary) else None
    if not isinstance(inside, pikepdf.Dictionary):
        return []
    streams = (inside[key] for key in inside.keys())  # noqa: SIM118  # no mapping: iterating one fails
    return [stream for stream in streams if isinstance(stream, pikepdf.Stream)]


def _decoded(stream: pikepdf.Stream, limits: Limits, left: int) -> bytes:
    """Return the bytes of an embedded file, if they are within the limits.

    Args:
        stream: The file.
        limits: `attachment_bytes` holds for it.
        left: What the files before it left of `file_bytes`.
    """
    names = filters_of(stream)
    if len(names) > MOST_FILTERS or not _FILTERS.issuperset(names) or len(set(names)) < len(names):
        raise PdfRefused(
            "PDF-LIMIT",
            "Un fichier joint est codé autrement que par Flate seul : joignez-le sans filtres "
            "empilés.",
            "An embedded file is encoded otherwise than by Flate alone: embed it without stacked "
            "filters.",
        )
    most = min(left, limits.attachment_bytes)
    cap_decoding(max(most, 1))  # 0 would lift the cap
    try:
        payload = stream.read_bytes()
    except pikepdf.DataDecodingError as error:
        if "limit exceeded" in str(error):
            raise too_large(limits) from error
        raise
    if len(payload) > most:
        raise too_large(limits)
    return payload


def filters_of(stream: pikepdf.Stream) -> list[str]:
    """Return the names of the filters of a stream, outermost first."""
    if "/Filter" not in stream:
        return []
    given = stream["/Filter"]
    return [str(each) for each in (list(given) if isinstance(given, pikepdf.Array) else [given])]


def _encrypted() -> PdfRefused:
    return PdfRefused(
        "PDF-ENCRYPTED",
        "Le PDF est chiffré ; une Factur-X (PDF/A-3) ne l'est jamais.",
        "The PDF is encrypted; a Factur-X (PDF/A-3) never is.",
    )


def _active(fr: str, en: str) -> PdfRefused:
    return PdfRefused(
        "PDF-ACTIVE",
        f"Le PDF contient du contenu actif ({fr}), interdit dans une Factur-X (PDF/A-3).",
        f"The PDF has active content ({en}), which no Factur-X (PDF/A-3) may have.",
    )


def _not_one(count: int) -> PdfRefused:
    known = "factur-x.xml, zugferd-invoice.xml, xrechnung.xml"
    if count == 0:
        return PdfRefused(
            "PDF-XML-MISSING",
            f"Le PDF ne joint aucune facture XML sous un nom admis ({known}).",
            f"The PDF embeds no XML invoice under an allowed name ({known}).",
        )
    return PdfRefused(
        "PDF-XML-SEVERAL",
        f"Le PDF joint {count} factures XML ; attendu : une seule ({known}).",
        f"The PDF embeds {count} XML invoices; expected: only one ({known}).",
    )


def too_large(limits: Limits) -> PdfRefused:
    """Say that what a PDF embeds is more than the limits allow."""
    one, all_ = limits.attachment_bytes, limits.file_bytes
    return PdfRefused(
        "IRR_TAILLE_PJ",
        f"Le PDF joint plus de {one} octets en un fichier, ou plus de {all_} en tout.",
        f"The PDF embeds more than {one} bytes in one file, or more than {all_} in all.",
    )
