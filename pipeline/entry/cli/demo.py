"""``edi demo``: the whole job on a small world of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline import bootstrap
from pipeline.app.run import Progress
from pipeline.app.views import Became, Conservation
from pipeline.entry import scenario_b2b, showcase, two_months
from pipeline.entry.cli.output import AsJson, say, say_json, say_table
from pipeline.entry.scenario import Scenario, Step
from pipeline.model.controls import found
from pipeline.model.decision import Reason
from pipeline.model.errors import ConfigError


def demo(
    files: Annotated[
        Path | None,
        typer.Option(
            help="Dossier : un sous-dossier par fournisseur / one folder a supplier.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    scenario: Annotated[
        Scenario | None,
        typer.Option(help="Une histoire pas à pas / a story, step by step."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Montrer tout le travail : dépôt, contrôle, remise, réponses / show the whole job."""
    if scenario is not None and files is not None:
        raise ConfigError("--files, --scenario: l'un ou l'autre / one or the other")
    home = bootstrap.workspace().home / "demo"
    bootstrap.shelf(bootstrap.workspace()).install()
    if scenario is None:
        _show(home, files or bootstrap.samples() / "demo", as_json=as_json)
    else:
        _play(home, scenario, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show how far the jobs are."""
    with Console(stderr=True).status("…") as status:
        done = 0

        def progress(what: str, count: int) -> None:
            nonlocal done
            done += count
            status.update(f"{what}: {done}")

        yield progress


def _play(home: Path, scenario: Scenario, *, as_json: bool) -> None:
    if scenario is Scenario.LIFE_CYCLE:
        whole = _play_two_months(home, as_json=as_json)
    else:
        whole = _play_steps(home, scenario, as_json=as_json)
    if not whole:
        raise typer.Exit(1)


def _play_two_months(home: Path, *, as_json: bool) -> bool:
    with _progress() as progress:
        lived = two_months.tell(home, progress)
    if as_json:
        say_json(two_months.as_object(lived))
    else:
        for line in two_months.in_words(lived):
            say(line)
        say(f"Tout est sous / everything is under {home}: EDI_HOME={home} edi life PAP-01")
    return lived.whole


def _play_steps(home: Path, scenario: Scenario, *, as_json: bool) -> bool:
    with _progress() as progress:
        told = scenario_b2b.tell(home, progress)
    steps = [
        {
            "name": step.name,
            "says": dict(zip(("fr", "en"), step.says, strict=True)),
            "expected": step.expected,
            "seen": step.seen,
            "ok": step.ok,
        }
        for step in told.steps
    ]
    if as_json:
        say_json({"scenario": scenario.value, "steps": steps, "consistent": told.consistent})
    else:
        for number, step in enumerate(told.steps, 1):
            _say_step(number, step)
        word = "tout concorde / all agrees" if told.consistent else "≠ : voir / see edi reconcile"
        say(f"Grand livre et dossiers / ledger and folders: {word}")
        say(f"Tout est sous / everything is under {home}: EDI_HOME={home} edi connections list")
    return told.whole


def _say_step(number: int, step: Step) -> None:
    say(f"{'✓' if step.ok else '✗'} {number}. {' / '.join(step.says)}")
    for key, seen in step.seen.items():
        wanted = (
            "" if seen == step.expected[key] else f" — attendu / expected: {step.expected[key]}"
        )
        say(f"     {key}: {seen}{wanted}")


def _show(home: Path, files: Path, *, as_json: bool) -> None:
    with _progress() as progress:
        shown = showcase.show(home, files, progress)
    if as_json:
        say_json(_as_object(shown))
    else:
        _tell(shown, home)
    if not (shown.whole and shown.documents.holds and shown.interchanges.holds):
        raise typer.Exit(1)


def _as_object(shown: showcase.Shown) -> dict[str, object]:
    lines = shown.documents
    return {
        "interchanges": [
            {
                "partner": one.interchange.partner,
                "name": one.interchange.name,
                "outcome": one.outcome.value,
                "reason": one.reasons[0] if one.reasons else None,
                "acknowledgement": one.acknowledgement,
            }
            for one in shown.files
        ],
        "documents": {key: value for key, value in asdict(lines).items() if key != "waiting"},
        "delivered": sum(shown.delivered.values()),
        "recipients": {
            name: {"form": form.value, "delivered": shown.delivered[name]}
            for name, form in shown.forms.items()
        },
        "acknowledged": len(shown.read_back),
        "notices": list(shown.notices),
    }


def _tell(shown: showcase.Shown, home: Path) -> None:
    say_table(
        "Ce que chaque fichier est devenu / what became of each file",
        (
            "partenaire\npartner",
            "fichier\nfile",
            "issue\noutcome",
            "documents",
            "réponse\nanswer",
            "motif\nreason",
        ),
        (
            (
                one.interchange.partner,
                one.interchange.name,
                one.outcome.value,
                _counts(one),
                _answer(one),
                _why(one),
            )
            for one in shown.files
        ),
    )
    say(_line("Flux / interchanges", shown.interchanges))
    say(_line("Documents", shown.documents))
    say(
        f"{sum(shown.delivered.values())} documents remis et trouvés chez les destinataires"
        f" / delivered and found; {len(shown.read_back)} flux sur / of {len(shown.files)}"
        " répondus et relus / answered and read back."
    )
    found = (
        f"{name} {shown.delivered[name]} ({form.value})" for name, form in shown.forms.items()
    )
    say(f"Par destinataire et format / by recipient and form: {', '.join(found)}")
    if shown.notices:
        say(f"Avis relus / notices read back: {', '.join(shown.notices)}")
    say(f"Tout est sous / everything is under {home}: EDI_HOME={home} edi interchanges")


def _counts(one: Became) -> str:
    steps: dict[str, int] = {}
    for document in one.documents:
        steps[document.step.value] = steps.get(document.step.value, 0) + 1
    return ", ".join(f"{count} {step}" for step, count in sorted(steps.items()))


def _answer(one: Became) -> str:
    """Return what the answer's first file is: an interface code, or a suffix."""
    name = one.acknowledgement or ""
    return name.rpartition(".")[2] if "." in name else name.partition("_")[0]


def _why(one: Became) -> str:
    """Tell the first reason: of the file that is to blame, not of those lost with it."""
    if not one.reasons:
        return ""
    code = one.reasons[0]
    reasons = [reason for document in one.documents for reason in document.reasons]
    detail = Reason(code=code, place="", message={"fr": one.interchange.detail})
    told = next((reason for reason in reasons if reason.code == code), detail)
    return f"{code} — {found(told)['fr']}"


def _line(what: str, line: Conservation) -> str:
    sign = "=" if line.holds else "≠"
    return (
        f"{what}: reçus / received {line.received} {sign} acceptés / accepted {line.accepted}"
        f" + refusés / rejected {line.rejected} + doublons / duplicate {line.duplicate}"
        f" + suspendus / held {line.held}" + (f" + {line.waiting}" if line.waiting else "")
    )
