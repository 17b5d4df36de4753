"""Factur-X, written: a page that people read, with the invoice inside as CII.

The page comes in as a PDF/A-3b and stays as it is; the XML, and what else travels with it, is
embedded, and the metadata say so. The same arguments give the same bytes. What is written here
can be read by `pipeline.syntax.facturx`: a file that it would refuse is not embedded.

Source:
    Factur-X 1.09 §6; ISO 19005-3 §6.8 (embedded files); ISO 32000-1 §7.11.3 to 7.11.4,
    and §14.13 of ISO 32000-2 (associated files).
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from pipeline.model.conversion import Lost, Written
from pipeline.model.facturx import FacturxProfile, Relationship
from pipeline.model.fitting import fit, shown
from pipeline.model.invoice import Binary, Invoice
from pipeline.model.limits import Limits
from pipeline.syntax import cii
from pipeline.syntax.attachments import MOST_NAME
from pipeline.syntax.characters import carriable
from pipeline.syntax.facturx import (
    INVOICE_NAMES,
    MOST_FILES,
    cap_decoding,
    is_program,
    too_large,
)
from pipeline.syntax.pdfa import Broken, broken_clauses
from pipeline.syntax.xmp import Described, write_xmp

#: Name of the embedded XML.
FILENAME = "factur-x.xml"

#: Longest name of a type of file that a PDF can hold as a name.
_MOST_TYPE = 100
_MIME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*/[A-Za-z0-9][A-Za-z0-9.+-]*")
_ANY_TYPE = "application/octet-stream"
#: Stands before the name of an XML that would come before the invoice's.
_BEHIND = "joint-"
#: So much of a file tells whether packing it is worth the time.
_SAMPLE = 1 << 16
#: What a name of a file must not hold, wherever it is saved.
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f]+')
#: Longest ending of a name that is taken for the type of its file.
_MOST_EXTENSION = 20
#: What the document information may say; the metadata then say the same.
_DESCRIBED = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer")

_LIMITS = Limits()
_PROGRAM = {
    "fr": "Un programme joint à un PDF le ferait refuser par qui le lit.",
    "en": "A program inside a PDF would have it refused by whoever reads it.",
}
_MANY = {
    "fr": f"Un PDF ne joint pas plus de {MOST_FILES} fichiers, facture comprise.",
    "en": f"A PDF embeds no more than {MOST_FILES} files, the invoice among them.",
}
_LARGE = {
    "fr": "Le fichier ferait dépasser la taille admise d'un PDF et de ce qu'il joint.",
    "en": "The file would exceed the size allowed for a PDF and what it embeds.",
}


class PageUnfit(Exception):
    """The page is no PDF/A-3b, so that no Factur-X can be made of it: our own mistake.

    Attributes:
        broken: The clauses that the finished file would break.
    """

    def __init__(self, broken: Sequence[Broken]) -> None:
        super().__init__("; ".join(f"{each.clause} {each.en}" for each in broken))
        self.broken = tuple(broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that travels in the PDF beside the invoice's XML.

    Attributes:
        file: Its bytes, name and type.
        relationship: What it is to the page.
        description: One line about it, or None.
        place: Where it stands in the invoice, ``BG-24[2]/``; empty for a file of no invoice.
    """

    file: Binary
    relationship: Relationship = Relationship.SUPPLEMENT
    description: str | None = None
    place: str = ""


def write_facturx(
    page: bytes,
    invoice: Invoice,
    profile: FacturxProfile,
    at: datetime,
    beside: Sequence[Enclosure] = (),
    limits: Limits = _LIMITS,
) -> Written:
    """Write an invoice as a Factur-X.

    Its attachments (BT-125) travel in the PDF, whichever the profile; where that holds them
    they stand in the XML too.

    Args:
        page: The invoice as people read it, a PDF/A-3b that embeds no file itself.
        invoice: All of it; whatever `profile` does not hold is stated as lost.
        profile: The one asked for.
        at: When it is made, with its time zone: the only moment that it tells.
        beside: What else travels in the PDF, the original as received for instance.
        limits: Of whoever will read it; see `pipeline.syntax.facturx.open_facturx`.

    Raises:
        PdfRefused: Its XML alone is larger than the limits allow.
        PageUnfit: What came of it would not be a PDF/A-3b.
    """
    kept, lost = fit(invoice, profile)
    written = cii.write_invoice(kept)
    if len(written.payload) > min(limits.attachment_bytes, limits.file_bytes):
        raise too_large(limits)
    wished = [*_supports(invoice), *beside]
    enclosed, others = embeddable(wished, len(written.payload), limits)
    return Written(
        enclose(page, written.payload, profile, enclosed, at),
        (*_still_lost(lost, enclosed, others), *written.lost, *_left_out(others)),
    )


