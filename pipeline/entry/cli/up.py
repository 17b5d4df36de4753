"""``edi up``: the hub, with the embedded SFTP server beside it."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.apply import carry_out, fit
from pipeline.entry import local_server, schedule
from pipeline.entry.cli.output import complain, say
from pipeline.entry.cli.work import shift


def up(
    port: Annotated[int, typer.Option(min=1, max=65535)] = local_server.PORT,
    example: Annotated[
        bool,
        typer.Option(
            "--example", help="Écrire d'abord des partenaires d'exemple / write some first."
        ),
    ] = False,
) -> None:
    """Servir les dossiers SFTP locaux et travailler à l'heure / serve local folders and run."""
    place = bootstrap.workspace()
    with (
        bootstrap.alone(place) as seat,
        bootstrap.open_hub(place, by=bootstrap.new_run(), log_to_file=True) as hub,
    ):
        bootstrap.sweep(place)
        if example:
            local_server.furnish(place, port)
        with local_server.serve(place, port) as accounts:
            found = fit(hub, bootstrap.offered(place))
            carry_out(hub, found.sheets, expected=found.expected)
            for fault in found.faults:
                complain(fault)
            for line in local_server.addresses(accounts, port):
                say(line)
            say(f"{place.home / 'sftp'} ; Ctrl-C pour finir / to end")
            schedule.keep_running(shift(place, hub, seat.check))
