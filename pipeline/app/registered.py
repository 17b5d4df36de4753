"""`edi validate`: what directory and receiver would say of a document, beside the layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.app.agreed import Agreed
from pipeline.model.connection import AnswerFamily
from pipeline.model.decision import Decision, Verdict
from pipeline.model.directory import Directory, day_of
from pipeline.model.document import Document
from pipeline.model.finding import Layer, Outcome
from pipeline.model.identity import DocumentId, InterchangeId
from pipeline.model.interface import Interface
from pipeline.model.registration import Registration
from pipeline.model.report import Judged
from pipeline.ports.ledger import Sheets
from pipeline.route.plan import find_recipient, find_route
from pipeline.route.registration import Standing, check_registration, check_supplier
from pipeline.route.taking import check_taken

_OUTCOME = {
    Verdict.ACCEPT: Outcome.VALID,
    Verdict.REJECT: Outcome.INVALID,
    Verdict.HOLD: Outcome.UNCLEAR,
}
_BROKEN = {
    "fr": "structure non valide, ou non contrôlée : l'annuaire n'est pas consulté",
    "en": "the structure is not valid, or was not looked at: the directory is not asked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What documents of one's own are registered by.

    Attributes:
        sheets: The directory, its routes and the receivers; None where there is none to ask.
        agreed: The sender's profile and what receivers take, today.
        channel: Family of the flows that are judged by that profile; None for free names.
        check_suppliers: Whether the directory holds every supplier.
        missing: Why there is nothing to ask, by language.
    """

    sheets: Sheets | None
    agreed: Agreed
    channel: AnswerFamily | None = None
    check_suppliers: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)

    def look_up(self, name: str, judged: Judged) -> Registration:
        """Hold one judged document against the directory, and what its receiver takes.

        Nobody sent it: routes that ask for a sender do not count, nor does a history. A known
        recipient without a route is no fault of the document.
        """
        if self.sheets is None:
            return Registration(outcome=Outcome.SKIPPED, skipped=self.missing)
        if judged.report.result(Layer.STRUCTURE).outcome is not Outcome.VALID:
            return Registration(outcome=Outcome.SKIPPED, skipped=_BROKEN)
        document = _unsent(name, judged)
        standing = Standing(
            channel=self.channel,
            day=day_of(self.agreed.moment),
            check_suppliers=self.check_suppliers,
        )
        decision = check_both(document, self.sheets.directory, standing)
        route = find_route(document, "", self.sheets.directory)
        receiver = self.sheets.connections.get(route or "")
        takes = self.agreed.taken_by(receiver)
        if takes is not None and decision.verdict is Verdict.ACCEPT:
            decision = check_taken(name, judged.header, judged.report, takes)
        return Registration(
            outcome=_OUTCOME[decision.verdict],
            reasons=decision.reasons,
            agreement=self.agreed.with_receiver(receiver),
        )


def check_both(document: Document, directory: Directory, standing: Standing) -> Decision:
    """Hold both sides of a document against the directory: supplier, recipient, its demands."""
    decision = check_supplier(document, directory, standing)
    if decision.verdict is Verdict.ACCEPT:
        decision = find_recipient(document, directory, standing.day)
    if decision.verdict is Verdict.ACCEPT:
        decision = check_registration(document, directory, standing)
    return decision


def channel_of(profile: str, interfaces: Iterable[Interface]) -> AnswerFamily | None:
    """Return the family of the flows that a profile judges; None where it is of no interface."""
    return next((one.answers for one in interfaces if one.profile == profile), None)


def _unsent(name: str, judged: Judged) -> Document:
    return Document(
        id=DocumentId(""),
        interchange=InterchangeId(""),
        seq=1,
        name=name,
        size=0,
        sha256="",
        syntax=judged.report.syntax,
        header=judged.header,
    )
