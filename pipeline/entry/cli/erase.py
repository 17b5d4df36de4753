"""``edi erase``: destroy what one flow said, and keep the proof that it was."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.erase import Erased
from pipeline.app.erase import erase as erase_flow
from pipeline.entry.cli.output import AsJson, Subject, say, say_json


def erase(
    subject: Subject,
    reason: Annotated[str, typer.Option(help="Motif, gardé au journal / kept on record.")],
    as_json: AsJson = False,
) -> None:
    """Effacer un flux : clé, octets et valeurs citées / destroy a flow's key, bytes, values."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        done = erase_flow(hub, subject, reason)
    if as_json:
        say_json(erased_row(done))
        return
    say(f"{subject}: effacé / erased")
    if done.shared_with:
        others = ", ".join(done.shared_with)
        say(f"octets gardés pour / bytes kept for: {others}")


def erased_row(done: Erased) -> dict[str, object]:
    """Return what an erasing did, as JSON tells it."""
    return {
        "id": done.interchange.id,
        "destroyed": done.destroyed,
        "shared_with": done.shared_with,
    }
