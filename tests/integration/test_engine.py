"""The worker engine on real processes: limits, crashes, order, families, a killed parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.adapters.process_engine import EngineLimits, ProcessEngine, choose
from pipeline.bootstrap import WorkerSettings, judge_worker
from pipeline.model.errors import EngineError
from pipeline.model.finding import Layer, Outcome
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, Trouble
from pipeline.ports.engine import Job

ROOT = Path(__file__).parents[2]
INVOICE = ROOT / "samples" / "invoices" / "ubl-380-une-ligne.xml"
CII_INVOICE = ROOT / "samples" / "invoices" / "cii-380-fournitures.xml"
TRAPPED = Profile(name="trapped", packs={"ubl": ("trap",), "cii": ("trap",)})

#: A rule pack that does to its engine whatever the document says.
TRAP = """<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
  xmlns:svrl="http://purl.oclc.org/dsdl/svrl" xmlns:f="urn:f"
  xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xsl:function name="f:loop" as="xs:integer"><xsl:param name="n" as="xs:integer"/>
  <xsl:sequence select="f:loop(($n + 1) mod 7)"/></xsl:function>
<xsl:function name="f:deep" as="xs:integer"><xsl:param name="n" as="xs:integer"/>
  <xsl:sequence select="1 + f:deep($n + 1)"/></xsl:function>
<xsl:template match="/"><svrl:schematron-output>
  <xsl:choose>
    <xsl:when test="contains(., 'TRAP-LOOP')"><xsl:value-of select="f:loop(1)"/></xsl:when>
    <xsl:when test="contains(., 'TRAP-DEEP')"><xsl:value-of select="f:deep(1)"/></xsl:when>
    <xsl:when test="contains(., 'TRAP-ERROR')">
      <xsl:value-of select="xs:decimal('2400,00')"/></xsl:when>
    <xsl:when test="contains(., 'TRAP-MEMORY')">
      <xsl:value-of select="count(distinct-values((1 to 60000000) ! concat('many bytes ', .)))"/>
    </xsl:when>
  </xsl:choose>
</svrl:schematron-output></xsl:template></xsl:stylesheet>"""

CATALOGUE = """
[packs.trap]
title = "trap"
kind = "rules"
version = "1"
file = "trap.xslt"
sha256 = "{digest}"
rules = 1
"""

Documents = Callable[[str], str]
Engines = Callable[..., ProcessEngine[WorkerSettings]]


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    """Give workers the real schemas and, for a rule pack, the trap."""
    (tmp_path / "trap.xslt").write_text(TRAP)
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
    catalogue += CATALOGUE.format(digest=sha256(TRAP.encode()).hexdigest())
    return WorkerSettings(catalogue=catalogue, packs=tmp_path, readable=(CII_INVOICE.parent,))


@pytest.fixture
def engines(settings: WorkerSettings) -> Iterator[Engines]:
    """Make engines on the trap and close them all."""
    made: list[ProcessEngine[WorkerSettings]] = []

    def make(workers: int = 2, **limits: float) -> ProcessEngine[WorkerSettings]:
        some = replace(EngineLimits(time_s=20.0), **limits)  # type: ignore[arg-type]  # by keyword
        made.append(ProcessEngine(judge_worker, settings, workers, some))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def document(tmp_path: Path) -> Documents:
    """Write a good invoice whose number carries a marker."""

    def write(marker: str) -> str:
        number = INVOICE.read_text(encoding="utf-8").split("<cbc:ID>")[1].split("<")[0]
        text = INVOICE.read_text(encoding="utf-8").replace(number, marker, 1)
        path = tmp_path / f"{marker}.xml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def job(path: str, layers: frozenset[Layer] = frozenset(Layer), affinity: str = "ubl") -> Job:
    return Job(path=path, profile=TRAPPED, limits=Limits(), layers=layers, affinity=affinity)


def outcomes(judged: Judged) -> list[str]:
    return [result.outcome.value for result in judged.report.layers]


def children() -> set[int]:
    """Return the ids of this process's worker processes."""
    return {
        child.pid or 0 for child in multiprocessing.active_children() if child.name == "edi-judge"
    }


