"""The worker that holds messages against their rules, confined to what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline import bootstrap
from pipeline.adapters.archive import FolderSpool
from pipeline.adapters.resources import data_folder
from pipeline.app.vet import Vetter
from pipeline.model.finding import Outcome
from pipeline.model.settings import Settings
from tests.contract.test_receipts import a_cdar, a_statut

IDENTIFIER = "CPP0010036000000000000001"


@pytest.fixture(scope="module")
def vetter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vetter]:
    """Give the worker as `open_hub` wires it."""
    folder = tmp_path_factory.mktemp("messages")
    engine = bootstrap.make_engine(
        bootstrap.workspace(),
        replace(Settings(), workers=1),
        entry=bootstrap.message_worker,
        readable=(folder, data_folder("schemas")),
    )
    yield Vetter(engine, FolderSpool(folder))
    engine.close()


def judged(vetter: Vetter, *payloads: bytes) -> list[tuple[Outcome, list[str]]]:
    """Return what is said of messages, with the rules they break."""
    paths = [
        vetter.spool.write(f"in/{place}.xml", (payload,)).path
        for place, payload in enumerate(payloads)
    ]
    reports = [one.report for one in vetter.examine(paths)]
    return [(one.outcome, [found.rule for found in one.findings]) for one in reports]


@pytest.mark.slow
def test_messages_are_judged_in_a_confined_process(vetter: Vetter) -> None:
    """Ours is the schema of the one, official are schema and rules of the other."""
    broken = a_statut(IDENTIFIER).replace(b"<IdStatut>92<", b"<IdStatut>12<")
    unruly = a_cdar("F1", 213).replace(b">REJ_SEMAN<", b">WHY_NOT<")

    said = judged(vetter, a_statut(IDENTIFIER), a_cdar("F1", 202), broken, unruly, b"<a/>")

    assert [outcome for outcome, _ in said] == [
        Outcome.VALID,
        Outcome.VALID,
        Outcome.INVALID,
        Outcome.INVALID,
        Outcome.INVALID,
    ]
    assert [rules[0] for _, rules in said[2:]] == [
        "XSD-VALUE",
        "BR-FR-CDV-CL-09_MDT-113",
        "SYNTAX-UNKNOWN",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("about", "type_code"), [("flux", "303"), ("messageCDV", "305")])
def test_the_dialect_of_the_public_portal_is_read_too(
    vetter: Vetter, about: str, type_code: str
) -> None:
    """Three rules of the other dialect are told of it, and refuse nothing; any other does."""
    usual = a_cdar("FEN3036A_PAR012_CPP0013036000000000000001", 501, type_code=type_code)
    process = re.compile(rb"<ram:BusinessProcess.*?</ram:BusinessProcess\w+>\s*", re.DOTALL)
    portal = process.sub(b"", usual).replace(b"CDV:invoice", f"CDV:{about}".encode())

    said = judged(vetter, portal, usual, portal.replace(b">IRR_SYNTAX<", b">WHY_NOT<"))

    assert [outcome for outcome, _ in said] == [
        Outcome.VALID,
        Outcome.INVALID,
        Outcome.INVALID,
    ]
    assert said[0][1] == ["BR-FR-04_MDT-91", "BR-FR-CDV-02_MDT-3", "BR-FR-CDV-CL-01_MDT-2"]
