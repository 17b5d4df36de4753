"""A hub of this very process on local folders, with a clock of its own, judged from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.hub import Hub
from pipeline.app.run import run_once
from pipeline.bootstrap import Workspace
from pipeline.model.settings import Settings
from pipeline.ports.engine import Engine, Job

_SENDER = 'role = "sender"\nscanner = "none"\n'
_RECEIVER = 'role = "receiver"\n'
PARTNERS = {
    "caterer": _SENDER,
    "printer": _SENDER + "[completeness]\nmarker = '.done'\n",
    "ville-exemple": _RECEIVER,
    "hopital-exemple": _RECEIVER,
}


@dataclass
class SetClock:
    """A clock that stands until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 11, 27, 8, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def adopt(self) -> timedelta:
        """Nobody sets it."""
        return timedelta(0)

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.moment += timedelta(seconds=seconds)


@dataclass
class Site:
    """Partners, a hub between them, and who watches.

    Attributes:
        hub: The hub.
        clock: Its clock.
        root: Each partner's folder.
        history: What is dropped and seen.
        checker: Judges it.
    """

    hub: Hub
    clock: SetClock
    root: Path
    history: Any
    checker: ModuleType

    def drop(self, supplier: str, name: str, payload: bytes, *expected: str) -> None:
        """Leave a complete file, and say what must become of its invoices."""
        self.history.drop(supplier, name, payload, expected or None)

    def inbox(self, supplier: str) -> Path:
        """Return where a supplier leaves files."""
        return self.root / supplier / "in"

    def out(self, partner: str) -> dict[str, bytes]:
        """Return what a partner finds."""
        return {one.name: one.read_bytes() for one in (self.root / partner / "out").iterdir()}

    def taken(self, supplier: str) -> list[str]:
        """Return the names of the files that were set aside."""
        return sorted(one.name[18:] for one in (self.root / supplier / "archive").iterdir())

    def run(self, *, after: float = 0.0) -> None:
        """Make one pass, some seconds later."""
        self.clock.sleep(after)
        self.history.look()
        run_once(self.hub, insist=True)
        self.history.look()

    def judge(self) -> Any:
        """Return what the checker says of all that was seen; nothing must be violated."""
        self.history.write()
        found = self.checker.check(self.history.folder)
        assert found.violations == []
        return found


class _InlineEngine:
    """An engine that judges in this process."""

    def __init__(self, judge: Callable[[Job], Any]) -> None:
        self._judge = judge

    def judge(self, jobs: Any) -> Iterator[Any]:
        """Yield one result a job."""
        return map(self._judge, jobs)

    def close(self) -> None:
        """Nothing was started."""


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Job], Any]:
    """The product's own judge, its XSDs compiled once."""
    place = _workspace(tmp_path_factory.mktemp("judge"))
    (place.home / "config").mkdir(parents=True)
    return bootstrap.document_judge(bootstrap.worker_settings(place, Settings()))


@pytest.fixture
def site(
    tmp_path: Path,
    judge: Callable[[Job], Any],
    checker: ModuleType,
    observer: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """A configured hub and its partners."""

    def make_engine(*_: object, **__: object) -> Engine:
        return _InlineEngine(judge)

    monkeypatch.setattr("pipeline.bootstrap.hub.make_engine", make_engine)
    root = tmp_path / "partners"
    for name in PARTNERS:
        for folder in ("in", "out", "archive"):
            (root / name / folder).mkdir(parents=True)
    with _hub(tmp_path / "var", root) as hub:
        clock = SetClock()
        history = observer.History(tmp_path / "history", {name: root / name for name in PARTNERS})
        yield Site(replace(hub, clock=clock), clock, root, history, checker)


@contextmanager
def _hub(home: Path, root: Path) -> Iterator[Hub]:
    place = _workspace(home)
    bootstrap.initialise(place)
    samples = Path(__file__).resolve().parents[2] / "samples" / "directory"
    for table in samples.iterdir():
        target = place.config / "directory" / table.name
        text = table.read_text(encoding="utf-8")
        if table.name == "routes.toml":
            text = text[: text.index('[[route]]\nconnection = "imprimerie')]
        target.write_text(text, encoding="utf-8")
    profiles = "".join(
        f"[profiles.{name}]\npacks = {{}}\n"
        for name in ("auto", "chorus-historical", "fr-b2b", "fr-b2g", "fr-g2b")
    )
    (place.config / "profiles.toml").write_text(profiles, encoding="utf-8")
    for name, text in PARTNERS.items():
        door = f'\n[door]\nprotocol = "local"\npath = "{root / name}"\n'
        sheet = f'name = "{name}"\npartner = "{name}"\n{text}{door}'
        (place.config / "connections" / f"{name}.toml").write_text(sheet, encoding="utf-8")
    with bootstrap.open_hub(place, by="run:test") as hub:
        apply(hub, bootstrap.proposed_sheets(place))
        yield hub


def _workspace(home: Path) -> Workspace:
    return Workspace(
        home=home,
        database=f"sqlite:///{home / 'ledger.sqlite'}",
        packs=bootstrap.workspace().packs,
    )
