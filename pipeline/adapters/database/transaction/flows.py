"""How interchanges move."""

from __future__ import annotations

from datetime import datetime

from pipeline.adapters.database import erasing, rows, statements
from pipeline.adapters.database.claims import ENDED
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.status import INTERCHANGE_FOLLOWS, InterchangeStep, check_step
from pipeline.ports.ledger import Claim


class Flows(Collected):
    """Changes of interchanges."""

    def record(self, interchange: Interchange, by: str) -> bool:
        """Write a received interchange; False if it is known already (nothing new)."""
        check_step(INTERCHANGE_FOLLOWS, None, interchange.step)
        statement = statements.ADD_INTERCHANGE[self._dialect]
        if not self._run(statement, rows.interchange_values(interchange)).rowcount:
            return False
        data = {
            "connection": interchange.connection,
            "partner": interchange.partner,
            "name": interchange.name,
            "size": interchange.size,
            "sha256": interchange.sha256,
            "environment": interchange.environment.value,
        }
        self._tell(interchange.id, "interchange.received", by, interchange.received_at, data)
        return True

    def mark_removed(self, subject: InterchangeId, by: str, at: datetime) -> None:
        """Note that the remote file was taken out of the partner's folder; once is enough.

        Raises:
            ValueError: There is no such interchange: our bug.
        """
        self._removed.setdefault(subject, (by, at))

    def move_interchange(
        self,
        interchange: Interchange,
        after: InterchangeStep,
        *,
        by: str,
        at: datetime,
        claim: Claim | None = None,
    ) -> None:
        """Move `interchange` from its `step` to `after`; a claim on it ends."""
        check_step(INTERCHANGE_FOLLOWS, interchange.step, after)
        change: rows.Values = {
            "b_id": interchange.id,
            "b_step": interchange.step.value,
            "step": after.value,
            **rows.interchange_outcome(interchange),
            **ENDED,
        }
        if claim is None:
            self._free_moves.append({**change, "b_now": at})
        else:
            self._claimed_moves.append({**change, "b_lease_token": claim.token})
        data = {
            "reason": interchange.reason,
            "first": interchange.first,
            "documents": interchange.documents or None,
        }
        self._tell(interchange.id, f"interchange.{after.value}", by, at, data)

    def erase(self, interchange: Interchange, *, by: str, at: datetime, reason: str) -> None:
        """Blank what rows quote of a flow; its steps, names, sizes and hashes stay."""
        self._write_collected()
        with self._guard():
            self._lock(interchange.id)
            changed = erasing.blank(self._connection, interchange)
        self._check(interchange.id, changed, 1)
        self._tell(interchange.id, "interchange.erased", by, at, {"reason": reason})

    def set_legal_hold(
        self, interchange: Interchange, *, held: bool, by: str, at: datetime, reason: str
    ) -> bool:
        """Note that a flow must not be erased, or may be again; False if it stood so."""
        self._write_collected()
        with self._guard():
            self._lock(interchange.id)
            changed = erasing.set_legal_hold(self._connection, interchange, held=held)
        if changed:
            what = "interchange.legal_hold" if held else "interchange.legal_hold_lifted"
            self._tell(interchange.id, what, by, at, {"reason": reason})
        return bool(changed)
