"""Servers that are not what they were, and what lies in their folders (S9, S11, S12).

Each by itself, on real servers and on foreign ones: tests/contract/test_doors.py,
tests/integration/test_connections_sftp.py, tests/integration/test_foreign_sftp.py. Here:
what a run and an operator see of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.embedded_sftp import generate_key


@pytest.mark.slow
def test_a_server_with_another_key_is_told_nothing_and_is_one_incident(
    world: Any, bill: Callable[..., bytes], tmp_path: Path
) -> None:
    """No login is tried, nothing is taken; the page names both keys, once."""
    inbox = world.folders["caterer"] / "in"
    (inbox / "a.xml").write_bytes(bill("CLE-1"))
    sheet = world.home / "config" / "connections" / "caterer.toml"
    good = sheet.read_text()
    other = generate_key(tmp_path / "other")
    sheet.write_text(good.replace(world.host_key, other))
    assert world.edi("apply").code == 0

    ran = [world.edi("run", "--once") for _ in range(2)]

    assert [one.code for one in ran] == [1, 1]
    told = [line for line in world.log() if line.get("code") == "HOSTKEY"]
    assert len({line["by"] for line in told}) == len(told) == 2  # one a run, by hand
    assert (inbox / "a.xml").exists()
    assert world.edi("status").code == 1

    sheet.write_text(good)
    assert world.edi("apply").code == 0
    assert world.edi("run", "--once").code == 0
    assert not (inbox / "a.xml").exists()


@pytest.mark.slow
def test_a_link_in_a_partners_folder_is_never_followed(
    world: Any, bill: Callable[..., bytes], canary: Any
) -> None:
    """Neither taken nor in the way of what lies beside it; where it leads is told to nobody."""
    inbox = world.folders["caterer"] / "in"
    (inbox / "vraie.xml").write_bytes(bill("LIEN-1"))
    for name, target in {"lien.xml": canary.path, "passwd.xml": "/etc/passwd", "ici": "."}.items():
        (inbox / name).symlink_to(target)

    assert world.edi("run", "--once").code == 0

    flows = world.edi("interchanges", "--json").json
    assert [one["name"] for one in flows] == ["vraie.xml"]
    assert sorted(path.name for path in inbox.iterdir()) == ["ici", "lien.xml", "passwd.xml"]
    delivered = b"".join(world.out("ville-exemple").values())
    assert canary.path.read_bytes() not in delivered
    told = {name for name in world.out("caterer") if name.startswith("link-")}
    assert {name.partition(".")[2] for name in told} == {"json", "txt"}
