"""One figure that others watch a running hub by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric, with its value for each set of labels.

    Attributes:
        name: ``edi_`` and so on; one that ends in ``_total`` only ever grows.
        help: What it is, and its unit, in one sentence.
        labels: Names of the labels, in order; none for a single value.
        values: By the labels' values.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[tuple[str, ...], float] = field(default_factory=dict)
