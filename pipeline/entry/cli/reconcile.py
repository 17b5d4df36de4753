"""``edi reconcile``: hold the record against the world."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.caretaker import report
from pipeline.app.reconcile import Reconciled, look_for_differences, put_right
from pipeline.entry.cli.output import AsJson, complain, say, say_json, say_table
from pipeline.model.errors import ConfigError


def reconcile(
    fix: Annotated[
        bool, typer.Option("--fix", help="Rétablir ce qui peut l'être / put right what can be.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rapprocher registre, archives et dossiers des partenaires / hold them against each other.

    Code de sortie / exit code 1 : il reste des écarts / differences are left.
    """
    place = bootstrap.workspace()
    with (
        ExitStack() as stack,
        bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub,
    ):
        alone = fix and _is_ours(stack, place)
        sheets = hub.ledger.sheets()
        found = look_for_differences(hub, sheets, everywhere=True, read_back=True)
        if fix:
            found = put_right(hub, sheets, found, alone=alone)
        report(hub, found, everywhere=True)
    if as_json:
        say_json(_plain(found))
    else:
        _tell(found)
    if found.left:
        raise typer.Exit(1)


def _is_ours(stack: ExitStack, place: bootstrap.Workspace) -> bool:
    """Take the right to lead, if nobody has it, until the stack ends."""
    try:
        stack.enter_context(bootstrap.alone(place))
    except ConfigError:
        return False
    return True


def _tell(found: Reconciled) -> None:
    for name, error in found.unreachable.items():
        complain(f"{name}: dossiers non examinés / folders not looked at: {error}")
    if not found.differences:
        say("Aucun écart / no difference")
        return
    done = found.done or ("",) * len(found.differences)
    rows = [
        (one.kind.value, one.subject, one.connection, f"{one.fr} / {one.en}", told)
        for one, told in zip(found.differences, done, strict=True)
    ]
    heads = ("sorte / kind", "sujet / subject", "connexion / connection", "écart / difference")
    say_table("", (*heads, "fait / done"), rows)
    counts = Counter(one.kind.value for one in found.differences)
    say(", ".join(f"{kind} {count}" for kind, count in counts.items()))
    if found.left:
        say(f"{found.left} écart(s) restant(s) / difference(s) left")


def _plain(found: Reconciled) -> dict[str, object]:
    done = found.done or ("",) * len(found.differences)
    return {
        "left": found.left,
        "unreachable": dict(found.unreachable),
        "differences": [
            {**asdict(one), "kind": one.kind.value, "done": told}
            for one, told in zip(found.differences, done, strict=True)
        ],
    }
