"""Take documents out of a file of several that has not left: the others go without them."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.app.hub import Hub, sheet_of
from pipeline.app.settle import planning_of
from pipeline.model.identity import DocumentId
from pipeline.model.outbox import OutboxRow, members_of
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Sheets, Transaction
from pipeline.route.plan import plan_parts


def leave(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    row: OutboxRow,
    subjects: Collection[DocumentId],
    after: OutboxState,
    *,
    error: str = "",
    unseen: int = 0,
) -> bool:
    """Take documents out of a file; False, and nothing done, where it may be on its way.

    Of a group they have rows already; out of a lot of one flow each gets a file of its own.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        tx: The transaction.
        row: The file's row.
        subjects: Ids of documents that it carries; of a lot not all.
        after: PAUSED or CANCELLED: what becomes of their own rows.
        error: Why, where it is the hub that takes them out.
        unseen: As for `Transaction.stop_outbox`.

    Raises:
        ConfigError: The receiver of a lot has no sheet any more.
    """
    documents = sorted(tx.documents_named(subjects), key=lambda one: one.seq)
    at = hub.clock.now()
    if row.is_group:
        flows = sorted({one.interchange for one in documents})
        rows = [one for flow in flows for one in tx.outbox_of(flow)]
        members = members_of(row, rows, subjects)
        return tx.leave_group(row, members, after, by=hub.by, at=at, unseen=unseen, error=error)
    sheet = sheet_of(sheets, row.connection)
    parts = plan_parts(row, documents, sheet, planning_of(hub, tx))
    return tx.split_outbox(row, parts, after, by=hub.by, at=at, unseen=unseen, error=error)
