"""``edi guide``: the implementation guide of one partner, with files to try."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.guide import guide_for
from pipeline.app.guide_page import guide_page
from pipeline.app.hub import sheet_of
from pipeline.entry.cli.output import say, typed
from pipeline.model.errors import ConfigError


def guide(
    sheet: Annotated[str, typer.Argument(parser=typed, metavar="SHEET")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Dossier à créer / folder to make.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Page HTML seule / HTML only.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="PDF seul / PDF only.")] = False,
) -> None:
    """Écrire le guide de raccordement d'un partenaire / write a partner's guide.

    Un dossier avec guide.html, guide.pdf et samples/ : ce qui est convenu, les noms, les
    limites, les horaires, les erreurs, et des fichiers à essayer.
    """
    place = bootstrap.workspace()
    folder = output or Path(f"guide-{sheet}")
    if folder.exists():
        raise ConfigError(f"{folder} : existe déjà, donnez -o / is there already, give -o")
    with bootstrap.open_hub(place, by=bootstrap.operator()) as hub:
        found = sheet_of(hub.ledger.sheets(), sheet)
        made = guide_for(found, hub.interfaces, hub.settings.hub_code, _sample)
        page = guide_page(made, hub.clock.now())
    (folder / "samples").mkdir(parents=True)
    if html or not pdf:
        _write(folder / "guide.html", page)
    if pdf or not html:
        printer = bootstrap.printer(bootstrap.settings(place))
        _write(folder / "guide.pdf", printer.print(page.decode()))
    for one in made.samples:
        _write(folder / "samples" / one.name, one.payload)


def _sample(name: str) -> bytes:
    return (bootstrap.samples() / "invoices" / name).read_bytes()


def _write(path: Path, payload: bytes) -> None:
    path.write_bytes(payload)
    say(f"+ {path}")
