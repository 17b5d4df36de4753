"""Hold messages against the official rules: ours before they leave, partners' as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from pipeline.acknowledge.platform import messages_in
from pipeline.model.errors import AnswerUnvetted
from pipeline.model.finding import Layer, Outcome
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged
from pipeline.ports.engine import Engine, Job
from pipeline.ports.outside import Spool

#: As the rules say, re-weighed by nobody.
_PROFILE = Profile(name="cdar", packs={})
#: Our own words: what we wrote is not held against a partner's limits.
_LIMITS = Limits(file_bytes=2**31, text_bytes=2**31)
_FOLDER = "vet"


@dataclass(frozen=True, slots=True)
class Vetter:
    """Lets an answer go, or says why it does not; says what is wrong with a partner's message.

    Attributes:
        engine: Judges CPPStatut and CDAR messages, and nothing else.
        spool: Scratch space.
    """

    engine: Engine
    spool: Spool
    #: Files leave through several connections at once; the engine takes one call at a time.
    _turn: Lock = field(default_factory=Lock)

    def vet(self, payload: bytes) -> None:
        """Hold every CDAR message of an answer against the BR-FR-CDV rules.

        What carries none passes.

        Raises:
            AnswerUnvetted: A message breaks a rule, or the rules could not be run.
        """
        messages = messages_in(payload)
        if not messages:
            return
        with self._turn:
            try:
                scraps = [
                    self.spool.write(f"{_FOLDER}/{place}", (message,))
                    for place, message in enumerate(messages)
                ]
                judged = self.engine.judge(
                    Job(
                        path=scrap.path,
                        profile=_PROFILE,
                        limits=_LIMITS,
                        layers=frozenset({Layer.SEMANTICS}),
                    )
                    for scrap in scraps
                )
                faults = [fault for one in judged if (fault := _fault(one))]
            finally:
                self.spool.clear(_FOLDER)
        if faults:
            raise AnswerUnvetted(faults[0])

    def examine(self, paths: Sequence[str]) -> Sequence[Judged]:
        """Hold messages of a partner's against their schema and, CDAR, the BR-FR-CDV rules.

        Args:
            paths: Files that hold one each.

        Returns:
            One result a file, in order.
        """
        with self._turn:
            return list(
                self.engine.judge(
                    Job(path=path, profile=_PROFILE, limits=Limits()) for path in paths
                )
            )


def _fault(judged: Judged) -> str:
    """Say what keeps a message from leaving; nothing if the rules ran and all hold."""
    report = judged.report
    if report.outcome is Outcome.VALID:
        return ""
    broken = "; ".join(f"{one.rule}: {one.message['en']}" for one in report.findings)
    return broken or f"{report.trouble.value if report.trouble else ''} {report.trouble_detail}"
