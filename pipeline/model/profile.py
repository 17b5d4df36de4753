"""Validation profiles: which packs a document must pass, and with what weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Our bundle of rule packs and re-weighed rules.

    Attributes:
        name: What sheets and ``--profile`` call it.
        packs: Rule packs by syntax family (``ubl``, ``cii``), in order. A
            profile without a pack for a syntax has no semantic check there.
        weigh_all: Severity given to every rule of the packs, or None to keep
            what the pack says.
        reweighed: Severity of single rules; wins over `weigh_all`.
    """

    name: str
    packs: Mapping[str, tuple[str, ...]]
    weigh_all: Severity | None = None
    reweighed: Mapping[str, Severity] = field(default_factory=dict)

    def weigh(self, rule: str, published: Severity) -> Severity:
        """Return the weight of `rule` under this profile."""
        return self.reweighed.get(rule, self.weigh_all or published)
