"""``edi apply``: put ``config/`` in force."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.apply import apply as apply_sheets
from pipeline.app.apply import check_sheets, differences
from pipeline.app.apply import proposed as may_propose
from pipeline.entry.cli.output import AsJson, say, say_json, say_table


def apply(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer sans appliquer / show only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Mettre en vigueur config/ ; montre d'abord les différences / put config/ in force."""
    place = bootstrap.workspace()
    read = bootstrap.proposed_sheets(place)
    with bootstrap.open_hub(place, by=bootstrap.operator()) as hub:
        proposed = may_propose(hub, read)
        check_sheets(hub, proposed)
        changes = differences(hub.ledger.sheets(), proposed)
        if not as_json:
            say_table(
                "Différences / differences",
                ("objet / subject", "clé / key", "avant / before", "après / after"),
                ((c.subject, c.key, c.before, c.after) for c in changes),
            )
        if not dry_run:
            apply_sheets(hub, proposed)
    if proposed.directory.imported and not as_json:
        say(
            "L'annuaire vient d'un import : de config/directory, seules les routes sont lues"
            " / the directory was imported: of config/directory only the routes are read."
        )
    if as_json:
        say_json({"applied": not dry_run, "changes": [asdict(change) for change in changes]})
    elif not changes:
        say("Rien ne change / nothing changes.")
    else:
        say("Non appliqué / not applied." if dry_run else "Appliqué / applied.")
