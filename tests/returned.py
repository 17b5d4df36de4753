"""Invoices that come back: what recipients say of them, and deposits that put them right."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

from pipeline.app.operate.declare import Declared, declare
from pipeline.model.connection import ReplyForm, StatusTerms
from pipeline.model.document import Document
from pipeline.model.identity import DocumentId
from pipeline.model.life import Actor, Event, Given
from pipeline.ports.ledger import Query
from tests.hubs import World, invoice, samples
from tests.statuses import SELLER, document, run

VILLE, HOPITAL = samples().VILLE, samples().HOPITAL
ENGAGEMENT = "EJ-2026-00117"
RETURN = (Event.RETURN, Given(reasons=("DEST_ERR",)))
SUSPEND = (Event.SUSPEND, Given(reasons=("JUSTIF_ABS",), comment="bon de livraison absent"))
REJECT = (Event.REJECT, Given(reasons=("TX_TVA_ERR",), comment="taux faux"))


def listening(world: World) -> None:
    """Let the supplier and both recipients hear of statuses, as JSON."""
    for name in ("caterer", "ville", "hopital"):
        terms = StatusTerms(tell=True)
        sheet = replace(world.connections[name], statuses=terms)
        replies = () if name == "caterer" else (ReplyForm.JSON,)
        world.connections[name] = replace(sheet, replies=replies)
    world.apply("ville", "hopital")


def elsewhere(payload: bytes) -> bytes:
    """Bill the same to the hospital, which is another legal person: SIRET, and what says it."""
    moved = payload.replace(VILLE.siret.encode(), HOPITAL.siret.encode())
    return moved.replace(VILLE.siret[:9].encode(), HOPITAL.siret[:9].encode())


def engaged(payload: bytes, engagement: str = "EJ-2026-99") -> bytes:
    """Name another engagement."""
    return payload.replace(ENGAGEMENT.encode(), engagement.encode())


def with_paper(payload: bytes, name: str = "bl.pdf", content: bytes = b"%PDF-1.4 bl") -> bytes:
    """Attach a paper."""
    paper = (
        f"<cac:AdditionalDocumentReference><cbc:ID>{name}</cbc:ID><cac:Attachment>"
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="{name}">'
        f"{b64encode(content).decode()}</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        "</cac:AdditionalDocumentReference>"
    )
    place = payload.index(b"  <cac:AccountingSupplierParty>")
    return payload[:place] + paper.encode() + payload[place:]


def naming(payload: bytes, number: str) -> bytes:
    """Name an invoice that came before."""
    reference = (
        "<cac:BillingReference><cac:InvoiceDocumentReference>"
        f"<cbc:ID>{number}</cbc:ID></cac:InvoiceDocumentReference></cac:BillingReference>"
    )
    place = payload.index(b"  <cac:AccountingSupplierParty>")
    return payload[:place] + reference.encode() + payload[place:]


def deposit(world: World, name: str, payload: bytes, sender: str = "caterer") -> list[Document]:
    """Drop a file and work; return its documents as they then stand."""
    world.drop(sender, name, payload)
    run(world)
    (flow,) = (one for one in world.hub.ledger.interchanges(Query(text=name)) if one.name == name)
    return list(world.hub.ledger.documents(Query(interchange=flow.id)))


def delivered(world: World, number: str = "A1", payload: bytes | None = None) -> Document:
    """Have an invoice delivered to the town."""
    (one,) = deposit(world, f"{number}.xml", payload or invoice(number))
    return one


def say(world: World, number: str, word: tuple[Event, Given], actor: Actor) -> None:
    """Say a status of an invoice in a partner's name."""
    event, given = word
    declared = Declared(event=event, actor=actor, given=given)
    sheets = world.hub.ledger.sheets()
    declare(world.hub, sheets, document(world, number).id, declared, dry=False)


def returned(world: World, word: tuple[Event, Given], number: str = "A1") -> Document:
    """Have an invoice delivered, and its recipient send it back."""
    one = delivered(world, number)
    say(world, number, word, Actor.RECIPIENT)
    return one


def spoken(world: World, partner: str, place: int) -> list[str]:
    """Have a partner say that it booked A1, in a file; return what it is refused for."""
    said = {"number": "A1", "seller": SELLER.siret, "status": "book"}
    payload = json.dumps({"schema": "edi-statuses/1", "statuses": [said]})
    name = f"statut-{place}.json"
    world.drop(partner, name, payload.encode())
    run(world)
    (flow,) = world.hub.ledger.interchanges(Query(text=name))
    return [flow.reason] if flow.reason else []


def told(world: World, partner: str) -> list[str]:
    """Return the event of every status that a partner found, in the order of the alphabet."""
    files = world.folder(partner, "out").glob("statuses-*.json")
    return sorted(one["event"] for path in files for one in _statuses(path.read_bytes()))


def _statuses(payload: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(payload)["statuses"]
    return found


def answer(world: World, name: str) -> dict[str, Any]:
    """Return the answer to a flow of the caterer's."""
    (path,) = world.folder("caterer", "out").glob(f"{name}.*.ack.json")
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def bearer(world: World, number: str) -> DocumentId:
    """Return the document that bears an invoice."""
    one = document(world, number).id
    return world.hub.ledger.lives([one])[one].bearer
