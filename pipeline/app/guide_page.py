"""The implementation guide as a page for people, French first, English beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipeline.model.guide import Guide, GuideTable, SampleFile
from pipeline.model.labels import Name
from pipeline.syntax.page import Element, both, el, write_page


def guide_page(guide: Guide, made: datetime) -> bytes:
    """Write a guide as one self-contained page, UTF-8, that needs no script.

    Args:
        guide: What it says.
        made: When, as it tells (aware).
    """
    head = el(
        "header",
        el("p", both("Guide de raccordement", "Implementation guide"), css="kicker"),
        el("h1", el("bdi", guide.partner)),
        el("p", _name(guide.subtitle), css="said"),
        el("p", "Fiche ", el("code", guide.sheet), f" – {made:%Y-%m-%d %H:%M} UTC", css="note"),
        css="verdict accepted",
    )
    sections = [_section(table) for table in guide.tables]
    if guide.samples:
        sections.append(_samples(guide.samples))
    return write_page(f"Guide {guide.partner}", head, *sections)


def _section(table: GuideTable) -> Element:
    parts = [el("h2", _name(table.title)), _rows(table.columns, table.rows)]
    if table.note is not None:
        parts.append(el("p", _name(table.note), css="note"))
    return el("section", *parts)


def _samples(samples: Sequence[SampleFile]) -> Element:
    columns = (
        Name("Fichier", "File"),
        Name("Taille", "Size"),
        Name("Attendu", "Expected"),
        Name("Pourquoi", "Why"),
    )
    taken, refused = Name("pris", "taken"), Name("refusé", "refused")
    rows = tuple(
        (one.name, f"{len(one.payload)}", taken if one.passes else refused, one.why)
        for one in samples
    )
    note = Name(
        "Ces fichiers accompagnent ce guide, dans le dossier « samples ».",
        "These files come with this guide, in the folder 'samples'.",
    )
    return _section(GuideTable(Name("Fichiers d'essai", "Files to try"), columns, rows, note))


def _rows(columns: Sequence[Name], rows: Sequence[Sequence[Name | str]]) -> Element:
    if not columns:
        pairs = [
            part
            for label, value in rows
            for part in (el("dt", _cell(label)), el("dd", _cell(value)))
        ]
        return el("dl", *pairs)
    heads = (el("th", _name(one), attributes={"scope": "col"}) for one in columns)
    body = (el("tr", *(el("td", _cell(value)) for value in row)) for row in rows)
    inside = el("table", el("thead", el("tr", *heads)), el("tbody", *body), css="figures")
    return el("div", inside, css="wide")


def _cell(value: Name | str) -> Element:
    return _name(value) if isinstance(value, Name) else el("bdi", value)


def _name(name: Name) -> Element:
    return both(name.fr, name.en)
