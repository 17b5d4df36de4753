"""Step 9 of the control table, and the scanner: what travels inside a document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipeline.model.errors import ScannerSilent
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.profile import AttachmentRules
from pipeline.model.report import AttachedFile, Trouble
from pipeline.syntax.attachments import Attachment
from pipeline.validate.place import Place, cut, line_of, path_of
from pipeline.validate.pyramid import Checked, layer_result

#: Looks for malware in the bytes of one file: its signature, or None. Raises `ScannerSilent`.
Scan = Callable[[bytes], str | None]

#: Findings listed for one document.
MOST_FINDINGS = 100
#: Attachments listed for one document.
MOST_LISTED = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen inside a document.

    Attributes:
        checked: The outcome of the syntax layer.
        infected: The first infection, ``NAME: SIGNATURE``, or None.
        attached: Every attachment, up to `MOST_LISTED`; none where the search ended early.
        more: How many more there are.
    """

    checked: Checked
    infected: str | None = None
    attached: tuple[AttachedFile, ...] = ()
    more: int = 0


def look_into(
    attachments: Iterable[Attachment], rules: AttachmentRules | None, scan: Scan | None
) -> Looked:
    """Scan every attachment, then hold it against what was agreed of attachments.

    Args:
        attachments: In the order of the document; one is decoded at a time.
        rules: What was agreed, or None.
        scan: The scanner, or None where nobody looks.

    Returns:
        Valid, invalid with one finding a fault, or unclear where the scanner was silent. An
        infection ends the search: it is the only finding.
    """
    findings: list[Finding] = []
    listed: list[AttachedFile] = []
    more = 0
    for attachment in attachments:
        payload = attachment.read()
        try:
            signature = scan(payload) if scan is not None else None
        except ScannerSilent as error:
            unclear = LayerResult(Layer.SYNTAX, Outcome.UNCLEAR)
            return Looked(Checked(unclear, trouble=Trouble.SCANNER_SILENT, detail=str(error)))
        if signature is not None:
            result = LayerResult.of(Layer.SYNTAX, (_infected(attachment, signature),))
            return Looked(Checked(result), f"{attachment.label}: {signature}")
        if rules is not None:
            findings += _faults(attachment, payload, rules)
        if len(listed) < MOST_LISTED:
            extension = _extension(attachment.name)
            listed.append(AttachedFile(attachment.label, extension, len(payload)))
        else:
            more += 1
    checked = Checked(layer_result(Layer.SYNTAX, findings, MOST_FINDINGS))
    return Looked(checked, attached=tuple(listed), more=more)


def _extension(name: str) -> str:
    return name.rpartition(".")[2].strip().lower() if "." in name else ""


def _faults(attachment: Attachment, payload: bytes, rules: AttachmentRules) -> Iterator[Finding]:
    """Yield what step 9 finds in one attachment; its size was bounded when it was read."""
    if not payload:
        yield _finding(
            "IRR_VID_PJ",
            attachment,
            f"La pièce jointe {attachment.label} est vide.",
            f"The attachment {attachment.label} is empty.",
        )
    name = attachment.name
    if not name:
        return  # that a name is needed is for the rule packs to say
    if _CONTROL.search(name) or set(name) & set(rules.forbidden):
        shown = " ".join(rules.forbidden)
        yield _finding(
            "IRR_NOM_PJ",
            attachment,
            f"Nom de pièce jointe non admis : {attachment.label} ; interdits : {shown} et les "
            "caractères de contrôle.",
            f"Attachment name not allowed: {attachment.label}; forbidden: {shown} and control "
            "characters.",
        )
    if rules.extensions and _extension(name) not in rules.extensions:
        allowed = ", ".join(sorted(rules.extensions))
        yield _finding(
            "IRR_EXT_DOC",
            attachment,
            f"Type de la pièce jointe {attachment.label} non admis ; admis : {allowed}.",
            f"Type of the attachment {attachment.label} not allowed; allowed: {allowed}.",
        )


def _infected(attachment: Attachment, signature: str) -> Finding:
    return _finding(
        "IRR_ANTIVIRUS",
        attachment,
        f"La pièce jointe {attachment.label} porte {signature}.",
        f"The attachment {attachment.label} carries {signature}.",
    )


def _finding(rule: str, attachment: Attachment, fr: str, en: str) -> Finding:
    place = Place("", None, None)
    if attachment.element is not None:
        place = Place(path_of(attachment.element), line_of(attachment.element), None)
    return Finding(
        rule=rule,
        severity=Severity.FATAL,
        term="BT-125",
        xpath=place.xpath,
        line=place.line,
        value=cut(attachment.label),
        message={"fr": fr, "en": en},
    )
