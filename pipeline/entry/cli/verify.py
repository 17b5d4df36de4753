"""``edi verify``: prove that the record was not touched."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import bootstrap
from pipeline.app.verify import Verified
from pipeline.app.verify import verify as verify_all
from pipeline.entry.cli.output import AsJson, complain, say, say_json


def verify(as_json: AsJson = False) -> None:
    """Vérifier événements, originaux et lignes / verify events, originals and rows."""
    place = bootstrap.workspace()
    with bootstrap.reading(place) as ledger:
        found = verify_all(ledger, bootstrap.archive(place))
    if as_json:
        say_json({"sound": found.sound, **asdict(found)})
    else:
        _show(found)
    if not found.sound:
        raise typer.Exit(1)
    if not as_json:
        say("La chaîne tient / the chain holds.")


def _show(found: Verified) -> None:
    orphans = f", {len(found.orphans)} orphelin(s) / orphan(s)" if found.orphans else ""
    gone = f", {found.erased} effacé(s) / erased" if found.erased else ""
    counted = f"{found.blobs} originaux / originals{gone}{orphans}"
    say(f"{found.events} événements / events, {counted}")
    for each in found.breaks:
        complain(f"événement / event {each.seq}: {each.what}")
    for digest in found.lost:
        complain(f"original {digest}: absent ou modifié / missing or changed")
    for line in found.differences:
        complain(line)
    for digest in found.remains:
        complain(
            f"original {digest}: effacé, mais encore là : « edi retention --apply » achève"
            " / erased, but still there: 'edi retention --apply' finishes"
        )
    for digest in found.orphans:
        complain(f"original {digest}: orphelin, dans aucun flux / orphan, in no interchange")
    if found.emptied:
        complain("des originaux, mais aucun événement : registre vidé ou autre registre")
        complain("originals, but no event: the ledger was emptied, or is another one")
