"""The scenario of the B2B pilot goes as it says, by what lies in the folders and in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.model.standing import SheetState

#: What the scenario promises to show, in order.
STEPS = [
    "not-registered", "draft", "tested", "approved", "four-formats", "service-missing",
    "shadow", "pilot", "production", "directory-shown", "directory-in-force",
    "certificate-rolled-over", "certificate-expired",
]  # fmt: skip


@pytest.mark.slow
def test_a_pilot_receiver_reaches_production_beside_live_traffic(
    edi: Callable[..., Any], tmp_path: Path
) -> None:
    """Each step is seen, and folders and ledger say the same without the scenario's help."""
    ran = edi("demo", "--scenario", "b2b", "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert [step["name"] for step in told["steps"] if step["ok"]] == STEPS
    assert told["consistent"] is True
    home = tmp_path / "var/demo"
    count = {
        (name, folder): len(list((home / "sftp" / name / folder).iterdir()))
        for name, folder in (
            ("imprimerie-b2b", "test"),
            ("imprimerie-b2b", "out"),
            ("imprimerie-exemple", "out"),
            ("ville-exemple", "out"),
            ("papeterie-avoirs", "in"),
        )
    }
    # two days of shadow; two of pilot with one supplier of two, one of production with both,
    # and the first invoice after the certificates' end
    assert count == {
        ("imprimerie-b2b", "test"): 2,
        ("imprimerie-b2b", "out"): 2 + 2 + 1,
        ("imprimerie-exemple", "out"): 2 + 2,
        ("ville-exemple", "out"): 2,
        ("papeterie-avoirs", "in"): 1,
    }
    with bootstrap.reading(bootstrap.workspace(home)) as ledger:
        moves = [
            (event.fact.data["to"], event.fact.by)
            for event in ledger.events("imprimerie-b2b")
            if event.fact.what == "sheet.moved"
        ]
        sheets = ledger.sheets()
    assert moves == [
        ("tested", "operator:ana"),
        ("approved", "operator:bruno"),
        ("shadow", "operator:ana"),
        ("pilot", "operator:ana"),
        ("production", "operator:ana"),
    ]
    stopped = {name for name in sheets.standing if sheets.state(name) is SheetState.SUSPENDED}
    assert stopped == {"papeterie-avoirs"}


def test_a_scenario_has_files_of_its_own(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Whoever gives both is told so, and nothing is made."""
    ran = edi("demo", "--scenario", "b2b", "--files", str(tmp_path))

    assert (ran.code, "--scenario" in ran.err) == (2, True)
    assert not (tmp_path / "var/demo").exists()
