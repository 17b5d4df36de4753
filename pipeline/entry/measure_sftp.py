"""How fast many small files are fetched over SFTP, beside what most programs do."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.hub import Hub
from pipeline.app.lanes import in_lanes
from pipeline.app.pull import GROUP
from pipeline.app.sessions import Sessions
from pipeline.entry.measure import REPEATS, Spread
from pipeline.model.connection import Connection, Door, Role
from pipeline.model.interchange import RemoteFile
from pipeline.ports.outside import Blob, Session

_FILES = 2000
_SIZE = 10_240
_TRANSPORTS = 4


def measure_sftp(place: bootstrap.Workspace) -> Mapping[str, object]:
    """Compare how a pull fetches files with paramiko's own `get`, one after the other.

    2,000 files of 10 KB lie in a folder of an OpenSSH server on the loopback. Ours logs in
    four times, lists, and writes each file into an archive under its SHA-256, in groups as
    a pull does; paramiko logs in once, lists, and gets each file into a folder. Both end on
    this machine's disk, unsynced. Repeats take turns; logins and listings are part of both.

    Returns:
        ``files_per_s``, ``paramiko_get_files_per_s``, ``ratio`` (medians; spreads beside
        them; the ratio is taken repeat by repeat), ``files``, ``bytes_each``,
        ``transports``, ``identical`` (all that was fetched is what lay there), ``server``.
    """
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        home = Path(scratch)
        lying = _lay_out(home / "served")
        own = bootstrap.Workspace(home, f"sqlite:///{home / 'ledger.sqlite'}", place.packs)
        with _served(own) as (hub, door):
            repeats = [_repeat(hub, door, home, lying) for _ in range(REPEATS)]
    ours = Spread.of([repeat.ours for repeat in repeats])
    plain = Spread.of([repeat.plain for repeat in repeats])
    ratio = Spread.of([repeat.ours / repeat.plain for repeat in repeats])
    return {
        "files": _FILES,
        "bytes_each": _SIZE,
        "transports": _TRANSPORTS,
        "repeats": REPEATS,
        "files_per_s": ours.mid,
        "paramiko_get_files_per_s": plain.mid,
        "ratio": ratio.mid,
        "spread": {"files_per_s": ours, "paramiko_get_files_per_s": plain, "ratio": ratio},
        "identical": all(repeat.identical for repeat in repeats),
        "server": "OpenSSH sshd, loopback",
    }


@dataclass(frozen=True, slots=True)
class _Repeat:
    """Files a second of ours and of paramiko's, and whether ours were what lay there."""

    ours: float
    plain: float
    identical: bool


def _repeat(hub: Hub, door: Door, home: Path, lying: list[str]) -> _Repeat:
    fetched: list[str] = []
    folder = home / "served"

    def plainly() -> int:
        return bootstrap.plain_get(door.port, home / door.key, str(folder), home / "got")

    ours = _per_s(lambda: _fetch_all(hub, door, folder, fetched))
    return _Repeat(ours, _per_s(plainly), sorted(fetched) == lying)


@contextmanager
def _served(place: bootstrap.Workspace) -> Iterator[tuple[Hub, Door]]:
    """Run a hub, and a server of this machine's files; give the door between them."""
    bootstrap.initialise(place)
    line = bootstrap.generate_key(place.home / "keys" / "bench")
    with (
        bootstrap.openssh_server(place.home / "sshd", line) as (port, host_key, user),
        bootstrap.open_hub(place, by="operator:bench") as hub,
    ):
        yield (
            hub,
            Door(
                host="127.0.0.1",
                port=port,
                user=user,
                key="keys/bench",
                host_key=host_key,
                transports=_TRANSPORTS,
            ),
        )


def _lay_out(folder: Path) -> list[str]:
    """Write the files; return their SHA-256, sorted."""
    dice = random.Random(_FILES)  # noqa: S311  # noise, the same every time
    folder.mkdir()
    hashes: list[str] = []
    for number in range(_FILES):
        payload = dice.randbytes(_SIZE)
        (folder / f"{number:06d}.xml").write_bytes(payload)
        hashes.append(sha256(payload).hexdigest())
    return sorted(hashes)


def _per_s(fetch: Callable[[], int]) -> float:
    start = time.perf_counter()
    count = fetch()
    return count / (time.perf_counter() - start)


def _fetch_all(hub: Hub, door: Door, folder: Path, fetched: list[str]) -> int:
    """Fetch every file of a folder as a pull does; add their SHA-256 to `fetched`."""
    sender = Connection(
        name="bench", partner="bench", role=Role.SENDER, door=door, inbox=str(folder)
    )

    def fetch(_: Hub, connection: Connection, session: Session, file: RemoteFile) -> Blob:
        return hub.archive.receive(session.fetch(connection.inbox, file, file.size))

    with Sessions(hub.doors, hub.breaker, hub.clock, [sender]) as sessions:
        lanes = replace(hub, doors=sessions)
        with sessions.open(sender) as session:
            files = session.list_files(sender.inbox)
        for start in range(0, len(files), GROUP):
            for result in in_lanes(lanes, sender, files[start : start + GROUP], fetch):
                if not isinstance(result, Blob):
                    raise result
                fetched.append(result.sha256)
    return len(files)
