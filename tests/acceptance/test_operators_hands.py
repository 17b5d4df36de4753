"""An operator's verbs on accepted and held flows, by the installed command and real SFTP."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from pipeline import bootstrap
from pipeline.app.pull import pull
from pipeline.ports.ledger import Query

WHY = "erreur de tarif"


def flow_name(sequence: int, interface: str = "FSO1100A") -> str:
    """Name a flow of the supplier."""
    return f"{interface}_SUP001_SUP001{interface[3:7]}{sequence:015d}"


def an_invoice(samples: Any, number: str, buyer: Any = None) -> Any:
    """Write a small sound UBL invoice."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    return samples.to_ubl(samples.billed_to(model, buyer or samples.VILLE, number))


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


def run(world: Any, **environment: str) -> Any:
    """Do one pass."""
    ran = world.edi("run", "--once", "--json", **environment)
    assert "Traceback" not in ran.err, ran.err
    return ran


def only(world: Any, *arguments: str, **environment: str) -> Any:
    """Return the only row that a listing has."""
    (row,) = world.edi(*arguments, "--json", **environment).json
    return row


def undelivered(world: Any, **environment: str) -> None:
    """Have flows judged while nothing is delivered to the city."""
    assert world.edi("pause", "--partner", "ville-exemple", **environment).code == 0
    run(world, **environment)
    assert world.edi("resume", "--partner", "ville-exemple", **environment).code == 0


def answers(world: Any, partner: str, end: str) -> list[dict[str, Any]]:
    """Return the JSON answers of one kind that a supplier finds, by name."""
    return [json.loads(p) for n, p in sorted(world.out(partner).items()) if n.endswith(end)]


def events(world: Any, subject: str, **environment: str) -> list[str]:
    """Return what happened to something, in order."""
    shown = world.edi("show", subject, "--json", **environment)
    return [one["what"] for one in shown.json["events"]]


def test_a_delivery_that_is_held_back_waits_until_it_is_let_go(
    world: Any, samples: ModuleType
) -> None:
    """A hold is ours: the supplier's answer stands as it was given, and nothing leaves."""
    payload = an_invoice(samples, "H1")
    drop(world, "caterer", "h1.xml", payload)
    undelivered(world)
    document = only(world, "documents")
    given = world.out("caterer")

    held = world.edi("hold", document["id"], "--reason", "montant à vérifier")
    run(world)

    assert held.code == 0, held.err
    assert world.out("ville-exemple") == {}
    assert world.out("caterer") == given
    assert only(world, "documents")["step"] == "routed"
    why = only(world, "why", document["id"])
    assert (why["code"], why["who"]) == ("OPERATOR_HOLD", "operator")
    assert why["command"] == f"edi release {document['id']}"
    again = world.edi("hold", document["id"], "--reason", "encore")
    assert again.code == 0, "a second click has nothing to do"
    assert "rien à faire" in again.out
    assert world.edi("status").code == 1, "somebody has to let it go"

    assert world.edi("release", document["id"]).code == 0
    run(world)

    assert list(world.out("ville-exemple").values()) == [payload]
    assert world.edi("hold", document["id"], "--reason", "trop tard").code == 2
    assert world.edi("verify").code == 0
    assert events(world, document["id"]).count("operator.hold") == 3


def test_a_flow_is_held_before_anybody_judged_it(world: Any, samples: ModuleType) -> None:
    """Its sender gets the interim notice of any held flow, without the operator's words."""
    drop(world, "caterer", "h2.xml", an_invoice(samples, "H2"))
    received = _received_but_not_judged(world)

    assert world.edi("hold", received, "--reason", "soupçon").code == 0
    run(world)

    (notice,) = answers(world, "caterer", "held.json")
    assert (notice["outcome"], notice["final"]) == ("held", False)
    assert [one["code"] for one in notice["reasons"]] == ["OPERATOR_HOLD"]
    assert "soupçon" not in json.dumps(notice, ensure_ascii=False)
    assert world.edi("release", received).code == 0
    run(world)
    assert len(world.out("ville-exemple")) == 1
    assert world.edi("verify").code == 0


def _received_but_not_judged(world: Any) -> str:
    """Record a flow as the intake does, and end before it is judged; return its id."""
    with bootstrap.open_hub(bootstrap.workspace(world.home), by="run:test") as hub:
        pull(hub, hub.ledger.sheets().connections["caterer"])
        (flow,) = hub.ledger.interchanges(Query(steps=("received",)))
        return flow.id
