"""Holds what an evidence file tells against the events that it shows, and these against seals.

Nothing here needs the hub that wrote it: its public key is enough.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from hashlib import sha256

from pipeline.evidence.bundle import SEALS, Bundle
from pipeline.evidence.proof import Stretch, read
from pipeline.model.errors import EvidenceFault
from pipeline.model.event import Fact
from pipeline.model.seal import Seal

#: Reads a seal as it was written: its signature is checked.
ReadSeal = Callable[[bytes], Seal]
#: What one thing says of itself, JSON values.
Told = Mapping[str, object]
_Fault = tuple[str, str]

#: Events of an outbox row that leave it where it is.
_STAYS = frozenset({"retry", "put_off", "shortened"})
#: Events of a document or a flow that are no step of it.
_ASIDE = frozenset({"rerouted", "removed", "erased", "legal_hold", "legal_hold_lifted"})
_MOST_FAULTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What an evidence file proves.

    Attributes:
        number: Of the invoice, as it tells.
        faults: What does not hold, French and English; none where it is sound.
        sealed: Events that a signed head covers.
        unsealed: Events that none covers yet.
        sealed_until: Day of the newest seal.
        erased: Lines whose words were erased: they are named, and not proven.
    """

    number: str = ""
    faults: tuple[_Fault, ...] = ()
    sealed: int = 0
    unsealed: int = 0
    sealed_until: date | None = None
    erased: int = 0

    @property
    def sound(self) -> bool:
        """Tell whether nothing in it contradicts anything else."""
        return not self.faults


@dataclass(slots=True)
class _Desk:
    """What is held against what.

    Attributes:
        bundle: The file.
        events: What is shown of each subject, in order.
    """

    bundle: Bundle
    events: dict[str, list[Fact]] = field(default_factory=dict)

    def of(self, subject: object, kind: str) -> Sequence[Fact]:
        """Return the events of a kind that happened to something."""
        found = self.events.get(str(subject), ())
        return [one for one in found if one.what.startswith(f"{kind}.")]

    def told(self, name: str) -> Sequence[Told]:
        """Return a list of the record.

        Raises:
            EvidenceFault: It is none.
        """
        found = self.bundle.record.get(name)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise EvidenceFault(f"« {name} » est illisible", f"'{name}' cannot be read")
        return found


def check(bundle: Bundle, read_seal: ReadSeal) -> Checked:
    """Check everything in an evidence file.

    Args:
        bundle: Known to be as it was written.
        read_seal: Raises `EvidenceFault` for one that the key trusted did not sign.

    Raises:
        EvidenceFault: It cannot be read as one.
    """
    desk, faults = _Desk(bundle), list[_Fault]()
    sealed = unsealed = 0
    until: date | None = None
    for stretch in read(bundle.proof):
        seal = _seal_of(stretch, bundle, read_seal)
        if seal is not None and stretch.end() != (seal.seq, seal.hash):
            fr = f"les événements dès {stretch.start} ne mènent pas au sceau {seal.name}"
            en = f"events from {stretch.start} on do not lead to the seal {seal.name}"
            faults.append((fr, en))
        for _, fact in stretch.shown():
            desk.events.setdefault(fact.subject, []).append(fact)
            sealed, unsealed = sealed + bool(seal), unsealed + (not seal)
        if seal is not None:
            until = max(until or seal.day, seal.day)
    faults += [*_flows(desk), *_documents(desk), *_leaving(desk), *_receipts(desk), *_life(desk)]
    invoice = bundle.record.get("invoice")
    return Checked(
        number=str(invoice.get("number") or "") if isinstance(invoice, dict) else "",
        faults=tuple(faults[:_MOST_FAULTS]),
        sealed=sealed,
        unsealed=unsealed,
        sealed_until=until,
        erased=sum(bool(one.get("erased")) for one in desk.told("life")),
    )


def _seal_of(stretch: Stretch, bundle: Bundle, read_seal: ReadSeal) -> Seal | None:
    if stretch.seal is None:
        return None
    name = f"{SEALS}{stretch.seal}.seal"
    if name not in bundle.files:
        raise EvidenceFault(f"{name} manque", f"{name} is missing")
    return read_seal(bundle.files[name])


def _flows(desk: _Desk) -> Iterator[_Fault]:
    names = ("name", "partner", "connection", "size", "sha256", "environment")
    for one in desk.told("flows"):
        yield from _same(one, desk.of(one.get("id"), "interchange")[:1], names)
        yield from _stands(one, desk.of(one.get("id"), "interchange"), "step")
        yield from _moment(one, "received_at", desk.of(one.get("id"), "interchange")[:1])
        yield from _bytes(desk, one)


