"""Answers in CDAR over real SFTP: platforms (AFNOR) and public senders (G2B)."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from lxml import etree

from pipeline.syntax.cdar import Cdar, Party, read

#: What each interface is answered by: recevability, irrecevability, invoices.
ANSWERS = {
    "FSO1150A": ("CSO1150A", "CSO1150A", "FEN1214A"),
    "FSO1156A": ("CSO1156A", "CSO1156A", "FEN1214A"),
    "FSO3110A": (None, "CSI3110A", "CSO3110A"),
}
#: Status of an invoice that was taken.
TAKEN = {"FSO1150A": 202, "FSO1156A": 202, "FSO3110A": 200}
INTERFACES = sorted(ANSWERS)


def drop(world: Any, interface: str, payload: bytes) -> str:
    """Leave a flow under `interface`, first of its name; return the name."""
    name = f"{interface}_SUP001_SUP001{interface[3:7]}{1:015d}"
    (world.folders["supplier"] / "in" / name).write_bytes(payload)
    return name


def subscribe(world: Any, interface: str, more: str = "") -> None:
    """Let the supplier use `interface`; its invoices are held against EN 16931 alone."""
    known = 'siren = "217500016"\n' if interface == "FSO3110A" else 'matricule = "0417"\n'
    world.sheet(
        "supplier",
        'role = "sender"\nscanner = "none"\nnaming = "grammar"\napplication_code = "SUP001"\n'
        f'interfaces = ["{interface}"]\nprofile = "en16931"\n{known}{more}',
    )
    applied = world.edi("apply")
    assert applied.code == 0, applied.err


def run(world: Any) -> None:
    """Do one pass."""
    ran = world.edi("run", "--once")
    assert "Traceback" not in ran.err, ran.err


def answers(world: Any) -> dict[str, list[Cdar]]:
    """Return what the supplier was told in CDAR, by interface code of the file."""
    found = {}
    for name, payload in world.out("supplier").items():
        if name.endswith((".json", ".html")):
            continue
        if payload.startswith(b"<?xml"):
            found[name[:8]] = [read(etree.fromstring(payload))]
        else:
            with tarfile.open(fileobj=io.BytesIO(payload)) as tar:
                found[name[:8]] = [
                    read(etree.fromstring(tar.extractfile(one).read()))  # type: ignore[union-attr]  # all are files
                    for one in tar
                ]
    return found


def statuses(world: Any) -> dict[str, list[int]]:
    """Return the statuses told, by interface code of the file."""
    return {code: [one.status for one in told] for code, told in answers(world).items()}


@pytest.fixture
def invoice(samples: ModuleType) -> Callable[..., bytes]:
    """Write an invoice as `interface` takes it; `wrong` totals break BR-CO-15 alone."""

    def make(interface: str, number: str, buyer: Any = None, *, wrong: bool = False) -> bytes:
        cii = interface == "FSO1156A"
        model = samples.BY_KEY["cii-380-fournitures" if cii else "ubl-380-une-ligne"]
        made = samples.billed_to(model, buyer or samples.VILLE, number)
        right = made.totals
        totals = replace(right, with_vat=right.with_vat + 1, due=right.due + 1) if wrong else right
        payload: bytes = (samples.to_cii if cii else samples.to_ubl)(made, totals)
        return payload

    return make


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_good_flow_is_answered_invoice_by_invoice(
    world: Any, samples: ModuleType, invoice: Callable[..., bytes], interface: str
) -> None:
    """One archive of messages; a platform also hears that the flow is recevable."""
    subscribe(world, interface, 'answers = ["json", "html"]\n')
    name = drop(
        world,
        interface,
        samples.tar_gz({f"{n}.xml": invoice(interface, f"G{n}") for n in range(3)}),
    )

    run(world)

    recevable, _, taken = ANSWERS[interface]
    told = answers(world)
    assert statuses(world) == {
        **({recevable: [500]} if recevable else {}),
        taken: [TAKEN[interface]] * 3,
    }
    assert {one.reference for one in told[taken]} == {"G0", "G1", "G2"}
    assert {one.flow for one in told[taken]} == {name}
    (recipient,) = {one.recipients[0] for messages in told.values() for one in messages}
    assert recipient == (
        Party("SE", "217500016", "0002", "supplier", "217500016")
        if interface == "FSO3110A"
        else Party("WK", "0417", "0238", "supplier")
    )
    besides = {name.rpartition(".")[2]: data for name, data in world.out("supplier").items()}
    assert json.loads(besides["json"])["antivirus"] == "none"
    assert b"aucun (none)" in besides["html"]


@pytest.mark.parametrize("interface", INTERFACES)
def test_a_refused_invoice_is_told_with_its_rule_and_the_others_go_on(
    world: Any, samples: ModuleType, invoice: Callable[..., bytes], interface: str
) -> None:
    """213 beside 202 or 200."""
    subscribe(world, interface)
    files = {
        "1.xml": invoice(interface, "P1"),
        "2.xml": invoice(interface, "P2", wrong=True),
    }
    drop(world, interface, samples.tar_gz(files))

    run(world)

    good, bad = answers(world)[ANSWERS[interface][2]]
    assert (good.status, good.reference, good.details) == (TAKEN[interface], "P1", ())
    assert (bad.status, bad.reference) == (213, "P2")
    assert [(one.reason, one.rule) for one in bad.details] == [("REJ_SEMAN", "BR-CO-15")]
    assert list(world.out("ville-exemple").values()) == [files["1.xml"]]


@pytest.mark.parametrize("interface", INTERFACES)
def test_an_irrecevable_flow_is_answered_by_501_alone(
    world: Any, samples: ModuleType, invoice: Callable[..., bytes], interface: str
) -> None:
    """Nothing is taken, every broken file is named."""
    subscribe(world, interface)
    files = {f"{n}.xml": invoice(interface, f"I{n}") for n in range(3)}
    files["1.xml"], files["2.xml"] = b"<Invoice/>", b""
    name = drop(world, interface, samples.tar_gz(files))

    run(world)

    assert statuses(world) == {ANSWERS[interface][1]: [501]}
    (told,) = answers(world)[ANSWERS[interface][1]]
    assert told.reference == name
    assert [one.reason for one in told.details] == ["IRR_VIDE_F", "IRR_SYNTAX"]
    assert world.out("ville-exemple") == {}


@pytest.mark.parametrize("interface", INTERFACES)
def test_while_an_invoice_waits_the_sender_hears_that_the_flow_is_safe(
    world: Any, samples: ModuleType, invoice: Callable[..., bytes], interface: str
) -> None:
    """500 where the family has it, else JSON; the final answer follows, without a second 500."""
    subscribe(world, interface)
    payload = invoice(interface, "H1", samples.COLLEGE)
    drop(world, interface, payload)
    run(world)
    recevable, _, taken = ANSWERS[interface]
    interim = world.out("supplier")
    assert statuses(world) == ({recevable: [500]} if recevable else {})
    assert any(name.endswith(".held.json") for name in interim) is (recevable is None)

    (held,) = world.edi("documents", "--json").json
    assert world.edi("reject", held["id"], "--reason", "Contrat résilié").code == 0
    run(world)

    final = {name: data for name, data in world.out("supplier").items() if name not in interim}
    assert [name[:8] for name in final] == [taken]
    (told,) = answers(world)[taken]
    assert (told.status, [one.reason for one in told.details]) == (213, ["REJ_COH"])
    assert "Contrat résilié" in (told.details[0].note or "")
    assert (told.details[0].text or "").startswith("OPERATOR : ")


def test_an_answer_that_cannot_be_held_against_the_rules_waits_and_then_leaves(
    world: Any, invoice: Callable[..., bytes]
) -> None:
    """Without the official rules nothing is said; the invoice travels all the same."""
    subscribe(world, "FSO1150A", "retry.waits_s = [0.2]\n")
    packs = world.home / "config" / "packs.toml"
    shipped = _shipped("packs.toml")
    packs.write_text(shipped.replace("9ccbc00d9ca34b74", "0" * 16), encoding="utf-8")
    drop(world, "FSO1150A", invoice("FSO1150A", "V1"))

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
