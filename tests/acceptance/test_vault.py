"""Originals at rest: encrypted by default, read again by command, safe when a key is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any


def drop_invoice(world: Any, samples: Any, number: str) -> bytes:
    """Let the caterer drop one good invoice; return its bytes."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    payload: bytes = samples.to_ubl(samples.billed_to(model, samples.VILLE, number))
    (world.folders["caterer"] / "in" / f"{number}.xml").write_bytes(payload)
    return payload


def run(world: Any) -> dict[str, Any]:
    """Work once; return the newest interchange, as `edi show` tells it."""
    ran = world.edi("run", "--once")
    assert ran.code == 0, ran.err
    newest: dict[str, Any] = world.edi("interchanges", "--json").json[0]
    return newest


def test_a_fresh_workspace_encrypts_what_it_receives_and_hands_it_out_by_id(
    world: Any,
    samples: ModuleType,
    tmp_path: Path,
    original_file: Callable[[Path, str], Path],
) -> None:
    """Nothing has to be set; what was lost is put back, if it is what was received."""
    payload = drop_invoice(world, samples, "K1")
    started = time.time_ns()

    flow = run(world)

    assert list(world.out("ville-exemple").values()) == [payload]
    for path in (world.home / "archive").rglob("*"):
        assert not path.is_file() or payload[:200] not in path.read_bytes()
    assert list((world.home / "spool").iterdir()) == []
    made = [path for path in world.home.rglob("*") if path.stat().st_mtime_ns >= started]
    assert len(made) > 5  # ledger, log, lock, blob, keys
    assert {oct(path.stat().st_mode & 0o077) for path in made} == {"0o0"}
    taken, wrong = tmp_path / "taken.xml", tmp_path / "wrong.xml"
    assert world.edi("original", flow["id"], "-o", str(taken)).code == 0
    assert taken.read_bytes() == payload
    original_file(world.home, sha256(payload).hexdigest()).unlink()
    wrong.write_bytes(payload + b" ")
    refused = world.edi("original", flow["id"], "--put", str(wrong))
    assert (refused.code, "not the original" in refused.err) == (2, True)
    assert world.edi("original", flow["id"], "--put", str(taken)).code == 0
    assert world.edi("verify").code == 0


def test_without_the_master_key_nothing_is_taken_and_nothing_is_lost(
    world: Any, samples: ModuleType
) -> None:
    """The lost-key drill: the file is named, files wait where they are, its return mends all."""
    key, away = world.home / "master" / "archive.key", world.home / "away"
    drop_invoice(world, samples, "K5")
    assert run(world)["step"] == "closed"
    key.rename(away)
    payload = drop_invoice(world, samples, "K6")
    archive = {path.name for path in (world.home / "archive").rglob("*")}

    for arguments in (["run", "--once"], ["verify"], ["init"]):
        ran = world.edi(*arguments)
        assert (ran.code, str(key) in ran.err, "Traceback" in ran.err) == (2, True, False)

    assert not key.exists()
    assert (world.folders["caterer"] / "in" / "K6.xml").read_bytes() == payload
    assert {path.name for path in (world.home / "archive").rglob("*")} == archive
    away.rename(key)
    assert run(world)["step"] == "closed"
    assert world.edi("verify").code == 0
