"""Open an interchange: its documents go to scratch space, ready to be judged or delivered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.app.hub import Hub
from pipeline.ingest.entry import CHUNK
from pipeline.ingest.unwrap import (
    DOCUMENTS,
    HEAD,
    MANIFEST_SEQ,
    EnvelopeRefused,
    Kind,
    kind_of,
    unwrap,
)
from pipeline.model.connection import Connection
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.finding import Finding, Severity
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.report import ValidationReport
from pipeline.ports.outside import Scrap

_UNJUDGED = Finding(
    rule="SIGNATURE",
    severity=Severity.WARNING,
    term=None,
    xpath="",
    line=None,
    value=None,
    message={
        "fr": "Document reçu dans une enveloppe signée (p7m), dont la signature n'a pas été "
        "vérifiée.",
        "en": "Document received in a signed envelope (p7m), whose signature was not verified.",
    },
)


@dataclass(frozen=True, slots=True)
class Extracted:
    """One file found in a flow.

    Attributes:
        seq: Place in the flow, from 1.
        name: Name inside the flow, shown form.
        scrap: Where its bytes are; None if it was refused before it was written.
        fault: Why it was refused (steps 8 and 9), or None.
        signed: True where it came in a signed envelope, whose signature nobody judged.
    """

    seq: int
    name: str
    scrap: Scrap | None
    fault: Reason | None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A flow taken apart, or the reason why it could not be (steps 5 to 7).

    Attributes:
        files: Everything in it but the manifest, by place.
        refused: Why it could not be opened, or None.
        manifest: The bytes of its manifest; None if it has none.
    """

    files: tuple[Extracted, ...] = ()
    refused: Reason | None = None
    manifest: bytes | None = None


def open_flow(
    hub: Hub, interchange: Interchange, connection: Connection, *, text: bool = False
) -> Opened:
    """Take the documents out of an interchange, streamed, within the sheet's limits.

    Args:
        hub: The hub.
        interchange: The flow.
        connection: Its sheet.
        text: True where it may be plain text, which is one file then.

    Raises:
        ArchiveError: Its bytes are gone, or scratch space cannot be written.
    """
    files: list[Extracted] = []
    manifest: bytes | None = None
    with hub.archive.open(interchange.sha256) as stream:
        head = stream.read(HEAD)
        stream.seek(0)
        if text and kind_of(head) is Kind.UNKNOWN:
            chunks = iter(lambda: stream.read(CHUNK), b"")
            written = hub.spool.write(spool_name(interchange.id, 1), chunks)
            return Opened((Extracted(1, interchange.name, written, None),))
        # where the archive holds the document itself nothing is written twice
        alone = hub.archive.path(interchange.sha256) if kind_of(head) in DOCUMENTS else None
        try:
            for member in unwrap(stream, connection.limits, interchange.name):
                scrap = None
                if member.seq == MANIFEST_SEQ:
                    manifest = b"".join(member.chunks)
                    continue
                if member.fault is None and alone is not None:
                    scrap = Scrap(alone, interchange.size, interchange.sha256, head)
                elif member.fault is None:
                    scrap = hub.spool.write(spool_name(interchange.id, member.seq), member.chunks)
                files.append(
                    Extracted(member.seq, member.name, scrap, member.fault, member.signed)
                )
        except EnvelopeRefused as refused:
            hub.spool.clear(interchange.id)
            message = refused.message
            return Opened(
                refused=reason(refused.code, refused.place, message["fr"], message["en"])
            )
    return Opened(tuple(files), manifest=manifest)


def note_signature(report: ValidationReport, *, signed: bool) -> ValidationReport:
    """Add to the report of a document that came signed that nobody judged its signature."""
    if not signed:
        return report
    first, *others = report.layers
    first = replace(first, findings=(*first.findings, _UNJUDGED))
    return replace(report, layers=(first, *others))


def spool_name(interchange: InterchangeId, seq: int) -> str:
    """Return the scratch name of the `seq`-th document of an interchange."""
    return f"{interchange}/{seq:06d}.xml"
