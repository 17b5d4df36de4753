"""Have what came in looked at for malware before anything opens it: step 4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from structlog import get_logger

from pipeline.app.hub import Hub
from pipeline.app.levels import trouble
from pipeline.app.open_flow import Opened, spool_name
from pipeline.model.connection import Connection, Scanning
from pipeline.model.controls import CONTROL, reason
from pipeline.model.decision import Reason
from pipeline.model.errors import ArchiveError, ScannerSilent
from pipeline.model.event import Fact
from pipeline.model.interchange import Interchange
from pipeline.model.report import Judged, Trouble
from pipeline.ports.ledger import Transaction

log = get_logger(__name__)

#: Flows that are looked at side by side.
_ABREAST = 4
_CHUNK = 1 << 20
_INFECTED, _SILENT = "IRR_ANTIVIRUS", "SCANNER_SILENT"
#: The step of the control table at which flows are looked at.
SCAN_STEP = CONTROL[_INFECTED].step


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was said of one flow.

    Attributes:
        by: Who was asked; ``none`` if nobody was.
        found: Name of the malware, behind that of the file inside where it is known; or None.
        silent: The scanner's own words where it gave no verdict; else empty.
    """

    by: Scanning = Scanning.NONE
    found: str | None = None
    silent: str = ""

    @property
    def clean(self) -> bool:
        """Tell whether nothing keeps the flow from being opened."""
        return self.found is None and not self.silent


def scan_flows(hub: Hub, flows: Sequence[tuple[Interchange, Connection]]) -> list[Scanned]:
    """Have flows looked at as they were received, side by side; results are in order.

    Raises:
        ArchiveError: The bytes of one are gone.
    """
    if all(connection.scanner is Scanning.NONE for _, connection in flows):
        return [Scanned()] * len(flows)
    with ThreadPoolExecutor(_ABREAST) as pool:
        return list(pool.map(lambda flow: scan_flow(hub, *flow), flows))


def scan_flow(hub: Hub, interchange: Interchange, connection: Connection) -> Scanned:
    """Have one flow looked at by whom its sheet names; what has no bytes is clean.

    Raises:
        ArchiveError: Its bytes are gone.
    """
    by = connection.scanner
    if by is Scanning.NONE or not interchange.size or not interchange.sha256:
        return Scanned()
    with hub.archive.open(interchange.sha256) as stream:
        return _ask(hub, by, iter(lambda: stream.read(_CHUNK), b""))


def scan_signed(
    hub: Hub, interchange: Interchange, connection: Connection, opened: Opened, scanned: Scanned
) -> Scanned:
    """Have what signed envelopes held looked at too: scanners do not look into those.

    Args:
        hub: The hub.
        interchange: The flow.
        connection: Its sheet.
        opened: What was taken out of it, still in scratch space.
        scanned: What was said of it as it was received.

    Returns:
        `scanned`, or what stops the flow.

    Raises:
        ArchiveError: Scratch space was emptied meanwhile.
    """
    if connection.scanner is Scanning.NONE:
        return scanned
    for file in opened.files:
        if not file.signed or file.scrap is None:
            continue
        payload = hub.spool.read(spool_name(interchange.id, file.seq))
        if payload is None:
            raise ArchiveError(f"{file.name}: gone from scratch space")
        said = _ask(hub, connection.scanner, (payload,))
        if said.found is not None:
            return replace(said, found=f"{file.name}: {said.found}")
        if said.silent:
            return said
    return scanned


def _ask(hub: Hub, by: Scanning, chunks: Iterable[bytes]) -> Scanned:
    try:
        return Scanned(by, hub.scanners[by].scan(chunks))
    except ScannerSilent as error:
        return Scanned(by, silent=str(error))


def with_attachments(scanned: Scanned, document: str, judged: Judged) -> Scanned:
    """Add what was said of a document's attachments; malware says more than silence.

    Args:
        scanned: What was said so far.
        document: The document's name.
        judged: What the worker said of it.
    """
    if judged.infected is not None and scanned.found is None:
        return replace(scanned, found=f"{document} / {judged.infected}", silent="")
    if judged.report.trouble is Trouble.SCANNER_SILENT and scanned.clean:
        return replace(scanned, silent=judged.report.trouble_detail)
    return scanned


def tell(interchange: Interchange, scanned: Scanned) -> None:
    """Log what keeps a flow from being opened."""
    facts = {"interchange": interchange.id, "scanner": scanned.by.value}
    if scanned.found is not None:
        log.warning("scan.infected", **facts, found=scanned.found)
    elif scanned.silent:
        # the flow is held: a person has to release it, even once the scanner answers again
        trouble(log, "scan.silent", ScannerSilent(scanned.silent), facts, final=True)


def still_silent(scanned: Scanned) -> ScannerSilent:
    """Return what an operator is told who releases what nobody could look at."""
    return ScannerSilent(
        "antivirus muet, rien n'a changé / malware scanner silent, nothing has changed: "
        f"{scanned.silent}"
    )


def note_scan(hub: Hub, tx: Transaction, interchange: Interchange, scanned: Scanned) -> None:
    """Write down who looked at a flow and what was said; nothing where nobody did."""
    if scanned.by is Scanning.NONE:
        return
    said = "infected" if scanned.found else "silent" if scanned.silent else "clean"
    data = {"scanner": scanned.by.value, "found": scanned.found, "error": scanned.silent}
    known = {name: value for name, value in data.items() if value}
    tx.append(
        Fact(
            at=hub.clock.now(),
            subject=interchange.id,
            what=f"scan.{said}",
            by=hub.by,
            data=known,
        )
    )


def infected_flow(interchange: Interchange, found: str) -> Reason:
    """Return why a flow is refused in which malware was found."""
    return reason(
        _INFECTED,
        interchange.name,
        f"l'antivirus signale « {found} » dans {interchange.name}",
        f"the malware scanner reports '{found}' in {interchange.name}",
    )


def unscanned(place: str) -> Reason:
    """Return why a flow is held that the required scanner did not look at."""
    return reason(
        _SILENT,
        place,
        "l'antivirus exigé pour ce raccordement n'a pas rendu de verdict",
        "the malware scanner that this connection requires gave no verdict",
    )
