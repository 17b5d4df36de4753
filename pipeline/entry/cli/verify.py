"""``edi verify``: prove that the record was not touched."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import bootstrap
from pipeline.app.verify import verify as verify_all
from pipeline.entry.cli.output import AsJson, complain, say, say_json


def verify(as_json: AsJson = False) -> None:
    """Vérifier la chaîne des événements et les originaux / verify events and originals."""
    place = bootstrap.workspace()
    with bootstrap.reading(place) as ledger:
        found = verify_all(ledger, bootstrap.archive(place))
    if as_json:
        say_json({"sound": found.sound, **asdict(found)})
    else:
        say(f"{found.events} événements / events, {found.blobs} originaux / originals")
        for each in found.breaks:
            complain(f"événement / event {each.seq}: {each.what}")
        for digest in found.lost:
            complain(f"original {digest}: absent ou modifié / missing or changed")
        for line in found.differences:
            complain(line)
    if not found.sound:
        raise typer.Exit(1)
    if not as_json:
        say("La chaîne tient / the chain holds.")
