"""Runs the installed ``edi`` as a user would, and loads the samples' makers by path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from pipeline.adapters.embedded_sftp import Account, EmbeddedServer, ServerSettings, generate_key
from pipeline.adapters.vault import MasterKey, Vault
from tests.warm import Warm, warm

_numbers = count(1)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return standard output as one JSON value."""
        return json.loads(self.out)


Edi = Callable[..., Ran]


def _runs_in(home: Path, warmed: Warm | None = None) -> Edi:
    def run(*arguments: str, stdin: bytes = b"", **environment: str) -> Ran:
        variables = {**os.environ, "EDI_HOME": str(home), "COLUMNS": "200", **environment}
        if warmed is not None and all(name.startswith("EDI_") for name in environment):
            code, out, err = warmed.run(arguments, variables, stdin)
            return Ran(code, out.decode(), err.decode())
        command = [str(Path(sys.executable).parent / "edi"), *arguments]
        ran = subprocess.run(
            command, input=stdin, capture_output=True, check=False, timeout=300, env=variables
        )
        return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    return run


@pytest.fixture(scope="session")
def warmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """A process that has loaded ``edi``; most commands are forks of it."""
    with warm(tmp_path_factory.mktemp("warm")) as made:
        yield made


@pytest.fixture
def edi(tmp_path: Path, warmed: Warm) -> Edi:
    """Run ``edi`` with a workspace of its own: ``edi("run", "--once")``."""
    return _runs_in(tmp_path / "var", warmed)


@pytest.fixture
def edi_from_nothing(tmp_path: Path) -> Edi:
    """Do as `edi`, and load the program anew for each command, as a user's shell does."""
    return _runs_in(tmp_path / "var")


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """Return ``samples/build.py``: invoices as values, and the files that suppliers drop."""
    folder = str(ROOT / "samples")
    sys.path.insert(0, folder)
    try:
        import build
    finally:
        sys.path.remove(folder)
    return build


@dataclass(frozen=True, slots=True)
class World:
    """A workspace with one embedded server, two suppliers and three recipients on it.

    Attributes:
        home: The workspace (``EDI_HOME``).
        folders: Each partner's folder on the server: ``in``, ``out``, ``archive``.
        edi: Runs a command in that workspace.
        port: Of the server.
        host_key: Of the server.
    """

    home: Path
    folders: dict[str, Path]
    edi: Edi
    port: int
    host_key: str

    def sheet(self, name: str, text: str) -> None:
        """Write the connection sheet `name`; `text` is what comes before its door."""
        door = (
            f'\n[door]\nhost = "127.0.0.1"\nport = {self.port}\nuser = "{name}"\n'
            f'key = "keys/{name}"\nhost_key = "{self.host_key}"\n'
            "[completeness]\nstable_s = 0\npartial_wait_s = 0\n"
        )
        path = self.home / "config" / "connections" / f"{name}.toml"
        path.write_text(f'name = "{name}"\npartner = "{name}"\n{text}{door}', encoding="utf-8")

    def out(self, name: str) -> dict[str, bytes]:
        """Return what a partner finds in its pick-up folder."""
        return {path.name: path.read_bytes() for path in (self.folders[name] / "out").iterdir()}

    def sweep(self) -> None:
        """Give every partner empty folders."""
        for root in self.folders.values():
            shutil.rmtree(root, ignore_errors=True)
            for folder in ("in", "out", "archive"):
                (root / folder).mkdir(parents=True)

    def original(self, digest: str) -> Path:
        """Return where the original of a SHA-256 is kept, as the keys tell."""
        return _original(self.home, digest)

    def log(self) -> list[dict[str, Any]]:
        """Return every whole line of the workspace's log."""
        days = sorted((self.home / "logs").glob("edi-*.jsonl"))
        text = "".join(path.read_text(encoding="utf-8") for path in days)
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def clear(self) -> None:
        """Forget everything but the configuration: a fresh ledger, empty folders."""
        for path in self.home.glob("ledger.sqlite*"):
            path.unlink()
        for folder in ("archive", "spool", "logs"):
            shutil.rmtree(self.home / folder, ignore_errors=True)
        for root in self.folders.values():
            for path in root.glob("*/*"):
                path.unlink()
        assert self.edi("init").code == 0
        assert self.edi("apply").code == 0


