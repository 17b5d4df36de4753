"""What is told of invoices to suppliers and recipients, before it is written in a format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface
from pipeline.model.life import Attached, Entry, Saying


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One line of an invoice's history, for somebody who has to hear of it.

    Attributes:
        entry: The line.
        document: The invoice.
        flow: The flow it came in.
        files: What came with it and goes on with it.
    """

    entry: Entry
    document: Document
    flow: Interchange
    files: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A status that was not taken, for whoever said it.

    Attributes:
        saying: What was said.
        code: Of the control table.
        fr: Why, French: what was found, what was expected.
        en: The same in English.
    """

    saying: Saying
    code: str
    fr: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNews:
    """Everything that one file, or a few, for one partner may say of statuses.

    Attributes:
        addressee: Sheet of the partner that reads it.
        interface: What it leaves under; None with free names.
        hub_code: Our own six characters.
        at: Moment of writing (aware).
        tellings: Lines of histories, in the order in which they were taken.
        refusals: Statuses of the addressee's own that were not taken.
        source: The flow that said what is refused; None without refusals.
    """

    addressee: Connection
    interface: Interface | None
    hub_code: str
    at: datetime
    tellings: tuple[Telling, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    source: Interchange | None = None
