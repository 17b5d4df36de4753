"""``edi init``: make a workspace."""

from __future__ import annotations

from pipeline import bootstrap
from pipeline.entry.cli.output import AsJson, say, say_json


def init(as_json: AsJson = False) -> None:
    """Créer l'espace de travail (EDI_HOME) / make the workspace, ledger and rule packs."""
    place = bootstrap.workspace()
    made = bootstrap.initialise(place)
    fetched = [pack.name for pack in bootstrap.shelf(place).install()]
    if as_json:
        say_json({"home": place.home, "made": made, "packs": fetched})
        return
    for path in made:
        say(f"+ {path}")
    for name in fetched:
        say(f"+ pack {name}")
    say(f"Espace de travail prêt / workspace ready: {place.home}")