SetUp = Callable[[Path, Mapping[str, str]], AbstractContextManager[World]]

PARTNERS = {
    "supplier": 'role = "sender"\nscanner = "none"\nnaming = "grammar"\n'
    'application_code = "SUP001"\n'
    'interfaces = ["FSO1100A", "FSO1106A"]\n',
    "caterer": 'role = "sender"\nscanner = "none"\n',
    "ville-exemple": 'role = "receiver"\nenvelope = "single"\n[retry]\nwaits_s = [0.2, 0.2]\n',
    "hopital-exemple": 'role = "receiver"\nenvelope = "tar.gz"\n[retry]\nwaits_s = [0.2, 0.2]\n',
    "imprimerie-exemple": 'role = "receiver"\n[retry]\nwaits_s = [0.2, 0.2]\n',
}


@contextmanager
def _set_up(warmed: Warm, base: Path, partners: Mapping[str, str]) -> Iterator[World]:
    home, root = base / "var", base / "sftp"
    edi = _runs_in(home, warmed)
    assert edi("init").code == 0
    pipeline = home / "config" / "pipeline.toml"
    text = pipeline.read_text(encoding="utf-8")
    # a worker takes longer to start than it works in most of these tests: one is enough
    pipeline.write_text(text.replace("\nworkers = 0\n", "\nworkers = 1\n"), encoding="utf-8")
    keys = {name: generate_key(home / "keys" / name) for name in partners}
    settings = ServerSettings(
        root=root,
        host_key=base / "host_key",
        accounts={name: Account((key,), name) for name, key in keys.items()},
    )
    for table in ("structures.csv", "services.csv", "routes.toml"):
        shutil.copyfile(ROOT / "samples/directory" / table, home / "config/directory" / table)
    with EmbeddedServer(settings) as server:
        folders = {name: root / name for name in partners}
        made = World(home, folders, edi, server.port, server.host_key)
        for name, text in partners.items():
            made.sheet(name, text)
        applied = edi("apply")
        assert applied.code == 0, applied.err
        made.sweep()
        yield made


@pytest.fixture(scope="session")
def set_up(warmed: Warm) -> SetUp:
    """Give the way to a world of a test's own.

    Used as ``with set_up(folder, sheets) as world``; `sheets` holds the text of each
    partner's sheet, as `World.sheet` takes it.
    """
    return partial(_set_up, warmed)


@pytest.fixture(scope="session")
def settled(set_up: SetUp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Set up partners, keys, sheets and the samples' directory; everything is in force."""
    with set_up(tmp_path_factory.mktemp("settled"), PARTNERS) as made:
        yield made


@pytest.fixture
def world(settled: World, edi: Edi, tmp_path: Path) -> World:
    """Give a copy of that workspace of the test's own, and empty folders on its server."""
    home = tmp_path / "var"
    shutil.copytree(settled.home, home)
    settled.sweep()
    return World(home, settled.folders, edi, settled.port, settled.host_key)


def _original(home: Path, digest: str) -> Path:
    master = MasterKey(bytes.fromhex((home / "master" / "archive.key").read_text()), "master")
    name = Vault(home / "archive", master).names.name(digest)
    return home / "archive" / "blobs" / name[:2] / name


@pytest.fixture
def original_file() -> Callable[[Path, str], Path]:
    """Return where a workspace keeps the original of a SHA-256, as its keys tell."""
    return _original


@pytest.fixture
def postgresql_url(postgresql: str) -> str:
    """Give the address of an empty database of its own."""
    name = f"edi_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgresql, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return postgresql.replace("/postgres?", f"/{name}?")
