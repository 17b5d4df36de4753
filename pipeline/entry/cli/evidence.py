"""``edi evidence``: one file that proves to others what became of an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.evidence import gather
from pipeline.app.operate.declare import find_invoice
from pipeline.entry.cli.output import Subject, say, whole_file


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
        document = hub.ledger.document(subject) or find_invoice(hub.ledger, subject)
        made = gather(hub, hub.ledger.sheets(), document, whole=whole)
    output = output or Path(f"preuve-{document.id}.zip")
    with whole_file(output) as file:
        file.write(made)
    say(f"+ {output}")
