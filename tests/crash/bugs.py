"""Bugs to prove the checker with: each breaks one order of acts, and must be seen.

They are seeded from outside, in the process that is about to be killed: the product has no
switch for them. A bug that the checker misses at every crash point fails the enumeration.
"""

# mypy: disable-error-code="assignment,method-assign"
# To put something else in a function's place is what this module is for.

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from secrets import token_hex
from typing import Any

from pipeline.acknowledge import compose, machine
from pipeline.adapters.archive import FileArchive
from pipeline.adapters.database.ledger import SqlLedger
from pipeline.adapters.database.transaction import SqlTransaction
from pipeline.adapters.local import LocalSession
from pipeline.adapters.sftp import SftpSession, _Path
from pipeline.app import deliver, pull, settle, work
from pipeline.app.answer import answer
from pipeline.app.atomic import atomically
from pipeline.app.handover import Placed
from pipeline.app.hub import Hub
from pipeline.app.operate import verbs, withdraw
from pipeline.model.acknowledgement import AnswerFacts
from pipeline.model.connection import Connection
from pipeline.model.document import Document
from pipeline.model.interchange import RemoteFile, Sighting
from pipeline.model.outbox import OutboxRow
from pipeline.ports.failpoint import failpoint
from pipeline.ports.ledger import Claim, Sheets, Transaction
from pipeline.ports.outside import Blob
from pipeline.route.plan import plan_deliveries
from tests.crash.lab import Lab, Scenario
from tests.crash.scenarios import lists, other_directory


@dataclass(frozen=True)
class Bug:
    """One way to be wrong.

    Attributes:
        name: What the hub would do.
        seed: Patches the product in this very process.
        shows_at: Failpoints at which it is looked for first.
        among: What it is seeded in, made from the main job.
        verb: The command of that scenario which is killed.
    """

    name: str
    seed: Callable[[], None]
    shows_at: tuple[str, ...]
    among: Callable[[Lab, Scenario], Scenario] = lambda _, main: main
    verb: str = "run"

    def stage(self, scenario: Scenario) -> int:
        """Return which of the scenario's stages is killed."""
        return next(
            place for place, stage in enumerate(scenario.stages) if stage.arguments[0] == self.verb
        )


def _delete_before_recording() -> None:
    record = pull._record

    def early(
        hub: Hub,
        connection: Connection,
        whole: Sequence[tuple[Sighting, Blob]],
        listing: Mapping[str, RemoteFile],
    ) -> int:
        with hub.doors.open(connection) as session:
            for sighting, _ in whole:
                name = sighting.file.name
                session.set_aside(connection.inbox, sighting.file, connection.archive, name)
        return record(hub, connection, whole, listing)

    pull._record = early


def _keep_after_removing() -> None:
    record = pull._record
    keep = FileArchive.keep

    def late(
        hub: Hub,
        connection: Connection,
        whole: Sequence[tuple[Sighting, Blob]],
        listing: Mapping[str, RemoteFile],
    ) -> int:
        new = record(hub, connection, whole, listing)
        if isinstance(hub.archive, FileArchive):
            keep(hub.archive, [blob for _, blob in whole if blob.sha256])
        return new

    pull._record = late
    FileArchive.keep = lambda *_: None


def _mark_before_sending() -> None:
    put_all, mark = deliver._put_all, deliver._mark
    waiting: dict[int, tuple[Any, ...]] = {}

    def promise(
        hub: Hub,
        sheets: Sheets,
        connection: Connection,
        rows: Sequence[OutboxRow],
        documents: Mapping[str, Document],
        *more: Any,
    ) -> list[Any]:
        waiting[threading.get_ident()] = hub, sheets, connection, rows, documents, *more
        payloads = [deliver.payload_of(hub, sheets, row, documents) for row in rows]
        return [Placed(sha256(one).hexdigest(), len(one), sent=True) for one in payloads]

    def mark_then_put(*arguments: Any) -> None:
        mark(*arguments)
        put_all(*waiting.pop(threading.get_ident()))

    deliver._put_all = promise
    deliver._mark = mark_then_put


def _random_name() -> None:
    for session in (SftpSession, LocalSession):
        _rename(session, lambda name: f"{token_hex(4)}-{name}")


def _rename(session: Any, other: Callable[[str], str]) -> None:
    put = session.put
    session.put = lambda self, folder, name, *more: put(self, folder, other(name), *more)


def _retry_under_a_new_name() -> None:
    claim_outbox = SqlLedger.claim_outbox

    def claim(*arguments: Any) -> Sequence[tuple[OutboxRow, Claim]]:
        return [
            (replace(row, name=f"{claim.token}-{row.name}") if claim.token > 1 else row, claim)
            for row, claim in claim_outbox(*arguments)
        ]

    SqlLedger.claim_outbox = claim


