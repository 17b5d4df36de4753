"""What is decided for many things at once, or once for all."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from pipeline.adapters.database import bulks, reading, statements, tables
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.bulk import BulkId, BulkList, ItemState


class Acts(Collected):
    """Frozen lists, and warnings that are given once."""

    def freeze(self, bulk: BulkList) -> bool:
        """Write a list with its items, and an event; False if it is there already."""
        statement = statements.ADD_BULK[self._dialect]
        if not self._run(statement, bulks.bulk_values(bulk)).rowcount:
            return False
        self._insert_all(tables.bulk_item, bulks.item_values(bulk))
        data = {"verb": bulk.verb.value, "reason": bulk.reason or None, "items": len(bulk.items)}
        self._tell(bulk.id, "bulk.frozen", bulk.by, bulk.made_at, data)
        return True

    def settle_items(
        self,
        bulk: BulkId,
        subjects: Collection[str],
        state: ItemState,
        *,
        note: str,
        by: str,
        at: datetime,
    ) -> int:
        """Write what became of items that are still to be done, or were refused."""
        settled = 0
        for part in reading.sliced(sorted(subjects)):
            statement = bulks.settle(bulk, part, state, note, by, at)
            settled += self._run(statement).rowcount
        return settled

    def warn_once(self, subject: str, days: int, at: datetime) -> bool:
        """Note that a warning is given; whoever comes second waits for this, and gives none."""
        values = {"subject": subject, "days": days, "at": at}
        return bool(self._run(statements.ADD_WARNING[self._dialect], values).rowcount)
