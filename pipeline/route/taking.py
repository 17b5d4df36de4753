"""What a receiver takes: a document beside the receiver's side of the agreement.

Rules of our own (`model.rule`), asked once it is known who receives. They bind that receiver's
documents alone, and refuse with `NOT_TAKEN`. What no list limits, and what nobody wants, is
taken. The directory's own demands (`registration`) come first.

Source:
    The receiver's sheet (``takes``) and the version of ``config/profiles.toml`` it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.model.agreement import Need, TakenAttachments, Takes
from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.finding import Finding, Severity
from pipeline.model.report import (
    AttachedFile,
    RoutingHeader,
    SchemaRun,
    Syntax,
    Trouble,
    ValidationReport,
)
from pipeline.model.rule import Breach, Rule
from pipeline.route.refusing import decide_by

_CODE = "NOT_TAKEN"
_SOURCE = "config/profiles.toml, [takes]"
#: Values of a list that a sentence names.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Offered:
    """A document beside what its receiver takes.

    Attributes:
        header: As it was read.
        report: What was found in it.
        takes: The version of the day it was received.
    """

    header: RoutingHeader
    report: ValidationReport
    takes: Takes

    @property
    def limits(self) -> TakenAttachments:
        """Return which attachments are taken; where nothing is said, any."""
        return self.takes.attachments or TakenAttachments()

    @property
    def files(self) -> tuple[AttachedFile, ...]:
        """Return the attachments that are listed."""
        return self.report.attached


def syntax_is_taken(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the document is written in a syntax that is not taken."""
    syntax = subject.report.syntax
    yield from _listed("BT-24", syntax.value if syntax else None, subject.takes.syntaxes)


