"""Status flows as recipients and suppliers write them, and what of the hub's they find."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from pipeline import bootstrap
from pipeline.adapters.packs import PackShelf
from pipeline.app.run import run_once
from pipeline.model.carriage import Carriage, LossRule
from pipeline.model.connection import Naming, StatusTerms
from pipeline.model.conversion import Form
from pipeline.model.document import Document
from pipeline.model.life import Entry, Life, Numbering
from pipeline.model.limits import Limits
from pipeline.ports.ledger import Query
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.cpp_parties import Envelope, SupplierId
from pipeline.syntax.cpp_status import Debtor, FactureStatus, StatusMessage, Supplier
from pipeline.syntax.parse import compile_schema, parse
from pipeline.syntax.status_codes import CODES
from tests.hubs import MINUTE, ROOT, World, invoice, samples

SELLER = samples().BY_KEY["ubl-380-fournitures"].seller
BUYER = samples().VILLE
#: When the invoices of the samples were issued.
ISSUED = samples().BY_KEY["ubl-380-fournitures"].issued
FLOW = "FSO1100A_SUP001_SUP0011100{:015d}"
STATUT = "FSO1301A_VIL001_VIL0011301{:015d}"
LIFE = "FSO3301A_VIL001_VIL0013301{:015d}"


@cache
def statut_schema() -> etree.XMLSchema:
    """Compile our schema of CPPStatut."""
    return compile_schema(str(ROOT / "schemas" / "CPPStatut-V1_19.xsd"))


@cache
def cdar_schema() -> etree.XMLSchema:
    """Compile the official schema of CDAR."""
    place = bootstrap.workspace(ROOT)
    shelf: PackShelf = bootstrap.shelf(replace(place, home=ROOT / "no-workspace"))
    return compile_schema(str(shelf.path("cdar-d22b-xsd")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One status of one invoice, as a test says it."""

    number: str
    status: int
    at: datetime
    comment: str | None = None
    complement: str | None = None
    siret: str = SELLER.siret
    day: date | None = ISSUED


def statut(said: Iterable[Said]) -> bytes:
    """Write a CPPStatut of the invoice branch."""
    invoices = tuple(
        FactureStatus(
            supplier=Supplier(id_type=SupplierId.SIRET, id=one.siret, name="Fournisseur"),
            debtor=Debtor(siret=BUYER.siret),
            status=one.status,
            at=one.at,
            number=one.number,
            issue_date=one.day,
            comment=one.comment,
            complement=one.complement,
        )
        for one in said
    )
    envelope = Envelope.of(
        "X" * 25, datetime(2026, 1, 5, tzinfo=UTC), receiver="CPP001", sender="VIL001"
    )
    return cpp_status.write(
        StatusMessage(envelopes=(envelope,), invoices=invoices), statut_schema()
    )


def message(number: str, status: int, at: datetime, **terms: Any) -> cdar.Cdar:
    """Return a CDAR that a buyer's platform writes."""
    code = next((one for one in CODES.values() if one.cdar == status), CODES_NONE)
    us = cdar.Party(cdar.PLATFORM, "0417", cdar.MATRICULE)
    buyer = cdar.Party(cdar.BUYER, BUYER.siret, cdar.SIRET, "Ville")
    given: dict[str, Any] = {
        "id": f"M-{number}-{status}",
        "issued_at": at,
        "sender": us,
        "issuer": us if code.phase == cdar.TRANSMISSION else buyer,
        "recipients": (cdar.Party(cdar.PLATFORM, "9999", cdar.MATRICULE),),
        "phase": code.phase,
        "set_at": at,
        "reference": number,
        "transmission": code.transmission,
        "issue_date": ISSUED,
        "status": status,
        "seller": cdar.Party(cdar.SELLER, SELLER.siret[:9], cdar.SIREN),
    }
    return cdar.Cdar(**{**given, **terms})


CODES_NONE = next(iter(CODES.values()))


def pack(payloads: Iterable[bytes]) -> bytes:
    """Pack messages into one tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for place, payload in enumerate(payloads, 1):
            info = tarfile.TarInfo(f"m{place:05d}.xml")
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    return buffer.getvalue()


def subscribe(world: World, numbering: Numbering = Numbering.N1) -> None:
    """Let the supplier hear of statuses as CPPStatut, and the recipient say them so."""
    terms = StatusTerms(tell=True, numbering=numbering)
    world.connections["supplier"] = replace(world.connections["supplier"], statuses=terms)
    world.connections["ville"] = replace(
        world.connections["ville"],
        naming=Naming.GRAMMAR,
        application_code="VIL001",
        interfaces=("FEN0036A",),
        carriage=Carriage(form=Form.PIVOT, loss=LossRule.ALLOW),
        statuses=StatusTerms(numbering=numbering),
    )
    world.apply("ville", "hopital")


def subscribe_platforms(world: World) -> None:
    """Let both speak CDAR: a public sender, and the platform of a buyer."""
    tell = StatusTerms(tell=True)
    world.connections["supplier"] = replace(
        world.connections["supplier"],
        interfaces=("FSO3110A",),
        statuses=tell,
        siren=SELLER.siret[:9],
    )
    world.connections["ville"] = replace(
        world.connections["ville"],
        naming=Naming.GRAMMAR,
        application_code="VIL001",
        matricule="0417",
        interfaces=("FEN3036A",),
        carriage=Carriage(form=Form.UBL, loss=LossRule.ALLOW),
        statuses=tell,
    )
    world.apply("ville", "hopital")


def run(world: World, times: int = 2) -> None:
    """Work until everything is answered."""
    for _ in range(times):
        world.clock.move(MINUTE)
        run_once(world.hub, insist=True)


def deliver(world: World, *numbers: str, flow: str = FLOW) -> None:
    """Have invoices delivered, one flow each."""
    known = len(world.hub.ledger.interchanges(Query(limit=None)))
    for place, number in enumerate(numbers, known + 1):
        world.drop("supplier", flow.format(place), invoice(number))
    run(world)


def document(world: World, number: str) -> Document:
    """Return an invoice by its number."""
    return world.hub.ledger.invoices_numbered([number])[-1]


def life(world: World, number: str) -> Life:
    """Return where an invoice stands."""
    found = document(world, number).id
    return world.hub.ledger.lives([found])[found]


def history(world: World, number: str) -> list[Entry]:
    """Return the history of an invoice."""
    return list(world.hub.ledger.history(document(world, number).id))


def found(world: World, partner: str, code: str) -> list[Path]:
    """Return the files under one interface code that a partner finds, by name."""
    return sorted(world.folder(partner, "out").glob(f"{code}_*"))


def read_statut(path: Path) -> StatusMessage:
    """Read a CPPStatut that the hub wrote; it holds against the schema."""
    root = parse(path.read_bytes(), Limits())
    assert statut_schema().validate(root)
    return cpp_status.read(root)


def read_cdars(path: Path) -> list[cdar.Cdar]:
    """Read the CDARs of a file that the hub wrote; they hold against the schema."""
    with tarfile.open(path, mode="r:gz") as tar:
        payloads = [tar.extractfile(member) for member in tar]
        roots = [parse(one.read(), Limits()) for one in payloads if one is not None]
    assert all(cdar_schema().validate(root) for root in roots)
    return [cdar.read(root) for root in roots]
