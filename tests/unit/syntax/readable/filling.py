"""Invoices with a value in every field, each told from every other."""

from __future__ import annotations

from dataclasses import is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from itertools import count
from typing import Any

from pipeline.model.invoice import Invoice
from pipeline.model.terms import fields_of

_FIRST_DAY = date(2026, 1, 1)


def filled(times: int = 2) -> Invoice:
    """Return an invoice with a value in every field, and `times` items in every tuple."""
    numbers = count(1)
    made: Invoice = _made(Invoice, "invoice", numbers, times)
    return made


def _made(kind: type, name: str, numbers: count[int], times: int) -> Any:
    if is_dataclass(kind):
        return kind(
            **{
                field.name: (
                    tuple(_made(field.kind, field.name, numbers, times) for _ in range(times))
                    if field.many
                    else _made(field.kind, field.name, numbers, times)
                )
                for field in fields_of(kind).values()
            }
        )
    number = next(numbers)
    if issubclass(kind, Enum):
        members = list(kind)
        return members[number % len(members)]
    if kind is str:
        return f"{name}-{number}"
    if kind is Decimal:
        return Decimal(f"{number + 10_000}.25")
    if kind is date:
        return _FIRST_DAY + timedelta(days=number)
    if kind is bytes:
        return f"bytes {number}".encode()
    raise TypeError(kind)
