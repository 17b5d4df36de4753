"""`edi connections test`: try a sheet's door and a sample flow, a step at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from pipeline.app.check import Source, check
from pipeline.app.convert_file import rewrite
from pipeline.app.hub import Hub
from pipeline.model.connection import Connection, Protocol, Role
from pipeline.model.errors import (
    ConfigError,
    ConnectError,
    HostKeyMismatch,
    LoginRefused,
    PipelineError,
    TransferError,
)
from pipeline.model.finding import Layer, Outcome, Severity
from pipeline.model.interchange import RemoteFile
from pipeline.model.report import Judged
from pipeline.ports.outside import Session

#: What the file that is put and removed says, for whoever finds it.
_PROBE = (
    b"Essai de raccordement du concentrateur EDI : ce fichier peut etre supprime.\n"
    b"Connection test of the EDI hub: this file may be removed.\n"
)

#: What each step is called, French and English, in the order in which they are taken.
STEPS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "connect": ("joindre le serveur", "reach the server"),
        "host_key": ("vérifier la clé du serveur", "check the server's key"),
        "login": ("ouvrir la session", "log in"),
        "list": ("lister les dossiers", "list the folders"),
        "write": ("déposer un fichier témoin", "write a probe"),
        "remove": ("retirer le fichier témoin", "remove the probe"),
        "sample": ("contrôler un flux d'exemple", "judge a sample flow"),
    }
)
_NO_SERVER = frozenset({"host_key", "login"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A flow to try a sheet with.

    Attributes:
        name: Of its file.
        data: Its bytes.
    """

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Tried:
    """One step that was taken.

    Attributes:
        step: One of `STEPS`.
        passed: Whether it went well; the first that does not is the last that is taken.
        found: What was seen: French, English.
        to_do: What the operator is to do; empty where it went well.
    """

    step: str
    passed: bool
    found: tuple[str, str]
    to_do: tuple[str, str] = ("", "")


def try_sheet(hub: Hub, connection: Connection, sample: Sample) -> Iterator[Tried]:
    """Take the steps one by one, until one fails.

    Nothing is taken from the partner's folders. What is written there is a file of ours, under a
    name that tells what it is, and it is removed.

    Args:
        hub: The hub.
        connection: The sheet, in force or not.
        sample: What the partner sends, or gets.
    """
    try:
        with hub.doors.open(connection) as session:
            is_remote = connection.door.protocol is Protocol.SFTP
            for step in ("connect", "host_key", "login"):
                if is_remote or step not in _NO_SERVER:
                    yield _passed(step, *_OPENED[step])
            for step, act in _ACTS.items():
                tried = _attempt(step, partial(act, session, connection))
                yield tried
                if not tried.passed:
                    return
    except PipelineError as error:
        yield from _shut(error)
        return
    yield _judged(hub, connection, sample)


_OPENED: Mapping[str, tuple[str, str]] = {
    "connect": ("il répond", "it answers"),
    "host_key": ("c'est celle de la fiche", "it is that of the sheet"),
    "login": ("le compte est ouvert", "the account is open"),
}


def _shut(error: PipelineError) -> Iterator[Tried]:
    """Tell at which step a door stayed shut."""
    said = str(error)
    if isinstance(error, HostKeyMismatch):
        yield _passed("connect", *_OPENED["connect"])
        yield _failed(
            "host_key",
            said,
            "faites confirmer la nouvelle clé par le partenaire, par un autre canal, puis mettez"
            " host_key à jour : tant que non, rien n'est envoyé",
            "have the partner confirm the new key by another channel, then change host_key; until"
            " then nothing is sent",
        )
    elif isinstance(error, LoginRefused):
        yield _passed("connect", *_OPENED["connect"])
        yield _passed("host_key", *_OPENED["host_key"])
        yield _failed(
            "login",
            said,
            "vérifiez door.user, et que le partenaire a installé notre clé publique",
            "check door.user, and that the partner has installed our public key",
        )
    elif isinstance(error, ConfigError):
        yield _failed(
            "connect", said, "corrigez ce que la fiche nomme", "put right what the sheet names"
        )
    elif isinstance(error, ConnectError):
        yield _failed(
            "connect",
            said,
            "vérifiez door.host et door.port, et que les pare-feu des deux côtés laissent passer",
            "check door.host and door.port, and that the firewalls on both sides let us through",
        )
    else:
        raise error


def _attempt(step: str, act: Callable[[], tuple[str, str]]) -> Tried:
    try:
        return _passed(step, *act())
    except TransferError as error:
        return _failed(step, str(error), *_TO_DO[step])


