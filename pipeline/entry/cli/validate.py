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
from pipeline.app.check import Source, check
from pipeline.entry.cli.output import complain, say_json, shown, typed
from pipeline.model.errors import ConfigError
from pipeline.model.finding import Layer, Outcome, Severity
from pipeline.model.registration import Registration
from pipeline.validate.render import Judgement, report_object, report_page

_NOT_ASKED = {
    "fr": "annuaire non consulté : --no-directory ou --layers",
    "en": "directory not asked: --no-directory or --layers",
}


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
    directory: Annotated[
        Path | None,
        typer.Option(
            help="Annuaire : un dossier comme config/directory ; par défaut celui de l'espace de"
            " travail / a folder like config/directory; by default the workspace's."
        ),
    ] = None,
    ask_directory: Annotated[
        bool | None,
        typer.Option(
            "--with-directory/--no-directory",
            help="Ce que dit l'annuaire compte aussi, ou n'est pas demandé / what the directory"
            " says counts too, or is not asked; by default it is shown beside.",
        ),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="text | json | html")] = Format.TEXT,
) -> None:
    """Contrôler des factures / judge invoices: XSD, EN 16931, profile, directory, agreement.

    Codes de sortie / exit codes: 0 valide, 1 invalide, 2 indéterminé ou illisible.
    """
    place = bootstrap.workspace()
    known = bootstrap.profiles(place)
    if profile not in known:
        raise ConfigError(f"profil inconnu / unknown profile: {profile} ({', '.join(known)})")
    _check_named(paths)
    agreed = known[profile].at(bootstrap.now())
    why_not = None if ask_directory is not False and layers is None else _NOT_ASKED
    counts = bool(ask_directory or directory)
    wanted = _layers(layers)
    code = 0
    judged: list[Judgement] = []
    with (
        bootstrap.register(place, agreed, directory, why_not) as register,
        bootstrap.checking(workers=jobs) as (engine, spool),
    ):
        receivers = register.agreed.receivers(register.sheets) if register.sheets else ()
        for checked in check(_sources(paths), engine, spool, agreed, wanted, receivers):
            found = register.look_up(checked.document, checked.judged)
            one = Judgement(checked.path, checked.document, checked.judged, found, counts)
            code = max(code, _code(one.outcome))
            if output is Format.JSON:
                say_json(report_object(*one[:4], counts=counts))
                sys.stdout.flush()
            elif output is Format.HTML:
                judged.append(one)
            else:
                _print(one)
    if output is Format.HTML:
        sys.stdout.buffer.write(report_page(judged, agreed.version))
        sys.stdout.flush()
    raise typer.Exit(code)


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


def _print(one: Judgement) -> None:
    report = one.judged.report
    console = Console(soft_wrap=True, highlight=False)
    mark = {
        Outcome.VALID: ("✓ valide / valid", "green"),
        Outcome.INVALID: ("✗ invalide / invalid", "red"),
    }.get(one.outcome, ("? indéterminé / unclear", "yellow"))
    inside = "" if one.document == one.path else f" : {one.document}"
    console.print(shown(f"{one.path}{inside}  "), shown(*mark), sep="")
    layers = "  ".join(f"{r.layer.value}={r.outcome.value}" for r in report.layers)
    if one.registration is not None:
        layers += f"  registration={one.registration.outcome.value}"
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
    if one.registration is not None:
        _print_registration(console, one.registration)
    if report.trouble is not None:
        complain(f"    {report.trouble.value} {report.trouble_detail}")


def _print_registration(console: Console, registration: Registration) -> None:
    """Print what the directory and the receiver say, the agreement, or why nobody asked."""
    for why in registration.reasons:
        console.print(
            shown(f"    {why.code}", style="red"),
            shown(f" {why.place} : {why.message['fr']}"),
            sep="",
        )
    if registration.agreement is not None:
        console.print(shown(f"    accord / agreement: {registration.agreement}", style="dim"))
    if registration.skipped:
        said = " / ".join(registration.skipped[key] for key in ("fr", "en"))
        console.print(shown(f"    registration: {said}", style="dim"))
