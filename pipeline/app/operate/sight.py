"""Look whether a delivery stands at its recipient's already, before it is taken back or made anew.

A worker that died between sending and marking leaves a row that looks unsent, and so does a
reply that was lost. Only the recipient's folder can tell; and once the recipient took the file
away, nobody can.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from pipeline.app.deliver import payload_of
from pipeline.app.handover import Placed, folder_of, lay_out
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.lives import make_available
from pipeline.app.operate.acting import Target, latest_rows, now_standing
from pipeline.app.sessions import Sessions
from pipeline.model.document import Document
from pipeline.model.errors import PipelineError
from pipeline.model.identity import DocumentId, OutboxKey
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.status import OutboxState, Step
from pipeline.ports.ledger import Sheets, Transaction

#: What is said of a delivery that was found, and is no longer to be made or taken back.
FOUND = "{0} est déjà chez {1}, c'est noté : remis / it is there already, noted as delivered"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of deliveries that a worker has had in hand.

    Attributes:
        attempts: How many each row had when it was asked about, claimed ever or not.
        tokens: The last claim before the look, of those that were ever claimed.
        ours: Those that stand in the recipient's folder, each with the SHA-256 of its bytes.
        there: Those in whose place a file stands that cannot be held against our bytes.
        dark: Those whose folder could not be looked at, each with why.
        sizes: Bytes of the files of `ours`.
    """

    attempts: Mapping[OutboxKey, int] = field(default_factory=dict)
    tokens: Mapping[OutboxKey, int] = field(default_factory=dict)
    ours: Mapping[OutboxKey, str] = field(default_factory=dict)
    there: frozenset[OutboxKey] = frozenset()
    dark: Mapping[OutboxKey, str] = field(default_factory=dict)
    sizes: Mapping[OutboxKey, int] = field(default_factory=dict)

    def objection(self, row: OutboxRow, *, unseen: bool) -> str:
        """Say why a delivery cannot be taken back or made anew; empty where nothing objects.

        Args:
            row: As it now stands.
            unseen: True where the recipient has confirmed that they have nothing.
        """
        if row.key in self.ours and row.state is not OutboxState.SENT:
            return FOUND.format(row.name, row.connection)
        if self.attempts.get(row.key, row.attempts) != row.attempts:
            return "essayé à l'instant, réessayez / tried just now, try again"
        if unseen:
            return ""
        if row.key in self.there:
            return (
                f"un fichier {row.name} est chez {row.connection}, impossible à comparer au"
                " nôtre : demandez-lui, puis --unseen / a file of that name is there, and cannot"
                " be held against ours: ask, then --unseen"
            )
        if row.key in self.dark:
            return (
                f"impossible de voir si {row.connection} l'a reçu ({self.dark[row.key]}) : "
                "demandez-lui, puis --unseen / cannot see whether they have it: ask, then --unseen"
            )
        return ""


def newest_at(hub: Hub, target: Target, states: Collection[OutboxState]) -> list[OutboxRow]:
    """Return the newest delivery of each document that is meant, where it is in such a state."""
    rows = hub.ledger.outbox(interchange=target.interchange, kind=OutboxKind.DELIVERY)
    newest = latest_rows(rows, now_standing(hub, target)).values()
    return [row for row in newest if row.state in states]


def look_for(hub: Hub, sheets: Sheets, rows: Iterable[OutboxRow]) -> Sight:
    """Look into the recipients' folders for deliveries that a worker has had in hand.

    A delivery that nobody ever claimed needs no look: it was never sent.
    """
    every = {row.key: row for row in rows}
    tokens = hub.ledger.claimed_ever(every.keys())  # before the look: a later claim is told apart
    ours: dict[OutboxKey, str] = {}
    there: set[OutboxKey] = set()
    dark: dict[OutboxKey, str] = {}
    sizes: dict[OutboxKey, int] = {}
    for name in sorted({every[key].connection for key in tokens}):
        mine = [every[key] for key in sorted(tokens) if every[key].connection == name]
        try:
            found = _found_at(hub, sheets, name, mine)
        except PipelineError as error:
            dark.update((row.key, error.code) for row in mine)
        else:
            ours.update((key, digest) for key, (digest, _) in found.items() if digest)
            there.update(key for key, (digest, _) in found.items() if not digest)
            sizes.update((key, size) for key, (_, size) in found.items())
    attempts = {key: row.attempts for key, row in every.items()}
    return Sight(attempts, tokens, ours, frozenset(there), dark, sizes)


def note_found(
    hub: Hub, sheets: Sheets, tx: Transaction, rows: Iterable[OutboxRow], sight: Sight
) -> Collection[DocumentId]:
    """Write as delivered what was found at its recipient's; return the documents of it.

    What somebody claimed or moved since the look stays as it is. The flow is not closed.
    """
    now = hub.clock.now()
    found = {row.key: row for row in rows if row.key in sight.ours}
    noted: set[DocumentId] = set()
    for key, row in sorted(found.items()):
        token, digest = sight.tokens[key], sight.ours[key]
        if tx.see_outbox(row, token=token, sha256=digest, by=hub.by, at=now):
            lay_out(tx, sheets, row, Placed(digest, sight.sizes[key], sent=False), now)
            noted.update(row.documents)
    documents = tx.documents_named(noted)
    # an abandoned delivery is under way again once it is known to have arrived
    given_up = [one for one in documents if one.step is Step.ABANDONED]
    tx.move_documents(given_up, Step.ROUTED, by=hub.by, at=now)
    arrived = [one for one in tx.documents_named(noted) if one.step is Step.ROUTED]
    tx.move_documents(arrived, Step.DELIVERED, by=hub.by, at=now)
    make_available(hub, sheets, tx, arrived)
    return noted


def _found_at(
    hub: Hub, sheets: Sheets, name: str, rows: Sequence[OutboxRow]
) -> dict[OutboxKey, tuple[str, int]]:
    """Return the rows whose file is there, with its SHA-256, '' if not comparable, and size.

    Other bytes under that name are not ours: what we put never replaces a file.
    """
    sheet = sheet_of(sheets, name)
    found: dict[OutboxKey, tuple[str, int]] = {}
    # a list asks flow by flow: a recipient that does not answer is waited for once
    doors = Sessions(hub.doors, hub.breaker, hub.clock, sheets.connections.values())
    with doors, doors.open(sheet) as session:
        folders = {folder_of(sheet, row) for row in rows}
        standing = {
            (folder, file.name): file for folder in folders for file in session.list_files(folder)
        }
        for row in rows:
            folder = folder_of(sheet, row)
            if (folder, row.name) not in standing:
                continue
            file, digest = standing[folder, row.name], sha256()
            for chunk in session.fetch(folder, file, file.size):
                digest.update(chunk)
            ours = _digest_of(hub, sheets, row)
            if ours in {None, digest.hexdigest()}:
                found[row.key] = ours or "", file.size
    return found


def _digest_of(hub: Hub, sheets: Sheets, row: OutboxRow) -> str | None:
    """Return the SHA-256 of what a row has to deliver; None where it cannot be made any more."""
    documents: dict[str, Document] = {
        one.id: one for one in hub.ledger.documents_named(row.documents)
    }
    try:
        return sha256(payload_of(hub, sheets, row, documents)).hexdigest()
    except PipelineError:
        return None
