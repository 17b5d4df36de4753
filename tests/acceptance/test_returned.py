"""Returned invoices, by the installed command and real SFTP: put right, completed, replaced."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.returned import elsewhere, engaged, naming

WHY = ("--reason", "demandé par le fournisseur")


def bill(samples: Any, number: str, times: int = 1) -> bytes:
    """Write a sound UBL invoice for the town."""
    model = samples.BY_KEY["ubl-380-fournitures"]
    payload: bytes = samples.to_ubl(samples.billed_to(model, samples.VILLE, number, times))
    return payload


def deposit(world: Any, name: str, payload: bytes) -> dict[str, Any]:
    """Drop a file as its supplier does, work, and return what it is answered of its invoice."""
    (world.folders["caterer"] / "in" / name).write_bytes(payload)
    assert world.edi("run", "--once").code == 0
    (answer,) = (
        json.loads(payload)
        for one, payload in world.out("caterer").items()
        if one.startswith(f"{name}.") and one.endswith(".ack.json")
    )
    (document,) = answer["documents"]
    found: dict[str, Any] = document
    return found


def say(world: Any, number: str, *words: str) -> None:
    """Have an operator say a status for the recipient."""
    said = world.edi("declare", number, *words, "--as", "recipient")
    assert said.code == 0, said.err


def life(world: Any, number: str) -> dict[str, Any]:
    """Return the life of an invoice."""
    found: dict[str, Any] = world.edi("life", number, "--json").json
    return found


@pytest.mark.slow
def test_returned_invoices_come_back_by_whatever_way(
    world: Any, samples: ModuleType, tmp_path: Path
) -> None:
    """Three ways back, each the only one for where its invoice stands; nothing is lost."""
    for number in ("R1", "R2", "R3"):
        deposit(world, f"{number}.xml", bill(samples, number))
    say(world, "R1", "return", "--reason", "DEST_ERR")
    say(world, "R2", "suspend", "--reason", "JUSTIF_ABS", "--comment", "bon absent")
    say(world, "R3", "reject", "--reason", "TX_TVA_ERR", "--comment", "taux faux")

    # put right by a deposit: other amounts are shown, the right recipient gets it
    other = deposit(world, "r1-autre.xml", bill(samples, "R1", times=2))
    again = deposit(world, "r1-bis.xml", elsewhere(bill(samples, "R1")))
    shown = [one["message"]["fr"] for one in other["reasons"] if "BT-112" in one["place"]]
    assert other["outcome"] == "rejected"
    assert "trouvé" in shown[0]
    assert "attendu « 208.80 »" in shown[0]
    assert again["outcome"] == "accepted"
    assert life(world, "R1")["status"] == "MISE_A_DISPOSITION"
    assert any(name.endswith(".tar.gz") for name in world.out("hopital-exemple"))

    # completed by an operator
    paper = tmp_path / "bon.pdf"
    paper.write_bytes(b"%PDF-1.4 bon de livraison")
    before = life(world, "R2")["bearer"]
    dry = world.edi("correct", "R2", "--attach", str(paper), "--dry-run")
    assert "bon.pdf" in dry.out
    assert life(world, "R2")["bearer"] == before
    wrong = world.edi("correct", "R2", "--engagement", "EJ-1", *WHY)
    assert (wrong.code, "pièce jointe" in wrong.err) == (2, True)
    done = world.edi("correct", "R2", "--attach", str(paper), *WHY, "--json").json
    assert world.edi("run", "--once").code == 0
    now = life(world, "R2")
    assert (now["status"], now["history"][-1]["source"]) == ("COMPLETEE", done["flow"])

    # replaced under a new number
    refused = deposit(world, "r3-bis.xml", engaged(bill(samples, "R3")))
    assert [one["code"] for one in refused["reasons"]] == ["RETURN_REJECTED"]
    waits = world.edi("documents", "--waiting-for", "supplier", "--json").json
    assert [one["number"] for one in waits] == ["R3"]
    deposit(world, "r4.xml", naming(bill(samples, "R4"), "R3"))
    assert world.edi("documents", "--waiting-for", "supplier", "--json").json == []
    assert life(world, "R3")["replaced_by"] == [life(world, "R4")["document"]]
    assert life(world, "R4")["replaces"] == life(world, "R3")["document"]

    # each invoice's amount once among those accepted
    counted = world.edi("conservation", "--json").json
    (euros,) = (one for one in counted["lines"] if one["line"] == "EUR")
    assert counted["balanced"]
    assert (euros["accepted"], euros["again"]) == ("835.20", "417.60")
    assert world.edi("verify").code == 0
