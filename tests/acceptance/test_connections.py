"""Every kind of connection by the installed command, and what a bad one may cost the others."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncssh
import pytest

from pipeline.adapters.embedded_sftp import generate_key

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

CANARY = "kanarienvogel-7f3a"


def an_invoice(samples: Any, number: str) -> Any:
    """Write a small sound UBL invoice for ville-exemple."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    return samples.to_ubl(samples.billed_to(model, samples.VILLE, number))


def write_sheet(world: Any, name: str, role: str, door: str, retry: str = "") -> None:
    """Write a connection sheet of free names with a door of its own, and put it in force."""
    scanner = 'scanner = "none"\n' if role == "sender" else ""
    path = world.home / "config" / "connections" / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\npartner = "{name}"\nrole = "{role}"\n{scanner}[door]\n{door}\n'
        f"[completeness]\nstable_s = 0\npartial_wait_s = 0\n{retry}",
        encoding="utf-8",
    )
    applied = world.edi("apply")
    assert applied.code == 0, applied.err


def account(world: Any, name: str, port: int | None = None, host_key: str = "") -> str:
    """Return the door of an account of the world's server, or of what stands in its place."""
    return (
        f'host = "127.0.0.1"\nport = {port or world.port}\nuser = "{name}"\nkey = "keys/{name}"\n'
        f'host_key = "{host_key or world.host_key}"\ntimeout_s = 3'
    )


def run(world: Any, **environment: str) -> Any:
    """Do one pass."""
    ran = world.edi("run", "--once", "--json", **environment)
    assert "Traceback" not in ran.err, ran.err
    return ran


def events(world: Any) -> Counter[str]:
    """Count the events of the log that tell of doors."""
    return Counter(
        line["event"]
        for line in world.log()
        if line["event"].startswith("host.") or "failed" in line["event"]
    )


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


# -- local folders


def test_an_invoice_goes_from_one_local_folder_to_another(
    world: Any, samples: ModuleType, tmp_path: Path
) -> None:
    """As over SFTP: taken, archived, delivered, answered; nothing else is left there."""
    for folder in ("in", "out", "archive"):
        (world.home / "drop" / folder).mkdir(parents=True)
        (tmp_path / "mount" / folder).mkdir(parents=True)
    write_sheet(world, "caterer", "sender", 'protocol = "local"\npath = "drop"')
    mount = f'protocol = "local"\npath = "{tmp_path / "mount"}"'
    write_sheet(world, "ville-exemple", "receiver", mount)
    payload = an_invoice(samples, "L1")
    (world.home / "drop" / "in" / "l1.xml").write_bytes(payload)

    ran = run(world)

    assert (ran.code, ran.json["failed"]) == (0, {})
    assert [path.read_bytes() for path in (tmp_path / "mount" / "out").iterdir()] == [payload]
    assert [path.read_bytes() for path in (world.home / "drop/archive").iterdir()] == [payload]
    assert list((world.home / "drop" / "in").iterdir()) == []
    kinds = sorted(path.suffix for path in (world.home / "drop" / "out").iterdir())
    assert kinds == [".html", ".json"]
    assert world.edi("verify").code == 0


# -- passwords


@dataclass(frozen=True, slots=True)
class ByPassword:
    """A server that lets `caterer` in with `CANARY`, and notes whatever else comes."""

    port: int
    host_key: str
    seen: list[str]


@pytest.fixture
def by_password(world: Any, tmp_path: Path) -> Iterator[ByPassword]:
    """Serve the caterer's folder for a password."""
    seen: list[str] = []
    clients: list[asyncssh.SSHServerConnection] = []
    root = str(world.folders["caterer"]).encode()

    class Guard(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            clients.append(conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            seen.append(password)
            return (username, password) == ("caterer", CANARY)

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Guard,
            server_host_keys=[str(tmp_path / "password_host_key")],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=root),
        )

    async def end() -> None:
        server.close()
        for client in clients:
            client.abort()
            await client.wait_closed()
        await server.wait_closed()

    host_key = generate_key(tmp_path / "password_host_key")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    yield ByPassword(server.get_port(), host_key, seen)
    asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_password_works_and_stands_nowhere_but_in_its_file(
    world: Any, samples: ModuleType, by_password: ByPassword
) -> None:
    """Not in the log, the ledger, the archive, nor in anything that a verb prints."""
    kept = world.home / "secrets" / "caterer"
    kept.parent.mkdir(mode=0o700)
    kept.write_text(f"{CANARY}\n")
    kept.chmod(0o600)
    door = (
        f'host = "127.0.0.1"\nport = {by_password.port}\nuser = "caterer"\n'
        f'password = {{ file = "secrets/caterer" }}\nhost_key = "{by_password.host_key}"'
    )
    write_sheet(world, "caterer", "sender", door)
    (world.folders["caterer"] / "in" / "p1.xml").write_bytes(an_invoice(samples, "P1"))

    good = run(world)
    kept.write_text(f"wrong-{CANARY}\n")
    wrong = run(world)
    kept.chmod(0o644)
    readable = run(world)

    assert (good.code, len(world.out("ville-exemple"))) == (0, 1)
    assert set(by_password.seen) == {CANARY, f"wrong-{CANARY}"}
    assert "the password of file secrets/caterer" in wrong.json["failed"]["caterer"]
    assert "mode 0644" in readable.json["failed"]["caterer"]
    verbs = (
        "interchanges",
        "documents",
        "verify",
        "trace p1",
        "why p1.xml",
        "apply",
        "run --once",
    )
    said = [world.edi(*verb.split()) for verb in verbs] + [good, wrong, readable]
    assert [one for one in said if CANARY in one.out + one.err] == []
    files = [path for path in world.home.rglob("*") if path.is_file() and path != kept]
    assert len(files) > 10
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


