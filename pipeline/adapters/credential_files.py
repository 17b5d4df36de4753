"""Certificates and keys as files of a workspace.

A file is read again only when it changed, so that every sheet may be looked at each minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, time
from pathlib import Path
from typing import TypeVar

from pipeline.adapters.certificates import (
    UNREADABLE,
    Bundle,
    read_bundle,
    read_certificate,
    read_host_key,
    read_key_certificate,
    read_private_key,
    with_chain,
)
from pipeline.adapters.secrets import check_closed
from pipeline.model.calendar import moment
from pipeline.model.connection import Connection
from pipeline.model.credential import (
    ABSENT,
    Credential,
    CredentialKind,
    Fault,
    Turn,
    Weight,
    fault,
)
from pipeline.model.errors import ConfigError

T = TypeVar("T")

_LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class _Named:
    """What a sheet names under one turn: files from the workspace on, and days of our own."""

    turn: Turn
    certificate: str | None
    key: str
    key_certificate: str | None
    key_expires: date | None
    host_key: str
    host_key_expires: date | None


class CredentialFiles:
    """`ports.credentials.Credentials` over the files of one workspace.

    Args:
        workspace: Where relative paths of the sheets begin.
        anchors: Folder of the authorities that are believed; it may be absent.
        own_host_key: Private key file of our embedded server; it may be absent.
    """

    def __init__(self, workspace: Path, anchors: Path, own_host_key: Path) -> None:
        self._workspace = workspace
        self._anchors = anchors
        self._own_host_key = own_host_key
        self._known: dict[tuple[Path, str], tuple[tuple[int, ...], object]] = {}

    def of_sheet(self, connection: Connection) -> Sequence[Credential]:
        """Return what a sheet names: the ones in use, then those that take over."""
        return [
            found for named in _named(connection) for found in self._of_turn(connection, named)
        ]

    def of_hub(self) -> Sequence[Credential]:
        """Return our own host key and the authorities, each once."""
        found = [
            self._told(CredentialKind.ANCHOR, path, path.name, Turn.CURRENT, self._anchor)
            for path in self._anchor_files()
        ]
        own = self._own_host_key
        if own.exists():
            found.insert(0, self._private(CredentialKind.OWN_HOST_KEY, own, own.name))
        return found

    def _of_turn(self, sheet: Connection, named: _Named) -> Iterator[Credential]:
        home, turn = self._workspace, named.turn
        if named.certificate:
            kind, path = CredentialKind.CERTIFICATE, home / named.certificate
            yield self._told(kind, path, named.certificate, turn, self._partners_own)
        if named.key:
            key = self._private(CredentialKind.KEY, home / named.key, named.key, turn)
            yield _ending(key, named.key_expires, sheet)
            if named.key_certificate:
                kind, path = CredentialKind.KEY_CERTIFICATE, home / named.key_certificate

                def read(path: Path) -> Credential:
                    return read_key_certificate(_content(path), sheet.door.user, key)

                yield self._told(kind, path, named.key_certificate, turn, read)
        if named.host_key:
            yield _ending(_host_key(named), named.host_key_expires, sheet)

    def _partners_own(self, path: Path) -> Credential:
        bundle = self._once(path, "bundle", read_bundle)
        anchors = [one for file in self._anchor_files() for one in self._believed(file)]
        return with_chain(read_certificate(CredentialKind.CERTIFICATE, bundle), bundle, anchors)

    def _anchor_files(self) -> Sequence[Path]:
        return sorted(path for path in self._anchors.glob("*") if path.is_file())

    def _believed(self, path: Path) -> Iterator[Bundle]:
        with suppress(OSError, *UNREADABLE):  # `of_hub` tells what is wrong with it
            yield self._once(path, "bundle", read_bundle)

    def _anchor(self, path: Path) -> Credential:
        return read_certificate(CredentialKind.ANCHOR, self._once(path, "bundle", read_bundle))

    def _private(
        self, kind: CredentialKind, path: Path, name: str, turn: Turn = Turn.CURRENT
    ) -> Credential:
        def read(path: Path) -> Credential:
            return self._once(path, "key", lambda data: read_private_key(kind, data))

        found = self._told(kind, path, name, turn, read)
        if not found.fingerprint:
            return found
        try:
            check_closed(path)
        except ConfigError as error:
            fr, _, en = str(error).partition(" / ")
            opened = fault("OPEN_TO_OTHERS", Weight.REFUSED, fr, en)
            return replace(found, found=(*found.found, opened))
        return found

    def _told(
        self,
        kind: CredentialKind,
        path: Path,
        name: str,
        turn: Turn,
        read: Callable[[Path], Credential],
    ) -> Credential:
        """Return what a file holds; what keeps it from being read is a fault of it."""
        try:
            return replace(read(path), place=name, turn=turn)
        except OSError as error:
            found = _absent(error)
        except UNREADABLE as error:
            found = _unreadable(kind, error)
        return Credential(kind=kind, place=name, turn=turn, found=(found,))

    def _once(self, path: Path, what: str, read: Callable[[bytes], T]) -> T:
        """Return what `read` made of a file, from memory if the file is still the same."""
        status = path.stat()
        state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._known.get((path, what))
        if known is None or known[0] != state:
            known = self._known[path, what] = (state, read(_content(path)))
        found: T = known[1]  # type: ignore[assignment]  # `what` tells which
        return found


def _named(sheet: Connection) -> Iterator[_Named]:
    door, after = sheet.door, sheet.next
    yield _Named(
        Turn.CURRENT,
        sheet.certificate,
        door.key,
        door.certificate,
        door.key_expires,
        door.host_key,
        door.host_key_expires,
    )
    if after is not None:
        yield _Named(
            Turn.NEXT,
            after.certificate,
            after.key,
            after.key_certificate,
            after.key_expires,
            after.host_key,
            after.host_key_expires,
        )


def _host_key(named: _Named) -> Credential:
    current = named.turn is Turn.CURRENT
    place = "door.host_key" if current else "next.host_key"
    try:
        return replace(read_host_key(named.host_key), place=place, turn=named.turn)
    except UNREADABLE as error:
        kind = CredentialKind.HOST_KEY
        return Credential(
            kind=kind, place=place, turn=named.turn, found=(_unreadable(kind, error),)
        )


def _ending(one: Credential, end: date | None, sheet: Connection) -> Credential:
    """Return a bare key with the end that the sheet gives it."""
    if end is None:
        return one
    return replace(one, until=moment(end, time(), sheet.schedule.timezone))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST)


def _absent(error: OSError) -> Fault:
    said = error.strerror or type(error).__name__
    return fault(
        ABSENT,
        Weight.REFUSED,
        f"le fichier ne peut être lu ({said}) ; attendu : depuis l'espace de travail, lisible par"
        " le hub",
        f"the file cannot be read ({said}); expected: from the workspace on, readable by the hub",
    )


#: What each kind is expected to be, in French and in English.
_FORMS = {
    CredentialKind.CERTIFICATE: ("X.509 en PEM, DER ou PKCS#7", "X.509 as PEM, DER or PKCS#7"),
    CredentialKind.ANCHOR: ("X.509 en PEM, DER ou PKCS#7", "X.509 as PEM, DER or PKCS#7"),
    CredentialKind.KEY: (
        "clé privée ed25519, ECDSA ou RSA sans phrase secrète",
        "an ed25519, ECDSA or RSA private key without passphrase",
    ),
    CredentialKind.OWN_HOST_KEY: ("clé privée OpenSSH", "an OpenSSH private key"),
    CredentialKind.KEY_CERTIFICATE: (
        "certificat OpenSSH, une ligne comme en écrit ssh-keygen -s",
        "an OpenSSH certificate, a line as ssh-keygen -s writes it",
    ),
    CredentialKind.HOST_KEY: (
        "« type base64 », ed25519, ECDSA ou RSA, que montre ssh-keyscan et confirme le partenaire",
        "'type base64', ed25519, ECDSA or RSA, which ssh-keyscan shows and the partner confirms",
    ),
}


def _unreadable(kind: CredentialKind, error: Exception) -> Fault:
    """Say what was found in a file, as far as the library tells, and what was expected."""
    fr, _, en = (str(error).splitlines() or [type(error).__name__])[0].partition(" / ")
    expected = _FORMS[kind]
    return fault(
        "UNREADABLE",
        Weight.REFUSED,
        f"illisible : {fr:.120} ; attendu : {expected[0]}",
        f"cannot be read: {en or fr:.120}; expected: {expected[1]}",
    )
