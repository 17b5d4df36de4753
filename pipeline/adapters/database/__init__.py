"""The ledger on SQLite and PostgreSQL: the only room that knows SQL."""

from __future__ import annotations

from pipeline.adapters.database.open import open_ledger, sole_worker

__all__ = ["open_ledger", "sole_worker"]
