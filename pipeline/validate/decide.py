"""From facts to a recommendation: accept, reject or hold one document."""

from __future__ import annotations

from pipeline.model.controls import CONTROL, reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.finding import Finding, Outcome, Severity
from pipeline.model.report import ValidationReport

#: Reasons carried for one document; the report keeps every finding.
MOST_REASONS = 20

#: Findings that bear the code of a control themselves: the scanner's, and step 9.
_CODES = frozenset(
    {"IRR_ANTIVIRUS", *(code for code, control in CONTROL.items() if control.step == 9)}  # noqa: PLR2004  # as published
)


#: Rules of the public sector, by how their identifiers begin: step 12 of the control table.
_PUBLIC = "BR-FR-CPRO-"


def decide(report: ValidationReport, name: str) -> Decision:
    """Decide on one whole report.

    Args:
        report: Not partial.
        name: The document's name, for the reasons.

    Returns:
        Reject where something fatal was found, with the finding's own code if it is one
        of the control table, else with IRR_SYNTAX, REJ_CONT_B2G or REJ_SEMAN. Hold where a
        check could not be carried out, else accept.

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
    parts = (name, finding.term, f"ligne {finding.line}" if finding.line else None)
    place = " ".join(part for part in parts if part)
    message = finding.message
    if finding.rule in _CODES:
        return reason(finding.rule, place, message["fr"], message["en"])
    if finding.rule.startswith(_PUBLIC):
        code = "REJ_CONT_B2G"
    return reason(
        code, place, f"{finding.rule} : {message['fr']}", f"{finding.rule}: {message['en']}"
    )


def _unclear(report: ValidationReport, name: str) -> Reason:
    code = report.trouble.value if report.trouble else "PACK_ERROR"
    return reason(
        code,
        name,
        "le contrôle n'a pas pu être mené à son terme, sans faute établie du document",
        "the check could not be completed; no fault of the document is established",
    )
