"""Answers of the historical Chorus Pro family: CPPStatut files named by the grammar.

An irrecevable flow gets one file under the interface's ``refused_by`` code: flow status
93, one line a reason. Anything else gets ``taken_by`` files: flow status 90 while
something waits; flow status 96 with one line a refused invoice; invoice status 01 for
each accepted one. One CPPStatut holds one branch, so the last two are two files.

Source:
    DSE FE – Chorus Pro v1.0 §5.4.2.1.1 (which interface answers), §5.4.3.1 (names).
    Flow statuses 93 and 96 and the use of the detail lines are deduced from the labels
    of CPPStatut V1_19, not published.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.acknowledge.means import Means, name_flow
from pipeline.acknowledge.summary import Bucket, bucket, is_irrecevable, sentence
from pipeline.model.acknowledgement import (
    AnsweredDocument,
    AnswerFacts,
    AnswerFile,
    FlowOutcome,
)
from pipeline.model.controls import CONTROL, first_by_step, found
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.finding import Finding, Severity
from pipeline.model.interface import Interface
from pipeline.model.report import RoutingHeader
from pipeline.syntax.characters import shorten
from pipeline.syntax.cpp_parties import Envelope
from pipeline.syntax.cpp_status import (
    DEPOSITED,
    ErrorLine,
    FactureStatus,
    FlowState,
    FluxStatus,
    StatusMessage,
    write,
)
from pipeline.syntax.told_parties import debtor_of, debtor_siret, supplier_of

#: Limits of the format (ComplementStatut), and of our own courtesy.
_COMPLEMENT, _NAME, _DESCRIPTION = 40, 255, 2_000

#: Warnings told with an accepted invoice; the count says how many there are.
_WARNINGS = 5

#: A flow name of the grammar: interface code, application code, identifier of 25.
_FLOW_NAME = re.compile("[A-Z]{3}([0-9]{4})A_([A-Z0-9]{6})_([A-Z0-9]{6}[0-9]{19})")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Numbers, names and writes the files of one answer.

    Attributes:
        facts: What may be said.
        means: What it is written with.
        next_number: Takes the next number of a series, from 1.
    """

    facts: AnswerFacts
    means: Means
    next_number: Callable[[str], int]

    def write(
        self,
        code: str,
        flows: tuple[FluxStatus, ...] = (),
        invoices: tuple[FactureStatus, ...] = (),
    ) -> AnswerFile:
        """Write one file under interface `code`; one of the two branches is given."""
        flow = name_flow(self.facts, code, self.next_number)
        envelope = Envelope.of(
            flow.identifier,
            self.facts.at,
            receiver=flow.application,
            sender=self.facts.hub_code,
        )
        message = StatusMessage(envelopes=(envelope,), flows=flows, invoices=invoices)
        return AnswerFile(flow.name, write(message, self.means.statut))


def answer_historical(
    facts: AnswerFacts,
    interface: Interface,
    *,
    next_number: Callable[[str], int],
    means: Means,
) -> tuple[AnswerFile, ...]:
    """Write the answer to a flow of the historical family.

    Args:
        facts: What may be said; whatever is refused has a reason.
        interface: The interface the flow came under.
        next_number: Takes the next number of a series, from 1; once a file.
        means: Schema.

    Returns:
        One or two files; each takes one number.

    Raises:
        ValueError: There is no application code to name the files by, or what was
            written breaks the schema: our bug.
    """
    desk = _Desk(facts=facts, means=means, next_number=next_number)
    if facts.outcome is FlowOutcome.HELD:
        return (desk.write(interface.taken_by, flows=(_received(facts),)),)
    if is_irrecevable(facts):
        return (desk.write(interface.refused_by, flows=(_refused(facts),)),)
    return tuple(_recevable(facts, interface, desk))


def _recevable(facts: AnswerFacts, interface: Interface, desk: _Desk) -> Iterator[AnswerFile]:
    """Yield the file of the refused invoices, then that of the accepted ones, where there are."""
    good = [one for one in facts.documents if bucket(one.document) is Bucket.ACCEPTED]
    if len(good) < len(facts.documents):
        yield desk.write(interface.taken_by, flows=(_partly(facts, len(good)),))
    if good and facts.correction is None:
        invoices = tuple(_deposited(facts, one) for one in good)
        yield desk.write(interface.taken_by, invoices=invoices)


