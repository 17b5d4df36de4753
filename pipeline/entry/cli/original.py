"""``edi original``: a file as received, out of the archive or back into it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app import original as originals
from pipeline.entry.cli.output import Subject, say, whole_file


def original(
    subject: Subject,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Fichier à créer / file to make.")
    ] = None,
    put: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Remettre ce fichier / put this back."),
    ] = None,
) -> None:
    """Sortir un original tel que reçu, ou le remettre / take an original out, or put it back."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        if put is not None:
            with put.open("rb") as stream:
                flow = originals.put_back(hub, subject, stream)
            say(f"{flow.id}: remis / put back, SHA-256 {flow.sha256}")
            return
        with originals.original(hub, subject) as stream:
            if output is None:
                shutil.copyfileobj(stream, sys.stdout.buffer)
                return
            with whole_file(output) as file:
                shutil.copyfileobj(stream, file)
    say(f"+ {output}")
