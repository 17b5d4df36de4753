"""``edi conservation``: was anything lost, by partner and day?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.conserve import balance, is_balanced
from pipeline.app.report import day_at, day_period
from pipeline.entry.cli.output import AsJson, complain, say, say_json, say_table, typed
from pipeline.model.conserved import OUTCOMES, Conserved
from pipeline.model.errors import ConfigError
from pipeline.ports.ledger import Query

_HEADS = ("jour / day", "partenaire / partner", "quoi / what", "reçus / received")
_BECAME = (
    "acceptés / accepted",
    "à nouveau / again",
    "refusés / rejected",
    "doublons / duplicate",
    "suspendus / held",
)
#: A question about more days than this is a mistake of typing.
_MOST_DAYS = 400


def conservation(
    day: Annotated[str | None, typer.Option(help="Jour de réception / day of receipt.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Premier jour / first day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Dernier jour / last day.")] = None,
    partner: Annotated[
        str | None, typer.Option(help="Un seul émetteur / one sender only.", parser=typed)
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Dont les minuits comptent / whose midnights are meant.")
    ] = "Europe/Paris",
    as_json: AsJson = False,
) -> None:
    """Dire si reçu = accepté + refusé + doublon + suspendu + en cours / was anything lost?

    Code de sortie / exit code 1 : un écart / a difference.
    """
    days = list(_days(day_at(bootstrap.now(), timezone), day, first, last))
    lines: list[tuple[date, Conserved]] = []
    with bootstrap.reading() as ledger:
        for each in days:
            period = day_period(each, timezone)
            query = Query(partner=partner, received_from=period.start, received_before=period.end)
            lines += [(each, one) for one in balance(ledger, query, amounts=True)]
    balanced = is_balanced(one for _, one in lines)
    if as_json:
        rows = [_plain(each, one) for each, one in lines]
        say_json({"balanced": balanced, "timezone": timezone, "lines": rows})
    else:
        _tell(lines)
    if not balanced:
        complain("le compte n'y est pas / the count is not right: edi verify, edi reconcile")
        raise typer.Exit(1)


def _days(today: date, day: str | None, first: str | None, last: str | None) -> Iterator[date]:
    """Yield the days that are asked for; today without any."""
    if day is not None and (first or last):
        raise ConfigError("précisez --day, ou --from et --to / say --day, or --from and --to")
    start = _date(day or first, today)
    end = start if day else _date(last, today)
    if not start <= end <= start + timedelta(days=_MOST_DAYS):
        raise ConfigError(
            f"de {start} à {end} : au plus {_MOST_DAYS} jours / from {start} to {end}: at most"
            f" {_MOST_DAYS} days"
        )
    while start <= end:
        yield start
        start += timedelta(days=1)


def _date(text: str | None, otherwise: date) -> date:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"date : YYYY-MM-DD ; trouvé / found: {text}") from None


def _tell(lines: list[tuple[date, Conserved]]) -> None:
    if not lines:
        say("Rien reçu / nothing received")
        return
    rows = [
        (
            each,
            one.partner,
            one.line,
            *map(_shown, (one.received, *one.became.values())),
            _shown(one.difference),
        )
        for each, one in lines
    ]
    say_table("", (*_HEADS, *_BECAME, "en cours / waiting", "écart / difference"), rows)


def _shown(value: int | Decimal) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _plain(day: date, one: Conserved) -> dict[str, object]:
    return {
        "day": day.isoformat(),
        "partner": one.partner,
        "line": one.line,
        "received": _figure(one.received),
        **{outcome: _figure(one.became[outcome]) for outcome in OUTCOMES},
        "difference": _figure(one.difference),
    }


def _figure(value: int | Decimal) -> int | str:
    """Return a count as a number, an amount as exact text."""
    return format(value, "f") if isinstance(value, Decimal) else value
