"""``edi directory``: who can be billed, as the directory says; changed by import."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from pipeline import bootstrap
from pipeline.app.directory import Plan, carry_out_import, plan_import
from pipeline.entry.cli.output import AsJson, say, say_json, say_table
from pipeline.model.directory import Directory, Structure, day_of
from pipeline.model.errors import ConfigError
from pipeline.model.profile import TIMEZONE

directory = typer.Typer(help="Annuaire : qui peut être facturé / who can be billed.")

#: Exit code where something was to be done, and nobody agreed to it.
_NOT_DONE = 2
#: Differences that a table shows; JSON has all of them.
_SHOWN = 200


def parse_day(text: str) -> date:
    """Return a day as typed.

    Raises:
        ConfigError: It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"« {text} » n'est pas une date / is not a date; attendu / expected: 2026-12-31"
        ) from error


@directory.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FICHIER", help="CSV, dossier de CSV, ou F14 (XML).")
    ],
    full: Annotated[
        bool,
        typer.Option("--full", help="Ce qui n'y est pas est retiré / what is not there goes."),
    ] = False,
    days: Annotated[
        int, typer.Option(min=0, help="Jours de documents comparés / days of documents compared.")
    ] = 30,
    on: Annotated[
        str, typer.Option(help="Jour d'effet comparé / day that is compared.", metavar="DATE")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer sans appliquer / show only.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Sans question / do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Importer dans l'annuaire ; montre d'abord ce que cela change / import, shown first."""
    place = bootstrap.workspace()
    update = bootstrap.directory_update(file, full=full)
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        bootstrap.check_directory_update(hub.ledger.sheets().directory.loaded(), update)
        day = parse_day(on) if on else day_of(hub.clock.now())
        plan = plan_import(hub, update, days=days, on=day)
        if not as_json:
            _say_plan(plan, days)
        agreed = not dry_run and bool(plan.changes) and (yes or (not as_json and _agreed()))
        waiting = carry_out_import(hub, plan, file.name, update) if agreed else ()
    if as_json:
        ids = [one.id for one in waiting]
        say_json({"applied": agreed and not ids, "proposals": ids, **_plan_object(plan)})
    elif waiting:
        say(f"Proposé, une autre personne approuve / proposed: edi approve {waiting[0].id}")
    elif plan.changes:
        say("Appliqué / applied." if agreed else "Non appliqué / not applied (--yes).")
    if plan.changes and not agreed and not dry_run:
        raise typer.Exit(_NOT_DONE)


@directory.command("show")
def show(
    number: Annotated[str, typer.Argument(metavar="SIRET|SIREN")],
    at: Annotated[
        str, typer.Option("--at", metavar="DATE", help="Tel que ce jour-là / as on that day.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Montrer ce que l'annuaire dit d'un SIRET ou d'un SIREN / what it says of one."""
    with _directory_on(at) as (day, found):
        structures = tuple(
            one for one in found.of_siren(number[:9]) if one.siret.startswith(number)
        )
        lines = found.addresses.get(number[:9], ())
        lines = lines if structures or number in found.addresses else ()
        held = {one: found.address(one.identifier, day) == one for one in lines}
    if not structures and not lines:
        raise ConfigError(f"{number} : absent de l'annuaire le / not in the directory on {day}")
    if as_json:
        addresses = [{**asdict(one), "holds": held[one]} for one in lines]
        listed = [_structure_object(one, day) for one in structures]
        say_json({"day": day, "structures": listed, "addresses": addresses})
        return
    for structure in structures:
        _say_structure(structure, day)
    if lines:
        say_table(
            "Adresses / addresses",
            (
                "adresse / address",
                "plateforme / platform",
                "depuis / since",
                "jusqu'à / until",
                "",
            ),
            (
                (
                    one.identifier,
                    one.platform,
                    one.validity.since,
                    one.validity.until,
                    "masquée / masked" if one.masked else "",
                )
                for one in lines
            ),
        )


@directory.command("list")
def list_(
    at: Annotated[
        str, typer.Option("--at", metavar="DATE", help="Tel que ce jour-là / as on that day.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Lister les structures de l'annuaire / list its structures."""
    with _directory_on(at) as (day, found):
        ordered = sorted(found.structures.values(), key=lambda one: one.siret)
    if as_json:
        say_json([_structure_object(one, day) for one in ordered])
        return
    say_table(
        f"Annuaire / directory, {day}",
        ("siret", "nom / name", "nature / kind", "actif / active", "services", "exige / asks for"),
        (
            (
                one.siret,
                one.name,
                one.kind.value if one.kind else "",
                _word(yes=one.is_active(day)),
                len(one.services),
                _asked(one),
            )
            for one in ordered
        ),
    )


@directory.command("history")
def history(as_json: AsJson = False) -> None:
    """Lister les imports : qui, quand, quel fichier / list imports: who, when, which file."""
    with bootstrap.reading() as ledger:
        told = [event.fact for event in ledger.events("directory")]
    if as_json:
        say_json([{"at": one.at, "by": one.by, **one.data} for one in told])
        return
    say_table(
        "Imports",
        ("date", "par / by", "fichier / file", "sha256", "ajoutés / modifiés / fermés"),
        (
            (
                one.at,
                one.by,
                one.data["file"],
                one.data["sha256"],
                f"{one.data['added']} / {one.data['changed']} / {one.data['closed']}",
            )
            for one in told
        ),
    )


@contextmanager
def _directory_on(at: str) -> Iterator[tuple[date, Directory]]:
    """Open the directory that was in force at the end of a day, or that is in force now."""
    with bootstrap.reading() as ledger:
        today = day_of(bootstrap.now())
        day = parse_day(at) if at else today
        if day >= today:
            yield day, ledger.sheets().directory
            return
        midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(TIMEZONE))
        last = midnight.astimezone(UTC) - timedelta(microseconds=1)
        yield day, ledger.directory_at(last)


def _agreed() -> bool:
    """Ask a person at a terminal; nobody there is no consent."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return typer.confirm("Appliquer / apply ?")


def _say_plan(plan: Plan, days: int) -> None:
    if not plan.changes:
        say("Rien ne change / nothing changes.")
        return
    say_table(
        "Différences / differences",
        ("objet / subject", "clé / key", "avant / before", "après / after"),
        ((c.subject, c.key, c.before, c.after) for c in plan.changes[:_SHOWN]),
    )
    if len(plan.changes) > _SHOWN:
        say(f"… {len(plan.changes) - _SHOWN} de plus / more (--json)")
    counts = plan.count()
    say(
        f"{counts['added']} ajouté(s) / added, {counts['changed']} modifié(s) / changed,"
        f" {counts['closed']} fermé(s) / closed"
    )
    said = f"{plan.looked_at} document(s), {days} jour(s) / day(s)"
    if not plan.redirected:
        say(f"Aucun ne changerait de sort / none would fare otherwise: {said}")
        return
    say_table(
        f"Ce qui changerait / what would change: {said}",
        ("destinataire / recipient", "service", "émetteur / sender", "avant", "après", "nombre"),
        (
            (one.buyer, one.service, one.sender, one.before, one.after, one.documents)
            for one in plan.redirected
        ),
    )


def _plan_object(plan: Plan) -> dict[str, object]:
    return {
        "counts": plan.count(),
        "changes": [asdict(change) for change in plan.changes],
        "looked_at": plan.looked_at,
        "redirected": [asdict(one) for one in plan.redirected],
    }


def _structure_object(one: Structure, day: date) -> dict[str, object]:
    services = {
        code: {**asdict(service), "holds": service.is_active(day)}
        for code, service in one.services.items()
    }
    return {
        **asdict(one),
        "siren": one.siren,
        "kind": one.kind.value if one.kind else None,
        "holds": one.is_active(day),
        "services": services,
    }


def _say_structure(one: Structure, day: date) -> None:
    say_table(
        f"{one.siret} {one.name}",
        ("", ""),
        (
            ("nature / kind", one.kind.value if one.kind else "?"),
            (f"actif le / active on {day}", _word(yes=one.is_active(day))),
            ("depuis / since", one.validity.since),
            ("jusqu'à / until", one.validity.until),
            ("exige / asks for", _asked(one)),
        ),
    )
    if one.services:
        say_table(
            "Services",
            ("code", "nom / name", "actif / active", "depuis / since", "jusqu'à / until"),
            (
                (
                    code,
                    service.name,
                    _word(yes=service.is_active(day)),
                    service.validity.since,
                    service.validity.until,
                )
                for code, service in sorted(one.services.items())
            ),
        )


def _asked(one: Structure) -> str:
    """Name the flags that stand, as the columns of structures.csv do."""
    return ", ".join(name for name, stands in asdict(one.flags).items() if stands)


def _word(*, yes: bool) -> str:
    return "oui / yes" if yes else "non / no"
