"""``edi seal``: sign where the chain of events stands."""

from __future__ import annotations

from pipeline import bootstrap
from pipeline.app.seal import seal_now
from pipeline.entry.cli.output import AsJson, say, say_json


def seal(as_json: AsJson = False) -> None:
    """Sceller les jours passés, et aujourd'hui jusqu'ici / seal past days, and today so far."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        made = seal_now(hub)
    if as_json:
        say_json({"seal": made.name if made else None, "seq": made.seq if made else 0})
    elif made:
        say(f"{made.name}: {made.seq} événements / events, {made.hash}")
    else:
        say("Rien à sceller / nothing to seal")
