"""Any verb on any target: what a list of things and a person at a terminal ask alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, Target
from pipeline.app.operate.hold import hold
from pipeline.app.operate.redeliver import Again, redeliver
from pipeline.app.operate.reject import reject
from pipeline.app.operate.release import release
from pipeline.app.operate.replay import Replayed, Stage, replay
from pipeline.app.operate.withdraw import withdraw
from pipeline.model.bulk import BulkId, BulkList, Verb
from pipeline.ports.ledger import Sheets


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What an operator asks, whatever it is asked of.

    Attributes:
        verb: What is to be done.
        reason: Why; needed by all but `release`.
        again: Where to, and which copy, where it is a redelivery.
        stage: From where on, where it is a replay.
        unseen: Whether recipients confirmed that nothing came, where it is a withdrawal or a
            redelivery.
    """

    verb: Verb
    reason: str = ""
    again: Again = field(default_factory=Again)
    stage: Stage = Stage.JUDGE
    unseen: bool = False

    @property
    def options(self) -> Mapping[str, str]:
        """Return what a list has to remember besides verb and reason."""
        given = {"to": self.again.to, "generation": self.again.generation}
        if self.verb is Verb.REPLAY:
            given["from"] = self.stage.value
        if self.unseen:
            given["unseen"] = "yes"
        return {name: str(value) for name, value in given.items() if value is not None}

    @classmethod
    def of(cls, bulk: BulkList) -> Ask:
        """Return what a frozen list asks."""
        options = bulk.options
        generation = options.get("generation")
        return cls(
            verb=bulk.verb,
            reason=bulk.reason,
            again=Again(options.get("to"), int(generation) if generation else None),
            stage=Stage(options.get("from", Stage.JUDGE.value)),
            unseen="unseen" in options,
        )


def act(
    hub: Hub,
    sheets: Sheets,
    ask: Ask,
    target: Target,
    *,
    bulk: BulkId | None = None,
    dry: bool = False,
) -> Replayed:
    """Do what is asked, on one target.

    Returns:
        What came of it; what a replay compared besides, of other verbs nothing.

    Raises:
        PipelineError: It cannot be done; nothing changed.
    """
    order = Order(ask.reason, bulk)
    match ask.verb:
        case Verb.HOLD:
            told = hold(hub, sheets, target, order, dry=dry)
        case Verb.RELEASE:
            told = release(hub, sheets, target, order, dry=dry)
        case Verb.REJECT:
            told = reject(hub, sheets, target, order, dry=dry)
        case Verb.WITHDRAW:
            told = withdraw(hub, sheets, target, order, unseen=ask.unseen, dry=dry)
        case Verb.REDELIVER:
            told = redeliver(hub, sheets, target, order, ask.again, unseen=ask.unseen, dry=dry)
        case Verb.REPLAY:
            return replay(hub, sheets, target, order, ask.stage, dry=dry)
    return Replayed(told)
