"""``edi release|reject|redeliver``: an operator's hands, on one id."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app import operate as verbs
from pipeline.entry.cli.output import AsJson, Subject, say, say_json, say_table
from pipeline.entry.cli.read import document_row


def release(subject: Subject, as_json: AsJson = False) -> None:
    """Rejuger ce qui est suspendu et laisser partir ce qui passe / let held things go."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        _tell(verbs.release(hub, hub.ledger.sheets(), subject), as_json=as_json)


def reject(
    subject: Subject,
    reason: Annotated[
        str, typer.Option(help="Motif, repris dans la réponse / told to the sender")
    ],
    as_json: AsJson = False,
) -> None:
    """Refuser ce qui est suspendu / refuse what is held."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        _tell(verbs.reject(hub, hub.ledger.sheets(), subject, reason), as_json=as_json)


def redeliver(subject: Subject, as_json: AsJson = False) -> None:
    """Remettre ce qui fut abandonné / deliver abandoned documents again."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        _tell(verbs.redeliver(hub, hub.ledger.sheets(), subject), as_json=as_json)


def _tell(acted: verbs.Acted, *, as_json: bool) -> None:
    rows = [document_row(one) for one in acted.documents]
    if as_json:
        say_json({"subject": acted.subject, "documents": rows})
    elif rows:
        say_table(acted.subject, tuple(rows[0]), (tuple(row.values()) for row in rows))
    else:
        say(f"{acted.subject}: fait / done")
