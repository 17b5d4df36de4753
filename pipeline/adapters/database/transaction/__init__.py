"""One atomic change of the ledger."""

from __future__ import annotations

from pipeline.adapters.database.transaction.acts import Acts
from pipeline.adapters.database.transaction.documents import Documents
from pipeline.adapters.database.transaction.flows import Flows
from pipeline.adapters.database.transaction.histories import Histories
from pipeline.adapters.database.transaction.outbox import Outbox
from pipeline.adapters.database.transaction.questions import Questions
from pipeline.adapters.database.transaction.receivers import Receivers


class SqlTransaction(Questions, Flows, Documents, Outbox, Receivers, Histories, Acts):
    """A `pipeline.ports.ledger.Transaction` on one open connection.

    On PostgreSQL every fact about an interchange, its documents or its outbox rows
    locks the interchange's row first, so that what was read stays true; on SQLite the
    whole transaction holds the one write lock.

    Its questions and its changes are parted by subject; what all of them share, and when
    what they collect is written, is said in `collected.Collected`.
    """
