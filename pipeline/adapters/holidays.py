"""Public holidays of France."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import cache


@cache
def french_holidays(year: int) -> Collection[date]:
    """Return the public holidays of metropolitan France in `year`."""
    from holidays import country_holidays  # slow to load, and only needed by some calendars

    return frozenset(country_holidays("FR", years=year))
