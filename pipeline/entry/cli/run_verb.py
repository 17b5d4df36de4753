"""``edi run``: do the job, once or by the clock."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from pipeline import bootstrap
from pipeline.app.run import RunSummary, run_once
from pipeline.entry import schedule
from pipeline.entry.cli.output import AsJson, say, say_json
from pipeline.entry.cli.work import shift


def run(
    once: Annotated[
        bool, typer.Option("--once", help="Un passage puis fin / one pass, then exit.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Relever, contrôler, acheminer, répondre / pull, judge, route, answer."""
    place = bootstrap.workspace()
    with (
        bootstrap.alone(place) as seat,
        bootstrap.open_hub(place, by=bootstrap.new_run(), log_to_file=True) as hub,
    ):
        bootstrap.sweep(place)
        if not once:
            schedule.keep_running(shift(place, hub, seat.check))
            return
        with Console(stderr=True).status("…") as status:
            done = 0

            def progress(what: str, count: int) -> None:
                nonlocal done
                done += count
                status.update(f"{what}: {done}")

            summary = run_once(hub, insist=True, progress=progress)
    _tell(summary, as_json=as_json)
    if summary.failed:
        raise typer.Exit(1)


def _tell(summary: RunSummary, *, as_json: bool) -> None:
    if as_json:
        say_json(asdict(summary))
        return
    taken, waiting = sum(summary.pulled.values()), sum(summary.waiting.values())
    say(
        f"{taken} fichier(s) relevé(s), {waiting} en attente, {summary.settled} traité(s),"
        f" {summary.sent} envoi(s) réussi(s) sur {summary.tried}"
        " / file(s) taken, waiting, settled, sent of those tried"
    )
    for name, error in summary.failed.items():
        say(f"! {name}: {error}")
