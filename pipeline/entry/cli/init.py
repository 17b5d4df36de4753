"""``edi init``: make a workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.entry.cli.output import AsJson, say, say_json
from pipeline.model.settings import Encryption


def init(
    in_clear: Annotated[
        bool,
        typer.Option(
            "--no-encryption", help="Originaux en clair, pour essais / originals in clear."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Créer l'espace de travail (EDI_HOME) / make the workspace, ledger and rule packs."""
    place = bootstrap.workspace()
    encryption = Encryption.NONE if in_clear else Encryption.AES_256_GCM
    made = bootstrap.initialise(place, encryption)
    fetched = [pack.name for pack in bootstrap.shelf(place).install()]
    if as_json:
        say_json({"home": place.home, "made": made, "packs": fetched})
        return
    for path in made:
        say(f"+ {path}")
    for name in fetched:
        say(f"+ pack {name}")
    if place.home / "master" in {path.parent for path in made}:
        say(
            "Gardez une copie de master/ en lieu sûr, hors de la sauvegarde"
            " / keep a copy of master/ in a safe place, outside the backup"
        )
    say(f"Espace de travail prêt / workspace ready: {place.home}")
