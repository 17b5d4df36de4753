"""``edi connections report``: may a receiver on trial go on?"""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.clean_days import CleanDays, clean_days
from pipeline.app.hub import sheet_of
from pipeline.app.standing import standing_of
from pipeline.entry.cli.output import AsJson, say, say_json, say_table, typed
from pipeline.model.connection import Role
from pipeline.model.errors import ConfigError
from pipeline.model.standing import SHEET_WORDS

#: Exit code where something stands against a promotion.
NOT_YET = 1


def report(
    name: Annotated[str, typer.Argument(parser=typed, metavar="NOM", help="Fiche / sheet.")],
    as_json: AsJson = False,
) -> None:
    """Dire les jours sans faute d'une fiche ; code 1 : pas encore / clean days, 1: not yet."""
    with bootstrap.reading() as ledger:
        sheets = ledger.sheets()
        sheet = sheet_of(sheets, name)
        if sheet.role is not Role.RECEIVER:
            raise ConfigError(f"{name}: n'est pas un récepteur / is no receiver's sheet")
        found = clean_days(ledger, sheet, standing_of(sheets, name))
    if as_json:
        say_json(_object(found))
    else:
        _tell(name, found)
    if not found.enough:
        raise typer.Exit(NOT_YET)


def _object(found: CleanDays) -> dict[str, object]:
    return {
        "connection": found.standing.connection,
        "state": found.standing.state.value,
        "since": found.standing.since,
        "clean_days": found.clean,
        "needed": found.needed,
        "enough": found.enough,
        "days": [
            {
                "day": one.day,
                "clean": one.clean,
                "files": one.done,
                "documents": one.documents,
                "open": one.open,
                "faults": [{"file": file, "why": why} for file, why in one.faults],
            }
            for one in found.days
        ],
    }


def _tell(name: str, found: CleanDays) -> None:
    standing, (fr, en) = found.standing, SHEET_WORDS[found.standing.state]
    say(f"{name}: {fr} / {en}, {standing.since:%Y-%m-%d %H:%M} UTC")
    say_table(
        "",
        ("jour / day", "sans faute / clean", "fichiers / files", "documents", "en cours / open"),
        (
            (one.day, "✓" if one.clean else "✗", one.done, one.documents, one.open)
            for one in found.days
        ),
    )
    for one in found.days:
        for file, why in one.faults:
            say(f"{one.day} {file}: {why}")
    if not found.needed:
        return
    say(
        f"{found.clean} jour(s) sans faute de suite sur {found.needed} / clean day(s) in a row of"
        f" {found.needed}"
    )
