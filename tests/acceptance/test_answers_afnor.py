"""What is particular to answers in CDAR, over real SFTP; what they say: test_controls.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from lxml import etree

from pipeline.acknowledge.platform import messages_in
from pipeline.syntax.cdar import Cdar, read


def drop(world: Any, payload: bytes) -> None:
    """Leave a flow as the supplier does."""
    name = f"FSO1150A_SUP001_SUP0011150{1:015d}"
    (world.folders["supplier"] / "in" / name).write_bytes(payload)


def subscribe(world: Any, more: str = "") -> None:
    """Let the supplier send as a platform does; its invoices are held against EN 16931 alone."""
    world.sheet(
        "supplier",
        'role = "sender"\nscanner = "none"\nnaming = "grammar"\napplication_code = "SUP001"\n'
        f'interfaces = ["FSO1150A"]\nprofile = "en16931"\nmatricule = "0417"\n{more}',
    )
    applied = world.edi("apply")
    assert applied.code == 0, applied.err


def run(world: Any) -> None:
    """Do one pass."""
    ran = world.edi("run", "--once")
    assert "Traceback" not in ran.err, ran.err


def answers(world: Any) -> dict[str, list[Cdar]]:
    """Return what the supplier was told in CDAR, by interface code of the file."""
    return {
        name[:8]: [read(etree.fromstring(one)) for one in messages_in(payload)]
        for name, payload in world.out("supplier").items()
        if "." not in name
    }


def statuses(world: Any) -> dict[str, list[int]]:
    """Return the statuses told, by interface code of the file."""
    return {code: [one.status for one in told] for code, told in answers(world).items()}


@pytest.fixture
def invoice(samples: ModuleType) -> Callable[[str], bytes]:
    """Write a small sound invoice."""

    def make(number: str) -> bytes:
        model = samples.BY_KEY["ubl-380-une-ligne"]
        payload: bytes = samples.to_ubl(samples.billed_to(model, samples.VILLE, number))
        return payload

    return make


def test_json_and_a_page_come_besides_where_the_sheet_asks_for_them(
    world: Any, invoice: Callable[[str], bytes]
) -> None:
    """They say who looked for malware, which CDAR has no word for."""
    subscribe(world, 'answers = ["json", "html"]\n')
    drop(world, invoice("G1"))

    run(world)

    assert statuses(world) == {"CSO1150A": [500], "FEN1214A": [202]}
    besides = {name.rpartition(".")[2]: data for name, data in world.out("supplier").items()}
    assert json.loads(besides["json"])["antivirus"] == "none"
    assert b"aucun (none)" in besides["html"]


def test_an_irrecevable_flow_names_every_broken_file(
    world: Any, samples: ModuleType, invoice: Callable[[str], bytes]
) -> None:
    """One correction, one new flow: nothing is found out one after the other."""
    subscribe(world)
    files = {"0.xml": invoice("I0"), "1.xml": b"<Invoice/>", "2.xml": b""}
    drop(world, samples.tar_gz(files))

    run(world)

    ((told,),) = answers(world).values()
    assert told.status == 501
    assert [one.reason for one in told.details] == ["IRR_VIDE_F", "IRR_SYNTAX"]
    assert world.out("ville-exemple") == {}


def test_an_answer_that_cannot_be_held_against_the_rules_waits_and_then_leaves(
    world: Any, invoice: Callable[[str], bytes]
) -> None:
    """Without the official rules nothing is said; the invoice travels all the same."""
    subscribe(world, "retry.waits_s = [0.2]\n")
    packs = world.home / "config" / "packs.toml"
    shipped = _shipped("packs.toml")
    packs.write_text(shipped.replace("9ccbc00d9ca34b74", "0" * 16), encoding="utf-8")
    drop(world, invoice("V1"))

    run(world)

    assert world.out("supplier") == {}
    assert len(world.out("ville-exemple")) == 1
    (flow,) = world.edi("interchanges", "--json").json
    assert "ANSWER_UNVETTED" in world.edi("why", flow["id"], "--json").out
    packs.unlink()
    run(world)
    assert statuses(world) == {"CSO1150A": [500], "FEN1214A": [202]}


def _shipped(table: str) -> str:
    from pipeline.adapters.resources import data_folder

    return (data_folder("config") / table).read_text(encoding="utf-8")
