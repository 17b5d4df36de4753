"""Look at a flow once more: scanned, opened, judged by what is in force now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.app.hub import Hub
from pipeline.app.open_flow import Opened, note_signature, open_flow
from pipeline.app.operate.acting import Sender
from pipeline.app.scan import Scanned, scan_flow, scan_signed, tell, with_attachments
from pipeline.app.settle import Candidate
from pipeline.app.work import jobs_for
from pipeline.model.document import Document
from pipeline.model.identity import document_id
from pipeline.model.interchange import Interchange
from pipeline.model.report import Judged
from pipeline.ports.ledger import Sheets


@dataclass(frozen=True, slots=True)
class Looked:
    """What a further look at a flow found.

    Attributes:
        opened: What was taken out of it.
        judged: What the engine said, by place in it; nothing where it was not clean.
        scanned: What the scanner said of all this.
    """

    opened: Opened
    judged: Mapping[int, Judged]
    scanned: Scanned


def look_again(
    hub: Hub,
    flow: Interchange,
    sender: Sender,
    wanted: Collection[int] | None,
    sheets: Sheets | None = None,
) -> Looked:
    """Have a flow scanned and opened, and some of its documents judged.

    Args:
        hub: The hub.
        flow: The flow; its original is taken out of the archive.
        sender: Its sender's sheet says how.
        wanted: Places of the documents to judge; None for all that it holds.
        sheets: The configuration in force, for XSDs of receivers; None to ask none.

    Raises:
        ArchiveError: Its original is gone.
    """
    opened, judged = Opened(), dict[int, Judged]()
    scanned = scan_flow(hub, flow, sender.connection)
    if scanned.clean:
        opened = open_flow(hub, flow, sender.connection)
        scanned = scan_signed(hub, flow, sender.connection, opened, scanned)
    if scanned.clean:
        known = sender.connection, sender.interface, flow.received_at
        jobs = dict(jobs_for(hub, opened, *known, sheets))
        asked = [seq for seq in jobs if wanted is None or seq in wanted]
        said = hub.engine.judge(jobs[seq] for seq in asked)
        judged = dict(zip(asked, said, strict=True))
    for seq, one in judged.items():
        scanned = with_attachments(scanned, opened.files[seq - 1].name, one)
    tell(flow, scanned)
    return Looked(opened, judged, scanned)


def candidates(documents: Sequence[Document], looked: Looked) -> tuple[Candidate, ...]:
    """Return documents with what was found in them now, ready to be decided on."""
    opened, judged = looked.opened, looked.judged
    return tuple(
        Candidate(
            replace(one, syntax=judged[one.seq].report.syntax, header=judged[one.seq].header),
            note_signature(judged[one.seq].report, signed=opened.files[one.seq - 1].signed),
        )
        if one.seq in judged
        else Candidate(one, fault=opened.files[one.seq - 1].fault)
        for one in documents
    )


def found_in(flow: Interchange, opened: Opened) -> tuple[Document, ...]:
    """Return what was taken out of a flow as documents nobody has decided on."""
    return tuple(
        Document(
            id=document_id(flow.id, file.seq),
            interchange=flow.id,
            seq=file.seq,
            name=file.name,
            size=file.scrap.size if file.scrap else 0,
            sha256=file.scrap.sha256 if file.scrap else "",
        )
        for file in opened.files
    )
