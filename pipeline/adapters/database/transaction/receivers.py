"""What becomes of files at their receivers', and what these say of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update

from pipeline.adapters.database import pickups, receipts, statements, tables
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.pickup import PICKUP_FOLLOWS, Pickup
from pipeline.model.receipt import Receipt
from pipeline.model.status import check_step


class Receivers(Collected):
    """Changes that receivers make."""

    def lay_out(self, lying: Pickup) -> None:
        """Remember a file that lies for its receiver from now on; LYING."""
        check_step(PICKUP_FOLLOWS, None, lying.state)
        self._lying.append(pickups.pickup_values(lying))

    def move_pickup(
        self,
        before: Pickup,
        after: Pickup,
        *,
        by: str,
        at: datetime,
        data: Mapping[str, object],
    ) -> bool:
        """Write what became of a file that lies; False where somebody moved it first."""
        check_step(PICKUP_FOLLOWS, before.state, after.state)
        columns = tables.pickup.c
        known = after.known.value if after.known else None
        moved = (
            update(tables.pickup)
            .where(columns.key == before.key, columns.state == before.state.value)
            .values(state=after.state.value, at=after.at, known=known)
        )
        if not self._run(moved).rowcount:
            return False
        told = {"connection": before.connection, "file": before.name, **data}
        self._tell(before.key, f"delivery.{after.state.value}", by, at, told)
        return True

    def acknowledge(self, receipt: Receipt, by: str, at: datetime) -> bool:
        """Write what a partner says of a delivery; False if the same was said before."""
        self._write_collected()
        statement = statements.ADD_RECEIPT[self._dialect]
        if not self._run(statement, receipts.values_of(receipt)).rowcount:
            return False
        data = {
            "row": receipt.row,
            "status": receipt.status,
            "interchange": receipt.interchange,
            "said_at": receipt.said_at.isoformat(),
            "early": receipt.early or None,
        }
        what = f"receipt.{receipt.said.value.replace(' ', '_')}"
        self._tell(receipt.subject, what, by, at, data)
        return True
