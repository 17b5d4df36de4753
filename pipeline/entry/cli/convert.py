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
from pipeline.entry.cli.output import AsJson, complain, say_json, typed
from pipeline.model.carriage import Recipe
from pipeline.model.conversion import Form, Lost
from pipeline.model.errors import ConfigError
from pipeline.model.facturx import FacturxProfile
from pipeline.model.finding import Outcome, Severity
from pipeline.validate.render import report_object

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
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
    """Convertir une facture et contrôler le résultat / convert an invoice, judge the result.

    Codes de sortie / exit codes: 0 résultat valide, 1 invalide, 2 indéterminé ou illisible.
    Sans -o ni --json, le document va sur la sortie standard / goes to standard output.
    """
    if profile is not None and to is not Target.FACTURX:
        raise ConfigError("--profile : avec --to factur-x seulement / only with --to factur-x")
    if output is not None and os.path.lexists(output):
        raise ConfigError(f"{output}: existe déjà / exists already")
    form = Form(to.value)
    wanted = (profile or FacturxProfile.EN16931).value if form is Form.FACTURX else ""
    recipe = Recipe(form=form, facturx_profile=wanted, readable=form is Form.PIVOT)
    place = bootstrap.workspace()
    settings = bootstrap.settings(place)
    with bootstrap.checking(workers=1) as (engine, spool):
        told = rewrite(
            _read(source),
            typed(Path(source).name),
            recipe,
            bootstrap.converter(engine, settings),
            spool,
            bootstrap.profiles(place)["auto"],
            hub_code=settings.hub_code,
            at=bootstrap.now(),
        )
    if output is not None and told.payload is not None:
        _write_whole(output, told.payload)
    if as_json:
        say_json(_object(source, to, output, told))
    else:
        _explain(told)
        if output is None and told.payload is not None:
            sys.stdout.buffer.write(told.payload)
            sys.stdout.flush()
    raise typer.Exit(_code(told))


def _code(told: Rewritten) -> int:
    return 2 if told.judged is None else _CODES.get(told.judged.report.outcome, 2)


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


def _write_whole(output: Path, payload: bytes) -> None:
    """Make a file whole or not at all, never over another one."""
    part = output.with_name(f".{output.name}.part")
    try:
        with os.fdopen(os.open(part, _NEW, 0o644), "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        part.rename(output)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _object(source: str, to: Target, output: Path | None, told: Rewritten) -> Mapping[str, Any]:
    name = typed(source)
    judged = told.judged
    return {
        "path": name,
        "to": to.value,
        "output": str(output) if output is not None and told.payload is not None else None,
        "bytes": None if told.payload is None else len(told.payload),
        "outcome": judged.report.outcome.value if judged else "unclear",
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
    if told.judged is None:
        return
    report = told.judged.report
    for finding in report.findings:
        if finding.severity is Severity.FATAL:
            complain(f"{finding.rule}: {finding.message['fr']} / {finding.message['en']}")
    complain(f"résultat / result: {report.outcome.value}")
