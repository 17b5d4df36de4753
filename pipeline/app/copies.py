"""Copies for receivers in shadow: held against what the receiver takes, as a delivery would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.app.agreed import Agreed
from pipeline.app.hub import Hub
from pipeline.model.connection import Connection
from pipeline.model.decision import Verdict
from pipeline.model.document import Document
from pipeline.model.errors import NotTaken, PipelineError
from pipeline.model.identity import OutboxKey
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.route.taking import check_taken


def untaken(
    hub: Hub, sheet: Connection, rows: Sequence[OutboxRow], documents: Mapping[str, Document]
) -> dict[OutboxKey, PipelineError]:
    """Return why copies hold what their receiver would not take, by row.

    Of a delivery this is asked before the document is accepted; for a sheet in shadow nothing
    may be refused, so it is asked of the copy.
    """
    found: dict[OutboxKey, PipelineError] = {}
    for row in rows:
        if row.kind is OutboxKind.COPY and sheet.takes is not None:
            said = [why for one in row.documents if (why := _untaken(hub, sheet, documents[one]))]
            if said:
                found[row.key] = NotTaken("; ".join(said))
    return found


def _untaken(hub: Hub, sheet: Connection, document: Document) -> str:
    flow, report = hub.ledger.interchange(document.interchange), hub.ledger.report(document.id)
    if flow is None or report is None:
        return ""
    agreed = Agreed(moment=flow.received_at, profile="", takes=hub.takes)
    takes = agreed.taken_by(sheet)
    if takes is None:
        return ""
    decision = check_taken(document.name, document.header, report, takes)
    if decision.verdict is Verdict.ACCEPT:
        return ""
    return " / ".join(decision.reasons[0].message[one] for one in ("fr", "en"))
