"""Validation profiles: which packs a document must pass, and with what weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from pipeline.model.finding import Severity

#: Whose midnight changes a profile.
TIMEZONE = "Europe/Paris"


class _Dated(Protocol):
    @property
    def valid_from(self) -> date | None: ...


V = TypeVar("V", bound=_Dated)


def in_force(first: V, later: Sequence[V], moment: datetime) -> V:
    """Return the version that counts at a moment (aware): one changes at midnight in Paris.

    The same moment gives the very same value.

    Args:
        first: The version before any other.
        later: Those that take its place, by rising `valid_from`.
        moment: When what is judged was received.
    """
    day = moment.astimezone(ZoneInfo(TIMEZONE)).date()
    begun = (each for each in reversed(later) if each.valid_from and each.valid_from <= day)
    return next(begun, first)


class Base(Enum):
    """What becomes of the EN 16931 packs where a document claims more, or less, than the norm."""

    BINDS = "binds"
    WARNS = "warns"  #: an extension may depart from the norm: said, never refused
    SKIPPED = "skipped"  #: not meant to be an EN 16931 invoice at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a document asks to be held against by the URN it carries (BT-24).

    Attributes:
        urn: The whole text of BT-24.
        syntaxes: Values of `report.Syntax` in which the URN means this.
        schema: XSD that stands in for that of the syntax, or None.
        packs: Rule packs of the profile layer.
        base: What becomes of the profile's EN 16931 packs.
    """

    urn: str
    syntaxes: tuple[str, ...]
    schema: str | None = None
    packs: tuple[str, ...] = ()
    base: Base = Base.BINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRules:
    """What an attachment may be called; an empty attachment breaks them too.

    Attributes:
        extensions: Those allowed, lower case, without the point; empty for any.
        forbidden: Characters that no name may hold, besides control characters.
    """

    extensions: frozenset[str] = frozenset()
    forbidden: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Our bundle of rule packs, rules of our own and re-weighed rules.

    Attributes:
        name: What sheets and ``--profile`` call it.
        packs: EN 16931 packs by syntax family (``ubl``, ``cii``), in order: the
            semantics layer. Without one for a syntax there is no semantic check there.
        further: Packs of the profile layer, likewise.
        claims: Claims that are followed; those of one syntax differ in their URN.
        rules: Sets of rules of our own, by name: part of the profile layer too.
        attachments: What attachments may be called, or None where nothing is asked.
        schemas: XSDs of ours by syntax (values of `report.Syntax`): what senders may write,
            within what the official XSD lets pass. Part of the profile layer.
        weigh_all: Severity given to every rule of the packs, or None to keep
            what the pack says; rules of our own keep theirs.
        reweighed: Severity of single rules, a pack's or ours; wins over `weigh_all`.
        valid_from: First day on which it holds, or None for ever before.
        later: The versions that take its place, by rising `valid_from`.
    """

    name: str
    packs: Mapping[str, tuple[str, ...]]
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    rules: tuple[str, ...] = ()
    attachments: AttachmentRules | None = None
    schemas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    weigh_all: Severity | None = None
    reweighed: Mapping[str, Severity] = field(default_factory=dict)
    valid_from: date | None = None
    later: tuple[Profile, ...] = ()

    @property
    def version(self) -> str:
        """Return what reports name it by: ``fr-b2g``, ``fr-b2g@2027-01-01``."""
        return f"{self.name}@{self.valid_from}" if self.valid_from else self.name

    def at(self, moment: datetime) -> Profile:
        """Return the version in force at a moment (aware)."""
        return in_force(self, self.later, moment)

    def weigh(self, rule: str, published: Severity) -> Severity:
        """Return the weight of a pack's `rule` under this profile."""
        return self.reweighed.get(rule, self.weigh_all or published)

    def weigh_ours(self, rule: str, published: Severity) -> Severity:
        """Return the weight of a rule of our own under this profile."""
        return self.reweighed.get(rule, published)

    def claim(self, urn: str | None, syntax: str) -> Claim | None:
        """Return what a document of this URN and syntax claims, if it is followed."""
        return next(
            (each for each in self.claims if each.urn == urn and syntax in each.syntaxes), None
        )
