"""``edi certificates``: certificates and keys of the sheets, until when, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Annotated, TypeVar

import typer

from pipeline import bootstrap
from pipeline.app.credentials import Entry, inventory
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.rollover import Stop, Trial, stops, switch, try_out
from pipeline.entry.cli.output import AsJson, say, say_json, say_table, typed_subject
from pipeline.model.credential import CredentialKind, Turn, Weight
from pipeline.model.errors import ConfigError
from pipeline.ports.ledger import Sheets

certificates = typer.Typer(help="Certificats et clés des fiches / of the connection sheets.")

T = TypeVar("T")

#: Names of files that are listed; more are only counted.
_LISTED = 10
_TURNS: Mapping[Turn, str] = {
    Turn.CURRENT: "en service / in use",
    Turn.NEXT: "à venir / to come",
}
#: A sheet, as every verb but two wants it.
Sheet = Annotated[
    str, typer.Argument(parser=typed_subject, metavar="FICHE", help="Fiche / sheet.")
]


class Part(Enum):
    """What `switch` may be asked to put to use."""

    CERTIFICATE = "certificate"
    KEY = "key"
    HOST_KEY = "host-key"


@certificates.command("list")
def list_(
    expiring: Annotated[
        int | None,
        typer.Option("--expiring", min=0, help="Jours : ce qui prend fin d'ici là / ends within."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lister certificats et clés ; code 1 si l'un est à reprendre / exit 1 if one is at fault."""
    found = _looked_up(_inventory)
    shown = [one for one in found if expiring is None or _ends_within(one, expiring)]
    if as_json:
        say_json([_plain(one) for one in shown])
    else:
        columns = (
            "quoi / what", "fichier / file", "fiches / sheets", "sujet / subject",
            "jusqu'au / until", "jours / days", "à voir / faults",
        )  # fmt: skip
        say_table("", columns, [_row(one) for one in shown])
    if any(each.weight is Weight.REFUSED for one in shown for each in one.faults):
        raise typer.Exit(1)


