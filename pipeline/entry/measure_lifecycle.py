"""How fast statuses go from a recipient's flow to their suppliers, and are read again."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.hub import Hub
from pipeline.app.lives import Register
from pipeline.app.operate.declare import find_invoice
from pipeline.app.run import run_once
from pipeline.model.document import Document
from pipeline.model.identity import document_id, interchange_id
from pipeline.model.interchange import Interchange
from pipeline.model.life import Actor, Event, Given
from pipeline.model.report import RoutingHeader
from pipeline.model.status import InterchangeStep
from pipeline.syntax.cpp_parties import Envelope, SupplierId
from pipeline.syntax.cpp_status import Debtor, FactureStatus, StatusMessage, Supplier

#: Invoices in the ledger, in one flow, and in one change of the ledger.
DOCUMENTS = 1_000_000
_IN_A_FLOW = 500
_AT_ONCE = 5_000
#: Flows of statuses, and statuses in each.
_FLOWS, _STATUSES = 10, 500
#: Histories read, one after the other.
_LOOKS = 200
_SIREN, _BUYER = "732829320", "21750001600019"
_BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_PIVOT = 'interfaces = ["FEN0036A"]\n'
_STEPS = (Event.DEPOSIT, Event.ROUTE, Event.MAKE_AVAILABLE)


def measure_lifecycle(
    place: bootstrap.Workspace, documents: int = DOCUMENTS
) -> Mapping[str, object]:
    """Measure statuses in and out, in a ledger that holds many invoices.

    A recipient's flows (CPPStatut) are pulled, judged, applied, and told to the supplier, who
    finds them in its folder: the whole way is timed, by one process beside its workers.

    Args:
        place: Where the packs are.
        documents: Invoices in the ledger.

    Returns:
        ``statuses_per_s``, ``history_ms`` (median, by number, index and lines),
        ``history_p95_ms``, ``statuses``, ``told``, ``conserved`` and ``documents``.
    """
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        home = Path(scratch)
        own = bootstrap.Workspace(home, f"sqlite:///{home / 'ledger.sqlite'}", place.packs)
        _lay_out(own)
        with bootstrap.open_hub(own, by="operator:bench") as hub:
            apply(hub, bootstrap.proposed_sheets(own))
            _fill(hub, documents)
            _drop(home, 0)
            run_once(hub, insist=True)  # the workers are warm from here on
            for flow in range(1, _FLOWS + 1):
                _drop(home, flow)
            told = _told(hub)
            began = time.perf_counter()
            run_once(hub, insist=True)
            took = time.perf_counter() - began
            told = _told(hub) - told
            looks = list(_looks(hub, documents))
    said = _FLOWS * _STATUSES
    return {
        "statuses_per_s": round(said / took, 1),
        "history_ms": round(statistics.median(looks), 2),
        "history_p95_ms": round(sorted(looks)[int(len(looks) * 0.95)], 2),
        "statuses": said,
        "told": told,
        "conserved": told == said,
        "documents": documents,
    }


def _lay_out(place: bootstrap.Workspace) -> None:
    bootstrap.initialise(place)
    common = 'naming = "grammar"\nscanner = "none"\n'
    for name, more in (
        (
            "supplier",
            'role = "sender"\napplication_code = "SUP001"\ninterfaces = ["FSO1100A"]\n',
        ),
        (
            "recipient",
            'role = "receiver"\napplication_code = "VIL001"\nformat = "pivot"\n' + _PIVOT,
        ),
    ):
        root = place.home / "partners" / name
        for folder in ("in", "out", "archive"):
            (root / folder).mkdir(parents=True)
        (place.config / "connections" / f"{name}.toml").write_text(
            f'name = "{name}"\npartner = "{name}"\n{more}{common}'
            f'[door]\nprotocol = "local"\npath = "{root}"\n'
            "[completeness]\nstable_s = 0\n[statuses]\ntell = true\n",
            encoding="utf-8",
        )
    (place.config / "directory" / "routes.toml").write_text("", encoding="utf-8")


def _fill(hub: Hub, documents: int) -> None:
    """Write invoices that stand at their recipient's, with all that a status looks at.

    Their steps, which no status looks at, stay at the first.
    """
    for start in range(0, documents, _AT_ONCE):
        count = min(_AT_ONCE, documents - start)
        with hub.ledger.transaction() as tx:
            made: list[Document] = []
            flows: list[Interchange] = []
            for first in range(start, start + count, _IN_A_FLOW):
                flow = _flow(first)
                tx.record(flow, hub.by)
                flows.append(flow)
                last = min(first + _IN_A_FLOW, start + count)
                made += [_invoice(flow, number) for number in range(first, last)]
            tx.add_documents([(one, None) for one in made], hub.by, _BEGAN)
            register = Register({})
            for one in made:
                for event in _STEPS:
                    register.add(
                        one.id,
                        event,
                        Actor.HUB,
                        Given(),
                        by=hub.by,
                        said_at=_BEGAN,
                        taken_at=_BEGAN,
                    )
            tx.live({}, register.entries)
            for after in (InterchangeStep.OPENED, InterchangeStep.CLOSED):
                for flow in flows:
                    tx.move_interchange(flow, after, by=hub.by, at=_BEGAN)
                flows = [replace(flow, step=after) for flow in flows]


def _flow(first: int) -> Interchange:
    name = f"FSO1100A_SUP001_SUP0011100{first + 1:015d}"
    return Interchange(
        id=interchange_id("supplier", name, f"{first:064x}", 0),
        connection="supplier",
        partner="supplier",
        name=name,
        size=1,
        mtime=0,
        sha256=f"{first:064x}",
        received_at=_BEGAN,
    )


def _invoice(flow: Interchange, number: int) -> Document:
    seq = number % _IN_A_FLOW + 1
    return Document(
        id=document_id(flow.id, seq),
        interchange=flow.id,
        seq=seq,
        name=f"{number}.xml",
        size=1,
        sha256=f"{number:064x}",
        route="recipient",
        header=RoutingHeader(
            number=f"B{number:08d}",
            issue_date=date(2026, 1, 2),
            seller_siren=_SIREN,
            seller_name="Papeterie du Lac SARL",
            seller_siret=f"{_SIREN}00074",
            seller_country="FR",
            buyer_siret=_BUYER,
            buyer_siren=_BUYER[:9],
        ),
    )


def _drop(home: Path, flow: int) -> None:
    """Leave a flow of statuses, each of another invoice."""
    numbers = range(flow * _STATUSES, (flow + 1) * _STATUSES)
    moment = _BEGAN + timedelta(days=1)
    invoices = tuple(_status(number, moment) for number in numbers)
    name = f"FSO1301A_VIL001_VIL0011301{flow + 1:015d}"
    envelope = Envelope.of(name.rpartition("_")[2], moment, receiver="CPP001", sender="VIL001")
    message = StatusMessage(envelopes=(envelope,), invoices=invoices)
    inbox = home / "partners" / "recipient" / "in"
    part = inbox / f".{name}"
    part.write_bytes(bootstrap.status_bytes(message))
    part.rename(inbox / name)


def _status(number: int, moment: datetime) -> FactureStatus:
    return FactureStatus(
        supplier=Supplier(
            id_type=SupplierId.SIRET, id=f"{_SIREN}00074", name="Papeterie du Lac SARL"
        ),
        debtor=Debtor(siret=_BUYER),
        status=7,
        at=moment,
        number=f"B{number:08d}",
        issue_date=date(2026, 1, 2),
    )


def _told(hub: Hub) -> int:
    """Count the statuses that stand in the supplier's outbox rows that are sent."""
    return sum(len(row.documents) for row in hub.ledger.outbox() if row.state.value == "sent")


def _looks(hub: Hub, documents: int) -> Iterator[float]:
    """Yield how long each look at a history took, in milliseconds."""
    for place in range(_LOOKS):
        number = f"B{place * (documents // _LOOKS):08d}"
        began = time.perf_counter()
        found = find_invoice(hub.ledger, number)
        lines = hub.ledger.history(found.id)
        yield (time.perf_counter() - began) * 1000
        if not lines:
            raise ValueError(f"{number} has no history")