@pytest.mark.parametrize(
    ("trap", "trouble"),
    [
        pytest.param("TRAP-LOOP", Trouble.ENGINE_TIMEOUT, id="loops for ever"),
        pytest.param("TRAP-MEMORY", Trouble.ENGINE_MEMORY, id="takes two gigabytes"),
        pytest.param("TRAP-DEEP", Trouble.PACK_ERROR, id="overflows the stack"),
        pytest.param("TRAP-ERROR", Trouble.PACK_ERROR, id="raises in the pack"),
    ],
)
def test_a_document_that_traps_the_engine_is_unclear_and_199_others_pass(
    engines: Engines, document: Documents, trap: str, trouble: Trouble
) -> None:
    """One hostile document costs its own verdict, never its neighbours'."""
    engine = engines(time_s=3.0 if trap == "TRAP-LOOP" else 60.0, memory_bytes=400_000_000)
    good = document("GOOD")
    paths = [good] * 200
    paths[70] = document(trap)

    began = time.monotonic()
    results = list(engine.judge(map(job, paths)))
    took = time.monotonic() - began

    trapped = results.pop(70)
    assert [outcomes(result) for result in results] == [
        ["valid", "valid", "valid", "skipped"]
    ] * 199
    assert trapped.report.trouble is trouble
    assert trapped.report.outcome is Outcome.UNCLEAR
    assert outcomes(trapped)[:3] == ["valid", "valid", "unclear"]
    assert trapped.header.number == trap, "what is known without the rule packs is kept"
    assert took < 60


def test_a_worker_killed_under_its_document_costs_only_that_document(
    engines: Engines, document: Documents
) -> None:
    """The kernel's out-of-memory killer, or an operator, may end a worker at any time."""
    engine = engines(workers=1, time_s=60.0)
    jobs = [job(document("GOOD")), job(document("TRAP-LOOP")), job(document("GOOD"))]
    answers = engine.judge(iter(jobs))
    first = next(answers)
    (victim,) = children()

    os.kill(victim, signal.SIGKILL)  # the second document has been its since the first answer
    second, third = answers

    assert [outcomes(each)[2] for each in (first, second, third)] == ["valid", "unclear", "valid"]
    assert second.report.trouble is Trouble.ENGINE_CRASH
    assert second.report.trouble_detail == "exit code -9"


def test_limits_hold_while_the_caller_is_busy_elsewhere(
    engines: Engines, document: Documents
) -> None:
    """A caller that stores a result for long must not leave a memory hog running."""
    engine = engines(workers=1, memory_bytes=400_000_000)
    jobs = [job(document("GOOD")), job(document("TRAP-MEMORY"))]
    answers = engine.judge(iter(jobs))
    next(answers)
    (hog,) = children()

    deadline = time.monotonic() + 20
    while Path(f"/proc/{hog}/statm").read_text() != "0 0 0 0 0 0 0\n":
        assert time.monotonic() < deadline, "nobody killed it"
        time.sleep(0.02)

    assert next(answers).report.trouble is Trouble.ENGINE_MEMORY


def test_results_come_in_the_order_of_the_jobs(engines: Engines, document: Documents) -> None:
    """Workers finish out of order and families are sorted apart; the caller never sees it."""
    engine = engines(workers=2)
    ubl = [document(f"U{place}") for place in range(20)]
    cii = job(str(CII_INVOICE), affinity="cii")
    jobs = [each for path in ubl for each in (job(path), cii, job(path))]

    results = list(engine.judge(jobs))

    numbers = [result.header.number for result in results]
    assert numbers[0::3] == numbers[2::3] == [Path(path).stem for path in ubl]
    assert {result.report.syntax.value for result in results[1::3] if result.report.syntax} == {
        "cii"
    }


