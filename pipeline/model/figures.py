"""What a report of a day or a month is made of: rows as counted, tables as shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline.model.connection import Environment
from pipeline.model.identity import InterchangeId
from pipeline.model.status import InterchangeStep, Step

#: What a cell of a table may hold; None where nothing can be said.
Cell = str | int | float | Decimal | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time that a report is about.

    Attributes:
        name: ``2026-11-24`` or ``2026-11``.
        start: Its first moment (aware, UTC).
        end: The first moment after it.
        parts: Where the hours of a day, or the days of a month, begin (aware, UTC).
        timezone: Whose midnights are meant, e.g. ``Europe/Paris``.
    """

    name: str
    start: datetime
    end: datetime
    parts: tuple[datetime, ...]
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFigures:
    """One interchange, as a report counts it.

    Attributes:
        id: Its id.
        partner: Its sender.
        name: Its file name.
        received_at: When (aware, UTC).
        step: Where it is.
        reason: Code, if it is held, refused or a duplicate.
        answered_at: When its final answer was all sent, or None.
        answer_by: When that was agreed to be there, or None.
    """

    id: InterchangeId
    partner: str
    name: str
    received_at: datetime
    step: InterchangeStep
    reason: str | None
    answered_at: datetime | None
    answer_by: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFigures:
    """One document, as a report counts it.

    Attributes:
        partner: Sender of its interchange.
        received_at: When that came (aware, UTC).
        step: Where it is.
        codes: Of its reasons, each once.
        currency: BT-5 as written, or None.
        total: With VAT, negative for a credit note; None where there is no usable amount.
    """

    partner: str
    received_at: datetime
    step: Step
    codes: tuple[str, ...]
    currency: str | None
    total: Decimal | None


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many rejected documents of a partner break one rule."""

    partner: str
    rule: str
    documents: int


@dataclass(frozen=True, slots=True)
class Received:
    """What the chain of events says a partner sent.

    Attributes:
        partner: Who; ``?`` for events whose rows are gone.
        interchanges: Files.
        documents: Documents found inside.
    """

    partner: str
    interchanges: int
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that a report is made of.

    Attributes:
        period: The time it is about.
        partner: The only sender that was asked for, or None.
        at: When it was made (aware, UTC).
        flows: Interchanges received in the period, oldest first.
        documents: What lay inside.
        rules: Broken rules, most first.
        received: What the chain of events says.
        environment: The only one that is counted.
    """

    period: Period
    partner: str | None
    at: datetime
    flows: tuple[FlowFigures, ...]
    documents: tuple[DocumentFigures, ...]
    rules: tuple[RuleCount, ...]
    received: tuple[Received, ...]
    environment: Environment = Environment.PRODUCTION


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what programs call it, and its head in both languages."""

    key: str
    fr: str
    en: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report.

    Attributes:
        key: What programs call it.
        fr: Its title.
        en: The same in English.
        columns: From left to right.
        rows: Each as long as `columns`.
    """

    key: str
    fr: str
    en: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
