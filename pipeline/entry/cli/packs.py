"""``edi packs``: the official artefacts this hub judges by."""

from __future__ import annotations

import typer

from pipeline import bootstrap
from pipeline.entry.cli.output import AsJson, say, say_json, say_table

packs = typer.Typer(help="Paquets officiels de règles et schémas / official packs.")


@packs.command("list")
def list_packs(as_json: AsJson = False) -> None:
    """Nom, version, SHA-256, règles, état / name, version, SHA-256, rules, state."""
    shelved = bootstrap.shelf(bootstrap.workspace()).list()
    rows = [
        {
            "name": one.pack.name,
            "kind": one.pack.kind.value,
            "version": one.pack.version,
            "sha256": one.pack.sha256,
            "rules": one.pack.rules,
            "state": one.state.value,
        }
        for one in shelved
    ]
    if as_json:
        say_json(rows)
    else:
        say_table("", tuple(rows[0]), (tuple(row.values()) for row in rows))
    if any(row["state"] != "present" for row in rows):
        raise typer.Exit(1)


@packs.command("install")
def install(as_json: AsJson = False) -> None:
    """Compléter les paquets absents / fetch the packs that no installed package holds."""
    fetched = [pack.name for pack in bootstrap.shelf(bootstrap.workspace()).install()]
    if as_json:
        say_json({"fetched": fetched})
    else:
        say(", ".join(fetched) or "Rien à faire / nothing to do.")