def test_jobs_are_read_as_they_are_needed(engines: Engines, document: Documents) -> None:
    """A source of a million documents is not read into memory."""
    engine = engines(workers=1)
    good = document("GOOD")
    read: list[int] = []

    def source() -> Iterator[Job]:
        for number in range(100_000):
            read.append(number)
            yield job(good)

    answers = engine.judge(source())
    for _ in range(5):
        next(answers)
    answers.close()  # type: ignore[attr-defined]  # it is a generator

    assert len(read) < 300


def test_workers_are_kept_between_calls_and_replaced_after_their_share(
    engines: Engines, document: Documents
) -> None:
    """Starting is dear, and a process that lives for ever leaks."""
    engine = engines(workers=1, documents=3)
    jobs = [job(document("GOOD"))]

    seen = []
    for _ in range(4):
        list(engine.judge(jobs))
        seen.append(children())

    assert seen[0] == seen[1]
    assert seen[2] == set(), "the third document was its last"
    assert len(seen[3]) == 1
    assert seen[3] != seen[0]


def test_an_idle_worker_that_has_grown_too_large_is_replaced(
    engines: Engines, document: Documents
) -> None:
    """Between two documents no worker holds more than was promised."""
    engine = engines(workers=1, resting_bytes=1)

    (result,) = engine.judge([job(document("GOOD"))])

    assert result.report.outcome is Outcome.VALID
    assert children() == set()


def test_with_a_worker_a_family_no_worker_ever_changes(
    engines: Engines, document: Documents
) -> None:
    """Alternating syntaxes cost no restart, and no worker holds the packs of both."""
    engine = engines(workers=2)
    ubl = job(document("GOOD"))
    cii = job(str(CII_INVOICE), affinity="cii")

    list(engine.judge([ubl, cii]))
    first = children()
    list(engine.judge([ubl, cii] * 30))

    assert len(first) == 2
    assert children() == first


@pytest.mark.parametrize(
    ("family", "waiting", "others", "choice"),
    [
        pytest.param("ubl", ["cii", "ubl"], {}, 1, id="work of its own first"),
        pytest.param("ubl", ["cii", ""], {}, 1, id="what nobody knows counts as its own"),
        pytest.param("ubl", ["cii"], {}, 0, id="turns to what nobody serves"),
        pytest.param("ubl", ["cii"] * 99, {"cii": 1}, None, id="leaves a short queue to others"),
        pytest.param("ubl", ["cii"] * 100, {"cii": 1}, 0, id="helps with a long queue"),
        pytest.param("", ["ubl", "cii"], {"ubl": 1}, 1, id="a new one takes what nobody serves"),
        pytest.param("", ["ubl"], {"ubl": 1}, 0, id="a new one is never idle"),
        pytest.param("", [], {}, None, id="nothing to do"),
    ],
)
def test_which_job_a_worker_takes(
    family: str, waiting: list[str], others: dict[str, int], choice: int | None
) -> None:
    """Restarts are dear, so families stay with their workers while there is work."""
    assert choose(family, waiting, others) == choice


def test_one_worker_changes_family_by_starting_anew_and_rarely(
    engines: Engines, document: Documents
) -> None:
    """It does what it has of one family before it turns to the other."""
    engine = engines(workers=1)
    jobs = [job(document("GOOD")), job(str(CII_INVOICE), affinity="cii")] * 20

    seen = {pid for _ in engine.judge(jobs) for pid in children()}

    assert len(seen) in {2, 3}


def test_an_abandoned_call_leaves_no_answer_behind(engines: Engines, document: Documents) -> None:
    """The next caller must never get the last one's results."""
    engine = engines(workers=1)
    answers = engine.judge([job(document("OLD")) for _ in range(9)])
    next(answers)
    answers.close()  # type: ignore[attr-defined]  # it is a generator

    (result,) = engine.judge([job(document("NEW"))])

    assert result.header.number == "NEW"


def test_only_one_call_at_a_time(engines: Engines, document: Documents) -> None:
    """Two readers of one set of pipes would mix their documents up."""
    engine = engines(workers=1)
    answers = engine.judge([job(document("GOOD"))] * 3)
    next(answers)

    with pytest.raises(RuntimeError, match="one judge"):
        next(engine.judge([job(document("GOOD"))]))

    assert len(list(answers)) == 2


