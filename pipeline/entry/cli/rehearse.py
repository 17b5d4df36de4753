"""``edi connections rehearse``: what a change would do to the traffic that is archived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.rehearse import Differing, Rehearsal, Summed
from pipeline.app.rehearse import rehearse as run
from pipeline.entry.cli.output import AsJson, say, say_json, say_table
from pipeline.model.decision import Verdict

#: Exit code where a document that goes through would be stopped.
STOPPED = 1
#: Documents that are told by a line each.
LISTED = 50
_WORDS = {
    Verdict.ACCEPT: "accepté / accepted",
    Verdict.REJECT: "refusé / refused",
    Verdict.DUPLICATE: "doublon / duplicate",
    Verdict.HOLD: "suspendu / held",
    None: "—",
}


def rehearse(
    subject: Annotated[
        str,
        typer.Argument(
            help="Fiche, profil ou fichier de règles / sheet, profile or file of rules.",
            metavar="SHEET|PROFILE|PACK",
        ),
    ],
    last: Annotated[
        int, typer.Option(help="Combien de documents / how many documents.", min=1)
    ] = 100,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Dossier de configuration à lire / folder of configuration to read.",
            exists=True,
            file_okay=False,
            metavar="DIR",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Essayer un changement sur le trafic archivé, sans effet / try a change, without effect."""
    place = bootstrap.workspace()
    with (
        bootstrap.open_hub(place, by=bootstrap.operator()) as hub,
        bootstrap.proposed_change(place, hub, subject, config) as change,
    ):
        done = run(change, last)
    if as_json:
        say_json({"kind": change.kind.value, "name": change.name, **_object(done)})
    else:
        _say(f"{change.kind.value} {change.name}", done)
    if done.worse:
        raise typer.Exit(STOPPED)


def _object(done: Rehearsal) -> dict[str, object]:
    return {
        "flows": done.flows,
        "documents": done.documents,
        "anyway": done.anyway,
        "summed": [
            {
                "partner": one.partner,
                "before": _value(one.before),
                "after": _value(one.after),
                "rule": one.rule,
                "documents": one.documents,
                "amounts": {name: str(total) for name, total in one.amounts.items()},
            }
            for one in done.summed
        ],
        "differing": [_row(one) for one in done.differing],
        "left_out": [{"flow": flow.id, "why": why} for flow, why in done.left_out],
    }


def _row(one: Differing) -> dict[str, object]:
    header = one.document.header
    return {
        "partner": one.flow.partner,
        "flow": one.flow.name,
        "document": one.document.id,
        "number": header.number,
        "receiver": one.document.route,
        "amount": header.total_with_vat,
        "currency": header.currency,
        "before": _value(one.before),
        "after": _value(one.after),
        "codes": list(one.codes),
        "rules": list(one.rules),
        "why": one.why,
    }


def _value(verdict: Verdict | None) -> str | None:
    return verdict.value if verdict else None


def _say(title: str, done: Rehearsal) -> None:
    say(
        f"{title}: {done.documents} document(s), {done.flows} flux / flow(s) rejugé(s) / judged"
        f" again; {len(done.differing)} changerai(en)t de sort / would go another way"
    )
    if done.differing:
        _say_summed(done.summed)
        _say_each(done.differing)
    if done.anyway:
        say(
            f"{done.anyway} autre(s) changerai(en)t déjà de sort sans ce changement"
            " / others would go another way without it too (edi replay)"
        )
    for flow, why in done.left_out:
        say(f"non rejugé / not judged again: {flow.id} {flow.name}: {why}")


def _say_summed(summed: Iterable[Summed]) -> None:
    say_table(
        "Par partenaire et règle / by partner and rule",
        ("partenaire / partner", "avant / before", "après / after", "règle / rule", "n", "TTC"),
        (
            (
                one.partner,
                _WORDS[one.before],
                _WORDS[one.after],
                one.rule,
                one.documents,
                ", ".join(f"{total} {name}" for name, total in one.amounts.items()),
            )
            for one in summed
        ),
    )


def _say_each(differing: Sequence[Differing]) -> None:
    rows = [_row(one) for one in differing[:LISTED]]
    columns = ("partner", "flow", "number", "receiver", "amount", "before", "after")
    say_table(
        "",
        (*columns, "why"),
        (
            (*(row[name] for name in columns), one.why or ", ".join(one.against))
            for row, one in zip(rows, differing, strict=False)
        ),
    )
    if len(differing) > LISTED:
        say(f"… +{len(differing) - LISTED} (--json)")
