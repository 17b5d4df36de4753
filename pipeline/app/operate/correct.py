"""Put a returned invoice right in its supplier's name, by a deposit of the same kind."""

from __future__ import annotations

from pipeline.app.corrected import Corrected, deposit_corrected, make_corrected
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, demand_reason
from pipeline.app.operate.declare import find_invoice
from pipeline.ports.ledger import Sheets
from pipeline.syntax.correcting import Correction


def put_right(
    hub: Hub,
    sheets: Sheets,
    subject: str,
    correction: Correction,
    order: Order,
    *,
    dry: bool = False,
) -> tuple[Corrected, bool]:
    """Make the corrected document of a returned or suspended invoice, and deposit it.

    Args:
        hub: The hub; `by` names the operator.
        sheets: The configuration in force.
        subject: Number or id of the invoice.
        correction: What is put right.
        order: Why.
        dry: True to show what would change, and write nothing.

    Returns:
        The document, and whether it was deposited now: not so where it is only shown, or was
        deposited before.

    Raises:
        ConfigError: No reason; it may not be put right so, or not now; nothing has changed.
        ArchiveError: The document that bears it cannot be read; nothing has changed.
    """
    if not dry:
        demand_reason(order)
    invoice = find_invoice(hub.ledger, subject)
    made = make_corrected(hub, sheets, invoice.id, correction)
    return made, not dry and deposit_corrected(hub, made, order.reason)
