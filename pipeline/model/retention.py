"""How long what was exchanged is kept, and what is left of it afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum

from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.report import RoutingHeader

#: The class of a connection whose sheet names none, or that has no sheet any more.
DEFAULT_CLASS = "invoice"
_PERIOD = re.compile(r"([1-9][0-9]{0,3})([ymd])")
_MONTHS = 12


class CountedFrom(Enum):
    """The day from which a period counts."""

    RECEIPT = "receipt"  #: the day of receipt (UTC)
    YEAR_END = "year_end"  #: 31 December of the year of receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A span of the calendar; exactly one of the three is not 0."""

    years: int = 0
    months: int = 0
    days: int = 0

    @classmethod
    def read(cls, text: str) -> Period:
        """Read ``10y``, ``18m`` or ``30d``.

        >>> Period.read("10y").years
        10

        Raises:
            ValueError: It is written otherwise.
        """
        found = _PERIOD.fullmatch(text)
        if found is None:
            raise ValueError("use a number and y, m or d, e.g. 10y, 18m, 30d")
        name = {"y": "years", "m": "months", "d": "days"}[found[2]]
        return cls(**{name: int(found[1])})

    def after(self, day: date) -> date:
        """Return the day this long after `day`; the next day where the calendar has none.

        >>> Period(years=1).after(date(2028, 2, 29))
        datetime.date(2029, 3, 1)
        """
        month = day.month - 1 + self.months
        year = day.year + self.years + month // _MONTHS
        try:
            moved = day.replace(year=year, month=month % _MONTHS + 1)
        except ValueError:
            moved = date(year, month % _MONTHS + 1, 28) + timedelta(days=1)
            moved = moved if moved.day == 1 else _next_month(moved)
        return moved + timedelta(days=self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionClass:
    """How long one sort of exchange is kept (``config/retention.toml``).

    Attributes:
        name: What sheets call it.
        keep: How long.
        counted_from: From which day on.
        source: Where that was read.
    """

    name: str
    keep: Period
    counted_from: CountedFrom
    source: str

    def ends(self, received: date) -> date:
        """Return the first day on which what was received on `received` may be erased."""
        start = received
        if self.counted_from is CountedFrom.YEAR_END:
            start = date(received.year, 12, 31)
        return self.keep.after(start) + timedelta(days=1)

    def may_end_before(self, today: date) -> date:
        """Return a day: nothing received on it or later has come to its end by `today`."""
        keep = self.keep
        return today - timedelta(days=365 * keep.years + 28 * keep.months + keep.days)


def erased_document(document: Document) -> Document:
    """Return what is left of an erased document: what counts it, and what tells it apart.

    Number, date, type, currency, frame, the seller's SIREN and the totals stay, as do the
    codes of its reasons. Names, addresses, VAT numbers, the buyer, order references and
    everything that was quoted from the document go.
    """
    known = document.header
    header = RoutingHeader(
        number=known.number,
        issue_date=known.issue_date,
        type_code=known.type_code,
        currency=known.currency,
        frame=known.frame,
        customization=known.customization,
        seller_siren=known.seller_siren,
        total_without_vat=known.total_without_vat,
        total_with_vat=known.total_with_vat,
        amount_due=known.amount_due,
    )
    reasons = tuple(Reason(code=one.code, place="", message=ERASED) for one in document.reasons)
    return replace(document, header=header, reasons=reasons)


#: What stands where words were quoted from an erased document.
ERASED = {"fr": "(effacé)", "en": "(erased)"}


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
