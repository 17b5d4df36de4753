"""``edi apply``: put ``config/`` in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.apply import Carried, Change, carry_out, differences, fit
from pipeline.entry.cli.output import AsJson, complain, say, say_json, say_table
from pipeline.model.proposal import Proposal

#: Exit code where something of the configuration is not in force, since it has faults.
FAULTY = 2


def apply(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer sans appliquer / show only.")
    ] = False,
    draft: Annotated[
        bool, typer.Option("--draft", help="Nouvelles fiches en brouillon / new ones as drafts.")
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
        done = (
            Carried(())
            if dry_run
            else carry_out(hub, found.sheets, draft=draft, expected=found.expected)
        )
    if as_json:
        say_json(
            {
                "applied": bool(done.changes) or not (dry_run or done.proposals),
                "changes": [asdict(change) for change in changes],
                "proposals": [proposal_object(one) for one in done.proposals],
                "faults": found.faults,
            }
        )
    else:
        _tell(changes, done, imported=found.sheets.directory.imported, dry_run=dry_run)
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


def proposal_object(one: Proposal) -> dict[str, object]:
    """Return a proposal for JSON."""
    return {**asdict(one), "state": one.state.value}


def _tell(changes: Sequence[Change], done: Carried, *, imported: bool, dry_run: bool) -> None:
    if imported:
        say(
            "L'annuaire vient d'un import : de config/directory, seules les routes sont lues"
            " / the directory was imported: of config/directory only the routes are read."
        )
    if not changes:
        say("Rien ne change / nothing changes.")
    elif dry_run:
        say("Non appliqué / not applied.")
    elif done.changes or not done.proposals:
        say("Appliqué / applied.")
    for one in done.proposals:
        say(
            f"{one.id} {one.subject}: proposé, une autre personne approuve / proposed, another"
            f" person approves: edi approve {one.id}"
        )
