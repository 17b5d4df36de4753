"""``edi retention|legal-hold``: what is past its time, and what must be kept all the same."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.erase import Overdue, erase, finish, keep_by_law, overdue, unfinished
from pipeline.app.hub import Hub
from pipeline.entry.cli.output import AsJson, Subject, complain, say, say_json, say_table
from pipeline.model.errors import PipelineError


def retention(
    apply: Annotated[
        bool, typer.Option("--apply", help="Effacer ce qui est échu / erase what is listed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Lister ce qui a passé sa durée ; avec --apply, l'effacer / list, or erase, what is due."""
    with _acting() as hub:
        due = list(overdue(hub, hub.ledger.sheets()))
        told = [_erase(hub, one) for one in due if apply and one.obstacle is None]
        erased = [flow for flow, error in told if not error]
        failed = [(flow, error) for flow, error in told if error]
        left, unable = finish(hub) if apply else (len(list(unfinished(hub))), [])
    failed += [one for one in unable if one not in failed]
    if as_json:
        rows = [_row(one, erased=one.interchange.id in erased) for one in due]
        say_json({"applied": apply, "due": rows, "unfinished": left, "failed": failed})
    else:
        _show(due, erased, left, apply=apply)
        for flow, error in failed:
            complain(f"{flow}: {error}")
    if failed:
        raise typer.Exit(1)


def legal_hold(
    subject: Subject,
    reason: Annotated[str, typer.Option(help="Motif, gardé au journal / kept on record.")],
    lift: Annotated[bool, typer.Option("--lift", help="Lever / lift it.")] = False,
) -> None:
    """Interdire d'effacer un flux, ou le permettre à nouveau / let nothing erase a flow."""
    with _acting() as hub:
        done = keep_by_law(hub, subject, reason, held=not lift)
    if lift:
        say(f"{subject}: levée / lifted" if done else f"{subject}: aucune / there was none")
    else:
        already = "" if done else " (déjà / already)"
        say(f"{subject}: conservation forcée / legal hold{already}")


def _acting() -> AbstractContextManager[Hub]:
    return bootstrap.open_hub(bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True)


def _erase(hub: Hub, one: Overdue) -> tuple[str, str]:
    """Erase one flow; return its id, and why it could not be: the others are not to wait."""
    reason = f"retention {one.retention}, {one.since.isoformat()}"
    try:
        erase(hub, one.interchange.id, reason)
    except PipelineError as error:
        return one.interchange.id, str(error)
    return one.interchange.id, ""


def _row(one: Overdue, *, erased: bool) -> dict[str, object]:
    flow = one.interchange
    return {
        "id": flow.id,
        "connection": flow.connection,
        "name": flow.name,
        "received": f"{flow.received_at:%Y-%m-%d}",
        "class": one.retention,
        "since": one.since.isoformat(),
        "obstacle": one.obstacle.value if one.obstacle else None,
        "erased": erased,
    }


def _show(due: list[Overdue], erased: list[str], left: int, *, apply: bool) -> None:
    rows = [_row(one, erased=one.interchange.id in erased) for one in due]
    if rows:
        say_table("", tuple(rows[0]), (tuple(row.values()) for row in rows))
    else:
        say("Rien d'échu / nothing is past its time")
    if left and apply:
        say(f"{left} effacement(s) achevé(s) / interrupted erasing(s) finished")
    elif left:
        say(f"{left} effacement(s) à achever par --apply / erasing(s) to be finished by --apply")
