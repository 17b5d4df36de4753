"""Answers of the AFNOR and G2B families: CDAR messages, one status of one object each.

What is said of the flow is one message, a plain XML file. What is said of its invoices is
one message each, packed into one tar.gz under one flow name.

=====================  ==========================  =========================
situation              AFNOR (to platforms)        G2B (to public senders)
=====================  ==========================  =========================
flow irrecevable       ``refused_by``: 501         ``refused_by``: 501
flow recevable         ``refused_by``: 500         nothing
each invoice taken     ``taken_by``: 202           ``taken_by``: 200
each invoice refused   ``taken_by``: 213           ``taken_by``: 213
=====================  ==========================  =========================

500 is said as soon as the flow is known to be recevable: while an invoice of it still
waits, else with the final answer; once only.

Source:
    DSE FE – Chorus Pro v1.0 §5.4.2.1.4–5, §5.4.2.2 and its status annex; A7 v1.8 P1.14 (one
    status of one object), G1.114 (values that stand for what cannot be read).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import count

from pipeline.acknowledge.means import Means, name_flow
from pipeline.acknowledge.summary import Bucket, bucket, is_irrecevable
from pipeline.model.acknowledgement import (
    FLOW_REASONS,
    INVOICE_REASONS,
    AnsweredDocument,
    AnswerFacts,
    AnswerFile,
    FlowOutcome,
)
from pipeline.model.connection import AnswerFamily
from pipeline.model.controls import CONTROL, first_by_step, found
from pipeline.model.decision import Reason
from pipeline.model.finding import Finding, Severity
from pipeline.model.interface import Interface
from pipeline.model.status import InterchangeStep
from pipeline.syntax.cdar import (
    INVOICE_TYPES,
    MATRICULE,
    NO_DATE,
    PLATFORM,
    SELLER,
    SIREN,
    Cdar,
    Detail,
    Party,
    write,
)
from pipeline.syntax.characters import shorten
from pipeline.syntax.told_parties import buyer_of, seller_of

#: Reasons told of one object; what is left out is counted.
MOST_DETAILS = 500

#: Limits of the format: MDT-87 and MDT-94, names, MDT-114, MDT-125, MDT-126, MDT-127.
_REFERENCE, _FLOW, _NAME, _REASON, _RULE, _NOTE, _SUBJECT = 100, 150, 150, 250, 30, 2_000, 200

#: What stands for a number that cannot be read (G1.114).
_NO_NUMBER = "X" * 20

#: How what we write begins: enough to know our own messages.
_GZIP, _XML, _ROOT, _HEAD = b"\x1f\x8b", b"<?xml", b"<rsm:CrossDomainAcknowledgement", 100

#: Asked for with a refused invoice: a new one.
_NEW_INVOICE = "NIN"


@dataclass(frozen=True, slots=True)
class _Status:
    """One status of the life cycle.

    Attributes:
        code: MDT-105.
        label: MDT-106.
        transmission: MDT-88, as published samples pair it; None for a flow.
    """

    code: int
    label: str
    transmission: str | None = None


_RECEVABLE = _Status(500, "Recevable")
_IRRECEVABLE = _Status(501, "Irrecevable")
_REJECTED = _Status(213, "Rejetée", "8")
_TAKEN: Mapping[AnswerFamily, _Status] = {
    AnswerFamily.AFNOR: _Status(202, "Reçue par la plateforme", "43"),
    AnswerFamily.G2B: _Status(200, "Déposée", "10"),
}


def answer_cdar(
    facts: AnswerFacts, interface: Interface, *, next_number: Callable[[str], int], means: Means
) -> tuple[AnswerFile, ...]:
    """Write the answer to a flow of the AFNOR or the G2B family.

    Args:
        facts: What may be said; whatever is refused has a reason.
        interface: The interface the flow came under.
        next_number: Takes the next number of a series, from 1; once a file.
        means: Schema, reasons, our matricule.

    Returns:
        The files; none where the family has no word for how the flow stands: it waits and
        is not known to be recevable, or its family does not say so.

    Raises:
        ValueError: A reason has no published code, there is no application code to name
            the files by, or what was written breaks the schema: our bug.
    """
    desk = _Desk(facts, means, next_number)
    if is_irrecevable(facts):
        return (desk.flow(interface.refused_by, _IRRECEVABLE, _flow_details(facts, means)),)
    files: list[AnswerFile] = []
    if _is_to_be_called_recevable(facts, interface):
        files.append(desk.flow(interface.refused_by, _RECEVABLE))
    if facts.outcome is not FlowOutcome.HELD:
        files.append(desk.invoices(interface.taken_by, _TAKEN[interface.answers]))
    return tuple(files)


def messages_in(payload: bytes) -> tuple[bytes, ...]:
    """Return the CDAR messages that an answer of ours carries; none in another format."""
    if not payload.startswith(_GZIP):
        return (payload,) if payload.startswith(_XML) and _ROOT in payload[:_HEAD] else ()
    with tarfile.open(fileobj=io.BytesIO(payload), mode="r:gz") as tar:
        files = [tar.extractfile(member) for member in tar]
        return tuple(file.read() for file in files if file is not None)


def _is_to_be_called_recevable(facts: AnswerFacts, interface: Interface) -> bool:
    """Tell whether status 500 is due: the flow has passed steps 1 to 10, and nobody said so."""
    said = any(name.startswith(f"{interface.refused_by}_") for name in facts.said)
    known = facts.interchange.step is not InterchangeStep.HELD
    return interface.answers is AnswerFamily.AFNOR and known and not (said or facts.correction)


@dataclass(frozen=True, slots=True)
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

    def flow(self, code: str, status: _Status, details: tuple[Detail, ...] = ()) -> AnswerFile:
        """Write one message about the flow as a whole."""
        flow = name_flow(self.facts, code, self.next_number)
        received = self.facts.interchange.received_at
        message = self._message(
            flow.identifier,
            status,
            reference=shorten(self.facts.interchange.name, _REFERENCE),
            issue_date=received.astimezone(UTC).date(),
            details=details,
        )
        return AnswerFile(flow.name, write(message, self.means.cdar))

    def invoices(self, code: str, taken: _Status) -> AnswerFile:
        """Write one message about each invoice, and pack them."""
        flow = name_flow(self.facts, code, self.next_number)
        members = []
        for place, one in enumerate(self.facts.told, 1):
            accepted = bucket(one.document) is Bucket.ACCEPTED
            message = self._invoice(
                f"{flow.identifier}-{place:04d}",
                taken if accepted else _REJECTED,
                one,
                () if accepted else _invoice_details(one, self.means),
            )
            members.append((f"{message.id}.xml", write(message, self.means.cdar)))
        return AnswerFile(flow.name, self.means.pack(members))

    def _invoice(
        self, ident: str, status: _Status, one: AnsweredDocument, details: tuple[Detail, ...]
    ) -> Cdar:
        header = one.document.header
        return self._message(
            ident,
            status,
            reference=shorten(header.number or _NO_NUMBER, _REFERENCE),
            type_code=header.type_code if header.type_code in INVOICE_TYPES else None,
            flow=shorten(self.facts.interchange.name, _FLOW),
            issue_date=header.issue_date or NO_DATE,
            seller=seller_of(header),
            buyer=buyer_of(header),
            details=details,
        )

    def _message(self, ident: str, status: _Status, **terms: object) -> Cdar:
        """Build a message with what all of them say: from whom, to whom, when, which status."""
        us = Party(PLATFORM, self.means.matricule, MATRICULE)
        return Cdar(
            id=ident,
            name=f"CDV-{status.code} {status.label}",
            issued_at=self.facts.at,
            sender=us,
            issuer=us,
            recipients=(_recipient(self.facts),),
            set_at=self.facts.at,
            received_at=self.facts.interchange.received_at,
            transmission=status.transmission,
            status=status.code,
            label=status.label,
            **terms,  # type: ignore[arg-type]  # keywords of Cdar
        )


def _recipient(facts: AnswerFacts) -> Party:
    """Name the sender: a platform by its matricule, another by its SIREN, else by its name."""
    name = shorten(facts.interchange.partner, _NAME)
    if facts.siren is not None:
        return Party(SELLER, facts.siren, SIREN, name, facts.siren)
    scheme = MATRICULE if facts.matricule else None
    return Party(PLATFORM, facts.matricule, scheme, name)


def _flow_details(facts: AnswerFacts, means: Means) -> tuple[Detail, ...]:
    """Say why a flow is irrecevable: every reason, so every broken file."""
    reasons = first_by_step(facts.reasons)
    codes = [_published(one.code, means.reasons.flow, FLOW_REASONS) for one in reasons]
    return _details(reasons, codes, (), hidden=0, action=None)


def _invoice_details(one: AnsweredDocument, means: Means) -> tuple[Detail, ...]:
    """Say why an invoice is refused: one detail a reason, so one a finding."""
    reasons = first_by_step(one.document.reasons)
    codes = [_published(each.code, means.reasons.invoice, INVOICE_REASONS) for each in reasons]
    fatal = [each for each in one.findings if each.severity is Severity.FATAL]
    return _details(
        reasons, codes, fatal, hidden=max(0, len(fatal) - len(reasons)), action=_NEW_INVOICE
    )


def _published(code: str, nearest: Mapping[str, str], listed: frozenset[str]) -> str:
    """Return the code that the rules list for this status: its own, or the nearest."""
    published = nearest.get(code, code)
    if published not in listed:
        raise ValueError(f"{code}: config/reasons.toml gives no published reason for it")
    return published


def _details(
    reasons: Sequence[Reason],
    codes: Sequence[str],
    findings: Sequence[Finding],
    *,
    hidden: int,
    action: str | None,
) -> tuple[Detail, ...]:
    numbers = count(1)
    shown = [
        _detail(next(numbers), reason, code, _rule_of(reason, findings), action)
        for reason, code in zip(reasons[:MOST_DETAILS], codes, strict=False)
    ]
    hidden += len(reasons) - len(shown)
    if hidden:
        plural = "s" if hidden > 1 else ""
        more = f"{hidden} autre{plural} constat{plural} non listé{plural}."
        shown.append(Detail(sequence=next(numbers), reason=codes[0], note=more, action=action))
    return tuple(shown)


def _detail(
    sequence: int, reason: Reason, code: str, rule: str | None, action: str | None
) -> Detail:
    """Tell one reason: the exact code first, then what was found, where, and what to do."""
    control = CONTROL[reason.code]
    todo = control.action["fr"]
    fact = found(reason)["fr"].removeprefix(f"{rule} : ")
    return Detail(
        sequence=sequence,
        reason=code,
        text=shorten(f"{reason.code} : {control.label['fr']}", _REASON),
        action=action,
        rule=None if rule is None else shorten(rule, _RULE),
        note=f"{shorten(fact, _NOTE - len(todo) - 1)} {todo}".lstrip(),
        subject=shorten(reason.place, _SUBJECT) if reason.place else None,
    )


def _rule_of(reason: Reason, findings: Sequence[Finding]) -> str | None:
    """Return the rule that a reason was made of, or None if it was made of none."""
    rules: Iterator[str] = (one.rule for one in findings)
    return next((rule for rule in rules if reason.message["fr"].startswith(f"{rule} : ")), None)