def _list(session: Session, connection: Connection) -> tuple[str, str]:
    folders = {folder: len(session.names(folder)) for folder in connection.outgoing}
    if connection.role is Role.SENDER:
        folders = {connection.inbox: len(session.list_files(connection.inbox)), **folders}
    said = ", ".join(f"{folder} ({count})" for folder, count in folders.items())
    return said, said


def _write(session: Session, connection: Connection) -> tuple[str, str]:
    name = probe_name(connection)
    session.put(connection.out, name, _PROBE)
    return f"{connection.out}/{name}", f"{connection.out}/{name}"


def _remove(session: Session, connection: Connection) -> tuple[str, str]:
    probe = _found(session, connection)
    if not session.remove(connection.out, probe):
        raise TransferError(connection.name, probe.name, "changed meanwhile")
    return "il n'y est plus", "it is there no more"


def _found(session: Session, connection: Connection) -> RemoteFile:
    name = probe_name(connection)
    for file in session.list_files(connection.out):
        if file.name == name:
            return file
    raise TransferError(connection.name, name, "not listed after it was written")


_ACTS: Mapping[str, Callable[[Session, Connection], tuple[str, str]]] = {
    "list": _list,
    "write": _write,
    "remove": _remove,
}
_TO_DO: Mapping[str, tuple[str, str]] = {
    "list": (
        "créez les dossiers de [folders] chez le partenaire, ou corrigez leurs noms",
        "have the folders of [folders] made at the partner's, or correct their names",
    ),
    "write": (
        "faites donner à notre compte le droit d'écrire et de renommer dans folders.out",
        "have our account given the right to write and rename in folders.out",
    ),
    "remove": (
        "faites donner à notre compte le droit de supprimer dans folders.out",
        "have our account given the right to remove in folders.out",
    ),
    "sample": (
        "corrigez l'exemple ou le profil de la fiche : edi validate montre tout",
        "put the sample or the sheet's profile right: edi validate shows everything",
    ),
}


def probe_name(connection: Connection) -> str:
    """Return the name of the file that is put and removed, always the same for a sheet."""
    return f"EDI-ESSAI-{connection.name}.txt"


def _judged(hub: Hub, connection: Connection, sample: Sample) -> Tried:
    """Judge a sample as what a sender sends, or as what becomes of it for a receiver."""
    if connection.recipe is None:
        return _verdict(sample.name, _documents(hub, connection, sample))
    made = rewrite(
        sample.data,
        sample.name,
        connection.recipe,
        hub.converter,
        hub.spool,
        hub.profiles[hub.settings.default_profile].at(hub.clock.now()),
        hub_code=hub.settings.hub_code,
        at=hub.clock.now(),
    )
    if made.why:
        fr, _, en = made.why.partition(" / ")
        return Tried("sample", passed=False, found=(fr, en or fr), to_do=_TO_DO["sample"])
    judged = [one for one in (made.source, made.judged) if one is not None]
    return _verdict(f"{sample.name} → {connection.carriage.form.value}", judged)


def _documents(hub: Hub, connection: Connection, sample: Sample) -> list[Judged]:
    code = next(iter(connection.interfaces), None)
    profile = hub.profile_for(connection, hub.interfaces[code] if code else None, hub.clock.now())
    source = Source(sample.name, lambda: io.BytesIO(sample.data))
    found = check([source], hub.engine, hub.spool, profile, frozenset(Layer))
    return [one.judged for one in found]


def _verdict(what: str, found: list[Judged]) -> Tried:
    bad = [one for one in found if one.report.outcome is not Outcome.VALID]
    if not bad and found:
        count = len(found)
        return _passed("sample", f"{what} : {count} valide(s)", f"{what}: {count} valid")
    trouble = [
        f"{one.report.trouble.value} {one.report.trouble_detail}"
        for one in bad
        if one.report.trouble
    ]
    rules = [
        f"{finding.rule} {finding.message['fr']} / {finding.message['en']}"
        for one in bad
        for finding in one.report.findings
        if finding.severity is Severity.FATAL
    ]
    said = "; ".join([*trouble, *rules][:3]) or "aucun document / no document"
    return _failed("sample", f"{what}: {said}", *_TO_DO["sample"])


def _passed(step: str, fr: str, en: str) -> Tried:
    return Tried(step, passed=True, found=(fr, en))


def _failed(step: str, said: str, fr: str, en: str) -> Tried:
    return Tried(step, passed=False, found=(said, said), to_do=(fr, en))