def enclose(
    page: bytes,
    xml: bytes,
    profile: FacturxProfile,
    enclosures: Sequence[Enclosure],
    at: datetime,
) -> bytes:
    """Make a Factur-X of a page and the XML that says the same.

    Args:
        page: A PDF/A-3b that embeds no file itself.
        xml: The invoice as CII, following `profile`; embedded byte for byte.
        profile: What the metadata claim of it.
        enclosures: What else is embedded, each of them one that `embeddable` keeps.
        at: When it is made, with its time zone; stands in the metadata and beside each file.

    Raises:
        PageUnfit: What came of it would not be a PDF/A-3b.
    """
    cap_decoding()
    with pikepdf.open(BytesIO(page), attempt_recovery=False) as pdf:
        _embed(pdf, [_invoice(xml, profile), *enclosures], at)
        described = _describe(pdf, at)
        packet = pikepdf.Stream(pdf, write_xmp(described, profile.level, FILENAME))
        packet.Type, packet.Subtype = Name.Metadata, Name.XML
        pdf.Root.Metadata = pdf.make_indirect(packet)
        written = BytesIO()
        pdf.save(
            written,
            min_version="1.7",
            fix_metadata_version=False,  # it would write the metadata anew
            deterministic_id=True,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            compress_streams=False,  # what is worth it was packed before; metadata must not be
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
        )
    made = written.getvalue()
    if broken := broken_clauses(made):
        raise PageUnfit(broken)
    return made


def embeddable(
    enclosures: Sequence[Enclosure], invoice_bytes: int, limits: Limits
) -> tuple[list[Enclosure], list[tuple[Enclosure, Mapping[str, str]]]]:
    """Tell the files that a reader would take out of a PDF from those that it would not.

    Args:
        enclosures: All that should travel, the most important first.
        invoice_bytes: Size of the XML they would travel beside.
        limits: Of the reader; `pipeline.syntax.facturx.open_facturx` says which hold.

    Returns:
        Those to embed, in their order; and the others, each with the reason why (`fr`, `en`).
    """
    kept: list[Enclosure] = []
    others: list[tuple[Enclosure, Mapping[str, str]]] = []
    left = limits.file_bytes - invoice_bytes
    for each in enclosures:
        size = len(each.file.content)
        if is_program(_fit(each.file.filename or ""), each.file.content):
            others.append((each, _PROGRAM))
        elif len(kept) == MOST_FILES - 1:
            others.append((each, _MANY))
        elif size > min(left, limits.attachment_bytes):
            others.append((each, _LARGE))
        else:
            kept.append(each)
            left -= size
    return kept, others


def _supports(invoice: Invoice) -> Iterator[Enclosure]:
    """Yield the attachments of an invoice."""
    for number, support in enumerate(invoice.supports, 1):
        if support.attachment is not None:
            yield Enclosure(
                file=support.attachment,
                description=support.description,
                place=f"BG-24[{number}]/",
            )


def _still_lost(
    lost: Sequence[Lost],
    enclosed: Sequence[Enclosure],
    others: Sequence[tuple[Enclosure, Mapping[str, str]]],
) -> Iterator[Lost]:
    """Yield what a profile does not hold and the PDF does not either."""
    held: set[str] = set()
    for one, name in zip(enclosed, _names(enclosed, INVOICE_NAMES), strict=True):
        held.add(f"{one.place}BT-125")
        held |= {f"{one.place}BT-125-1"} if one.file.mime == _type_of(one.file) else set()
        held |= {f"{one.place}BT-125-2"} if one.file.filename == name else set()
    reasons = {f"{one.place}BT-125": why for one, why in others}
    for each in lost:
        if each.place in reasons:
            yield replace(each, why=reasons[each.place])
        elif each.place not in held:
            yield each


def _left_out(
    others: Sequence[tuple[Enclosure, Mapping[str, str]]],
) -> Iterator[Lost]:
    """Yield the files that no part of the Factur-X holds: those of the invoice stand in it."""
    for each, why in others:
        if not each.place:
            name = _fit(each.file.filename or "")
            yield Lost(term=None, place=name, value=shown(each.file.content), why=why)


def _invoice(xml: bytes, profile: FacturxProfile) -> Enclosure:
    return Enclosure(
        file=Binary(xml, "text/xml", FILENAME),
        relationship=profile.relationship,
        description=f"Factur-X {profile.level}",
    )


def _embed(pdf: pikepdf.Pdf, enclosures: Sequence[Enclosure], at: datetime) -> None:
    """Embed the files, the invoice first, where readers of either generation look."""
    names = [FILENAME, *_names(enclosures[1:], INVOICE_NAMES)]
    specifications = [
        pdf.make_indirect(_specification(pdf, name, each, at))
        for name, each in zip(names, enclosures, strict=True)
    ]
    pairs = zip(map(String, _keys(names)), specifications, strict=True)
    tree = [each for pair in sorted(pairs, key=lambda pair: bytes(pair[0])) for each in pair]
    if "/Names" not in pdf.Root:
        pdf.Root.Names = Dictionary()
    pdf.Root.Names.EmbeddedFiles = pdf.make_indirect(Dictionary(Names=Array(tree)))
    pdf.Root.AF = pdf.make_indirect(Array(specifications))


