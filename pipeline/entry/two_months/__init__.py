"""The scenario of the life cycle: two months of invoices, every act of a partner a file."""

from __future__ import annotations

from pipeline.entry.two_months.play import tell
from pipeline.entry.two_months.words import as_object, in_words

__all__ = ["as_object", "in_words", "tell"]
