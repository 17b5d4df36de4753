"""``edi work``: judge and deliver beside ``edi run``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.hub import Hub
from pipeline.entry import schedule


def work(
    until_idle: Annotated[
        bool,
        typer.Option(
            "--until-idle", help="Finir quand plus rien n'attend / end when nothing waits."
        ),
    ] = False,
) -> None:
    """Contrôler et remettre à côté de « edi run » (PostgreSQL) / judge and deliver beside it."""
    place = bootstrap.workspace()
    with (
        bootstrap.beside(place) as seat,
        bootstrap.open_hub(place, by=bootstrap.new_run(), log_to_file=True) as hub,
    ):
        bootstrap.sweep(place)
        schedule.keep_working(shift(place, hub, seat.check), until_idle=until_idle)


def shift(place: bootstrap.Workspace, hub: Hub, check_seat: Callable[[], None]) -> schedule.Shift:
    """Return what a process is given that goes to work now."""
    return schedule.Shift(
        hub=hub,
        write_metrics=partial(bootstrap.write_metrics, place),
        sweep=partial(bootstrap.sweep, place),
        new_run=bootstrap.new_run,
        acting_as=bootstrap.acting_as,
        check_seat=check_seat,
    )
