"""Evidence files, written by a hub that seals its days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline.adapters.seals import SealFolder
from pipeline.app.evidence import gather
from pipeline.app.operate.declare import find_invoice
from pipeline.app.seal import seal_now
from tests.hubs import World, opened
from tests.statuses import STATUT, Said, deliver, run, statut, subscribe

#: When the recipient says something.
AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)


def sealing(world: World, folder: Path) -> None:
    """Give a hub seals of its own, and its supplier and recipient statuses to exchange."""
    folder.mkdir()
    seals = SealFolder(folder, lambda: b"7" * 32)
    seals.publish()
    world.hub = replace(world.hub, seals=seals)
    subscribe(world)


def evidence(world: World, number: str, *, whole: bool = False) -> bytes:
    """Gather what proves an invoice."""
    document = find_invoice(world.hub.ledger, number)
    return gather(world.hub, world.hub.ledger.sheets(), document, whole=whole)


def evidence_of_one(folder: Path) -> bytes:
    """Have one invoice delivered and suspended, and return its evidence, sealed."""
    with opened(folder) as world:
        sealing(world, folder / "seals")
        deliver(world, "PREMIERE-1")
        said = Said(number="PREMIERE-1", status=6, at=AT, comment="par courrier")
        world.drop("ville", STATUT.format(1), statut([said]))
        run(world)
        seal_now(world.hub)
        return evidence(world, "PREMIERE-1")
