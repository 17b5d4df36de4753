"""``edi pickups`` and ``edi resend``: what lies for receivers, and what is sent to them again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.operate.acting import Order
from pipeline.app.operate.resend import find_files
from pipeline.app.operate.resend import resend as send_again
from pipeline.app.pickup import late as find_late
from pipeline.entry.cli.output import (
    AsJson,
    complain,
    prose,
    say,
    say_json,
    say_table,
    typed,
    typed_subject,
)
from pipeline.model.pickup import Pickup, PickupState

#: Exit codes: part of it was refused; all of it was.
_PARTLY, _CANNOT = 1, 2
#: What became of files, by the words that people read.
_WORDS = {
    PickupState.LYING: "attend / waits",
    PickupState.ANNOUNCED: "retrait annoncé / removal announced",
    PickupState.PICKED_UP: "relevé / picked up",
    PickupState.PURGING: "retrait en cours / being removed",
    PickupState.PURGED: "retiré / removed",
    PickupState.CHANGED: "remplacé par un autre / replaced by another",
}


def pickups(
    connection: Annotated[
        str | None, typer.Option(help="Un destinataire / one receiver.", parser=typed)
    ] = None,
    state: Annotated[
        list[PickupState] | None, typer.Option(help="Par défaut : ce qui attend / what waits.")
    ] = None,
    late: Annotated[
        bool, typer.Option("--late", help="Plus longtemps que convenu / for too long.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Lister ce que les destinataires ont à relever / list what lies for receivers."""
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator()) as hub:
        now, sheets = hub.clock.now(), hub.ledger.sheets()
        overdue = {one.key for one in find_late(hub, sheets, now)}
        wanted = tuple(state) if state else (PickupState.LYING, PickupState.ANNOUNCED)
        found = hub.ledger.pickups.standing(wanted, connection)
    rows = [
        _row(one, now, late=one.key in overdue, as_json=as_json)
        for one in found
        if one.key in overdue or not late
    ]
    if as_json:
        say_json(rows)
    else:
        columns = tuple(rows[0]) if rows else ()
        say_table("À relever / to pick up", columns, (tuple(row.values()) for row in rows))


def _row(one: Pickup, now: datetime, *, late: bool, as_json: bool) -> dict[str, object]:
    picked_up = one.state is PickupState.PICKED_UP
    return {
        "connection": one.connection,
        "folder": one.folder,
        "name": one.name,
        "size": one.size,
        "put_at": one.since.strftime("%Y-%m-%d %H:%M:%SZ"),
        "days": (now - one.since).days,
        "state": one.state.value if as_json else _WORDS[one.state],
        "since": one.at.strftime("%Y-%m-%d %H:%M:%SZ"),
        "known": one.known.value if picked_up and one.known else None,
        "late": late,
    }


def resend(
    subject: Annotated[str, typer.Argument(parser=typed_subject, metavar="FLOW|DOCUMENT|FILE")],
    reason: Annotated[
        str, typer.Option(help="Motif / why: on record.", parser=prose, metavar="TEXT")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer seulement / only show.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Renvoyer un fichier sous le même nom, mêmes octets / send again under the same name."""
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        sheets = hub.ledger.sheets()
        rows = find_files(hub, sheets, subject)
        resent = send_again(hub, sheets, rows, Order(reason), dry=dry_run)
    if as_json:
        say_json({"subject": subject, "done": resent.done, "refused": resent.refused})
    else:
        for name, said in resent.done.items():
            say(f"{name}: {said}")
        for name, said in resent.refused.items():
            complain(f"{name}: {said}")
    if resent.refused:
        raise typer.Exit(_PARTLY if resent.done else _CANNOT)