# -- servers that fail


def test_a_dead_server_is_one_incident_whatever_waits_for_it(
    world: Any, samples: ModuleType, nobody: int
) -> None:
    """One line for a hundred files and two connections, and one attempt, not a hundred."""
    retry = "[retry]\nwaits_s = [3600, 3600]\n"
    for name, role in (("ville-exemple", "receiver"), ("supplier", "sender")):
        write_sheet(world, name, role, account(world, name, port=nobody), retry)
    for number in range(100):
        name = f"d{number}.xml"
        (world.folders["caterer"] / "in" / name).write_bytes(an_invoice(samples, f"D{number}"))

    ran = run(world)

    (incident,) = [line for line in world.log() if line["event"] == "host.failed"]
    assert events(world) == {"host.failed": 1}
    assert (incident["host"], incident["code"]) == (f"127.0.0.1:{nobody}", "CONNECT")
    assert incident["connections"] == ["supplier", "ville-exemple"]
    assert set(ran.json["failed"]) == {"supplier", "ville-exemple"}
    assert ran.json["pulled"]["caterer"] == 100
    waiting = world.edi("documents", "--step", "routed", "--json", "--limit", "200").json
    assert len(waiting) == 100
    assert ran.json["tried"] - ran.json["sent"] <= 1, "what was not tried is no attempt"
    # the server is there again: everything but what was tried, and waits as agreed, leaves
    write_sheet(world, "ville-exemple", "receiver", account(world, "ville-exemple"), retry)
    run(world)
    assert len(world.out("ville-exemple")) >= 99


def test_a_dead_server_stays_one_incident_over_many_passes(
    world: Any, samples: ModuleType, nobody: int
) -> None:
    """`edi run` looks every second here; the other partner is served all the while."""
    (world.home / "config" / "pipeline.toml").write_text("every_s = 1\n", encoding="utf-8")
    write_sheet(world, "supplier", "sender", account(world, "supplier", port=nobody))
    retry = "[retry]\nwaits_s = [1, 1, 1, 1]\n"
    door = account(world, "hopital-exemple", port=nobody)
    write_sheet(world, "hopital-exemple", "receiver", door, retry)
    hopital = samples.to_ubl(
        samples.billed_to(samples.BY_KEY["ubl-380-une-ligne"], samples.HOPITAL, "S9")
    )
    (world.folders["caterer"] / "in" / "s9.xml").write_bytes(hopital)
    command = [str(Path(sys.executable).parent / "edi"), "run"]
    environment = {**os.environ, "EDI_HOME": str(world.home)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as running:
        try:
            until(lambda: events(world)["host.failed"])
            for number in range(3):
                name = f"s{number}.xml"
                path = world.folders["caterer"] / "in" / name
                path.write_bytes(an_invoice(samples, f"S{number}"))
                until(lambda seen=number: len(world.out("ville-exemple")) > seen)
                time.sleep(1)
        finally:
            running.terminate()
            running.wait(60)

    assert events(world) == {"host.failed": 1}
    (waiting,) = world.edi("documents", "--step", "routed", "--json").json
    assert waiting["number"] == "S9", "its waits are not used up meanwhile"


def until(holds: Any) -> None:
    """Wait until something holds; give up after a minute."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it never happened")


def test_a_server_that_hangs_costs_its_own_partner_only(
    world: Any, samples: ModuleType, silent: int
) -> None:
    """Its time limit passes while the others' files are taken, delivered and answered."""
    for name, role in (("supplier", "sender"), ("hopital-exemple", "receiver")):
        write_sheet(world, name, role, account(world, name, port=silent))
    (world.folders["caterer"] / "in" / "h1.xml").write_bytes(an_invoice(samples, "H1"))
    started = time.monotonic()

    ran = run(world)

    assert time.monotonic() - started < 60
    assert list(ran.json["failed"]) == ["supplier"]
    assert "no answer within 3 s" in ran.json["failed"]["supplier"]
    assert len(world.out("ville-exemple")) == 1
    assert len(world.out("caterer")) == 2
    assert events(world) == {"host.failed": 1}


def test_a_changed_host_key_stops_whoever_pinned_it_and_nobody_else(
    world: Any, samples: ModuleType, tmp_path: Path
) -> None:
    """Nothing is taken or left there; the same server serves those that pinned its true key."""
    write_sheet(
        world,
        "supplier",
        "sender",
        account(world, "supplier", host_key=generate_key(tmp_path / "other")),
    )
    for name in ("supplier", "caterer"):
        path = world.folders[name] / "in" / f"k-{name}.xml"
        path.write_bytes(an_invoice(samples, f"K-{name}"))

    ran = run(world)

    assert ran.code == 1
    assert ran.json["failed"]["supplier"].startswith("HOSTKEY: supplier: expected ssh-ed25519 ")
    assert [path.name for path in (world.folders["supplier"] / "in").iterdir()]
    assert len(world.out("ville-exemple")) == 1
    (incident,) = [line for line in world.log() if line["event"] == "host.failed"]
    assert (incident["code"], incident["connections"]) == ("HOSTKEY", ["supplier"])