def test_with_semantics_alone_nothing_is_known_of_what_ended_its_worker(
    engines: Engines, document: Documents
) -> None:
    """No lower layer was asked for, so there is nothing to ask again."""
    engine = engines(workers=1, time_s=2.0)

    (result,) = engine.judge([job(document("TRAP-LOOP"), layers=frozenset({Layer.SEMANTICS}))])

    assert outcomes(result) == ["unclear", "skipped", "unclear", "skipped"]
    assert result.report.partial
    assert result.report.trouble is Trouble.ENGINE_TIMEOUT


def test_a_file_that_is_gone_is_our_trouble_not_the_documents(
    engines: Engines, tmp_path: Path, document: Documents
) -> None:
    """An exception in a worker holds one document and names itself."""
    engine = engines(workers=1)

    gone, good = engine.judge([job(str(tmp_path / "gone.xml")), job(document("GOOD"))])

    assert gone.report.outcome is Outcome.UNCLEAR
    assert gone.report.trouble is Trouble.ENGINE_CRASH
    assert "FileNotFoundError" in gone.report.trouble_detail
    assert good.report.outcome is Outcome.VALID


def test_workers_that_cannot_start_are_an_error_not_a_verdict(tmp_path: Path) -> None:
    """A broken installation must stop the run, not hold every document."""
    broken = WorkerSettings(catalogue="not a catalogue [", packs=tmp_path)
    engine = ProcessEngine(judge_worker, broken, 1, EngineLimits())

    with pytest.raises(EngineError, match="could not start"):
        list(engine.judge([job(str(INVOICE))]))

    engine.close()


PARENT = """
import sys, time
from pathlib import Path
from pipeline.adapters.process_engine import EngineLimits, ProcessEngine
from pipeline.bootstrap import WorkerSettings, judge_worker
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.ports.engine import Job

if __name__ == "__main__":
    catalogue, packs, *paths = sys.argv[1:]
    settings = WorkerSettings(catalogue=Path(catalogue).read_text(), packs=Path(packs))
    engine = ProcessEngine(judge_worker, settings, 1, EngineLimits(time_s=120.0))
    profile = Profile(name="t", packs={"ubl": ("trap",)})
    jobs = [Job(path=path, profile=profile, limits=Limits(), affinity="ubl") for path in paths]
    for _ in engine.judge(jobs):
        print("one", flush=True)
"""


def test_workers_outlive_the_thread_that_first_asked(
    engines: Engines, document: Documents
) -> None:
    """Runs come and go; compiling the packs anew for each would cost two seconds."""
    engine = engines(1)
    jobs = [job(document("GOOD"))]

    def ask() -> set[int]:
        list(engine.judge(jobs))
        return children()

    seen: list[set[int]] = []
    for _ in range(2):
        asking = threading.Thread(target=lambda: seen.append(ask()))
        asking.start()
        asking.join()
        time.sleep(0.2)  # the kernel's word to a worker takes no longer

    assert len(seen) == 2
    assert seen[0]
    assert seen[0] == seen[1]


def test_workers_die_with_a_parent_that_was_killed(
    tmp_path: Path, settings: WorkerSettings, document: Documents
) -> None:
    """After kill -9 no orphan goes on looping, or judging for nobody."""
    catalogue = tmp_path / "packs.toml"
    catalogue.write_text(settings.catalogue, encoding="utf-8")
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    paths = [document("GOOD"), document("TRAP-LOOP")]
    command = [sys.executable, str(script), str(catalogue), str(settings.packs), *paths]

    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"one\n"
        listings = Path(f"/proc/{parent.pid}/task").glob("*/children")
        workers = [int(pid) for listing in listings for pid in listing.read_text().split()]
        assert workers
        time.sleep(0.5)  # it loops now: it will not look at its pipe again
        parent.kill()

    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)
