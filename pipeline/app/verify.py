"""Hold the record against itself: the chain, the originals, and rows against events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pipeline.app.verify_erased import Erasures
from pipeline.app.verify_lines import compare_lines
from pipeline.model.decision import Reason
from pipeline.model.status import OutboxState
from pipeline.ports.ledger import Break, Ledger, Subject
from pipeline.ports.outside import Archive

_Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Attributes:
        events: Events in the chain.
        blobs: Originals that an interchange names, by its event or else by its row.
        breaks: Places where the chain does not hold.
        lost: SHA-256 of originals that are missing or changed.
        differences: Where a row cannot be read, or is not what its events say.
        erased: Originals that were erased, as their events say, and that nobody else needs.
        remains: SHA-256 of those among them that are still there.
        orphans: SHA-256 of originals that no interchange names. A crash between blob
            and row leaves one, so they are unsound only beside a chain without events.
    """

    events: int = 0
    blobs: int = 0
    breaks: tuple[Break, ...] = ()
    lost: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    erased: int = 0
    remains: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()

    @property
    def emptied(self) -> bool:
        """Tell whether there are originals, and nothing that says where they came from."""
        return bool(self.orphans) and not self.events

    @property
    def sound(self) -> bool:
        """Tell whether nothing was found that the hub cannot have left so."""
        found = (self.breaks, self.lost, self.differences, self.remains, self.emptied)
        return not any(found)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Which attributes of a row its events tell, by the same names in their data.

    Attributes:
        step: Where it stands: not in the data, but the end of the event's own name.
        once: Told by the event that made the row; its moment is `received_at`.
        moved: Told anew by every later event that moves it.
    """

    step: str
    once: tuple[str, ...]
    moved: tuple[str, ...] = ()


_COMPARED: Mapping[str, _Compared] = {
    "interchange": _Compared(
        step="step",
        once=(
            "connection",
            "partner",
            "name",
            "size",
            "sha256",
            "environment",
            "received_at",
            "removed",
            "erased",
            "legal_hold",
        ),
        moved=("reason", "first", "documents"),
    ),
    "document": _Compared(
        step="step",
        once=("name", "size", "sha256"),
        moved=("reasons", "route", "first"),
    ),
    "outbox": _Compared(
        step="state",
        once=(
            "kind",
            "interchange",
            "connection",
            "name",
            "folder",
            "documents",
            "generation",
            "final",
        ),
    ),
    "life": _Compared(step="status", once=(), moved=("entries", "bearer", "asks")),
}
#: Ends of event names that are no step: what they say instead.
_NO_STEP: Mapping[str, _Facts] = {
    "interchange.removed": {"removed": True},
    "interchange.erased": {"erased": True},
    "interchange.legal_hold": {"legal_hold": True},
    "interchange.legal_hold_lifted": {"legal_hold": None},
    "outbox.retry": {"state": OutboxState.PENDING.value},
    "outbox.put_off": {"state": OutboxState.PENDING.value},
}
#: Ends that are no step either: which attributes these events tell anew.
_TOLD_ANEW: Mapping[str, tuple[str, ...]] = {
    "document.rerouted": ("route",),
    "outbox.shortened": ("documents",),
}
#: Where a document lies, as its id says (`model.identity.document_id`).
_PLACE = re.compile(r"(.+)-(\d+)")
#: How an attribute is called on screen.
_CALLED: Mapping[str, str] = {
    "step": "étape / step",
    "state": "état / state",
    "status": "statut / status",
    "entries": "lignes / entries",
    "bearer": "document qui la porte / document that bears it",
    "asks": "valideur et échéance / validator and deadline",
    "connection": "connexion / connection",
    "partner": "partenaire / partner",
    "environment": "environnement / environment",
    "name": "nom / name",
    "folder": "dossier / folder",
    "size": "taille / size",
    "reason": "motif / reason",
    "reasons": "motifs / reasons",
    "first": "premier / first",
    "route": "route",
    "received_at": "reçu / received",
    "seq": "place",
    "sha256": "SHA-256",
    "removed": "retiré / removed",
    "erased": "effacé / erased",
    "legal_hold": "conservation forcée / legal hold",
    "kind": "sorte / kind",
    "interchange": "flux / interchange",
    "documents": "documents",
    "generation": "génération / generation",
    "final": "final",
}


def verify(ledger: Ledger, archive: Archive) -> Verified:
    """Recompute the chain, read every original again, compare rows with events."""
    breaks = tuple(ledger.verify())
    if breaks:
        # an edited event may not even be readable: what it said is of no more use
        return Verified(breaks=breaks)
    needed: set[str] = set()
    erased: set[str] = set()
    erasures = Erasures()
    differences: list[str] = []
    for subject in ledger.subjects():
        told = _told(subject)
        erasures.learn(subject)
        wrong = [
            *_compare(subject, told),
            *compare_lines(subject, erasures),
            *erasures.left_of(subject),
        ]
        differences.extend(f"{subject.id}: {one}" for one in wrong)
        digest = told.get("sha256") or getattr(subject.row, "sha256", None)
        if subject.kind == "interchange" and isinstance(digest, str):
            (erased if told.get("erased") else needed).add(digest)
    erased -= needed
    kept = set(archive.kept())
    return Verified(
        events=ledger.count_events(),
        blobs=len(needed),
        lost=tuple(digest for digest in sorted(needed) if not archive.check(digest)),
        differences=tuple(sorted(differences)),
        erased=len(erased),
        remains=tuple(sorted(kept & erased)),
        orphans=tuple(sorted(kept - needed - erased)),
    )


def _compare(subject: Subject, told: _Facts) -> Iterator[str]:
    """Yield what is wrong with a row, French first."""
    if subject.trouble:
        yield f"ligne illisible / row cannot be read: {subject.trouble}"
    elif subject.row is None:
        yield "ligne absente / row missing"
    elif not told:
        yield "aucun événement / no event"
    else:
        for name, said in told.items():
            found = _plain(getattr(subject.row, name))
            if found != said:
                yield f"{_CALLED[name]} « {found} », événement / event « {said} »"


def _told(subject: Subject) -> _Facts:
    """Return what a row's attributes must be by its events; nothing if it has none."""
    compared = _COMPARED[subject.kind]
    told: dict[str, object] = {}
    for fact in subject.facts:
        kind, _, step = fact.what.partition(".")
        if kind != subject.kind:
            continue  # what an operator did to it
        names = compared.moved if told else (*compared.once, *compared.moved)
        if fact.what in _NO_STEP:
            told |= _NO_STEP[fact.what]
        elif fact.what in _TOLD_ANEW:
            told |= {name: _plain(fact.data.get(name)) for name in _TOLD_ANEW[fact.what]}
        else:
            said = {"received_at": fact.at, **fact.data}
            told |= {compared.step: step, **{name: _plain(said.get(name)) for name in names}}
    if told and subject.kind == "document" and (place := _PLACE.fullmatch(subject.id)):
        told |= {"interchange": place[1], "seq": int(place[2])}
    return told


def _plain(value: object) -> object:
    """Return a value as events tell it: nothing, zero and False are all left out there."""
    match value:
        case Enum():
            return value.value
        case (Reason(), *_):
            return [reason.code for reason in value if isinstance(reason, Reason)]
        case tuple():
            return len(value) or None
        case _:
            return value or None
