"""``edi apply``: put ``config/`` in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.apply import Change, differences, fit
from pipeline.app.apply import apply as apply_sheets
from pipeline.entry.cli.output import AsJson, complain, say, say_json, say_table

#: Exit code where something of the configuration is not in force, since it has faults.
FAULTY = 2


def apply(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer sans appliquer / show only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Mettre en vigueur config/ ; montre d'abord les différences / put config/ in force."""
    place = bootstrap.workspace()
    offered = bootstrap.offered(place)
    with bootstrap.open_hub(place, by=bootstrap.operator()) as hub:
        found = fit(hub, offered)
        changes = differences(hub.ledger.sheets(), found.sheets)
        if not as_json:
            say_changes(changes)
        if not dry_run:
            apply_sheets(hub, found.sheets)
    if as_json:
        shown = [asdict(change) for change in changes]
        say_json({"applied": not dry_run, "changes": shown, "faults": found.faults})
    else:
        _tell(changes, imported=found.sheets.directory.imported, dry_run=dry_run)
    for fault in found.faults:
        complain(fault)
    if found.faults:
        raise typer.Exit(FAULTY)


def say_changes(changes: Sequence[Change]) -> None:
    """Print what differs."""
    say_table(
        "Différences / differences",
        ("objet / subject", "clé / key", "avant / before", "après / after"),
        ((c.subject, c.key, c.before, c.after) for c in changes),
    )


def _tell(changes: Sequence[Change], *, imported: bool, dry_run: bool) -> None:
    if imported:
        say(
            "L'annuaire vient d'un import : de config/directory, seules les routes sont lues"
            " / the directory was imported: of config/directory only the routes are read."
        )
    if not changes:
        say("Rien ne change / nothing changes.")
    else:
        say("Non appliqué / not applied." if dry_run else "Appliqué / applied.")
