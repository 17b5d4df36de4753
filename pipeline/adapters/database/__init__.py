"""The ledger on SQLite and PostgreSQL: the only room that knows SQL."""

from __future__ import annotations

from pipeline.adapters.database.open import Seat, beside_others, is_led, leading, open_ledger

__all__ = ["Seat", "beside_others", "is_led", "leading", "open_ledger"]
