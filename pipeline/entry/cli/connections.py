"""``edi connections``: the sheets of partners, and what a change of one would do."""

from __future__ import annotations

import typer

from pipeline.entry.cli.rehearse import rehearse

connections = typer.Typer(help="Fiches de raccordement / connection sheets.")
connections.callback()(lambda: None)
connections.command("rehearse")(rehearse)
