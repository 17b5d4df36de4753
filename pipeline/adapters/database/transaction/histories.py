"""How lives of invoices move."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pipeline.adapters.database import lives, reading, tables
from pipeline.adapters.database.transaction.collected import Collected
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.life import Entry, Life, lived


class Histories(Collected):
    """Changes of lives."""

    def lives(self, subjects: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return where invoices stand, and keep others from moving them."""
        self._write_collected()
        with self._guard():
            if self._locks:
                named = reading.find_named(self._connection, subjects)
                for flow in sorted({one.interchange for one in named}):
                    self._lock(flow)
            return lives.find_lives(self._connection, subjects)

    def lives_borne(self, documents: Collection[DocumentId]) -> Mapping[DocumentId, Life]:
        """Return the lives that documents bear, and keep others from moving them."""
        self._write_collected()
        with self._guard():
            found = lives.find_borne(self._connection, documents)
            if not self._locks or not found:
                return found
            named = reading.find_named(self._connection, [one.id for one in found.values()])
            for flow in sorted({one.interchange for one in named}):
                self._lock(flow)
            return lives.find_borne(self._connection, documents)

    def invoices_numbered(self, numbers: Collection[str]) -> Sequence[Document]:
        """Return the invoices that were taken under these numbers, by number and id."""
        self._write_collected()
        with self._guard():
            return lives.find_numbered(self._connection, numbers)

    def entries_known(self, ids: Collection[str]) -> Collection[str]:
        """Return those ids that a line of a history has."""
        self._write_collected()
        with self._guard():
            return lives.find_known(self._connection, ids)

    def live(self, before: Mapping[DocumentId, Life], entries: Sequence[Entry]) -> None:
        """Write new lines of histories, and where their invoices stand then."""
        self._write_collected()
        parted = lives.by_document(entries)
        now = {one: lived(before.get(one), mine) for one, mine in parted.items()}
        born = [lives.life_values(now[one]) for one in parted if one not in before]
        moved = [lives.move_values(parted[one][0], now[one]) for one in parted if one in before]
        if born:
            self._run(lives.ADD_LIFE, born)
        self._change_all(lives.MOVE_LIFE, moved, "b_document")
        self._insert_all(tables.life_entry, [lives.entry_values(one) for one in entries])
        for subject, mine in parted.items():
            last = mine[-1]
            data = {
                "entries": now[subject].entries,
                "bearer": now[subject].bearer,
                "asks": now[subject].asks or None,
                "said": [one.id for one in mine],
                "lines": [one.digest for one in mine],
                "source": last.source,
                "reasons": list(last.reasons) or None,
            }
            self._tell(subject, f"life.{now[subject].status.value}", last.by, last.taken_at, data)