@certificates.command("show")
def show(
    what: Annotated[
        str,
        typer.Argument(
            parser=typed_subject,
            metavar="QUOI",
            help="Fiche, fichier ou début d'empreinte / sheet, file or begin of a fingerprint.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tout dire d'un certificat, d'une clé ou de ceux d'une fiche / tell all about some."""
    found = [one for one in _looked_up(_inventory) if _is_meant(one, what)]
    if not found:
        raise ConfigError(
            f"{what}: ni fiche, ni fichier, ni empreinte connue ; voyez « edi certificates list »"
            " / no sheet, file or fingerprint; see 'edi certificates list'"
        )
    if as_json:
        say_json([_plain(one) for one in found])
        return
    for one in found:
        for name, told in _facts(one):
            say(f"{name} : {told}")
        for each in one.faults:
            say(f"! {each}")
        say("")


@certificates.command("try")
def try_(name: Sheet, as_json: AsJson = False) -> None:
    """Essayer ce qui est à venir, sans toucher un fichier / a dry handshake with the next."""

    def tried(hub: Hub, sheets: Sheets) -> tuple[tuple[Trial, ...], tuple[Stop, ...]]:
        return try_out(hub, sheet_of(sheets, name)), stops(hub, sheets, name)

    trials, stopping = _looked_up(tried)
    if as_json:
        say_json({"trials": list(map(_trial, trials)), "stops": list(map(_stop, stopping))})
    else:
        _say_trials(trials)
        _say_stops(stopping)
    if any(one.turn is Turn.NEXT and not one.works for one in trials):
        raise typer.Exit(1)


@certificates.command("switch")
def switch_(
    name: Sheet,
    part: Annotated[
        Part | None, typer.Option("--part", help="Une seule chose / one thing only.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Mettre en service ce qui est à venir, une fois essayé / put the next to use, once tried."""
    wanted = (CredentialKind(part.value.replace("-", "_")),) if part else ()
    trials = _looked_up(lambda hub, _: switch(hub, name, wanted))
    if as_json:
        say_json({"switched": name, "trials": list(map(_trial, trials))})
        return
    _say_trials(trials)
    say(f"{name}: mis en service / put to use")


def _looked_up(look: Callable[[Hub, Sheets], T]) -> T:
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        return look(hub, hub.ledger.sheets())


def _inventory(hub: Hub, sheets: Sheets) -> tuple[Entry, ...]:
    return inventory(hub, sheets, hub.clock.now())


def _ends_within(one: Entry, days: int) -> bool:
    return one.days_left is not None and one.days_left <= days


def _is_meant(one: Entry, what: str) -> bool:
    found = one.credential
    print_of = found.fingerprint.removeprefix("SHA256:")
    begins = bool(print_of) and print_of.startswith(what.removeprefix("SHA256:"))
    return what in one.sheets or what == found.place or begins


def _row(one: Entry) -> tuple[object, ...]:
    found = one.credential
    fr, en = found.kind.words
    return (
        f"{fr} / {en}" + (" (à venir / to come)" if found.turn is Turn.NEXT else ""),
        found.place,
        ", ".join(one.sheets),
        found.subject or found.fingerprint,
        f"{found.ends:%Y-%m-%d}" if found.ends else "",
        one.days_left,
        ", ".join(each.code for each in one.faults),
    )


def _facts(one: Entry) -> Sequence[tuple[str, object]]:
    """Return what is told of a credential, in order; what is not known is left out."""
    found = one.credential
    facts = (
        ("quoi / what", " / ".join(found.kind.words)),
        ("tour / turn", _TURNS[found.turn]),
        ("fichier / file", found.place),
        ("fiches / sheets", ", ".join(one.sheets)),
        ("sujet / subject", found.subject),
        ("émetteur / issuer", found.issuer),
        ("empreinte / fingerprint", found.fingerprint),
        ("algorithme / algorithm", " ".join(map(str, filter(None, _strength(one))))),
        ("depuis / from", f"{found.since:%Y-%m-%d %H:%M} UTC" if found.since else ""),
        ("jusqu'au / until", f"{found.until:%Y-%m-%d %H:%M} UTC" if found.until else ""),
        ("jours / days left", "" if one.days_left is None else str(one.days_left)),
        ("chaîne / chain", found.chain.value if found.chain else ""),
    )
    return [(name, told) for name, told in facts if told]


def _strength(one: Entry) -> tuple[object, ...]:
    found = one.credential
    return (found.algorithm, found.bits, found.digest)


def _plain(one: Entry) -> dict[str, object]:
    found = one.credential
    return {
        "kind": found.kind.value,
        "turn": found.turn.value,
        "place": found.place,
        "sheets": list(one.sheets),
        "subject": found.subject,
        "issuer": found.issuer,
        "fingerprint": found.fingerprint,
        "algorithm": found.algorithm,
        "bits": found.bits,
        "digest": found.digest,
        "from": found.since.isoformat() if found.since else None,
        "until": found.until.isoformat() if found.until else None,
        "days_left": one.days_left,
        "chain": found.chain.value if found.chain else None,
        "trouble": [
            {"code": each.code, "weight": each.weight.value, **each.says} for each in one.faults
        ],
    }


def _trial(one: Trial) -> dict[str, object]:
    return {**asdict(one), "part": one.part.value, "turn": one.turn.value}


def _stop(one: Stop) -> dict[str, object]:
    return {**asdict(one), "parts": [part.value for part in one.parts]}


def _say_trials(trials: Sequence[Trial]) -> None:
    if not trials:
        say(
            "Ni serveur à joindre ni certificat à venir : rien à essayer"
            " / no server to reach, no certificate to come: nothing to try"
        )
        return
    marks = {True: "✓", False: "✗", None: "?"}
    rows = [
        (marks[one.works], " / ".join(one.part.words), _TURNS[one.turn], one.told)
        for one in trials
    ]
    say_table("", ("", "quoi / what", "tour / turn", "vu / seen"), rows)


def _say_stops(found: Sequence[Stop]) -> None:
    """Say which sheets use the same, and what waits there."""
    if not found:
        return
    say("Ce qui s'arrête sans la relève / what stops without the next:")
    for one in found:
        shared = ", ".join(" / ".join(part.words) for part in one.parts)
        ready = "" if one.ready else " ; rien sous [next] / nothing under [next]"
        waiting = f"{len(one.flows)} flux / flows, {len(one.files)} fichier(s) / files"
        say(f"  {one.connection} ({shared}) : {waiting}{ready}")
        for name in (*one.flows, *one.files)[:_LISTED]:
            say(f"    {name}")
