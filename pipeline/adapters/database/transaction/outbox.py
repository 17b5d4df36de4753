"""How outbox rows move, and what their files carry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import case, delete, or_, update

from pipeline.adapters.database import reading, rows, statements, tables
from pipeline.adapters.database.claims import ENDED, is_free
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.carriage import Conversion
from pipeline.model.identity import DocumentId, OutboxKey
from pipeline.model.outbox import OutboxRow
from pipeline.model.status import OUTBOX_FOLLOWS, OutboxState, check_step
from pipeline.ports.ledger import Claim


class Outbox(Collected):
    """Changes of outbox rows."""

    def enqueue(self, row: OutboxRow, by: str, at: datetime) -> None:
        """Write an outbox row, PENDING or WAITING; one whose key is there is left alone."""
        check_step(OUTBOX_FOLLOWS, None, row.state)
        self._rows.setdefault(row.key, (row, by, at))

    def settle_outbox(
        self,
        row: OutboxRow,
        after: OutboxState | None,
        *,
        claim: Claim,
        by: str,
        at: datetime,
        sha256: str = "",
    ) -> None:
        """Write how one attempt at `row` ended, with its attempt row; the claim ends."""
        check_step(OUTBOX_FOLLOWS, row.state, after or OutboxState.SENT)
        change: rows.Values = {
            "b_key": row.key,
            "b_state": row.state.value,
            "b_lease_token": claim.token,
            "state": (after or row.state).value,
            "attempts": row.attempts,
            "due": row.due,
            "error": row.error,
            "begun": None,
            **ENDED,
        }
        self._settled.append(change)
        self._attempts.append(
            {
                "key": row.key,
                "number": row.attempts,
                "at": at,
                "actor": by,
                "error": row.error,
                "sha256": sha256,
            }
        )
        data = {
            "attempt": row.attempts,
            "error": row.error or None,
            "sha256": sha256 or None,
            "due": row.due.isoformat() if after is None else None,
        }
        self._tell(row.key, f"outbox.{after.value if after else 'retry'}", by, at, data)

    def put_off_outbox(self, row: OutboxRow, *, claim: Claim, by: str, at: datetime) -> None:
        """Let go of a row that was not attempted, and leave it until its due."""
        self._write_collected()
        columns = tables.outbox.c
        untried = (
            update(tables.outbox)
            .where(
                columns.key == row.key,
                columns.state == row.state.value,
                columns.lease_token == claim.token,
            )
            .values(
                due=row.due,
                error=row.error,
                begun=case((columns.begun == claim.token, None), else_=columns.begun),
                **ENDED,
            )
        )
        self._check(row.key, self._run(untried).rowcount, 1)
        data = {"error": row.error, "due": row.due.isoformat()}
        self._tell(row.key, "outbox.put_off", by, at, data)

    def move_outbox(self, row: OutboxRow, after: OutboxState, *, by: str, at: datetime) -> None:
        """Pause, resume or cancel a row that nobody has claimed."""
        self._check(row.key, int(self.stop_outbox(row, after, by=by, at=at)), 1)

    def stop_outbox(
        self,
        row: OutboxRow,
        after: OutboxState,
        *,
        by: str,
        at: datetime,
        unseen: int = 0,
    ) -> bool:
        """Do as `move_outbox`; False, and nothing done, where somebody claimed or moved it.

        Nor is a row stopped whose last attempt was cut short: its file may have been put;
        unless its recipient confirmed that nothing came of all claims up to token `unseen`.
        """
        self._write_collected()
        check_step(OUTBOX_FOLLOWS, row.state, after)
        columns = tables.outbox.c
        # a new token fences whoever let a claim run out and comes back late
        token = columns.lease_token + case((columns.lease_owner.is_(None), 0), else_=1)
        changed = {"state": after.value, "lease_token": token, "begun": None, **ENDED}
        statement = (
            update(tables.outbox)
            .where(
                columns.key == row.key,
                columns.state == row.state.value,
                or_(columns.begun.is_(None), columns.lease_token == unseen),
                is_free(tables.outbox, at),
            )
            .values(**changed)
        )
        if not self._run(statement).rowcount:
            return False
        self._tell(row.key, f"outbox.{after.value}", by, at, {})
        return True

    def see_outbox(
        self, row: OutboxRow, *, token: int, sha256: str, by: str, at: datetime
    ) -> bool:
        """Write as SENT a row whose file was found at its recipient's, with these bytes.

        False, and nothing done, where somebody moved it, or claimed it after `token`.
        """
        self._write_collected()
        check_step(OUTBOX_FOLLOWS, row.state, OutboxState.SENT)
        columns = tables.outbox.c
        statement = (
            update(tables.outbox)
            .where(
                columns.key == row.key,
                columns.state == row.state.value,
                columns.lease_token == token,
                is_free(tables.outbox, at),
            )
            .values(state=OutboxState.SENT.value, error="", begun=None, **ENDED)
        )
        if not self._run(statement).rowcount:
            return False
        self._tell(row.key, "outbox.sent", by, at, {"sha256": sha256, "found": True})
        return True

    def leave_group(
        self,
        group: OutboxRow,
        members: Sequence[OutboxRow],
        after: OutboxState,
        *,
        by: str,
        at: datetime,
        unseen: int = 0,
        error: str = "",
    ) -> bool:
        """Take documents out of the file of a group; False where it may be on its way."""
        gone = {subject for row in members for subject in row.documents}
        last = gone >= set(group.documents)
        if last:
            left = self.stop_outbox(group, OutboxState.CANCELLED, by=by, at=at, unseen=unseen)
        else:
            left = self._touch(group, at, unseen)
        if not left:
            return False
        if not last:
            self._shorten(group, gone, by, at)
        for row in members:
            check_step(OUTBOX_FOLLOWS, row.state, after)
            columns = tables.outbox.c
            here = (columns.key == row.key, columns.state == row.state.value)
            moved = update(tables.outbox).where(*here)
            changed = self._run(moved.values(state=after.value, error=error)).rowcount
            self._check(row.key, changed, 1)
            self._tell(row.key, f"outbox.{after.value}", by, at, {"error": error or None})
        return True

    def split_outbox(
        self,
        row: OutboxRow,
        parts: Sequence[OutboxRow],
        after: OutboxState,
        *,
        by: str,
        at: datetime,
        unseen: int = 0,
        error: str = "",
    ) -> bool:
        """Take documents out of a file, into files of their own; False if it is too late."""
        self._write_collected()
        if not self._touch(row, at, unseen):
            return False
        self._shorten(row, {one for part in parts for one in part.documents}, by, at)
        for part in parts:
            self.enqueue(replace(part, error=error), by, at)
            self.move_outbox(part, after, by=by, at=at)
        return True

    def _touch(self, row: OutboxRow, at: datetime, unseen: int) -> bool:
        """Fence whoever might still come back to a row that stays as it is."""
        columns = tables.outbox.c
        token = columns.lease_token + case((columns.lease_owner.is_(None), 0), else_=1)
        statement = update(tables.outbox).where(
            columns.key == row.key,
            columns.state == row.state.value,
            or_(columns.begun.is_(None), columns.lease_token == unseen),
            is_free(tables.outbox, at),
        )
        return bool(self._run(statement.values(lease_token=token, begun=None, **ENDED)).rowcount)

    def _shorten(
        self, group: OutboxRow, gone: Collection[DocumentId], by: str, at: datetime
    ) -> None:
        """Let a file leave without some documents; the others keep their order."""
        carried = tables.outbox_document.c
        for part in reading.sliced(sorted(gone)):
            self._run(
                delete(tables.outbox_document).where(
                    carried.key == group.key, carried.document.in_(part)
                )
            )
        left = len(set(group.documents) - set(gone))
        self._tell(group.key, "outbox.shortened", by, at, {"documents": left})

    def note_conversions(self, key: OutboxKey, conversions: Sequence[Conversion]) -> None:
        """Write what became of the documents of an outbox row, in place of what it said."""
        if not conversions:
            return
        self._write_collected()
        self._run(statements.FORGET_CONVERSIONS, {"b_key": key})
        self._insert_all(tables.conversion, [rows.conversion_values(key, c) for c in conversions])
