"""The append-only, hash-chained record of what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

#: What the first event's `previous` holds.
GENESIS = "0" * 64
#: One way to write a value down, so that one event has one hash.
_CANONICAL = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened, before it has its place in the chain.

    Attributes:
        at: When (aware, UTC).
        subject: Id of the interchange, document or outbox row it happened to.
        what: Constant name, e.g. ``document.accepted``.
        by: Who made it happen: ``run:<id>`` or ``operator:<name>``.
        data: Small facts, JSON values only; no document content.
    """

    at: datetime
    subject: str
    what: str
    by: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Event:
    """A fact with its place in the chain; written once, never edited.

    Attributes:
        seq: From 1, without gaps.
        fact: What happened.
        previous: Hash of the event before.
        hash: `chain_hash` of this one.
    """

    seq: int
    fact: Fact
    previous: str
    hash: str


def chain_hash(seq: int, fact: Fact, previous: str) -> str:
    """Return the hash that seals `fact` at place `seq` after `previous`."""
    return link_hash(seq, fact_digest(fact), previous)


def fact_digest(fact: Fact) -> str:
    """Return the SHA-256 of what happened: it stands for a fact that is not to be shown."""
    moment = fact.at.astimezone(UTC).isoformat(timespec="microseconds")
    body = [moment, fact.subject, fact.what, fact.by, dict(fact.data)]
    return sha256(_CANONICAL.encode(body).encode()).hexdigest()


def link_hash(seq: int, digest: str, previous: str) -> str:
    """Return the hash of the fact with `digest` at place `seq` after `previous`."""
    return sha256(f"{seq} {digest} {previous}".encode()).hexdigest()
