"""``edi connections``: the sheets of partners, how they stand, and what moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pipeline import bootstrap
from pipeline.app.apply import flat
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.register import Biography, Line, Search, SheetKind, biography, register
from pipeline.app.standing import close as close_sheet
from pipeline.app.standing import note_passed
from pipeline.app.standing import promote as promote_sheet
from pipeline.app.standing import resume as resume_sheet
from pipeline.app.standing import suspend as suspend_sheet
from pipeline.app.trial import STEPS, Tried, try_sheet
from pipeline.entry.cli.directory import parse_day
from pipeline.entry.cli.output import AsJson, prose, say, say_json, say_table, typed
from pipeline.entry.cli.rehearse import rehearse
from pipeline.entry.cli.selection import spread
from pipeline.entry.cli.trial_report import report
from pipeline.model.connection import Environment
from pipeline.model.errors import ConfigError
from pipeline.model.standing import SHEET_WORDS, SheetState, Standing

connections = typer.Typer(help="Fiches de raccordement / connection sheets.")
connections.command("rehearse")(rehearse)
connections.command("report")(report)

Name = Annotated[str, typer.Argument(parser=typed, metavar="NOM", help="Fiche / sheet.")]
Reason = Annotated[str, typer.Option(help="Motif / why: on record.", parser=prose, metavar="TEXT")]
#: Exit code of a sheet that did not pass its test.
FAILED = 1

E = TypeVar("E", bound=Enum)


def _one_of(kind: type[E]) -> Callable[[str], E]:
    """Return what reads one of the words of an enumeration."""

    def read(text: str) -> E:
        try:
            return kind(text)
        except ValueError:
            known = ", ".join(str(one.value) for one in kind)
            raise ConfigError(f"« {text} » inconnu / unknown ({known})") from None

    return read


def _terms(
    agreed_on: Annotated[
        date | None,
        typer.Option(parser=parse_day, help="En vigueur ce jour / agreed then.", metavar="DATE"),
    ] = None,
    expires_before: Annotated[
        date | None,
        typer.Option(
            parser=parse_day, help="Clé ou certificat expirant avant / before.", metavar="DATE"
        ),
    ] = None,
    days_left: Annotated[
        int | None, typer.Option(help="Au plus tant de jours / at most so many days.")
    ] = None,
    state: Annotated[
        SheetState | None,
        typer.Option(parser=_one_of(SheetState), help="draft … closed.", metavar="STATE"),
    ] = None,
) -> Search:
    """Return which sheets are looked for, by their terms."""
    return Search(
        agreed_on=agreed_on, expires_before=expires_before, days_left=days_left, state=state
    )


@spread(terms=_terms)
def _sought(
    terms: Search,
    kind: Annotated[
        SheetKind | None,
        typer.Option(parser=_one_of(SheetKind), help="sender, receiver, api.", metavar="KIND"),
    ] = None,
    partner: Annotated[
        str | None, typer.Option(help="Partie du nom / part of it.", parser=typed)
    ] = None,
    structure: Annotated[str | None, typer.Option(help="SIRET, SIREN.", parser=typed)] = None,
    protocol: Annotated[
        str | None, typer.Option(help="sftp, local, oauth2, certificate.", parser=typed)
    ] = None,
    application_code: Annotated[
        str | None, typer.Option(help="Code application.", parser=typed)
    ] = None,
    interface: Annotated[str | None, typer.Option(help="Code interface.", parser=typed)] = None,
    environment: Annotated[
        Environment | None,
        typer.Option(
            parser=_one_of(Environment), help="production, qualification.", metavar="ENV"
        ),
    ] = None,
) -> Search:
    """Return which sheets are looked for."""
    return replace(
        terms,
        kind=kind,
        partner=partner,
        structure=structure,
        protocol=protocol,
        application_code=application_code,
        interface=interface,
        environment=environment,
    )


@connections.command("list")
@spread(search=_sought)
def list_(search: Search, as_json: AsJson = False) -> None:
    """Rechercher des fiches / look for sheets, by each of their columns."""
    lines = _search(search)
    if as_json:
        say_json([asdict(one) for one in lines])
        return
    say_table(
        f"{len(lines)} fiche(s) / sheet(s)",
        (
            "fiche / sheet",
            "sens / kind",
            "structure",
            "protocole",
            "application",
            "interfaces",
            "début / start",
            "certificat / until",
            "jours / days",
            "état / state",
        ),
        map(_cells, lines),
    )


def _search(search: Search) -> list[Line]:
    place = bootstrap.workspace()
    files = bootstrap.credentials(place.home)
    with bootstrap.reading(place) as ledger:
        sheets = ledger.sheets()
    named = {**sheets.connections, **{name: one.doorless for name, one in sheets.apis.items()}}
    found = {name: files.of_sheet(one) for name, one in named.items()}
    listed = register(sheets, found, bootstrap.now())
    return [line for sheet, line in listed if search.matches(sheet, line)]


def _cells(line: Line) -> tuple[object, ...]:
    expires = line.certificate_expires
    test = line.environment != Environment.PRODUCTION.value
    return (
        f"{line.name} ({line.environment})" if test else line.name,
        line.kind,
        line.structure,
        line.protocol,
        line.application_code,
        ", ".join(line.interfaces),
        line.start_date,
        f"{expires:%Y-%m-%d}" if expires else None,
        line.days_left,
        _word(SheetState(line.state)),
    )


def _word(state: SheetState) -> str:
    return " / ".join(SHEET_WORDS[state])


@connections.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Montrer une fiche, son état et toute son histoire / show a sheet and its history."""
    with bootstrap.reading() as ledger:
        found = biography(ledger, name)
    fields = dict(flat(found.latest)) if found.latest else {}
    if as_json:
        say_json(_object(found, fields))
        return
    standing = found.standing
    say(f"{name}: {_word(standing.state)}, {standing.since:%Y-%m-%d %H:%M} UTC, {standing.by}")
    if standing.reason:
        say(standing.reason)
    say_table("Fiche / sheet", ("clé / key", "valeur / value"), fields.items())
    say_table(
        "Versions",
        ("version", "date", "par / by", "ce qui change / what changes", "fin / end"),
        (
            (
                past.version.version,
                past.version.applied_at,
                past.version.by,
                "; ".join(f"{one.key}: {one.before} → {one.after}" for one in past.changes),
                past.version.ended_at,
            )
            for past in found.history
        ),
    )
    if found.moves:
        say_table(
            "Mouvements / moves",
            ("date", "par / by", "de / from", "à / to", "cause", "motif / reason"),
            (
                (
                    event.fact.at,
                    event.fact.by,
                    event.fact.data["from"],
                    event.fact.data["to"],
                    event.fact.data["cause"],
                    event.fact.data.get("reason"),
                )
                for event in found.moves
            ),
        )


