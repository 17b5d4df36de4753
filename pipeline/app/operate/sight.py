"""Look whether a delivery stands at its recipient's already, before it is taken back.

A worker that died between sending and marking leaves a row that looks unsent. Only the
recipient's folder can tell; and once the recipient took the file away, nobody can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.app.hub import Hub, sheet_of
from pipeline.model.errors import PipelineError
from pipeline.model.identity import OutboxKey
from pipeline.model.outbox import OutboxRow
from pipeline.ports.ledger import Sheets


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of deliveries that a worker has had in hand.

    Attributes:
        attempts: How many each had when it was looked for; those never claimed are not here.
        there: Those whose file stands in the recipient's folder.
        dark: Those whose folder could not be looked at, each with why.
    """

    attempts: Mapping[OutboxKey, int] = field(default_factory=dict)
    there: frozenset[OutboxKey] = frozenset()
    dark: Mapping[OutboxKey, str] = field(default_factory=dict)

    def objection(self, row: OutboxRow, *, unseen: bool) -> str:
        """Say why a delivery cannot be taken back; empty where nothing speaks against it.

        Args:
            row: As it now stands.
            unseen: True where the recipient has confirmed that they have nothing.
        """
        if row.key in self.there:
            return (
                f"{row.name} est chez {row.connection}, un passage le notera : edi run --once"
                " / it is there already, a run will note it"
            )
        if self.attempts.get(row.key, row.attempts) != row.attempts:
            return "essayé à l'instant, réessayez / tried just now, try again"
        if row.key in self.dark and not unseen:
            return (
                f"impossible de voir si {row.connection} l'a reçu ({self.dark[row.key]}) : "
                "demandez-lui, puis --unseen / cannot see whether they have it: ask, then --unseen"
            )
        return ""


def look_for(hub: Hub, sheets: Sheets, rows: Iterable[OutboxRow]) -> Sight:
    """Look into the recipients' folders for deliveries that a worker has had in hand.

    A delivery that nobody ever claimed needs no look: it was never sent.
    """
    every = {row.key: row for row in rows}
    handled = [every[key] for key in sorted(hub.ledger.claimed_ever(every.keys()))]
    there: set[OutboxKey] = set()
    dark: dict[OutboxKey, str] = {}
    for name in sorted({row.connection for row in handled}):
        mine = [row for row in handled if row.connection == name]
        try:
            found = _names_at(hub, sheets, name)
        except PipelineError as error:
            dark.update((row.key, error.code) for row in mine)
        else:
            there.update(row.key for row in mine if row.name in found)
    return Sight({row.key: row.attempts for row in handled}, frozenset(there), dark)


def _names_at(hub: Hub, sheets: Sheets, name: str) -> Sequence[str]:
    sheet = sheet_of(sheets, name)
    with hub.doors.open(sheet) as session:
        return session.names(sheet.out)
