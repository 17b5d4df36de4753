"""Write the history that `checker.py` reads: what was dropped, what was ever seen.

Like the checker it shares nothing with the product: it looks at the partners' folders on
the server's disk, again and again, while the hub works through its own door.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDERS = ("in", "out", "archive")
_PAUSE_S = 0.003
#: Changes of a folder that are further apart than this bear different times.
_TICK_NS = 20_000_000

Place = tuple[str, str, str]
Stamp = tuple[int, int, int]


@dataclass
class _Sight:
    partner: str
    folder: str
    name: str
    sha256: str
    path: str
    first: float
    last: float
    left: bool = True


class History:
    """One history in the making.

    Args:
        folder: Where it is written; made if it does not exist.
        partners: Each partner's folder, which holds ``in``, ``out`` and ``archive``.
    """

    def __init__(self, folder: Path, partners: Mapping[str, Path]) -> None:
        self.folder = folder
        self._partners = partners
        self._open: dict[Place, tuple[Stamp, _Sight]] = {}
        self._closed: list[_Sight] = []
        self._unchanged: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        (folder / "bytes").mkdir(parents=True, exist_ok=True)
        (folder / "drops.jsonl").touch()

    def drop(
        self,
        supplier: str,
        name: str,
        payload: bytes,
        expected: Sequence[str] | None = None,
        *,
        withdrawn: bool = False,
        returned: bool = False,
    ) -> None:
        """Leave a complete file in a supplier's inbox, and note it as `note` does."""
        self.note(supplier, name, payload, expected, withdrawn=withdrawn, returned=returned)
        inbox = self._partners[supplier] / "in"
        unfinished = inbox / f".{name}.tmp"
        unfinished.write_bytes(payload)
        unfinished.rename(inbox / name)

    def note(
        self,
        supplier: str,
        name: str,
        payload: bytes,
        expected: Sequence[str] | None = None,
        *,
        withdrawn: bool = False,
        returned: bool = False,
    ) -> None:
        """Note a complete file that a supplier left.

        Args:
            supplier: Who.
            name: The file's.
            payload: Its bytes.
            expected: What must become of its invoices, by place, where it is known.
            withdrawn: Whether its supplier asked to have it back after it was accepted.
            returned: Whether it puts right an invoice that its recipient sent back.
        """
        sha256, path = self._keep(payload)
        line: dict[str, object] = {
            "supplier": supplier,
            "name": name,
            "sha256": sha256,
            "path": path,
        }
        if expected is not None:
            line["expected"] = list(expected)
        if withdrawn:
            line["withdrawn"] = True
        if returned:
            line["returned"] = True
        with (self.folder / "drops.jsonl").open("a", encoding="utf-8") as drops:
            drops.write(json.dumps(line) + "\n")

    def look(self, *, closely: bool = False) -> None:
        """Look once at every folder; into those in which no name changed only if `closely`."""
        with self._lock:
            now = time.monotonic()
            for partner, home in self._partners.items():
                for folder in FOLDERS:
                    changed = _changed(home / folder)
                    if closely or self._unchanged.get((partner, folder)) != changed:
                        self._look_into(partner, folder, home / folder, now)
                    # a change in the same tick of the clock as this look would not show
                    still = changed if time.time_ns() - changed > _TICK_NS else -1
                    self._unchanged[partner, folder] = still
            for _, sight in self._open.values():
                sight.last = now

    def _look_into(self, partner: str, folder: str, path: Path, now: float) -> None:
        standing: set[Place] = set()
        for entry in _entries(path):
            place = partner, folder, entry.name
            if self._see(place, entry, now):
                standing.add(place)
        known = {place for place in self._open if place[:2] == (partner, folder)}
        for place in known - standing:
            self._close(place)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look again and again, in a thread, until the block is over; then write."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_PAUSE_S):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.write()

    def write(self) -> None:
        """Look a last time and write what was seen."""
        self.look(closely=True)
        sights = [*self._closed, *(sight for _, sight in self._open.values())]
        lines = [json.dumps(asdict(one)) for one in sorted(sights, key=lambda one: one.first)]
        (self.folder / "seen.jsonl").write_text(
            "".join(f"{line}\n" for line in lines), encoding="utf-8"
        )

    def _see(self, place: Place, entry: os.DirEntry[str], now: float) -> bool:
        """Note a file that stands there; False where it is gone already."""
        try:
            status = entry.stat(follow_symlinks=False)
            stamp = status.st_ino, status.st_size, status.st_mtime_ns
            known = self._open.get(place)
            if known is not None and known[0] == stamp:
                return True
            payload = Path(entry.path).read_bytes()
        except FileNotFoundError:
            return False
        sha256, path = self._keep(payload)
        if known is not None and known[1].sha256 == sha256:
            # put once more while it stood there: the same file to whoever looks
            self._open[place] = stamp, known[1]
            return True
        if known is not None:
            self._close(place)
        self._open[place] = stamp, _Sight(*place, sha256, path, now, now)
        return True

    def _close(self, place: Place) -> None:
        _, sight = self._open.pop(place)
        sight.left = False
        self._closed.append(sight)

    def _keep(self, payload: bytes) -> tuple[str, str]:
        sha256 = hashlib.sha256(payload).hexdigest()
        path = self.folder / "bytes" / sha256
        if not path.exists():
            path.write_bytes(payload)
        return sha256, f"bytes/{sha256}"


def _changed(folder: Path) -> int:
    """Return when a name in a folder changed last, in nanoseconds; 0 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
