"""``edi correct``: a returned invoice put right in its supplier's name, or a reject seen to."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.corrected import Corrected
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order
from pipeline.app.operate.correct import put_right
from pipeline.app.operate.declare import see_to_reject
from pipeline.entry.cli.output import AsJson, Subject, prose, say, say_json, say_table
from pipeline.model.comeback import Change
from pipeline.model.errors import ConfigError
from pipeline.model.labels import LABELS
from pipeline.model.life import STATUS_WORDS, Attached
from pipeline.model.path_trouble import path_told
from pipeline.syntax.correcting import Correction


def correct(  # noqa: PLR0913, PLR0917  one parameter an option
    subject: Subject,
    siret: Annotated[
        str | None, typer.Option(help="SIRET du bon destinataire / of the right recipient.")
    ] = None,
    service: Annotated[str | None, typer.Option(help="Code service / service code.")] = None,
    engagement: Annotated[
        str | None, typer.Option(help="Numéro d'engagement / order number (BT-13).")
    ] = None,
    attach: Annotated[
        list[Path] | None,
        typer.Option(help="Pièce à joindre / paper to attach; several."),
    ] = None,
    reject_processed: Annotated[
        bool, typer.Option("--reject-processed", help="Rejet traité / the reject is seen to.")
    ] = False,
    by: Annotated[
        str, typer.Option("--by", help="Facture qui la remplace / invoice that follows it.")
    ] = "",
    reason: Annotated[
        str, typer.Option(help="Motif, écrit au registre / why, on record.", parser=prose)
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer seulement / only show.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Corriger une facture retournée pour son fournisseur / put a returned invoice right."""
    papers = tuple(_paper(path) for path in attach or ())
    wanted = Correction(siret=siret, service=service, engagement=engagement, papers=papers)
    changes = wanted != Correction()
    if changes == reject_processed or (by and not reject_processed):
        raise ConfigError(
            "dites soit ce qui est corrigé (--siret, --service, --engagement, --attach), soit"
            " --reject-processed [--by NUMÉRO] / say either what is put right, or"
            " --reject-processed [--by NUMBER]"
        )
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        order = Order(reason)
        if reject_processed:
            _see_to(hub, subject, by, order, dry=dry_run, as_json=as_json)
            return
        made, new = put_right(hub, hub.ledger.sheets(), subject, wanted, order, dry=dry_run)
    _tell(made, new=new, dry=dry_run, as_json=as_json)


def _see_to(hub: Hub, subject: str, by: str, order: Order, *, dry: bool, as_json: bool) -> None:
    line = see_to_reject(hub, hub.ledger.sheets(), subject, by, order, dry=dry)
    if as_json:
        say_json({"document": line.document, "done": not dry, "comment": line.comment})
        return
    would = "serait / would be: " if dry else ""
    say(f"{line.document}: {would}{' / '.join(STATUS_WORDS[line.after])}: {line.comment}")


def _paper(path: Path) -> Attached:
    mime = mimetypes.guess_type(path.name)[0]
    if mime is None:
        raise ConfigError(
            f"{path.name}: type de fichier inconnu, extension attendue (.pdf, .csv, .png…)"
            " / unknown type of file, an extension is expected"
        )
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: illisible / cannot be read: {path_told(error)}") from error
    return Attached(name=path.name, mime=mime, payload=payload)


def _tell(done: Corrected, *, new: bool, dry: bool, as_json: bool) -> None:
    """Show the differences, and which flow carries them."""
    rows = [_row(one) for one in done.changes.changed]
    added = [one.name for one in done.changes.added]
    if as_json:
        say_json(
            {
                "document": done.invoice.id,
                "flow": done.flow.id,
                "name": done.flow.name,
                "done": new,
                "changed": rows,
                "added": added,
            }
        )
        return
    if rows:
        say_table(
            "Différences / differences", tuple(rows[0]), [tuple(one.values()) for one in rows]
        )
    for name in added:
        say(f"pièce ajoutée / attachment added: {name}")
    if dry:
        say(f"serait déposée / would be deposited: {done.flow.name}")
        return
    known = "déposée / deposited" if new else "déposée déjà / deposited already"
    say(f"{known}: {done.flow.name} {done.flow.id} ; edi run --once")


def _row(one: Change) -> dict[str, object]:
    label = LABELS.get(one.term.removesuffix("-SERVICE"))
    return {
        "term": one.term,
        "name": f"{label.fr} / {label.en}" if label else "",
        "place": one.place,
        "before": one.expected,
        "after": one.found,
    }
