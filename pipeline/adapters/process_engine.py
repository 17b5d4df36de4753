"""Judges documents in worker processes that can be killed.

A document may loop for ever, take all memory or abort the process that judges it. So
each one is judged in a worker that holds nothing else: when time or memory runs out
the worker is killed, that document is unclear, and the others never notice.

One thread watches the limits, so that they hold however long the caller takes
between two results.
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Generic, TypeVar

from pipeline.adapters.child import POLL_S, START_LIMIT_S, Child, attend, start
from pipeline.adapters.process_wire import (
    Failed,
    JobWriter,
    NotAnAnswer,
    SentJob,
    SentJudged,
    read_answer,
    read_job,
    read_judged,
    write_judged,
)
from pipeline.model.errors import EngineClosed, EngineError
from pipeline.model.finding import Layer, LayerResult, Outcome
from pipeline.model.report import Judged, Trouble, ValidationReport
from pipeline.ports.engine import Job

#: Layers that need no rule pack: what is asked again about a document that ended its worker.
LOWER = frozenset({Layer.SYNTAX, Layer.STRUCTURE})

#: How many jobs may be read before the oldest one is answered: bounds what is held
#: here, and is how far ahead a worker looks for jobs of the family it serves.
WINDOW = 128

#: Jobs of another family that must wait before a worker without work of its own
#: turns to them although somebody serves them. A restart costs more than a hundred
#: small documents, so it has to be nearly the whole window: then no work of its own
#: is in sight.
TURN_BACKLOG = 100

#: Time after which a call that waits for its workers looks whether the engine was closed.
_LOOK_UP_S = 0.5

_READY = "ready"

#: What a worker's entry is told.
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """What one worker may take.

    Attributes:
        time_s: Wall-clock limit of one document.
        memory_bytes: Resident memory at which a worker is killed, whatever it does.
        resting_bytes: Resident memory at which an idle worker is replaced; above what one
            takes that holds every pack of a family.
        documents: How many documents a worker judges before it is replaced.
    """

    time_s: float = 60.0
    memory_bytes: int = 1_000_000_000
    resting_bytes: int = 450_000_000
    documents: int = 2000


@dataclass(frozen=True, slots=True)
class _Task:
    """One job on its way.

    Attributes:
        index: Its place among the jobs.
        job: What was asked.
        trouble: What it did to its first worker, with details; then only the lower
            layers are asked.
    """

    index: int
    job: Job
    trouble: tuple[Trouble, str] | None = None

    @property
    def sent(self) -> Job:
        """Return the job as a worker gets it."""
        if self.trouble is None:
            return self.job
        return replace(self.job, layers=self.job.layers & LOWER)


@dataclass(slots=True)
class _Worker(Child):
    """One worker process as the parent knows it."""

    deadline: float
    family: str = ""
    served: int = 0
    ready: bool = False
    task: _Task | None = None
    killed: tuple[Trouble, str] | None = None

    def enforce(self, limits: EngineLimits) -> None:
        """Kill it if it is over a limit and has not answered yet."""
        if self.task is None or self.killed is not None:
            return
        resident = self.resident()
        if resident > limits.memory_bytes:
            over = (Trouble.ENGINE_MEMORY, f"{resident // 1_000_000} MB")
        elif monotonic() > self.deadline:
            over = (Trouble.ENGINE_TIMEOUT, f"{limits.time_s:g} s")
        else:
            return
        if not self.connection.poll():  # asked last: it costs more than the two looks above
            self.killed = over
            self.process.kill()


@dataclass(slots=True)
class _Desk:
    """The jobs of one call: read, waiting, and answered but not yet yielded."""

    read: int = 0
    yielded: int = 0
    exhausted: bool = False
    waiting: deque[_Task] = field(default_factory=deque)
    answers: dict[int, Judged] = field(default_factory=dict)

    @property
    def may_read(self) -> bool:
        """Tell whether another job may be read now."""
        return not self.exhausted and self.read - self.yielded < WINDOW

    @property
    def done(self) -> bool:
        """Tell whether every job was answered and yielded."""
        return self.exhausted and self.yielded == self.read

    def take_in(self, jobs: Iterator[Job]) -> None:
        """Read one job, if one may be read."""
        if not self.may_read:
            return
        job = next(jobs, None)
        if job is None:
            self.exhausted = True
        else:
            self.waiting.append(_Task(self.read, job))
            self.read += 1

    def give_out(self) -> Iterator[Judged]:
        """Yield the answers whose turn it is."""
        while self.yielded in self.answers:
            answer = self.answers.pop(self.yielded)
            self.yielded += 1
            yield answer

    def failed(self, task: _Task, trouble: tuple[Trouble, str]) -> None:
        """Ask once more about the lower layers of a document that could not be judged."""
        lower = task.job.layers & LOWER
        if task.trouble is None and lower and lower != task.job.layers:
            self.waiting.appendleft(replace(task, trouble=trouble))
        else:
            self.answers[task.index] = _all_unclear(task.job, task.trouble or trouble)

    def answered(self, task: _Task, judged: Judged) -> None:
        """Keep an answer."""
        if task.trouble is not None:
            judged = _upper_unclear(task.job, judged, task.trouble)
        self.answers[task.index] = judged


class ProcessEngine(Generic[S]):
    """Implements `ports.engine.Engine` with spawned processes on this machine.

    Workers start when there is work for them, serve one syntax family each, and are
    kept between calls. They end with the process that made them, even by ``kill -9``.
    """

    def __init__(
        self,
        entry: Callable[[Connection, S], None],
        settings: S,
        workers: int,
        limits: EngineLimits,
    ) -> None:
        """Prepare the engine; nothing is started yet.

        Args:
            entry: Runs in each worker: makes ready, then calls `serve`. Importable.
            settings: Handed to `entry`; can be pickled.
            workers: How many processes at most, from 1.
            limits: What one worker may take.
        """
        self._entry = entry
        self._settings = settings
        self._limits = limits
        self._slots: list[_Worker | None] = [None] * workers
        self._lock = threading.Lock()
        self._busy = threading.Lock()
        self._closing = threading.Event()
        self._jobs = JobWriter()
        self._watch: threading.Thread | None = None
        # Linux ends a worker with the thread that started it, so that is one that stays
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="edi-start")

    def judge(self, jobs: Iterable[Job]) -> Iterator[Judged]:
        """Yield one result a job, in the order of the jobs.

        Raises:
            EngineError: Workers cannot start at all.
            EngineClosed: The engine was closed, before or meanwhile.
            RuntimeError: Another call is still being read.
        """
        if self._closing.is_set():
            raise EngineClosed("the engine was closed")
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("one judge() at a time: the last one is still being read")
        try:
            yield from self._judge(iter(jobs))
        except (OSError, ValueError, AssertionError) as error:
            if self._closing.is_set():  # its pipes went away under this call
                raise EngineClosed("the engine was closed") from error
            raise
        finally:
            self._abandon()
            self._busy.release()

    def close(self) -> None:
        """End the workers."""
        self._closing.set()
        if self._watch is not None:
            self._watch.join()
        for place in range(len(self._slots)):
            self._retire(place)
        self._starter.shutdown()

    def _judge(self, jobs: Iterator[Job]) -> Iterator[Judged]:
        desk = _Desk()
        while True:
            if self._closing.is_set():
                raise EngineClosed("the engine was closed")
            self._hand_out(desk)  # first: a worker waits for this, nobody for the rest
            yield from desk.give_out()
            if desk.done:
                return
            desk.take_in(jobs)
            self._collect(desk, timeout=0 if desk.may_read else _LOOK_UP_S)

    def _hand_out(self, desk: _Desk) -> None:
        """Give each idle worker a job that suits it; those already started come first."""
        places = sorted(range(len(self._slots)), key=lambda place: self._slots[place] is None)
        for place in places:
            if not desk.waiting:
                return
            worker = self._slots[place]
            if worker is not None and worker.task is not None:
                continue
            others = Counter(
                each.family for each in self._slots if each is not None and each is not worker
            )
            families = [task.job.affinity for task in desk.waiting]
            choice = choose(worker.family if worker else "", families, others)
            if choice is not None:
                task = desk.waiting[choice]
                del desk.waiting[choice]
                self._send(place, task, desk)

    def _send(self, place: int, task: _Task, desk: _Desk) -> None:
        """Give one job to one place, with a new worker where the old one does not fit."""
        worker = self._slots[place]
        family = task.job.affinity
        if worker is not None and (
            not worker.process.is_alive() or (family and worker.family not in {"", family})
        ):
            self._retire(place)
            worker = None
        if worker is None:
            worker = self._starter.submit(self._start, place).result()
        with self._lock:
            worker.family = worker.family or family
            worker.task = task
            if worker.ready:
                worker.deadline = monotonic() + self._limits.time_s
        try:
            worker.connection.send(self._jobs.write(task.sent))
        except OSError:
            self._lost(place, desk)

    def _collect(self, desk: _Desk, timeout: float | None) -> None:
        """Wait until a worker has something to say, and hear every one that has."""
        busy = {
            worker.connection: place
            for place, worker in enumerate(self._slots)
            if worker is not None and worker.task is not None
        }
        for connection in wait(busy, timeout) if busy else ():
            if isinstance(connection, Connection):
                self._hear(busy[connection], desk)

    def _hear(self, place: int, desk: _Desk) -> None:
        worker = self._slots[place]
        assert worker is not None and worker.task is not None  # noqa: S101, PT018  # it is busy
        try:
            message = _heard(worker.connection.recv_bytes())
        except (EOFError, OSError):
            self._lost(place, desk)
            return
        except NotAnAnswer as error:
            worker.killed = (Trouble.ENGINE_CRASH, str(error))
            worker.process.kill()
            self._lost(place, desk)
            return
        if message is None:
            with self._lock:
                worker.ready = True
                worker.deadline = monotonic() + self._limits.time_s
            return
        task = worker.task
        with self._lock:
            worker.task = None
            worker.served += 1
        if isinstance(message, Failed):
            desk.failed(task, (Trouble.ENGINE_CRASH, message.detail))
        else:
            desk.answered(task, message)
        worn = worker.served >= self._limits.documents
        if worn or worker.resident() > self._limits.resting_bytes:
            self._retire(place)

    def _lost(self, place: int, desk: _Desk) -> None:
        """Put down that a worker ended under its document."""
        worker = self._slots[place]
        assert worker is not None and worker.task is not None  # noqa: S101, PT018  # it was busy
        task, killed, started = worker.task, worker.killed, worker.ready
        worker.process.join()
        code = worker.process.exitcode
        self._retire(place)
        if not started:
            raise EngineError(f"a worker could not start: exit code {code}")
        desk.failed(task, killed or (Trouble.ENGINE_CRASH, f"exit code {code}"))

    def _start(self, place: int) -> _Worker:
        child = start(self._entry, self._settings, "edi-judge")
        deadline = monotonic() + START_LIMIT_S
        worker = _Worker(child.process, child.connection, child.statm, deadline)
        with self._lock:
            self._slots[place] = worker
        if self._watch is None:
            self._watch = threading.Thread(target=self._guard, name="edi-limits", daemon=True)
            self._watch.start()
        return worker

    def _retire(self, place: int) -> None:
        with self._lock:
            worker, self._slots[place] = self._slots[place], None
        if worker is not None:
            worker.end()

    def _abandon(self) -> None:
        """End the workers whose answers nobody waits for any more."""
        for place, worker in enumerate(self._slots):
            if worker is not None and worker.task is not None:
                self._retire(place)

    def _guard(self) -> None:
        """Hold every busy worker to its limits until the engine is closed."""
        while not self._closing.wait(POLL_S):
            with self._lock:
                for worker in self._slots:
                    if worker is not None:
                        worker.enforce(self._limits)


def choose(family: str, waiting: Sequence[str], others: Mapping[str, int]) -> int | None:
    """Choose the job that an idle worker should take.

    Args:
        family: Syntax family it serves; empty if it is new.
        waiting: Family of each waiting job, oldest first; empty if unknown.
        others: How many other workers serve each family.

    Returns:
        Place in `waiting`, or None to stay idle. A worker takes work of its own family
        first. Without any it turns to one that nobody serves, or that many wait for.
        So with as many workers as families nobody ever changes, and with one
        worker it changes once a window, not once a job.

    >>> choose("", ["ubl", "cii"], {"ubl": 1}), choose("ubl", ["cii", "ubl"], {})
    (1, 1)
    >>> choose("ubl", ["cii"], {"cii": 1}), choose("ubl", ["cii"], {})
    (None, 0)
    """
    if not waiting:
        return None
    if not family:
        unserved = (place for place, each in enumerate(waiting) if not others.get(each))
        return next(unserved, 0)
    own = (place for place, each in enumerate(waiting) if each in {"", family})
    place = next(own, None)
    if place is not None:
        return place
    backlog = Counter(waiting)
    turns = (
        place
        for place, each in enumerate(waiting)
        if not others.get(each) or backlog[each] >= TURN_BACKLOG
    )
    return next(turns, None)


def serve(connection: Connection, judge: Callable[[Job], Judged]) -> None:
    """Answer jobs until the parent goes away; called in a worker's main thread.

    Args:
        connection: The worker's end of the pipe.
        judge: Judges one document.
    """
    attend()
    try:
        connection.send(_READY)
        while True:
            connection.send(_answer(judge, connection.recv()))
    except (EOFError, OSError):
        return  # the parent has gone, or has no more use for us


def _heard(sent: bytes) -> Judged | Failed | None:
    """Return what a worker said; None where it said that it is ready.

    Raises:
        NotAnAnswer: It is neither.
    """
    message = read_answer(sent)
    if message == _READY:
        return None
    return message if isinstance(message, Failed) else read_judged(message)


def _answer(judge: Callable[[Job], Judged], sent: SentJob) -> SentJudged | Failed:
    try:
        return write_judged(judge(read_job(sent)))
    except Exception:  # noqa: BLE001  # the document's edge: our bug holds one document, not a batch
        return Failed(traceback.format_exc(limit=-4))


def _all_unclear(job: Job, trouble: tuple[Trouble, str]) -> Judged:
    asked = job.layers | {Layer.SYNTAX}
    layers = tuple(
        LayerResult(layer, Outcome.UNCLEAR if layer in asked else Outcome.SKIPPED)
        for layer in Layer
    )
    return Judged(
        ValidationReport(
            syntax=None,
            layers=layers,
            profile=job.profile.version,
            partial=job.layers != frozenset(Layer),
            trouble=trouble[0],
            trouble_detail=trouble[1],
        )
    )


def _upper_unclear(job: Job, lower: Judged, trouble: tuple[Trouble, str]) -> Judged:
    """Complete the lower layers' result with what the rule packs could not say."""
    partial = job.layers != frozenset(Layer)
    report = replace(lower.report, partial=partial)
    if report.structure_broken or report.trouble is not None:
        return replace(lower, report=report)
    layers = tuple(
        LayerResult(result.layer, Outcome.UNCLEAR)
        if result.layer in job.layers - LOWER
        else result
        for result in report.layers
    )
    report = replace(report, layers=layers, trouble=trouble[0], trouble_detail=trouble[1])
    return replace(lower, report=report)
