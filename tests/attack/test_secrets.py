"""Passwords and keys, used for real, stand nowhere but where they are kept (S13)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: The right password of the test server, and a wrong one.
CANARY = "CANARI-7f3a91-mot-de-passe"


def sheet(world: Any, name: str, server: Any, password: str) -> None:
    """Give the hub a supplier on a server that asks for a password."""
    (world.home / "config" / "connections" / f"{name}.toml").write_text(
        f'name = "{name}"\npartner = "{name}"\nrole = "sender"\nscanner = "none"\n'
        f'[door]\nhost = "127.0.0.1"\nport = {server.port}\nuser = "acme"\n'
        f'password = {password}\nhost_key = "{server.host_key}"\n'
        "[retry]\nwaits_s = [0.1]\n"
    )


@pytest.mark.slow
def test_passwords_and_keys_stand_nowhere_but_where_they_are_kept(
    world: Any, guarded: Callable[[str], Any]
) -> None:
    """Neither on a screen, nor in logs, ledger, archive, answers, scratch space or sheets.

    One password comes from a file, one from the environment, and one that is wrong is
    refused, as is a file: whatever is told of that, it is not the secret.
    """
    server = guarded("password")
    kept = world.home / "keys" / "acme-password"
    kept.write_text(server.password)
    kept.chmod(0o600)
    sheet(world, "par-fichier", server, '{ file = "keys/acme-password" }')
    sheet(world, "par-variable", server, '{ env = "ACME_PASSWORD" }')
    sheet(world, "refuse", server, '{ env = "ACME_WRONG" }')
    environment = {"ACME_PASSWORD": server.password, "ACME_WRONG": CANARY}
    (world.folders["caterer"] / "in" / "a.xml").write_bytes(b"<Invoice/>")

    ran = [world.edi(*verb, **environment) for verb in VERBS]

    assert server.seen.count(server.password) >= 2
    assert CANARY in server.seen
    keys = [path for path in (world.home / "keys").iterdir() if path.is_file()]
    lines = {line for path in keys for line in path.read_bytes().splitlines() if len(line) > 40}
    secrets = {server.password.encode(), CANARY.encode(), *lines} - _public(keys)
    assert len(secrets) > 10
    files = [
        path
        for root in (world.home, *world.folders.values())
        for path in root.rglob("*")
        if path.is_file() and path not in keys
    ]
    everything = b"".join(path.read_bytes() for path in files)
    everything += "".join(one.out + one.err for one in ran).encode()
    assert [secret for secret in secrets if secret in everything] == []


#: Whatever an operator types first when something is wrong.
VERBS = (
    ("apply",),
    ("run", "--once"),
    ("status", "--json"),
    ("log",),
    ("log", "--json"),
    ("runs", "--json"),
    ("trace", "a.xml", "--json"),
    ("why", "refuse"),
)


def _public(keys: list[Path]) -> set[bytes]:
    """Return the lines that may be shown to anybody."""
    return {
        line for path in keys if path.suffix == ".pub" for line in path.read_bytes().splitlines()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "postgresql://edi:{secret}@127.0.0.1:1/edi",
        "postgresq://edi:{secret}@127.0.0.1:1/edi",
        "postgresql://edi:{secret}@127.0.0.1:port/edi",
        "postgresql://edi:{secret}@[::1/edi",
    ],
    ids=["unreachable", "no-such-database", "no-port", "no-address"],
)
def test_the_password_of_a_database_is_in_no_message(world: Any, address: str) -> None:
    """An address that does not work is what gets copied into a ticket."""
    ran = world.edi("run", "--once", EDI_DATABASE=address.format(secret=CANARY))

    assert ran.code == 2
    assert ran.err
    assert CANARY not in ran.out + ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_that_others_may_read_is_not_used(world: Any, mode: int) -> None:
    """A secret that is none is said to be one before any server is called."""
    (world.home / "keys" / "caterer").chmod(mode)

    ran = world.edi("run", "--once")

    assert ran.code == 1
    of_caterer = [line for line in world.log() if line.get("connection") == "caterer"]
    assert any("chmod 600" in line.get("error", "") for line in of_caterer)
    assert "pull.listed" not in {line["event"] for line in of_caterer}


def test_the_shipped_defaults_hold_no_secret() -> None:
    """Configuration says where a secret is, never what it is."""
    config = Path(__file__).parents[2] / "config"

    found = [
        f"{path.name}: {line}"
        for path in config.rglob("*")
        if path.is_file()
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"BEGIN [A-Z ]*PRIVATE KEY|^\s*password\s*=\s*[\"']", line)
    ]

    assert found == []
