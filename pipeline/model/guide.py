"""What the implementation guide of one partner says, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.labels import Name


@dataclass(frozen=True, slots=True)
class GuideTable:
    """One table of a guide.

    Attributes:
        title: What it is about.
        columns: Names of the columns; empty for a list of names and values.
        rows: Cells: a name is shown in both languages, a text as it is.
        note: A sentence below it, or None.
    """

    title: Name
    columns: tuple[Name, ...]
    rows: tuple[tuple[Name | str, ...], ...]
    note: Name | None = None


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file that a partner may try.

    Attributes:
        name: What it is called.
        payload: What it holds.
        passes: True where it is taken, False where it is refused.
        why: What it is, or why it is refused.
    """

    name: str
    payload: bytes
    passes: bool
    why: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """The implementation guide of one connection sheet.

    Attributes:
        sheet: Name of the sheet.
        partner: For whom it is.
        subtitle: What the partner does through it.
        tables: What was agreed, in the order of reading.
        samples: Files to try.
    """

    sheet: str
    partner: str
    subtitle: Name
    tables: tuple[GuideTable, ...]
    samples: tuple[SampleFile, ...]
