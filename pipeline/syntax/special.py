"""What UBL and CII state otherwise than the model, in the same way.

Each format states one account a way of paying; the model, as the norm, one way of paying with
several accounts. What a format states once for all ways of paying, the model keeps in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from pipeline.model.invoice import Invoice, Payment

#: Ways of paying that are a direct debit (UNCL 4461).
_DIRECT_DEBITS = frozenset({"49", "59"})


def is_direct_debit(payment: Mapping[str, object]) -> bool:
    """Tell whether a way of paying, as read so far, is a direct debit."""
    return "debited" in payment or payment.get("means") in _DIRECT_DEBITS


def settle(draft: dict[str, Any]) -> None:
    """Put an invoice, as read field by field, in the form that the model asks for."""
    _join_payments(draft)
    for party in _parties(draft):
        identifiers = party.get("identifiers")
        if identifiers and len(identifiers) > 1:
            identifiers.sort(key=lambda each: "scheme" in each)
    for owner in (draft, *draft.get("lines", ())):
        objects = owner.get("further_objects")
        if objects:
            owner["object"] = objects.pop(0)
    for line in draft.get("lines", ()):
        notes = line.get("further_notes")
        if notes:
            first = notes.pop(0)
            fields = {"note": first.get("text"), "note_subject": first.get("subject")}
            line.update((name, text) for name, text in fields.items() if text is not None)


def _parties(draft: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every party of an invoice as read that may have identifiers."""
    owners = (draft, *draft.get("lines", ()))
    delivered = [owner["delivery"]["to"] for owner in owners if "to" in owner.get("delivery", ())]
    named = ("seller", "buyer", "payee", "buyer_agent", "payer", "seller_agent", "invoicee")
    parties = [draft[name] for name in (*named, "invoicer") if name in draft]
    return [*parties, *delivered, *(line["seller"] for line in owners[1:] if "seller" in line)]


def _join_payments(draft: dict[str, Any]) -> None:
    """Join ways of paying that follow on each other and differ in the account alone."""
    joined: list[dict[str, Any]] = []
    for payment in draft.get("payments", ()):
        if joined and "accounts" in payment and "accounts" in joined[-1]:
            accounts = [*joined[-1]["accounts"], *payment["accounts"]]
            if {**joined[-1], "accounts": ()} == {**payment, "accounts": ()}:
                joined[-1] = {**payment, "accounts": accounts}
                continue
        joined.append(payment)
    if joined:
        draft["payments"] = joined


def split_payments(invoice: Invoice) -> Invoice:
    """Return the invoice with one account a way of paying."""
    if all(len(payment.accounts) <= 1 for payment in invoice.payments):
        return invoice
    return replace(invoice, payments=tuple(chain.from_iterable(map(_split, invoice.payments))))


def _split(payment: Payment) -> tuple[Payment, ...]:
    if len(payment.accounts) <= 1:
        return (payment,)
    return tuple(replace(payment, accounts=(account,)) for account in payment.accounts)