def _received(facts: AnswerFacts) -> FluxStatus:
    """Say that the flow arrived and is being looked at."""
    return _flow_status(facts, FlowState.RECEIVED, "Réponse définitive à venir", ())


def _refused(facts: AnswerFacts) -> FluxStatus:
    """Say why the whole flow is irrecevable: one line a reason, so every broken file."""
    reasons = first_by_step(facts.reasons)
    lines = tuple(
        _line(CONTROL[reason.code].nature.value, reason.code, _told(reason)) for reason in reasons
    )
    return _flow_status(facts, FlowState.RECEPTION_ERROR, reasons[0].code, lines)


def _partly(facts: AnswerFacts, good: int) -> FluxStatus:
    """Say which invoices of a recevable flow are refused: one line each."""
    lines = tuple(
        _refused_invoice(one.document)
        for one in facts.told
        if bucket(one.document) is not Bucket.ACCEPTED
    )
    plural = "s" if good > 1 else ""
    complement = f"{good} facture{plural} sur {len(facts.documents)} intégrée{plural}"
    return _flow_status(facts, FlowState.PARTLY_INTEGRATED, complement, lines)


def _flow_status(
    facts: AnswerFacts, state: FlowState, complement: str, lines: tuple[ErrorLine, ...]
) -> FluxStatus:
    return FluxStatus(
        status=state,
        complement=shorten(complement, _COMPLEMENT),
        comment=shorten(sentence(facts)["fr"], _DESCRIPTION),
        at=facts.at.replace(microsecond=0),
        flow_id=_flow_id(facts.interchange.name),
        errors=lines,
    )


def _refused_invoice(document: Document) -> ErrorLine:
    """Tell one invoice with all its reasons; the first one gives the code and what to do."""
    reasons = first_by_step(document.reasons)
    first = reasons[0]
    facts = " ".join(_placed(reason.place, found(reason)) for reason in reasons)
    action = CONTROL[first.code].action["fr"]
    reference = document.header.number or document.name
    return _line(
        f"Facture {shorten(reference, _NAME)}",
        first.code,
        f"{shorten(facts, _DESCRIPTION)} {action}",
    )


def _line(nature: str, code: str, description: str) -> ErrorLine:
    return ErrorLine(
        nature=nature, code=code, label=CONTROL[code].label["fr"], description=description
    )


def _told(reason: Reason) -> str:
    """Return where, what was found and expected, then what to do, which is never cut off."""
    where = shorten(_placed(reason.place, found(reason)), _DESCRIPTION)
    return f"{where} {CONTROL[reason.code].action['fr']}".lstrip()


def _placed(place: str, message: Mapping[str, str]) -> str:
    return f"{place} : {message['fr']}" if place else message["fr"]


def _deposited(facts: AnswerFacts, one: AnsweredDocument) -> FactureStatus:
    """Say that one invoice was taken."""
    header = one.document.header
    return FactureStatus(
        supplier=supplier_of(header),
        debtor=debtor_of(header),
        status=DEPOSITED,
        comment=_comment(header, one.findings),
        at=facts.at.replace(microsecond=0),
        number=shorten(header.number or one.document.name, _NAME),
        issue_date=header.issue_date,
    )


def _comment(header: RoutingHeader, findings: tuple[Finding, ...]) -> str | None:
    """Tell what an accepted invoice should still hear, or nothing."""
    told: list[str] = []
    if debtor_siret(header) != header.buyer_siret:
        told.append(
            "Destinataire désigné sans SIRET ; Debiteur/Identifiant complété par des zéros."
        )
    warnings = [finding for finding in findings if finding.severity is Severity.WARNING]
    if warnings:
        first = " ; ".join(f"{one.rule} : {one.message['fr']}" for one in warnings[:_WARNINGS])
        told.append(f"Avertissements ({len(warnings)}) : {first}")
    return shorten(" ".join(told), _DESCRIPTION) if told else None


def _flow_id(name: str) -> str:
    """Return the identifier inside a flow name of the grammar, else the name itself.

    >>> _flow_id("FSO1100A_ABC123_ABC1231100000000000000001"), _flow_id("facture.xml")
    ('ABC1231100000000000000001', 'facture.xml')
    """
    match = _FLOW_NAME.fullmatch(name)
    return match[3] if match else name
