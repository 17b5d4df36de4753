"""``edi validate``: judge files of one's own."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Iterator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console

from pipeline import bootstrap
from pipeline.app.check import Checked, Source, check
from pipeline.entry.cli.output import complain, say_json, shown, typed
from pipeline.model.errors import ConfigError
from pipeline.model.finding import Layer, Outcome, Severity
from pipeline.validate.render import Judgement, report_object, report_page


class Format(Enum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def validate(
    paths: Annotated[
        list[str], typer.Argument(help="Fichiers, dossiers ou « - » / files, folders or '-'.")
    ],
    profile: Annotated[str, typer.Option(help="Profil / profile.")] = "auto",
    layers: Annotated[
        str | None, typer.Option(help="Couches, séparées par des virgules / layers, by commas.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(help="Processus / worker processes; 0: all cores.", min=0, max=64)
    ] = 0,
    output: Annotated[Format, typer.Option("--format", help="text | json | html")] = Format.TEXT,
) -> None:
    """Contrôler des factures / judge invoices: XSD, EN 16931, profile.

    Codes de sortie / exit codes: 0 valide, 1 invalide, 2 indéterminé ou illisible.
    """
    known = bootstrap.profiles(bootstrap.workspace())
    if profile not in known:
        raise ConfigError(f"profil inconnu / unknown profile: {profile} ({', '.join(known)})")
    _check_named(paths)
    agreed = known[profile].at(bootstrap.now())
    wanted = _layers(layers)
    worst = 0
    judged: list[Judgement] = []
    with bootstrap.checking(workers=jobs) as (engine, spool):
        for checked in check(_sources(paths), engine, spool, agreed, wanted):
            worst = max(worst, _code(checked.judged.report.outcome))
            if output is Format.JSON:
                say_json(report_object(checked.path, checked.document, checked.judged))
                sys.stdout.flush()
            elif output is Format.HTML:
                judged.append((checked.path, checked.document, checked.judged))
            else:
                _print(checked)
    if output is Format.HTML:
        sys.stdout.buffer.write(report_page(judged, agreed.version))
        sys.stdout.flush()
    raise typer.Exit(worst)


def _code(outcome: Outcome) -> int:
    return {Outcome.VALID: 0, Outcome.INVALID: 1}.get(outcome, 2)


def _layers(given: str | None) -> frozenset[Layer]:
    if given is None:
        return frozenset(Layer)
    try:
        return frozenset(Layer(name.strip()) for name in given.split(","))
    except ValueError:
        names = ", ".join(layer.value for layer in Layer)
        raise ConfigError(f"couches / layers: {names}; trouvé / found: {given}") from None


def _check_named(paths: list[str]) -> None:
    if "" in paths:
        raise ConfigError("chemin vide / empty path")
    if paths.count("-") > 1:
        raise ConfigError("« - » : une seule fois / '-': once only")


def _sources(paths: list[str]) -> Iterator[Source]:
    """Yield what was named; what cannot be read gets a report of its own that says so."""
    for name in paths:
        path = Path(name)
        if name == "-":
            yield Source("-", _standard_input)
        elif path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.is_file())
            yield from (Source(typed(str(each)), partial(_regular_file, each)) for each in inside)
            if not inside:
                yield Source(typed(name), _nothing_inside)
        else:
            yield Source(typed(name), partial(_regular_file, path))


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise OSError("entrée standard fermée / standard input is closed")
    return io.BytesIO(sys.stdin.buffer.read())


def _nothing_inside() -> BinaryIO:
    raise OSError("aucun fichier trouvé dans ce dossier / no file found in this folder")


def _regular_file(path: Path) -> BinaryIO:
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe waits for its writer
        raise OSError(
            "ni fichier ordinaire ni dossier ; « - » lit l'entrée standard"
            " / neither a regular file nor a folder; '-' reads standard input"
        )
    return path.open("rb")


def _print(checked: Checked) -> None:
    report = checked.judged.report
    console = Console(soft_wrap=True, highlight=False)
    mark = {
        Outcome.VALID: ("✓ valide / valid", "green"),
        Outcome.INVALID: ("✗ invalide / invalid", "red"),
    }.get(report.outcome, ("? indéterminé / unclear", "yellow"))
    inside = "" if checked.document == checked.path else f" : {checked.document}"
    console.print(shown(f"{checked.path}{inside}  "), shown(*mark), sep="")
    layers = "  ".join(f"{r.layer.value}={r.outcome.value}" for r in report.layers)
    packs = " ".join(f"{p.name}@{p.version}({p.rules})" for p in report.packs)
    console.print(shown(f"    {layers}  {packs}", style="dim"))
    for finding in report.findings:
        fatal = finding.severity is Severity.FATAL
        place = " ".join(
            part
            for part in (finding.term, f"ligne {finding.line}" if finding.line else None)
            if part
        )
        console.print(
            shown(f"    {finding.rule}", style="red" if fatal else "yellow"),
            shown(f" {place} : {finding.message['fr']}"),
            sep="",
        )
        figures = (("trouvé / found", finding.value), ("attendu / expected", finding.expected))
        told = " ; ".join(f"{label}: {value}" for label, value in figures if value)
        if told:
            console.print(shown(f"        {told}", style="dim"))
    if report.trouble is not None:
        complain(f"    {report.trouble.value} {report.trouble_detail}")
