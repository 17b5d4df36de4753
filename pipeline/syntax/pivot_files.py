"""The files that go with an invoice in a CPPFacturePivot: what they are called, and their kind.

Source:
    CPPFacturePivot V2_02, PJ; DSE FE – Chorus Pro v1.0 §4.1.1.2 (which files), §5.4.1 (a long
    name is cut, its extension is kept).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.model.invoice import Binary
from pipeline.syntax.characters import carriable
from pipeline.syntax.pivot_subject import Subject

#: Longest name and category, in characters.
MOST = 50

#: TypePJ: the invoice itself, and what goes with it.
MAIN, COMPLEMENT = "01", "02"

#: What the readable invoice is called as a kind of attachment (BT-123 in France).
READABLE = "LISIBLE"

#: What a name must not hold, so that a receiver may save a file under it; the published list
#: of forbidden characters is not known.
_UNSAVABLE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
#: The end of a name that says what is in the file; of an archive both parts.
_EXTENSION = re.compile(r"(?:\.tar)?\.[^.\s]{1,10}$", re.IGNORECASE)

_ANY = "application/octet-stream"
_MIME = {"xml": "application/xml", "pdf": "application/pdf"}
_ENDING = {
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "text/csv": ".csv",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotFile:
    """One PJ.

    Attributes:
        content: Its bytes.
        name: At most `MOST` characters (NomPJ).
        given_name: Name that the supplier gave it, as long (NomPJOrigine), or None.
        category: At most `MOST` characters (CategoriePJ), or None.
        kind: `MAIN` or `COMPLEMENT` (TypePJ).
        mime: Its type (MimeTypePJ).
    """

    content: bytes
    name: str
    given_name: str | None
    category: str | None
    kind: str
    mime: str


def files_of(subject: Subject) -> Iterator[PivotFile]:
    """Yield the files of one invoice: itself, the readable one, the original, what it attaches.

    No two of them bear one name, in whatever case: whoever saves them would be left with one.
    """
    numbers: dict[str, int] = {}
    for file in _files(subject):
        name, key = file.name, file.name.casefold()
        number = numbers.get(key, 0)
        while name.casefold() in numbers:
            number += 1
            name = _numbered(file.name, number + 1)
        numbers[key] = number
        numbers.setdefault(name.casefold(), 0)
        yield file if name == file.name else replace(file, name=name)


def _numbered(name: str, number: int) -> str:
    """Return a name with a number that tells it from another.

    >>> _numbered("bon.pdf", 2), _numbered("x" * 46 + ".pdf", 12)[-12:]
    ('bon (2).pdf', 'xxx (12).pdf')
    """
    extension = _extension_of(name)
    stem, suffix = name.removesuffix(extension), f" ({number}){extension}"
    return stem[: MOST - len(suffix)] + suffix


def _files(subject: Subject) -> Iterator[PivotFile]:
    context, number = subject.context, subject.invoice.number or ""
    main = context.main or context.original
    yield _made(main, f"facture_{number}", kind=MAIN)
    if context.readable is not None:
        yield _made(context.readable, f"lisible_{number}", category=READABLE)
    if context.main is not None:
        category = context.original_category
        yield _made(context.original, f"origine_{number}", category=category)
    for place, support in enumerate(subject.invoice.supports, start=1):
        if support.attachment is not None:
            stem = support.reference or f"piece-{place}"
            yield _made(
                support.attachment,
                stem,
                category=support.description,
                given_name=support.attachment.filename,
            )


def _made(
    file: Binary,
    stem: str,
    *,
    kind: str = COMPLEMENT,
    category: str | None = None,
    given_name: str | None = None,
) -> PivotFile:
    """Make a PJ; `stem` is what it is called, without extension, where it has no name."""
    return PivotFile(
        content=file.content,
        name=file_name(file.filename or stem + _ENDING.get(file.mime or "", "")),
        given_name=file_name(given_name) if given_name else None,
        category=category_of(category) if category else None,
        kind=kind,
        mime=_mime_of(file),
    )


def file_name(name: str) -> str:
    """Return a name that fits, and that a receiver may save the file under.

    What is too long is cut before the extension.

    >>> file_name("bon de livraison.pdf"), file_name("../etc/passwd")
    ('bon de livraison.pdf', '.._etc_passwd')
    >>> file_name("annexe n. 3 au cahier des clauses particulières, lot 7.tar.gz")
    'annexe n. 3 au cahier des clauses particuli.tar.gz'
    """
    safe = carriable(_UNSAVABLE.sub("_", name)).strip()
    if not safe.strip("."):  # a folder, to who saves it
        safe = "sans-nom"
    extension = _extension_of(safe)
    return safe if len(safe) <= MOST else safe[: MOST - len(extension)] + extension


def _extension_of(name: str) -> str:
    found = _EXTENSION.search(name)
    return found[0] if found else ""


def category_of(description: str) -> str:
    """Return what fits of the kind of a file."""
    return carriable(description)[:MOST]


def _mime_of(file: Binary) -> str:
    """Return the type a file states, else the one its name tells, else that of any bytes."""
    if file.mime:
        return carriable(file.mime)
    return _MIME.get((file.filename or "").rpartition(".")[2].lower(), _ANY)
