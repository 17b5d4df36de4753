"""``edi runs|pause|resume|drain|status``: what ran, what runs next, what is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from enum import Enum
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app import pausing
from pipeline.app.hub import Hub
from pipeline.app.run import run_once
from pipeline.app.status import Status, look
from pipeline.entry.cli.output import AsJson, say, say_json, say_table
from pipeline.model.run import EVERYBODY, INTAKE, JobRun
from pipeline.model.settings import Encryption
from pipeline.model.status import in_words

#: One partner; without it everybody.
Partner = Annotated[
    str | None, typer.Option("--partner", help="Un seul partenaire / one partner only.")
]

_PAUSED = {EVERYBODY: "tous / everybody", INTAKE: "relève / intake"}


def runs(
    job: Annotated[str | None, typer.Option(help="pull:NOM, deliver:NOM / one job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Lister les passages, le plus récent d'abord / list passes, newest first."""
    with bootstrap.reading() as ledger:
        found = ledger.runs(job=job, limit=limit)
    if as_json:
        say_json([_plain(asdict(one)) for one in found])
        return
    columns = ("job", "créneau / slot", "état / state", "run", "bilan / summary", "motif / reason")
    say_table("", columns, [_row(one) for one in found])


def pause(
    partner: Partner = None,
    reason: Annotated[str, typer.Option(help="Motif, gardé au journal / kept on record.")] = "",
) -> None:
    """Ne plus relever ni remettre / neither pull nor deliver, until resumed."""
    with _acting() as hub:
        done = pausing.pause(hub, partner, reason)
    who = partner or _PAUSED[EVERYBODY]
    say(f"{who}: en pause / paused" if done else f"{who}: déjà en pause / paused already")


def resume(partner: Partner = None) -> None:
    """Reprendre après pause ou drain / go on after pause or drain."""
    with _acting() as hub:
        done = pausing.resume(hub, partner)
    who = partner or _PAUSED[EVERYBODY]
    say(f"{who}: repris / resumed" if done else f"{who}: rien en pause / nothing was paused")


def drain() -> None:
    """Ne plus rien relever, finir ce qui est entré, puis rendre la main / run dry."""
    place = bootstrap.workspace()
    if bootstrap.is_running(place):
        with _acting() as hub:
            left = pausing.drain(hub, None)
    else:
        with (
            bootstrap.alone(place),
            bootstrap.open_hub(place, by=bootstrap.new_run(), log_to_file=True) as hub,
        ):
            left = pausing.drain(hub, lambda: run_once(hub, insist=False, intake=False))
    for name in left.due:
        say(f"! {name}: envois encore dus / files still due")
    say("Relève arrêtée ; reprenez par « edi resume » / intake stopped; go on with 'edi resume'")
    if not left.nothing:
        raise typer.Exit(1)


def status(as_json: AsJson = False) -> None:
    """Dire où en est le hub ; code 1 si quelqu'un doit agir / exit 1 if somebody must act."""
    with _acting() as hub:
        found = look(hub, hub.ledger.sheets())
    place = bootstrap.workspace()
    running, held = bootstrap.is_running(place), asdict(bootstrap.confinement(place))
    if as_json:
        say_json({"running": running, "judges_confined": held, **_plain(asdict(found))})
    else:
        _tell(found, running=running)
        say(_confined(held))
    if found.to_do:
        raise typer.Exit(1)


@contextmanager
def _acting() -> Iterator[Hub]:
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        yield hub


def _tell(found: Status, *, running: bool) -> None:
    say("edi run : en marche / running" if running else "edi run : arrêté / not running")
    if found.encryption is Encryption.NONE:
        say("archive : originaux en clair, pour essais / originals in clear, for trials")
    for title, counts in (
        ("flux / interchanges", found.interchanges),
        ("documents", found.documents),
        ("envois / outbox", found.outbox),
    ):
        told = ((in_words(step.value), count) for step, count in counts.items() if count)
        named = ", ".join(f"{words} {count}" for words, count in told)
        say(f"{title} : {named or '0'}")
    if found.oldest is not None:
        age = found.at - found.oldest.received_at
        waits = f"{found.oldest.id} {found.oldest.name}"
        say(f"le plus ancien en cours / oldest open: {waits} ({int(age.total_seconds())} s)")
    for pause_ in found.pauses:
        who = _PAUSED.get(pause_.partner, pause_.partner)
        say(f"en pause / paused: {who}, {pause_.since:%Y-%m-%d %H:%M} UTC, {pause_.by}")
    for cutoff in found.cutoffs:
        say(
            f"heure limite / cut-off {cutoff.cutoff:%Y-%m-%d %H:%M} UTC, {cutoff.connection} : "
            f"{cutoff.flows} flux sans réponse / unanswered"
        )
    for gap in found.gaps:
        numbers = f"{gap.first}" if gap.first == gap.last else f"{gap.first}-{gap.last}"
        say(f"numéros manquants / missing numbers: {gap.series} {numbers}")
    for one in found.expiring:
        left = "" if one.days_left is None else f", {one.days_left} jour(s) / days left"
        say(f"{one.what} {one.place} ({', '.join(one.sheets)}){left}")
    if found.next:
        rows = [(one.job, f"{one.slot:%Y-%m-%d %H:%M:%S} UTC") for one in found.next[:20]]
        say_table("Prochains passages / next passes", ("job", "créneau / slot"), rows)
    if found.to_do:
        acts = [(one.subject, one.what, one.command) for one in found.to_do]
        say_table("À faire / to do", ("id", "quoi / what", "commande / command"), acts)
    else:
        say("Personne n'a rien à faire / nobody has to act")


def _confined(held: Mapping[str, bool]) -> str:
    """Say what those who read hostile documents could reach."""
    if all(held.values()):
        return "juges confinés : ni réseau, ni clés / judges are confined: no network, no keys"
    fr = {"files": "les fichiers (Landlock absent)", "network": "le réseau"}
    en = {"files": "files (no Landlock)", "network": "the network"}
    loose = [name for name, holds in held.items() if not holds]
    return (
        f"! juges non confinés, ils gardent {' et '.join(fr[one] for one in loose)}"
        f" / judges are not confined, they keep {' and '.join(en[one] for one in loose)}"
    )


def _row(one: JobRun) -> tuple[object, ...]:
    counts = ", ".join(f"{name} {count}" for name, count in one.summary.items())
    slot = f"{one.slot:%Y-%m-%d %H:%M:%S}"
    return (one.job, slot, one.state.value, one.run.removeprefix("run:"), counts, one.reason)


def _plain(value: object) -> dict[str, object]:
    """Return a record as JSON writes it: steps and states by their value, keys included."""
    found = _written(value)
    return found if isinstance(found, dict) else {}


def _written(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(_written(key)): _written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    return value
