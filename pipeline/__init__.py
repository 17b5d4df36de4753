"""An invoice exchange hub for EDI partners: pull, judge, route, answer."""

from __future__ import annotations

__version__ = "0.1.0"
