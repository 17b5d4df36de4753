"""``edi verify``: prove that the record was not touched."""

from __future__ import annotations

from dataclasses import asdict

import typer

from pipeline import bootstrap
from pipeline.app.seal import SealsHeld, check_seals
from pipeline.app.verify import Verified
from pipeline.app.verify import verify as verify_all
from pipeline.entry.cli.output import AsJson, complain, say, say_json


def verify(as_json: AsJson = False) -> None:
    """Vérifier événements, originaux et lignes / verify events, originals and rows."""
    place = bootstrap.workspace()
    with bootstrap.reading(place) as ledger:
        found = verify_all(ledger, bootstrap.archive(place))
        # of an edited chain nothing more is to be learned
        today = bootstrap.now().date()
        seals = SealsHeld() if found.breaks else check_seals(ledger, bootstrap.seals(place), today)
    sound = found.sound and seals.sound
    if as_json:
        say_json({"sound": sound, **asdict(found), "seals": asdict(seals)})
    else:
        _show(found)
        _show_seals(seals)
    if not sound:
        raise typer.Exit(1)
    if not as_json:
        say("La chaîne tient / the chain holds.")


def _show_seals(seals: SealsHeld) -> None:
    if seals.count:
        say(f"{seals.count} sceau(x) tenu(s) / seal(s) hold")
    if seals.due:
        say("hier n'est pas encore scellé / yesterday is not sealed yet: edi seal")
    for name, trouble in seals.broken:
        complain(f"sceau / seal {name}: {trouble}")
    for day in seals.missing:
        complain(f"sceau / seal {day.isoformat()}: absent / missing")


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
