"""From facts to a recommendation: accept, reject or hold one document."""

from __future__ import annotations

from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.finding import Finding, Outcome, Severity
from pipeline.model.report import ValidationReport

#: Reasons carried for one document; the report keeps every finding.
MOST_REASONS = 20


def decide(report: ValidationReport, name: str) -> Decision:
    """Decide on one whole report.

    Args:
        report: Not partial.
        name: The document's name, for the reasons.

    Returns:
        Reject with IRR_SYNTAX or REJ_SEMAN where something fatal was found, hold
        where a check could not be carried out, else accept.

    Raises:
        ValueError: The report is partial: it must never be acted on.
    """
    if report.partial:
        raise ValueError("a partial report is never acted on")
    if report.outcome is Outcome.INVALID:
        code = "IRR_SYNTAX" if report.structure_broken else "REJ_SEMAN"
        fatal = [f for f in report.findings if f.severity is Severity.FATAL]
        return Decision(
            Verdict.REJECT, tuple(_refused(code, name, f) for f in fatal[:MOST_REASONS])
        )
    if report.outcome is Outcome.UNCLEAR:
        return Decision(Verdict.HOLD, (_unclear(report, name),))
    return Decision(Verdict.ACCEPT)


def _refused(code: str, name: str, finding: Finding) -> Reason:
    place = " ".join(
        part
        for part in (
            name,
            finding.term,
            f"ligne {finding.line}" if finding.line else None,
        )
        if part
    )
    return reason(
        code,
        place,
        f"{finding.rule} : {finding.message['fr']}",
        f"{finding.rule}: {finding.message['en']}",
    )


def _unclear(report: ValidationReport, name: str) -> Reason:
    code = report.trouble.value if report.trouble else "PACK_ERROR"
    return reason(
        code,
        name,
        "le contrôle n'a pas pu être mené à son terme, sans faute établie du document",
        "the check could not be completed; no fault of the document is established",
    )