def _object(found: Biography, fields: dict[str, str]) -> dict[str, object]:
    return {
        **_standing_object(found.standing),
        "fields": fields,
        "versions": [
            {
                "version": past.version.version,
                "applied_at": past.version.applied_at,
                "by": past.version.by,
                "ended_at": past.version.ended_at,
                "changes": [asdict(change) for change in past.changes],
            }
            for past in found.history
        ],
        "moves": [{"at": one.fact.at, "by": one.fact.by, **one.fact.data} for one in found.moves],
    }


def _standing_object(standing: Standing) -> dict[str, object]:
    return {
        "connection": standing.connection,
        "state": standing.state.value,
        "since": standing.since,
        "by": standing.by,
        "cause": standing.cause.value,
        "reason": standing.reason,
        "resumes": standing.resumes.value if standing.resumes else None,
    }


@connections.command("test")
def try_out(
    name: Name,
    sample: Annotated[
        Path | None,
        typer.Option(help="Flux à contrôler / flow to judge; default: one of ours."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Essayer la porte et un flux d'exemple ; code 1 si une étape échoue / try door and flow."""
    with _acting() as hub:
        sheets = hub.ledger.sheets()
        sheet = sheet_of(sheets, name)
        given = bootstrap.sample_flow(sheet, hub.interfaces, sample)
        seen = sheets.standing[name]
        tried: list[Tried] = []
        for one in try_sheet(hub, sheet, given):
            tried.append(one)
            if not as_json:
                _tell(one)
        passed = all(one.passed for one in tried)
        standing = note_passed(hub, seen) if passed else seen
    if as_json:
        steps = [_step_object(one) for one in tried]
        say_json({"passed": passed, "steps": steps, **_standing_object(standing)})
    else:
        say(f"{name}: {_word(standing.state)}")
    if not passed:
        raise typer.Exit(FAILED)


def _tell(one: Tried) -> None:
    fr, en = STEPS[one.step]
    said = " / ".join(dict.fromkeys(one.found))
    say(f"{'✓' if one.passed else '✗'} {fr} / {en}: {said}")
    if not one.passed:
        say(f"  → {' / '.join(one.to_do)}")


def _step_object(one: Tried) -> dict[str, object]:
    fr, en = one.found
    to_do_fr, to_do_en = one.to_do
    return {
        "step": one.step,
        "passed": one.passed,
        "found": {"fr": fr, "en": en},
        "to_do": None if one.passed else {"fr": to_do_fr, "en": to_do_en},
    }


@connections.command("promote")
def promote(name: Name, reason: Reason = "", as_json: AsJson = False) -> None:
    """Faire avancer une fiche d'un pas vers la production / one step nearer to production."""
    with _acting() as hub:
        _moved(promote_sheet(hub, name, reason), as_json=as_json)


@connections.command("suspend")
def suspend(name: Name, reason: Reason = "", as_json: AsJson = False) -> None:
    """Ne plus rien laisser passer par une fiche, elle seule / let nothing through one sheet."""
    with _acting() as hub:
        done = suspend_sheet(hub, name, reason)
        stands = done or hub.ledger.sheets().standing[name]
    _moved(stands, as_json=as_json, changed=done is not None)


@connections.command("resume")
def resume(name: Name, reason: Reason = "", as_json: AsJson = False) -> None:
    """Reprendre une fiche suspendue là où elle était / let a suspended sheet go on."""
    with _acting() as hub:
        _moved(resume_sheet(hub, name, reason), as_json=as_json)


@connections.command("close")
def close(name: Name, reason: Reason = "", as_json: AsJson = False) -> None:
    """Clore une fiche pour toujours / end a sheet for ever."""
    with _acting() as hub:
        _moved(close_sheet(hub, name, reason), as_json=as_json)


def _moved(standing: Standing, *, as_json: bool, changed: bool = True) -> None:
    if as_json:
        say_json({"changed": changed, **_standing_object(standing)})
        return
    rest = "" if changed else " (déjà, rien ne change / already, nothing changes)"
    say(f"{standing.connection}: {_word(standing.state)}{rest}")


@contextmanager
def _acting() -> Iterator[Hub]:
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        yield hub
