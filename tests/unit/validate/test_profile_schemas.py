"""XSDs of ours: each is what its source makes, pinned, and seen to hold and to fail."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.adapters.packs import PackShelf, PackState
from pipeline.model.agreement import ReceiverSchemas
from pipeline.model.finding import Layer, Outcome
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, PackRun, Trouble
from pipeline.ports.engine import Job

ROOT = Path(__file__).resolve().parents[3]
CASES = sorted((ROOT / "samples" / "profiles").glob("*/*.xml"))
SCHEMAS = sorted(path.name for path in (ROOT / "schemas" / "profiles").iterdir())
CATALOGUE = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
PACKS = Path(sys.prefix) / "share" / "edi" / "packs"


@cache
def judge() -> Any:
    """Return the real judge, in this process."""
    return bootstrap.document_judge(bootstrap.WorkerSettings(catalogue=CATALOGUE, packs=PACKS))


def judged(
    path: Path, schema: str, *, as_receiver: bool = False, buyers: frozenset[str] | None = None
) -> Judged:
    """Hold a document against one XSD and nothing else but the official one."""
    by_syntax = dict.fromkeys(("ubl-invoice", "ubl-credit-note", "cii"), (schema,))
    profile = Profile(name="light", packs={})
    if not as_receiver:
        profile = replace(profile, schemas=by_syntax)
    receivers = (ReceiverSchemas(by_syntax, buyers),) if as_receiver else ()
    job = Job(path=str(path), profile=profile, limits=Limits(), receivers=receivers)
    found: Judged = judge()(job)
    return found


@pytest.mark.parametrize("case", CASES, ids=[f"{one.parent.name}/{one.stem}" for one in CASES])
def test_a_sample_is_what_its_name_says(case: Path) -> None:
    """It alone breaks: the official XSD lets every sample pass."""
    report = judged(case, case.parent.name).report

    assert report.result(Layer.STRUCTURE).outcome is Outcome.VALID
    expected = Outcome.VALID if case.name.startswith("pass-") else Outcome.INVALID
    assert report.result(Layer.PROFILE).outcome is expected


@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_schema_has_samples_of_both_kinds(schema: str) -> None:
    """One that refuses nothing, or everything, would be found by nobody else."""
    names = {one.name.partition("-")[0] for one in CASES if one.parent.name == schema}

    assert names == {"pass", "fail"}


def test_schemas_are_what_their_source_makes() -> None:
    """A change by hand would be lost with the next one of the tables that they follow."""
    command = [sys.executable, str(ROOT / "schemas" / "build.py"), "--check"]

    assert subprocess.run(command, check=False, capture_output=True).stdout == b""


def test_each_is_in_the_catalogue_as_it_lies_there() -> None:
    """Else every document of the profile would be held for want of it."""
    listed = {one.pack.name: one.state for one in PackShelf(CATALOGUE, PACKS).list()}

    assert {name: listed.get(name) for name in SCHEMAS} == dict.fromkeys(
        SCHEMAS, PackState.PRESENT
    )


def test_a_finding_says_whose_schema_it_is_and_the_report_lists_it() -> None:
    """Nobody looks for the fault in the official one, and who reads can repeat it."""
    case = ROOT / "samples" / "profiles" / "sender-ubl-invoice" / "fail-element-perdu.xml"

    report = judged(case, "sender-ubl-invoice").report

    (finding,) = report.findings
    assert finding.message["fr"].startswith("Profil sender-ubl-invoice : ")
    assert "cbc:CopyIndicator" in finding.message["fr"]
    assert (finding.line, finding.xpath) == (5, "/ubl:Invoice/cbc:CopyIndicator")
    (run,) = report.packs
    pack = PackShelf(CATALOGUE, PACKS).pack("sender-ubl-invoice")
    assert run == PackRun("sender-ubl-invoice", "1", pack.sha256, 0)


def test_what_a_receivers_schema_says_is_a_fact_beside_the_layers() -> None:
    """It is not known yet who receives: nothing is refused for it here."""
    case = ROOT / "samples" / "profiles" / "receiver-public-cii" / "fail-numero-21.xml"

    report = judged(case, "receiver-public-cii", as_receiver=True).report

    assert report.outcome is Outcome.VALID
    (run,) = report.receivers
    assert run.schema == "receiver-public-cii"
    assert [one.value for one in run.findings] == ["N" * 21]
    sound = judged(case.with_name("pass-simple.xml"), "receiver-public-cii", as_receiver=True)
    assert sound.report.receivers == ()


@pytest.mark.parametrize(
    ("buyers", "asked"), [({"21000123600012"}, True), ({"210001236"}, True), ({"1"}, False)]
)
def test_a_receivers_schema_is_asked_of_its_own_documents(
    buyers: set[str], *, asked: bool
) -> None:
    """By the SIRET or the SIREN of its routes; others need not pay for it."""
    case = ROOT / "samples" / "profiles" / "receiver-public-cii" / "fail-numero-21.xml"

    report = judged(case, case.parent.name, as_receiver=True, buyers=frozenset(buyers)).report

    assert bool(report.receivers) is asked


def test_a_schema_that_is_not_there_makes_nobody_guilty() -> None:
    """The document is held, and the operator told which."""
    case = CASES[0]

    mine = judged(case, "not-installed").report
    theirs = judged(case, "not-installed", as_receiver=True).report

    assert (mine.outcome, mine.trouble) == (Outcome.UNCLEAR, Trouble.PACK_MISSING)
    assert [(one.schema, bool(one.unclear)) for one in theirs.receivers] == [
        ("not-installed", True)
    ]
