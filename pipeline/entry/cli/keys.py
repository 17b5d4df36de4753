"""``edi keys``: the keys that originals are encrypted with."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.original import needed
from pipeline.entry.cli.output import AsJson, complain, say, say_json

keys = typer.Typer(help="Clés de l'archive chiffrée / keys of the encrypted archive.")


@keys.command("check")
def check(as_json: AsJson = False) -> None:
    """Ouvrir la clé de chaque original ; code 1 s'il en manque / exit 1 if one is lost."""
    found = bootstrap.custody(bootstrap.workspace()).check()
    if as_json:
        say_json(asdict(found))
    else:
        say(f"clé maîtresse / master key {found.master}")
        say(f"{found.opened} original(aux) dont la clé ouvre / originals whose key opens")
        if found.plain:
            say(f"{found.plain} en clair : « edi keys rotate » les chiffre / not encrypted yet")
        if found.spare:
            say(f"{found.spare} clé(s) sans original / key(s) that no original needs")
        if found.older:
            say(
                f"{found.older} clé(s) sous une autre clé maîtresse : « edi keys rotate », et"
                " gardez previous_master_key / under another master key: rotate, and keep it"
            )
        elif found.previous:
            say("previous_master_key n'ouvre plus rien, à retirer / not needed: take it out")
        for digest, why in found.lost:
            complain(f"original {digest}: {why}")
    if found.lost:
        raise typer.Exit(1)


@keys.command("new")
def new(
    name: Annotated[
        str, typer.Argument(metavar="FICHIER", help="Depuis EDI_HOME / from EDI_HOME on.")
    ],
) -> None:
    """Créer un fichier de clé maîtresse, pas encore en vigueur / make a master key file."""
    say(f"+ {bootstrap.new_master_key(bootstrap.workspace(), name)}")


@keys.command("rotate")
def rotate(as_json: AsJson = False) -> None:
    """Mettre chaque clé sous la clé maîtresse ; code 1 si des originaux manquent / wrap anew."""
    place = bootstrap.workspace()
    custody = bootstrap.custody(place)
    with bootstrap.reading(place) as ledger:
        done = custody.rotate(partial(needed, ledger))
    if as_json:
        say_json(asdict(done))
    else:
        say(f"clé maîtresse / master key {done.master}")
        say(
            f"{done.rewrapped} clé(s) mises sous elle / now under it, {done.already} déjà / before"
        )
        if done.sealed:
            say(f"{done.sealed} original(aux) chiffré(s) / encrypted now")
        if done.dropped:
            say(f"{done.dropped} clé(s) sans original détruites / unneeded keys destroyed")
        for digest in done.missing:
            complain(f"original {digest}: absent ou illisible / missing or unreadable")
    if done.missing:
        complain(
            f"{done.spared} clé(s) gardée(s) : remettez d'abord ces originaux, ou effacez leurs"
            " flux / keys left: put these originals back first, or erase their flows"
        )
        raise typer.Exit(1)
