"""The official rule files and examples, through the whole of our judging."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from pipeline.model.finding import Layer, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged
from pipeline.ports.engine import Job

pytestmark = pytest.mark.corpora

ROOT = Path(__file__).parents[2]
PROFILE = Profile(name="auto", packs={"ubl": ("en16931-ubl",), "cii": ("en16931-cii",)})
TEST = "{http://difi.no/xsd/vefa/validator/1.0}test"
ASSERT = "{http://difi.no/xsd/vefa/validator/1.0}assert"

Judge = Callable[[Path, frozenset[Layer]], Judged]


@dataclass(frozen=True)
class Claim:
    """What one test of a rule file says: this rule holds, or fires, on that fragment."""

    source: str
    rule: str
    fires: bool
    fragment: bytes


@pytest.fixture(scope="module")
def corpora() -> Path:
    """The folder of documents that this project did not write."""
    folder = os.environ.get("EDI_CORPORA")
    if not folder:
        pytest.skip("EDI_CORPORA names no folder of corpora")
    return Path(folder) / "en16931"


@pytest.fixture(scope="module")
def judge(judge_job: Callable[[Job], Judged]) -> Judge:
    """Judge one file in this process with the real packs."""
    return lambda path, layers: judge_job(
        Job(path=str(path), profile=PROFILE, limits=Limits(), layers=layers)
    )


@pytest.mark.parametrize(
    ("folder", "files", "tests"),
    [("rules-ubl-invoice", 138, 604), ("rules-ubl-creditnote", 47, 143)],
)
def test_every_rule_file_agrees_test_by_test(
    corpora: Path, judge: Judge, tmp_path: Path, folder: str, files: int, tests: int
) -> None:
    """A rule that must hold is no finding; one that must fire is."""
    sources = sorted((corpora / folder).glob("*.xml"))
    claims = [claim for source in sources for claim in read_claims(source)]
    fragment = tmp_path / "fragment.xml"
    disagreements: list[str] = []

    for claim in claims:
        fragment.write_bytes(claim.fragment)
        judged = judge(fragment, frozenset({Layer.SEMANTICS}))
        assert judged.report.trouble is None, f"{claim.source}: {judged.report.trouble_detail}"
        fired = any(finding.rule == claim.rule for finding in judged.report.findings)
        if fired is not claim.fires:
            disagreements.append(f"{claim.source}: {claim.rule}")

    count = f"{folder}: {len(claims)} tests, {len(disagreements)} disagreements"
    print(count)  # noqa: T201  # the count is what a reader of the run wants to see
    assert (len(sources), len(claims), disagreements) == (files, tests, [])


@pytest.mark.parametrize("folder", ["examples-ubl", "examples-cii"])
def test_whole_examples_have_a_valid_structure_and_no_fatal_finding(
    corpora: Path, judge: Judge, folder: str
) -> None:
    """The norm's own examples are good invoices."""
    paths = sorted((corpora / folder).glob("*.xml"))

    verdicts = {path.name: judge(path, frozenset(Layer)).report for path in paths}

    assert paths
    assert {
        name: (
            " ".join(result.outcome.value for result in report.layers),
            [f.rule for f in report.findings if f.severity is Severity.FATAL],
        )
        for name, report in verdicts.items()
    } == {path.name: ("valid valid valid skipped", []) for path in paths}


def read_claims(source: Path) -> Iterator[Claim]:
    """Yield what a rule file claims, one fragment and rule at a time."""
    for test in etree.parse(source).getroot().iter(TEST):
        said = test.find(ASSERT)
        fragment = next(child for child in test.iterchildren("*") if child.tag != ASSERT)
        assert said is not None
        for claim in said.iterchildren("*"):
            verdict = etree.QName(claim).localname
            if verdict in {"success", "error", "warning"}:
                yield Claim(
                    source=source.name,
                    rule=(claim.text or "").strip(),
                    fires=verdict != "success",
                    fragment=etree.tostring(fragment, with_tail=False),
                )