def _deliver_before_commit() -> None:
    route = settle._route

    def early(
        hub: Hub, sheets: Sheets, tx: Transaction, accepted: Sequence[Document], *more: Any
    ) -> tuple[Document, ...]:
        routed = route(hub, sheets, tx, accepted, *more)
        documents: dict[str, Document] = {one.id: one for one in routed}
        for row in plan_deliveries(routed, sheets.connections, settle.planning_of(hub, tx)):
            connection = sheets.connections[row.connection]
            payload = deliver.payload_of(hub, sheets, row, documents)
            with hub.doors.open(connection) as session:
                session.put(connection.out, row.name, payload)
        return routed

    settle._route = early


class _Afterwards:
    """Does in a change of its own, after the deciding one, what belongs into that."""

    def __init__(self) -> None:
        self._left: list[Callable[[Transaction], object]] = []

    def add(self, act: Callable[[Transaction], object]) -> None:
        self._left.append(act)

    def seed(self) -> None:
        settle_group = work._settle_group

        def settle_then(hub: Hub, *more: Any) -> None:
            settle_group(hub, *more)
            left, self._left = self._left, []
            atomically(hub, lambda tx: [act(tx) for act in left])

        work._settle_group = settle_then


def _answer_afterwards() -> None:
    afterwards = _Afterwards()

    def later(hub: Hub, _: Transaction, *arguments: Any, **more: Any) -> None:
        afterwards.add(lambda tx: answer(hub, tx, *arguments, **more))

    vars(work)["answer"] = later
    afterwards.seed()


def _plan_afterwards() -> None:
    afterwards, enqueue = _Afterwards(), SqlTransaction.enqueue

    def later(tx: SqlTransaction, row: OutboxRow, *more: Any) -> None:
        if row.documents:
            afterwards.add(lambda later_tx: enqueue(later_tx, row, *more))  # type: ignore[arg-type]  # there is one kind of transaction
        else:
            enqueue(tx, row, *more)

    SqlTransaction.enqueue = later
    afterwards.seed()


def _put_through(temporary: Callable[[str], str]) -> None:
    """Have files written over SFTP under another temporary name; the final one is none."""

    def put(self: SftpSession, folder: str, name: str, payload: bytes, *_: object) -> bool:
        path, part = _Path(folder, name), _Path(folder, temporary(name))
        with self._telling(path.shown):
            found = self._wire.lstat(path.raw)
            if found is not None:
                self._check_same(path, found, payload)
                return False
            handle = self._wire.create(part.raw)
            failpoint("put.opened")
            self._wire.write(handle, payload, self._until())
            failpoint("put.written")
            if part.raw != path.raw:
                self._wire.replace(part.raw, path.raw)
            return True

    SftpSession.put = put


def _wrong_hash() -> None:
    write = machine.answer_json

    def wrong(facts: AnswerFacts) -> bytes:
        other = sha256(facts.interchange.name.encode()).hexdigest()
        return write(replace(facts, interchange=replace(facts.interchange, sha256=other)))

    vars(compose)["answer_json"] = wrong


def _key_not_held() -> None:
    SqlTransaction.hold_keys = lambda *_: None


def _withdraw_without_cancelling() -> None:
    vars(withdraw)["_cancel"] = lambda *_: None


def _answer_withdrawal_afterwards() -> None:
    left: list[Callable[[Transaction], None]] = []
    whole: Callable[..., Any] = vars(verbs)["withdraw"]
    tell = withdraw._answer

    def later(hub: Hub, _: Transaction, *more: Any) -> None:
        left.append(lambda tx: tell(hub, tx, *more))

    def withdraw_then(hub: Hub, *more: Any, **named: Any) -> Any:
        told = whole(hub, *more, **named)
        atomically(hub, lambda tx: [act(tx) for act in left])
        return told

    vars(withdraw)["_answer"] = later
    vars(verbs)["withdraw"] = withdraw_then


BUGS: tuple[Bug, ...] = (
    Bug("delete before recording", _delete_before_recording, ("pull.record.inside",)),
    Bug("mark before sending", _mark_before_sending, ("deliver.mark.after",)),
    Bug("random name", _random_name, ("deliver.put",)),
    Bug(
        "deliver before commit",
        _deliver_before_commit,
        ("work.settle.inside",),
        among=lambda _, main: other_directory(main),
    ),
    Bug("no answer row in the transaction", _answer_afterwards, ("work.settle.after",)),
    Bug("no delivery row in the transaction", _plan_afterwards, ("work.settle.after",)),
    Bug("a retry gets a new name", _retry_under_a_new_name, ("deliver.put",)),
    Bug("no temporary name", lambda: _put_through(lambda name: name), ("put.opened",)),
    Bug(
        "a temporary name that shows",
        lambda: _put_through(lambda name: f"{name}.part"),
        ("put.opened",),
    ),
    Bug("remote file removed before its blob is kept", _keep_after_removing, ("aside.moved",)),
    Bug("another hash in the answer", _wrong_hash, ("run.started",)),
    Bug("business key not held", _key_not_held, ("run.started",)),
    Bug(
        "a withdrawal cancels no delivery",
        _withdraw_without_cancelling,
        ("operator.withdraw.after",),
        among=lists,
        verb="withdraw",
    ),
    Bug(
        "a withdrawal is answered in a change of its own",
        _answer_withdrawal_afterwards,
        ("operator.withdraw.after",),
        among=lists,
        verb="withdraw",
    ),
)
