"""``edi convert``: one invoice of one's own in another form."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import bootstrap
from pipeline.app.convert_file import Rewritten, rewrite
from pipeline.entry.cli.output import AsJson, complain, say_json, typed, whole_file
from pipeline.model.carriage import Recipe
from pipeline.model.conversion import Form, Lost
from pipeline.model.errors import ConfigError
from pipeline.model.facturx import FacturxProfile
from pipeline.model.finding import Outcome, Severity
from pipeline.model.report import Judged
from pipeline.validate.render import report_object

_CODES = {Outcome.VALID: 0, Outcome.INVALID: 1}
#: Things that are named on a screen; JSON holds them all.
_SHOWN = 20


class Target(Enum):
    """What can be asked for."""

    UBL = Form.UBL.value
    CII = Form.CII.value
    FACTURX = Form.FACTURX.value
    PIVOT = Form.PIVOT.value


def convert(
    source: Annotated[str, typer.Argument(help="Facture, ou « - » / invoice, or '-'.")],
    to: Annotated[Target, typer.Option(help="ubl | cii | factur-x | pivot")],
    profile: Annotated[
        FacturxProfile | None, typer.Option(help="Profil Factur-X / profile of the Factur-X.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Fichier à créer / file to make.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Convertir une facture et contrôler les deux / convert an invoice, judge both files.

    Codes de sortie / exit codes: 0 origine et résultat valides / source and result are valid,
    1 l'un d'eux invalide / one is not, 2 indéterminé ou illisible / unclear or unreadable.
    Sans -o ni --json, le document va sur la sortie standard / goes to standard output.
    """
    if profile is not None and to is not Target.FACTURX:
        raise ConfigError("--profile : avec --to factur-x seulement / only with --to factur-x")
    if output is not None and os.path.lexists(output):
        raise ConfigError(f"{output}: existe déjà / exists already")
    form = Form(to.value)
    wanted = (profile or FacturxProfile.EN16931).value if form is Form.FACTURX else ""
    recipe = Recipe(form=form, facturx_profile=wanted, readable=form is Form.PIVOT)
    place, data = bootstrap.workspace(), _read(source)
    settings = bootstrap.settings(place)
    with bootstrap.checking(workers=1) as (engine, spool):
        told = rewrite(
            data,
            typed(Path(source).name),
            recipe,
            bootstrap.converter(engine, settings),
            spool,
            bootstrap.profiles(place)["auto"],
            hub_code=settings.hub_code,
            at=bootstrap.now(),
        )
    as_received = told.payload == data
    if profile is not None and as_received:
        raise ConfigError(
            "--profile : déjà un Factur-X, repris tel que reçu"
            " / a Factur-X already, carried as received"
        )
    if output is not None and told.payload is not None:
        with whole_file(output) as file:
            file.write(told.payload)
    if as_json:
        say_json(_object(source, to, output, told))
    else:
        if as_received:
            complain("déjà dans cette forme, tel que reçu / as received: in this form already")
        _explain(told)
        if output is None and told.payload is not None:
            sys.stdout.buffer.write(told.payload)
            sys.stdout.flush()
    raise typer.Exit(_code(told))


def _code(told: Rewritten) -> int:
    return _CODES.get(told.outcome, 2)


def _read(source: str) -> bytes:
    """Read a file, or standard input.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    if source == "-":
        return sys.stdin.buffer.read()
    path = Path(source)
    if not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(f"{typed(source)}: pas un fichier ordinaire / not a regular file")
    return path.read_bytes()


def _object(source: str, to: Target, output: Path | None, told: Rewritten) -> Mapping[str, Any]:
    name = typed(source)
    judged = told.judged
    return {
        "path": name,
        "to": to.value,
        "output": str(output) if output is not None and told.payload is not None else None,
        "bytes": None if told.payload is None else len(told.payload),
        "outcome": told.outcome.value,
        "why": told.why,
        "lost": [_lost(one) for one in told.lost],
        "source": report_object(name, None, told.source),
        "result": report_object(name, None, judged) if judged else None,
    }


def _lost(one: Lost) -> Mapping[str, Any]:
    return {
        "term": one.term,
        "place": one.place,
        "line": one.line,
        "value": one.value,
        "why": dict(one.why),
    }


def _explain(told: Rewritten) -> None:
    """Say on standard error what was lost and what the rules say: the document may be piped."""
    if told.why:
        complain(told.why)
    for one in told.lost[:_SHOWN]:
        why = one.why
        complain(
            f"perdu / lost: {one.term or one.place} « {one.value} »: {why['fr']} / {why['en']}"
        )
    if len(told.lost) > _SHOWN:
        complain(f"… et {len(told.lost) - _SHOWN} autres, avec --json / and more")
    for said in {**_fatal(told.source), **_fatal(told.judged)}:
        complain(said)
    complain(f"origine / source: {told.source.report.outcome.value}")
    if told.judged is not None:
        complain(f"résultat / result: {told.judged.report.outcome.value}")


def _fatal(judged: Judged | None) -> dict[str, None]:
    """Return what blocks a file, each once: a conversion finds most of it in both files."""
    findings = judged.report.findings if judged else ()
    said = (
        f"{one.rule}: {one.message['fr']} / {one.message['en']}"
        for one in findings
        if one.severity is Severity.FATAL
    )
    return dict.fromkeys(said)