def _keys(names: Sequence[str]) -> list[str]:
    """Return what each file is found by; people are shown its name.

    There are readers that take the first XML they find for the invoice. So none stands before
    it in the order of the tree.

    >>> _keys(["factur-x.xml", "a.xml", "plan.xml", "a.pdf", "joint-a.xml"])
    ['factur-x.xml', 'joint-joint-a.xml', 'plan.xml', 'a.pdf', 'joint-a.xml']
    """
    keys = list(names)
    for place, key in enumerate(names):
        if key.lower().endswith(".xml") and key < FILENAME:
            behind = _BEHIND + key
            while behind in keys:
                behind = _BEHIND + behind
            keys[place] = behind
    return keys


def _specification(pdf: pikepdf.Pdf, name: str, enclosure: Enclosure, at: datetime) -> Dictionary:
    stream = _stream(pdf, enclosure.file, at)
    found = Dictionary(
        Type=Name.Filespec,
        F=String(name),
        UF=String(name),
        EF=Dictionary(F=stream, UF=stream),
        AFRelationship=Name(f"/{enclosure.relationship.value}"),
    )
    if enclosure.description:
        found.Desc = String(carriable(enclosure.description))
    return found


def _stream(pdf: pikepdf.Pdf, file: Binary, at: datetime) -> pikepdf.Object:
    if _shrinks(file.content):
        stream = pikepdf.Stream(pdf, b"")
        stream.write(zlib.compress(file.content), filter=Name.FlateDecode)
    else:
        stream = pikepdf.Stream(pdf, file.content)
    stream.Type, stream.Subtype = Name.EmbeddedFile, Name(f"/{_type_of(file)}")
    stream.Params = Dictionary(
        Size=len(file.content),
        CheckSum=String(hashlib.md5(file.content, usedforsecurity=False).digest()),
        ModDate=_pdf_date(at),
    )
    return pdf.make_indirect(stream)


def _type_of(file: Binary) -> str:
    mime = file.mime or ""
    return mime if _MIME.fullmatch(mime) and len(mime) <= _MOST_TYPE else _ANY_TYPE


def _shrinks(content: bytes) -> bool:
    head = content[:_SAMPLE]
    return len(zlib.compress(head)) < len(head) * 9 // 10


def _names(enclosures: Sequence[Enclosure], taken: Collection[str]) -> list[str]:
    """Return a name for each file: its own where that can be, and each of them once.

    Args:
        enclosures: The files.
        taken: Names, in lower case, that none of them may bear: those by which a reader would
            take it for the invoice.
    """
    used = set(taken)
    found: list[str] = []
    for each in enclosures:
        fit_name = _fit(each.file.filename or "")
        name = next(one for one in _variants(fit_name) if one.lower() not in used)
        used.add(name.lower())
        found.append(name)
    return found


def _variants(name: str) -> Iterator[str]:
    """Yield a name, then others like it.

    >>> from itertools import islice
    >>> list(islice(_variants("plan.pdf"), 3))
    ['plan.pdf', 'plan (2).pdf', 'plan (3).pdf']
    """
    yield name
    stem, point, extension = name.rpartition(".")
    number = 2
    while True:
        yield f"{stem} ({number}){point}{extension}" if point else f"{name} ({number})"
        number += 1


def _fit(name: str) -> str:
    r"""Return a file's name without what no file system takes.

    >>> _fit("../../é\n.pdf"), _fit("  "), _fit(".."), _fit("a" * 300 + ".txt")[-6:]
    ('.._.._é_.pdf', 'annexe', 'annexe', 'aa.txt')
    """
    safe = carriable(_UNSAFE.sub("_", name.strip())).strip()
    if not safe.strip("."):  # a folder, to who saves it
        return "annexe"
    stem, point, extension = safe.rpartition(".")
    if not point or len(extension) > _MOST_EXTENSION:
        stem, point, extension = safe, "", ""
    most = MOST_NAME - _MOST_EXTENSION - len(" (100).")
    return f"{stem[:most]}{point}{extension}"


def _describe(pdf: pikepdf.Pdf, at: datetime) -> Described:
    """Say in the document information what the metadata say, and return it."""
    found = pdf.docinfo
    texts = {key: carriable(str(found.get(f"/{key}", ""))) for key in _DESCRIBED}
    said = {key: text for key, text in texts.items() if text}
    information = pdf.make_indirect(
        Dictionary({f"/{key}": String(text) for key, text in said.items()})
    )
    pdf.trailer.Info = information
    information.CreationDate = information.ModDate = _pdf_date(at)
    return Described(at=at, **{key.lower(): text for key, text in said.items()})


def _pdf_date(at: datetime) -> String:
    return String(at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ"))
