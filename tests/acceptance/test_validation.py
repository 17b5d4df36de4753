"""Validation circuits, by the installed command and real SFTP: waited for, answered, sent on."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from tests.validating import framed


def bill(samples: Any, number: str, frame: str, agent: str) -> bytes:
    """Write a sound UBL invoice for the town that names its validator."""
    model = samples.BY_KEY["ubl-380-fournitures"]
    payload: bytes = samples.to_ubl(samples.billed_to(model, samples.VILLE, number, 1))
    return framed(payload, frame, agent)


def life(world: Any, number: str) -> dict[str, Any]:
    """Return the life of an invoice."""
    found: dict[str, Any] = world.edi("life", number, "--json").json
    return found


@pytest.mark.slow
def test_invoices_wait_for_their_validators(world: Any, samples: ModuleType) -> None:
    """One is validated, one goes on though it is refused, one stops; each says why."""
    validator = samples.HOPITAL.siret
    for number, frame in (("V1", "S3"), ("V2", "S3"), ("V3", "S6")):
        path = world.folders["caterer"] / "in" / f"{number}.xml"
        path.write_bytes(bill(samples, number, frame, validator))
    assert world.edi("run", "--once").code == 0

    waits = world.edi("documents", "--waiting-for", "validator", "--json").json
    assert sorted(one["number"] for one in waits) == ["V1", "V2", "V3"]
    told = world.edi("why", life(world, "V1")["document"], "--json").json
    assert (told[0]["code"], told[0]["who"]) == ("VALIDATION_WAITS", "validator")
    missing = world.edi("declare", "V3", "refuse", "--as", "validator", "--comment", "non")
    assert missing.code == 2

    words = (
        ("V1", "validate", ()),
        ("V2", "refuse", ()),
        ("V3", "refuse", ("--reason", "DEST_ERR")),
    )
    for number, event, more in words:
        said = world.edi("declare", number, event, "--as", "validator", "--comment", "vu", *more)
        assert said.code == 0, said.err
    assert world.edi("run", "--once").code == 0

    ended = {number: life(world, number)["status"] for number, _, _ in words}
    assert ended == {
        "V1": "MISE_A_DISPOSITION",
        "V2": "MISE_A_DISPOSITION",
        "V3": "REFUSEE_1",
    }
    answers = [
        json.loads(payload)
        for name, payload in world.out("caterer").items()
        if name.endswith(".ack.json")
    ]
    assert {one["documents"][0]["outcome"] for one in answers} == {"accepted"}
    assert world.edi("documents", "--waiting-for", "validator", "--json").json == []
    assert world.edi("conservation", "--json").json["balanced"]
    assert world.edi("verify").code == 0