def _documents(desk: _Desk) -> Iterator[_Fault]:
    for one in desk.told("documents"):
        events = desk.of(one.get("id"), "document")
        yield from _same(one, events[:1], ("name", "size", "sha256"))
        yield from _stands(one, events, "step")
        moved = [fact for fact in events[1:] if _end(fact) not in _ASIDE]
        yield from _same(one, moved[-1:], ("reasons", "first"))
        yield from _bytes(desk, one)


def _leaving(desk: _Desk) -> Iterator[_Fault]:
    for one in desk.told("leaving"):
        events = desk.of(one.get("key"), "outbox")
        yield from _same(one, events[:1], ("kind", "connection", "name", "folder", "generation"))
        yield from _stands({**one, "id": one.get("key")}, events, "state")
        sent = [fact for fact in events if _end(fact) == "sent"]
        yield from _moment({**one, "id": one.get("key")}, "sent_at", sent[-1:])
        if sent and sent[-1].data.get("sha256"):
            yield from _same({**one, "id": one.get("key")}, sent[-1:], ("sha256",))
        yield from _bytes(desk, one)


def _receipts(desk: _Desk) -> Iterator[_Fault]:
    for one in desk.told("receipts"):
        wanted = f"receipt.{str(one.get('said')).replace(' ', '_')}"
        names = ("row", "status", "interchange", "said_at")
        events = desk.of(one.get("subject"), "receipt")
        events = [fact for fact in events if fact.what == wanted]
        if not any(all(fact.data.get(key) == one.get(key) for key in names) for fact in events):
            yield _unproven(one.get("subject"), "acquittement", "acknowledgement")


def _life(desk: _Desk) -> Iterator[_Fault]:
    lines = desk.told("life")
    invoice = desk.bundle.record.get("invoice")
    standing = invoice if isinstance(invoice, dict) else {}
    events = desk.of(standing.get("id"), "life")
    known = {digest for fact in events for digest in _texts(fact.data.get("lines"))}
    named = {line for fact in events for line in _texts(fact.data.get("said"))}
    for one in lines:
        line = {name: value for name, value in one.items() if name != "erased"}
        digest = sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()
        if digest not in known and not (one.get("erased") and one.get("id") in named):
            yield _unproven(f"{one.get('document')} {one.get('place')}", "statut", "status")
    if len(lines) != len(named):
        yield (
            f"{len(lines)} lignes d'historique ; les événements en nomment {len(named)}",
            f"{len(lines)} lines of history; the events name {len(named)}",
        )
    yield from _stands(standing, events, "status")


def _same(told: Told, events: Sequence[Fact], names: Sequence[str]) -> Iterator[_Fault]:
    """Yield what an event says otherwise; there has to be one."""
    subject = told.get("id") or told.get("key")
    if not events:
        yield _unproven(subject, "fait", "fact")
        return
    for name in names:
        found = told.get(name)
        if (found or None) != (events[0].data.get(name) or None):
            yield (
                f"{subject} : {name} « {found} » n'est pas ce que l'événement dit",
                f"{subject}: {name} '{found}' is not what the event says",
            )


def _stands(told: Told, events: Sequence[Fact], name: str) -> Iterator[_Fault]:
    """Yield that something stands elsewhere than its last event says."""
    steps = [_end(fact) for fact in events if _end(fact) not in _STAYS | _ASIDE]
    if told.get(name) != (steps[-1] if steps else None):
        yield (
            f"{told.get('id')} : {name} « {told.get(name)} » ; prouvé : {steps[-1:] or '–'}",
            f"{told.get('id')}: {name} '{told.get(name)}'; proven: {steps[-1:] or '–'}",
        )


def _moment(told: Told, name: str, events: Sequence[Fact]) -> Iterator[_Fault]:
    found = events[0].at.astimezone(UTC).isoformat() if events else None
    if told.get(name) != found:
        yield (
            f"{told.get('id')} : {name} « {told.get(name)} » ; prouvé : {found}",
            f"{told.get('id')}: {name} '{told.get(name)}'; proven: {found}",
        )


def _bytes(desk: _Desk, told: Told) -> Iterator[_Fault]:
    """Yield that a file is not the one that is told of."""
    name = told.get("file")
    if name is None:
        return
    content = desk.bundle.files.get(str(name))
    if content is None or sha256(content).hexdigest() != told.get("sha256"):
        yield f"{name} : absent ou autre contenu", f"{name}: missing, or other content"


def _unproven(subject: object, fr: str, en: str) -> _Fault:
    return f"{subject} : {fr} sans événement", f"{subject}: {en} without an event"


def _end(fact: Fact) -> str:
    return fact.what.partition(".")[2]


def _texts(found: object) -> Iterator[str]:
    for one in found if isinstance(found, list) else ():
        yield str(one)
