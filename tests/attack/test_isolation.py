"""One partner learns nothing of another (S14); case 37 of the reliability table.

On the embedded server an account's folder is a root that no path and no link leads out of:
see tests/integration/test_embedded_sftp.py. Here: what the hub itself tells, and OpenSSH's
``ChrootDirectory`` as docs/security.md gives it.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko
import pytest

ROOT = Path(__file__).parents[2]


def beside(world: Any, name: str) -> Path:
    """Give the hub another supplier, in a local folder."""
    folder: Path = world.home.parent / name
    for each in ("in", "out", "archive"):
        (folder / each).mkdir(parents=True)
    sheet = f'name = "{name}"\npartner = "{name}"\nrole = "sender"\nscanner = "none"\n'
    door = f'[door]\nprotocol = "local"\npath = "{folder}"\n'
    patience = "[completeness]\nstable_s = 0\npartial_wait_s = 0\n"
    path = world.home / "config" / "connections" / f"{name}.toml"
    path.write_text(sheet + door + patience)
    return folder


@pytest.mark.slow
def test_an_answer_never_names_what_another_partner_sent(
    world: Any, bill: Callable[..., bytes]
) -> None:
    """Neither the same bytes, nor the same number in other words."""
    folder = beside(world, "curieux")
    assert world.edi("apply").code == 0
    theirs = world.folders["caterer"] / "in"
    (theirs / "confidentiel-a.xml").write_bytes(bill("SECRET-1"))
    (theirs / "confidentiel-b.xml").write_bytes(bill("SECRET-2"))
    assert world.edi("run", "--once").code == 0
    mine = folder / "in"
    (mine / "memes-octets.xml").write_bytes(bill("SECRET-1"))
    (mine / "meme-numero.xml").write_bytes(bill("SECRET-2") + b"\n")

    assert world.edi("run", "--once").code == 0

    answers = [path.read_text() for path in (folder / "out").glob("*") if path.is_file()]
    told = [json.loads(text) for text in answers if text.startswith("{")]
    assert {one["interchange"]["name"] for one in told} == {"memes-octets.xml", "meme-numero.xml"}
    codes = {
        reason["code"] for one in told for doc in one["documents"] for reason in doc["reasons"]
    }
    assert codes == {"DOUBLON"}
    flows = world.edi("interchanges", "--partner", "caterer", "--json").json
    words = ["caterer", "confidentiel", *(flow["id"] for flow in flows)]
    assert [(word, text) for word in words for text in answers if word in text] == []
    # the operator does see which one it was
    held = world.edi("documents", "--partner", "curieux", "--json").json
    assert all(
        world.edi("show", one["id"], "--json").json["why"][0]["code"] == "DOUBLON" for one in held
    )


@pytest.mark.slow
def test_an_answer_names_the_first_to_the_one_who_sent_it(
    world: Any, bill: Callable[..., bytes]
) -> None:
    """A supplier must be able to find what it sent before."""
    inbox = world.folders["caterer"] / "in"
    (inbox / "premiere.xml").write_bytes(bill("DEUX-1"))
    assert world.edi("run", "--once").code == 0
    (inbox / "seconde.xml").write_bytes(bill("DEUX-1") + b"\n")

    assert world.edi("run", "--once").code == 0

    (first,) = (
        one["id"] for one in world.edi("documents", "--json").json if one["name"] == "premiere.xml"
    )
    assert any(first.encode() in data for data in world.out("caterer").values())


@pytest.mark.skipif(os.geteuid() != 0, reason="sshd locks accounts in as root only")
def test_the_documented_sshd_configuration_locks_an_account_in(
    start_sshd: Callable[..., Any], tmp_path: Path
) -> None:
    """OpenSSH in production: no shell, no forwarding, nothing above the account's folder."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    block = re.search(r"```sshd_config\n(.*?)```", page, re.DOTALL)
    assert block is not None
    jail = _jail(tmp_path)
    lines = (
        block[1]
        .replace("/srv/edi/%u", str(jail))
        .replace("Match Group edi-partners", f"Match User {getpass.getuser()}")
    )
    server = start_sshd(
        more=tuple(line for line in lines.splitlines() if line and not line.startswith("#"))
    )
    with paramiko.Transport(("127.0.0.1", server.port)) as transport:
        transport.connect(username=server.user, pkey=paramiko.PKey.from_path(server.key))
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None

        assert sorted(client.listdir("/")) == ["in", "out"]
        for path in ("/etc/passwd", "../../etc/passwd", str(tmp_path / "other")):
            with pytest.raises(OSError, match="No such file"):
                client.stat(path)
        client.symlink("/etc/passwd", "/in/link")
        with pytest.raises(OSError, match="No such file"):
            client.open("/in/link")
        channel = transport.open_session()
        channel.exec_command("id")
        assert b"uid=" not in channel.makefile().read()


def _jail(tmp_path: Path) -> Path:
    """Make a folder that sshd accepts as a root: all above it is root's alone."""
    import tempfile

    jail = Path(tempfile.mkdtemp(prefix="edi-jail-", dir="/srv" if Path("/srv").is_dir() else "/"))
    jail.chmod(0o755)
    for name in ("in", "out"):
        (jail / name).mkdir()
    (tmp_path / "other").mkdir()
    return jail
