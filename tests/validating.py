"""Invoices that wait for a validator: who is asked, and what they say in files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.model.connection import ReplyForm, StatusTerms
from pipeline.model.settings import Settings
from pipeline.model.status import Step
from pipeline.model.validation import Mandate, ValidationTerms, Works
from pipeline.ports.ledger import Query
from tests.hubs import World, invoice, samples
from tests.statuses import SELLER, document, run

#: The titulaire, mandataire or MOE, who receives files here, and whoever reads after it.
FIRST, SECOND = samples().IMPRIMERIE.siret, samples().HOPITAL.siret
TOWN = samples().VILLE.siret
#: The settings of each circuit, beside its frame.
TWICE = ValidationTerms(mandates=(Mandate(contractor=FIRST, mandataire=SECOND),))
MOE = ValidationTerms(works=(Works(recipient=TOWN, moe=FIRST),))
MOE_MOA = ValidationTerms(works=(Works(recipient=TOWN, moe=FIRST, moa=SECOND),))
MOA = ValidationTerms(works=(Works(recipient=TOWN, moa=SECOND),))


def framed(payload: bytes, frame: str, agent: str | None = FIRST) -> bytes:
    """Give an invoice a frame, and let it name who stands between."""
    told = f"<cbc:ProfileID>{frame}</cbc:ProfileID>".encode()
    payload = re.sub(rb"<cbc:ProfileID>.*?</cbc:ProfileID>", told, payload)
    if agent is None:
        return payload
    party = (
        '<cac:AgentParty><cac:PartyIdentification><cbc:ID schemeID="0009">'
        f"{agent}</cbc:ID></cac:PartyIdentification><cac:PartyLegalEntity>"
        f"<cbc:RegistrationName>Titulaire</cbc:RegistrationName></cac:PartyLegalEntity>"
        "</cac:AgentParty>"
    )
    place = payload.index(b"</cac:Contact>") + len(b"</cac:Contact>")
    return payload[:place] + party.encode() + payload[place:]


def listening(world: World, terms: ValidationTerms | None = None) -> None:
    """Let supplier, recipient and both validators hear and say statuses, as JSON."""
    structures = {"ville": TOWN, "imprimerie": FIRST, "hopital": SECOND}
    world.connections["caterer"] = replace(
        world.connections["caterer"], statuses=StatusTerms(tell=True), replies=(ReplyForm.JSON,)
    )
    for name, structure in structures.items():
        world.connections[name] = replace(
            world.connections[name],
            statuses=StatusTerms(tell=True),
            replies=(ReplyForm.JSON,),
            structure=structure,
        )
    world.apply("ville", "hopital")
    govern(world, terms or ValidationTerms())


def govern(world: World, terms: ValidationTerms) -> None:
    """Let a hub hold to other terms of validation."""
    settings: Settings = replace(world.hub.settings, validation=terms)
    world.hub = replace(world.hub, settings=settings)


def deposit(world: World, number: str, frame: str, agent: str | None = FIRST) -> Step:
    """Drop an invoice and work; return where it then stands."""
    world.drop("caterer", f"{number}.xml", framed(invoice(number), frame, agent))
    run(world)
    return document(world, number).step


def said(
    world: World, partner: str, number: str, status: str, **more: str
) -> Mapping[str, Any] | None:
    """Drop a status of a partner's and work; return what it was refused for, if it was."""
    line = {"number": number, "seller": SELLER.siret, "status": status, "comment": "vu", **more}
    flows = len(world.hub.ledger.interchanges(Query(limit=None)))
    message = {"schema": "edi-statuses/1", "statuses": [line]}
    payload = json.dumps(message, indent=flows).encode()  # no two files have the same bytes
    name = f"statut-{partner}-{flows}.json"
    world.drop(partner, name, payload)
    run(world)
    (flow,) = world.hub.ledger.interchanges(Query(text=name))
    return {"reason": flow.reason, "detail": flow.detail} if flow.reason else None


def heard(world: World, partner: str) -> list[str]:
    """Return the statuses that a partner found, in the order of their moments."""
    files = world.folder(partner, "out").glob("statuses-*.json")
    lines = [one for path in files for one in json.loads(path.read_bytes())["statuses"]]
    return [one["status"] for one in sorted(lines, key=lambda one: one["said_at"])]


def received(world: World, partner: str = "ville") -> int:
    """Count the invoices that a recipient found."""
    return len(list(world.folder(partner, "out").glob("*.xml")))