def type_is_taken(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the type of document is not taken."""
    yield from _listed("BT-3", subject.header.type_code, subject.takes.types)


def frame_is_taken(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the billing frame is not taken, or missing."""
    yield from _listed("BT-23", subject.header.frame, subject.takes.frames)


def currency_is_taken(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the currency is not taken."""
    yield from _listed("BT-5", subject.header.currency, subject.takes.currencies)


def attachments_are_of_a_taken_type(subject: Offered) -> Iterator[Breach]:
    """Yield a breach for each attachment whose extension is not taken."""
    taken = sorted(subject.limits.extensions)
    for one in subject.files if taken else ():
        if one.extension not in taken:
            yield Breach(term="BT-125", value=one.name, expected=_some(taken))


def attachments_are_small_enough(subject: Offered) -> Iterator[Breach]:
    """Yield a breach for each attachment that is too large."""
    most = subject.limits.file_bytes
    for one in subject.files if most is not None else ():
        if most is not None and one.size > most:
            yield Breach(
                term="BT-125", value=f"{one.name}, {_bytes(one.size)}", expected=_bytes(most)
            )


def attachments_fit_together(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where all attachments together are too large."""
    most, found = subject.limits.total_bytes, sum(one.size for one in subject.files)
    if most is not None and found > most:
        yield Breach(term="BG-24", value=_bytes(found), expected=_bytes(most))


def attachments_are_few_enough(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where there are too many attachments."""
    most, found = subject.limits.files, len(subject.files) + subject.report.attached_more
    if most is not None and found > most:
        yield Breach(term="BG-24", value=str(found), expected=str(most))


def service_is_named(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the receiver needs a service code and gets none."""
    if Need.SERVICE in subject.takes.needs and not subject.header.buyer_service:
        yield Breach(term="BT-46")


def engagement_is_named(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the receiver needs an engagement number and gets none."""
    if Need.ENGAGEMENT in subject.takes.needs and not subject.header.engagement:
        yield Breach(term="BT-13", value=subject.header.order_reference)


def either_is_named(subject: Offered) -> Iterator[Breach]:
    """Yield a breach where the receiver needs one of the two and gets neither."""
    header, needs = subject.header, subject.takes.needs
    if Need.EITHER in needs and not header.engagement and not header.buyer_service:
        yield Breach(term="BT-13", value=header.order_reference)


def _listed(term: str, found: str | None, taken: Sequence[str]) -> Iterator[Breach]:
    if taken and found not in taken:
        yield Breach(term=term, value=found, expected=_some(taken))


def _some(values: Sequence[str]) -> str:
    return ", ".join(values[:_SHOWN]) + (", …" if len(values) > _SHOWN else "")


def _bytes(number: int) -> str:
    """Write a number of bytes, thousands apart.

    >>> _bytes(1234567)
    '1 234 567'
    """
    return f"{number:,}".replace(",", " ")


def _rule(
    identifier: str, term: str, fr: str, en: str, check: Callable[[Offered], Iterator[Breach]]
) -> Rule[Offered]:
    return Rule(
        identifier=identifier,
        terms=(term,),
        fr=fr,
        en=en,
        severity=Severity.FATAL,
        source=_SOURCE,
        check=check,
    )


#: In the order in which a refusal lists them.
_ALL = (
    _rule(
        "TAKES-01",
        "BT-24",
        "syntaxe {v} ; ce destinataire prend : {n}",
        "syntax {v}; this recipient takes: {n}",
        syntax_is_taken,
    ),
    _rule(
        "TAKES-02",
        "BT-3",
        "type de document {v} ; ce destinataire prend : {n}",
        "type of document {v}; this recipient takes: {n}",
        type_is_taken,
    ),
    _rule(
        "TAKES-03",
        "BT-23",
        "cadre de facturation {v} ; ce destinataire prend : {n}",
        "billing frame {v}; this recipient takes: {n}",
        frame_is_taken,
    ),
    _rule(
        "TAKES-04",
        "BT-5",
        "devise {v} ; ce destinataire prend : {n}",
        "currency {v}; this recipient takes: {n}",
        currency_is_taken,
    ),
    _rule(
        "TAKES-05",
        "BT-125",
        "type de la pièce jointe {v} ; ce destinataire prend : {n}",
        "type of the attachment {v}; this recipient takes: {n}",
        attachments_are_of_a_taken_type,
    ),
    _rule(
        "TAKES-06",
        "BT-125",
        "pièce jointe de {v} octets ; ce destinataire en prend {n} au plus",
        "attachment of {v} bytes; this recipient takes at most {n}",
        attachments_are_small_enough,
    ),
    _rule(
        "TAKES-07",
        "BG-24",
        "pièces jointes de {v} octets ensemble ; ce destinataire en prend {n} au plus",
        "attachments of {v} bytes together; this recipient takes at most {n}",
        attachments_fit_together,
    ),
    _rule(
        "TAKES-08",
        "BG-24",
        "{v} pièces jointes ; ce destinataire en prend {n} au plus",
        "{v} attachments; this recipient takes at most {n}",
        attachments_are_few_enough,
    ),
    _rule(
        "TAKES-09",
        "BT-46",
        "code service (schéma 0224) : {v} ; ce destinataire en veut un",
        "service code (scheme 0224): {v}; this recipient wants one",
        service_is_named,
    ),
    _rule(
        "TAKES-10",
        "BT-13",
        "numéro d'engagement (BT-13) ou de marché (BT-12) : {v} ; ce destinataire en veut un",
        "engagement number (BT-13) or contract (BT-12): {v}; this recipient wants one",
        engagement_is_named,
    ),
    _rule(
        "TAKES-11",
        "BT-13",
        "numéro d'engagement ou code service : {v} ; ce destinataire veut l'un des deux",
        "engagement number or service code: {v}; this recipient wants one of the two",
        either_is_named,
    ),
)

#: Every rule, by its identifier.
RULES = {rule.identifier: rule for rule in _ALL}


def check_taken(
    name: str, header: RoutingHeader, report: ValidationReport, takes: Takes
) -> Decision:
    """Hold a document against what its receiver takes.

    Args:
        name: The document's, for the reasons.
        header: As it was read.
        report: What was found in it; every XSD of receivers was asked.
        takes: The receiver's side, in the version of the day of reception.

    Returns:
        Accept; reject with `NOT_TAKEN`, every rule that is broken; or hold where an XSD that
        the receiver's side names could not be asked.
    """
    decision = decide_by([(_CODE, rule) for rule in _ALL], Offered(header, report, takes), name)
    runs = _runs_of(report, takes)
    broken = tuple(_written(name, one) for run in runs for one in run.findings)
    if broken or decision.reasons:
        return Decision(Verdict.REJECT, (*decision.reasons, *broken))
    unclear = next((run for run in runs if run.unclear), None)
    return decision if unclear is None else Decision(Verdict.HOLD, (_unasked(name, unclear),))


def _runs_of(report: ValidationReport, takes: Takes) -> list[SchemaRun]:
    syntax: Syntax | None = report.syntax
    names = takes.schemas.get(syntax.value, ()) if syntax else ()
    return [run for run in report.receivers if run.schema in names]


def _written(name: str, found: Finding) -> Reason:
    line = f"ligne {found.line}" if found.line else ""
    place = " ".join(part for part in (name, found.xpath, line) if part)
    value = f" ({found.value})" if found.value else ""
    fr, en = found.message["fr"].rstrip("."), found.message["en"].rstrip(".")
    return reason(_CODE, place, f"{found.rule}, {fr}{value}", f"{found.rule}, {en}{value}")


def _unasked(name: str, run: SchemaRun) -> Reason:
    return reason(
        Trouble.PACK_MISSING.value,
        name,
        f"le schéma {run.schema} du destinataire n'a pas pu être consulté ({run.unclear})",
        f"the recipient's schema {run.schema} could not be asked ({run.unclear})",
    )
