"""``edi evidence``: one file that proves to others what became of an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.evidence import gather
from pipeline.app.operate.declare import find_invoice
from pipeline.entry.cli.output import Subject, say, whole_file
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.ports.ledger import Ledger, Query


def evidence(
    subject: Subject,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Fichier à créer / file to make.")
    ] = None,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole",
            help="Aussi les fichiers qui parlent d'autres factures / files with others, too.",
        ),
    ] = False,
) -> None:
    """Dossier de preuve d'une facture, par numéro ou identifiant / evidence of one invoice.

    Un zip : l'original, ce qui fut jugé, remis, répondu et dit, et la preuve que rien n'en fut
    changé, à vérifier hors ligne par « edi verify FICHIER ».
    """
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        document = _find(hub.ledger, subject)
        made = gather(hub, hub.ledger.sheets(), document, whole=whole)
    output = output or Path(f"preuve-{document.id}.zip")
    with whole_file(output) as file:
        file.write(made)
    say(f"+ {output}")


def _find(ledger: Ledger, subject: str) -> Document:
    """Return a document by its id, or that of a number: taken, or else refused.

    Raises:
        ConfigError: There is none, or several: their ids are named.
    """
    if found := ledger.document(subject):
        return found
    numbered = [
        one
        for one in ledger.documents(Query(text=subject, limit=None))
        if one.header.number == subject
    ]
    if not numbered or ledger.lives([one.id for one in numbered]):
        return find_invoice(ledger, subject)
    if len(numbered) > 1:
        ids = ", ".join(one.id for one in numbered)
        raise ConfigError(f"{subject}: plusieurs documents, nommez l'identifiant / several: {ids}")
    return numbered[0]
