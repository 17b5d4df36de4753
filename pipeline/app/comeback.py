"""Invoices that come back: read beside what they were, and written into their lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.levels import trouble
from pipeline.app.lives import Register, tell
from pipeline.app.received import bytes_of
from pipeline.ingest.changes import changes_of
from pipeline.model.comeback import Beside, Comeback, Holder
from pipeline.model.connection import Environment
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.document import BusinessKey, Document
from pipeline.model.errors import ArchiveError, ConfigError, Fenced
from pipeline.model.identity import DocumentId
from pipeline.model.interchange import Interchange
from pipeline.model.life import Actor, Attached, Event, Given, Status
from pipeline.model.life_step import Refused
from pipeline.model.limits import WIDE
from pipeline.ports.ledger import Sheets, Transaction

log = get_logger(__name__)

R = TypeVar("R")


class UncomparedError(Exception):
    """What deposits change of the invoices under their numbers has to be known first.

    Whoever decides holds a transaction, and no file is read in one: it is left, the documents
    are read, and it is begun again.

    Attributes:
        pairs: Each deposit, beside the document that bears the invoice.
    """

    def __init__(self, pairs: Sequence[tuple[Document, Document]]) -> None:
        super().__init__(f"{len(pairs)} document(s) to be held against others")
        self.pairs = tuple(pairs)


class UnpreparedError(Exception):
    """Something has to be done outside of a transaction before it can be gone through.

    Attributes:
        prepare: Does it; doing it twice does no harm.
    """

    def __init__(self, prepare: Callable[[], None]) -> None:
        super().__init__("to be begun again")
        self.prepare = prepare


def knowing(hub: Hub, sheets: Sheets, beside: dict[DocumentId, Beside], act: Callable[[], R]) -> R:
    """Return what `act` gives once it knows what every deposit changes that it asks for.

    Args:
        hub: The hub.
        sheets: The configuration in force.
        beside: What is known, which `act` reads; what it misses is added.
        act: Changes nothing where it raises.
    """
    while True:
        try:
            return act()
        except UncomparedError as uncompared:
            for deposit, bearer in uncompared.pairs:
                beside[deposit.id] = _look(hub, sheets, deposit, bearer)
        except UnpreparedError as unprepared:
            unprepared.prepare()


def _look(hub: Hub, sheets: Sheets, deposit: Document, bearer: Document) -> Beside:
    """Hold a deposit against the document that bears its invoice.

    Raises:
        ArchiveError: The deposit itself cannot be read.
    """
    try:
        before = bytes_of(hub, sheets, bearer)
    except (ArchiveError, ConfigError) as error:
        facts = {"document": deposit.id, "bearer": bearer.id}
        trouble(log, "comeback.original_gone", error, facts, final=True)
        return _gone(deposit, bearer)
    return changes_of((bearer, before), (deposit, bytes_of(hub, sheets, deposit)), WIDE)


def _gone(deposit: Document, bearer: Document) -> Reason:
    return reason(
        "RETURN_LOST",
        deposit.name,
        f"facture {deposit.header.number} : le document {bearer.id} qu'elle corrige ou complète"
        " n'est plus lisible, rien ne peut lui être comparé",
        f"invoice {deposit.header.number}: document {bearer.id}, which it corrects or completes,"
        " cannot be read any more, nothing can be held against it",
    )


def held_keys(
    tx: Transaction, documents: Sequence[Document], environment: Environment
) -> Mapping[BusinessKey, Holder]:
    """Return what holds the keys of documents, and where these invoices stand."""
    keys = {key for document in documents if (key := document.business_key)}
    found = dict(tx.holders(keys, environment))
    if not found:
        return {}
    lives = tx.lives(set(found.values()))
    wanted = {*found.values(), *(life.bearer for life in lives.values())}
    named = {one.id: one for one in tx.documents_named(wanted)}
    return {
        key: Holder(
            document=named[holder],
            bearer=named[lives[holder].bearer if holder in lives else holder],
            life=lives.get(holder),
        )
        for key, holder in found.items()
    }


def come_back(
    hub: Hub,
    sheets: Sheets,
    tx: Transaction,
    flow: Interchange,
    back: Sequence[tuple[Document, Comeback]],
) -> None:
    """Write that invoices were sent again or completed, and tell their recipients.

    Raises:
        Fenced: One of them moved meanwhile.
    """
    register = Register(tx.lives([comeback.invoice for _, comeback in back]))
    files: dict[str, tuple[Attached, ...]] = {}
    for document, comeback in back:
        said = register.add(
            comeback.invoice,
            comeback.event,
            Actor.SUPPLIER,
            _given(comeback),
            by=f"partner:{flow.partner}",
            said_at=flow.received_at,
            taken_at=hub.clock.now(),
            source=flow.id,
            bearer=document.id,
        )
        if isinstance(said, Refused):
            raise Fenced(f"{comeback.invoice}: {said.en}")
        files[said.id] = comeback.changes.added
    tx.live(register.before, register.entries)
    bearers = {comeback.invoice: document for document, comeback in back}
    tell(hub, sheets, tx, bearers, register.entries, files)


def process_rejects(
    hub: Hub, tx: Transaction, flow: Interchange, taken: Sequence[Document]
) -> None:
    """Write that rejects were seen to, where new invoices name what was rejected (BT-25)."""
    naming = [one for one in taken if one.header.preceding]
    if not naming:
        return
    named = [
        one
        for one in tx.invoices_numbered({one.header.preceding or "" for one in naming})
        if _is_of(tx, one, flow)
    ]
    register = Register(tx.lives([one.id for one in named]))
    for new in naming:
        for old in named:
            life = register.standing(old.id)
            rejected = life is not None and life.status is Status.REJETEE
            if rejected and names(new, old):
                now = hub.clock.now()
                register.add(
                    old.id,
                    Event.PROCESS_REJECT,
                    Actor.SUPPLIER,
                    Given(comment=followed_by(new)),
                    by=f"partner:{flow.partner}",
                    said_at=flow.received_at,
                    taken_at=now,
                    source=flow.id,
                )
    tx.live(register.before, register.entries)


def names(new: Document, old: Document) -> bool:
    """Tell whether an invoice names another one of the same seller as the one before it."""
    mine, theirs = new.business_key, old.business_key
    same = mine is not None and theirs is not None and mine.seller == theirs.seller
    return same and new.id != old.id and new.header.preceding == old.header.number


def followed_by(new: Document) -> str:
    """Return how the life of a rejected invoice names the one that follows it."""
    return f"suivie de / followed by: {new.header.number}"


def _is_of(tx: Transaction, one: Document, flow: Interchange) -> bool:
    """Tell whether an invoice came from the same partner, in the same environment."""
    came = tx.interchange(one.interchange)
    return came is not None and (came.partner, came.environment) == (
        flow.partner,
        flow.environment,
    )


def _given(comeback: Comeback) -> Given:
    """Return what comes with a comeback; its words name what was put right."""
    changes = comeback.changes
    if comeback.event is Event.RESEND:
        names = ", ".join(dict.fromkeys(one.term for one in changes.changed))
        comment = f"corrigée / corrected: {names}"
    else:
        names = ", ".join(one.name for one in changes.added)
        comment = f"pièces ajoutées / attachments added: {names}"
    given = changes.given
    return Given(changed=given.changed, attachments=given.attachments, comment=comment)
