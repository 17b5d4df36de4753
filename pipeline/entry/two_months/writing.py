"""What partners drop: invoices, and statuses as CPPStatut, CDAR or a table."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from pipeline import bootstrap
from pipeline.entry.two_months.parties import Party, Speech
from pipeline.entry.two_months.story import Act, Flaw
from pipeline.model.life import Actor, Circuit, Event, Numbering, Status
from pipeline.route.pack import pack_tar_gz
from pipeline.syntax import cdar
from pipeline.syntax.cpp_parties import Envelope, SupplierId
from pipeline.syntax.cpp_status import Debtor, FactureStatus, StatusMessage, Supplier
from pipeline.syntax.status_codes import CODES, VALIDATION_N2, cdar_code

#: The invoice that all are written after, and what stands in it.
_SAMPLE = "ubl-380-fournitures.xml"
_SELLER = ("Papeterie Durand SAS", "09100001800019", "FR65091000018")
_BUYER = ("Ville d'Exemple", "21000123600012")
_NUMBER, _ISSUED, _DUE = "F26-0001", "2026-09-01", "2026-10-01"
#: What completes an invoice.
_PAPER = b"%PDF-1.4 bon de livraison"
_PAPER_NAME = "bon-de-livraison.pdf"
_REASON = re.compile("[A-Z_]+")
_HUB = "CPP001"
#: Before it stands what an invoice refers to.
_SUPPLIER = "  <cac:AccountingSupplierParty>\n"

#: What people write beside a status that has to be explained.
_COMMENTS = {
    Event.REJECT: "Facture rejetée : voir le motif.",
    Event.SUSPEND: "Facture suspendue : voir le motif.",
    Event.DISPUTE: "Facture contestée : voir le motif.",
    Event.APPROVE_PARTLY: "Facture approuvée en partie : voir le motif.",
    Event.RETURN: "Facture à adresser à un autre destinataire.",
    Event.VALIDATE: "Prestation conforme.",
    Event.REFUSE: "Prestation contestée.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One status that a partner says.

    Attributes:
        number: BT-1.
        issued: BT-2.
        supplier: Who billed.
        recipient: Who was billed.
        act: What is said.
        at: When (aware, whole seconds).
        leads_to: Where a validator's word leads; None for anybody else's.
        circuit: Of the invoice.
    """

    number: str
    issued: date
    supplier: Party
    recipient: Party
    act: Act
    at: datetime
    leads_to: Status | None = None
    circuit: Circuit = Circuit.DIRECT

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return the codes of reasons."""
        return tuple(word for word in self.act.words if _REASON.fullmatch(word))

    @property
    def cash(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """Return the amounts received, each with its VAT rate."""
        parts = (word.split("@") for word in self.act.words if "@" in word)
        return tuple((Decimal(amount), Decimal(rate)) for amount, rate in parts)

    @property
    def comment(self) -> str:
        """Return the words that go along; empty where none have to."""
        return _COMMENTS.get(self.act.event, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What an invoice says.

    Attributes:
        number: BT-1.
        supplier: Who bills.
        recipient: Who is billed.
        named: Who is named as the buyer (BT-44), also where it has gone on to another.
        issued: BT-2.
        due: BT-9.
        frame: BT-23.
        contract: BT-12; empty for none.
        agent: Who stands between the two (EXT-FR-FE-BG-03); None for nobody.
        replaces: BT-25; empty for none.
        paper: Whether a delivery note is attached.
        flaw: What is wrong with it.
    """

    number: str
    supplier: Party
    recipient: Party
    named: Party
    issued: date
    due: date
    frame: str
    contract: str = ""
    agent: Party | None = None
    replaces: str = ""
    paper: bool = False
    flaw: Flaw | None = None


def invoice(bill: Bill) -> bytes:
    """Write an invoice in UBL, after the sample."""
    text = (bootstrap.samples() / "invoices" / _SAMPLE).read_text(encoding="utf-8")
    for old, new in (
        *_parties(bill),
        (_NUMBER, bill.number),
        (_ISSUED, bill.issued.isoformat()),
        (_DUE, bill.due.isoformat()),
        ("<cbc:ProfileID>B1<", f"<cbc:ProfileID>{bill.frame}<"),
        ("</cac:Contact>\n", f"</cac:Contact>\n{_agent(bill.agent)}"),
        (_SUPPLIER, f"{_references(bill)}{_SUPPLIER}"),
    ):
        text = text.replace(old, new)
    return _spoilt(text, bill.issued, bill.flaw).encode()


def _parties(bill: Bill) -> tuple[tuple[str, str], ...]:
    """Return what stands for the sample's parties, and what takes its place."""
    supplier, recipient = bill.supplier, bill.recipient
    title, siret, vat = _SELLER
    buyer_title, buyer = _BUYER
    is_company = recipient.siret.startswith("09")
    address = recipient.siren if is_company else f"{recipient.siren}_{recipient.siret}"
    return (
        (f"{buyer[:9]}_{buyer}", address),
        (buyer, recipient.siret),
        (f">{buyer[:9]}<", f">{recipient.siren}<"),
        (buyer_title, bill.named.title),
        (siret, supplier.siret),
        (vat, supplier.vat),
        (f">{siret[:9]}<", f">{supplier.siren}<"),
        (title, supplier.title),
    )


def _agent(agent: Party | None) -> str:
    if agent is None:
        return ""
    return (
        '<cac:AgentParty><cac:PartyIdentification><cbc:ID schemeID="0009">'
        f"{agent.siret}</cbc:ID></cac:PartyIdentification><cac:PartyLegalEntity>"
        f"<cbc:RegistrationName>{agent.title}</cbc:RegistrationName>"
        f'<cbc:CompanyID schemeID="0002">{agent.siren}</cbc:CompanyID>'
        "</cac:PartyLegalEntity></cac:AgentParty>\n"
    )


def _references(bill: Bill) -> str:
    """Write what an invoice refers to, in the order of the schema."""
    parts = []
    if bill.replaces:
        parts.append(
            "<cac:BillingReference><cac:InvoiceDocumentReference>"
            f"<cbc:ID>{bill.replaces}</cbc:ID>"
            "</cac:InvoiceDocumentReference></cac:BillingReference>\n"
        )
    if bill.contract:
        parts.append(
            "<cac:ContractDocumentReference>"
            f"<cbc:ID>{bill.contract}</cbc:ID></cac:ContractDocumentReference>\n"
        )
    if bill.paper:
        parts.append(
            f"<cac:AdditionalDocumentReference><cbc:ID>{_PAPER_NAME}</cbc:ID>"
            "<cac:Attachment><cbc:EmbeddedDocumentBinaryObject"
            f' mimeCode="application/pdf" filename="{_PAPER_NAME}">'
            f"{b64encode(_PAPER).decode('ascii')}</cbc:EmbeddedDocumentBinaryObject>"
            "</cac:Attachment></cac:AdditionalDocumentReference>\n"
        )
    return "".join(parts)


def _spoilt(text: str, issued: date, flaw: Flaw | None) -> str:
    if flaw is Flaw.NO_DATE:
        return text.replace(f"  <cbc:IssueDate>{issued.isoformat()}</cbc:IssueDate>\n", "")
    if flaw is Flaw.WRONG_TOTAL:
        return text.replace(">208.80</cbc:TaxInclusiveAmount>", ">209.80</cbc:TaxInclusiveAmount>")
    return text


# -- statuses
def statuses(
    write: Callable[[cdar.Cdar], bytes], speaker: Party, said: Sequence[Said], number: int
) -> tuple[str, bytes]:
    """Write one file of all that a partner says on a day, as it speaks.

    Args:
        write: Writes a CDAR.
        speaker: Who says it.
        said: What, in order.
        number: Place of the file in the series of its interface, from 1.

    Returns:
        Its name and its bytes.
    """
    if speaker.speech is Speech.TABLE:
        # both forms that were agreed, in turn
        return _csv(said, number) if number % 2 else _json(said, number)
    name = flow_name(speaker.says, speaker.application, number)
    if speaker.speech is Speech.CDAR:
        messages = [
            _cdar(speaker, one, f"{name[-25:]}-{at:04d}") for at, one in enumerate(said, 1)
        ]
        written = [(f"{one.id}.xml", write(one)) for one in messages]
        return name, pack_tar_gz(written)
    numbering = Numbering[speaker.speech.name]
    envelope = Envelope.of(name[-25:], said[0].at, receiver=_HUB, sender=speaker.application)
    invoices = tuple(_facture(one, numbering) for one in said)
    message = StatusMessage(envelopes=(envelope,), invoices=invoices)
    return name, bootstrap.status_bytes(message)


def flow_name(code: str, application: str, number: int) -> str:
    """Return the name of a partner's flow by the grammar."""
    return f"{code}_{application}_{application}{code[3:7]}{number:015d}"


def _facture(one: Said, numbering: Numbering) -> FactureStatus:
    if one.leads_to is None:
        number = CODES[one.act.event].number(numbering)
    else:
        number = VALIDATION_N2.get(one.leads_to) if numbering is Numbering.N2 else None
    if number is None:
        raise ValueError(f"{one.number}: {one.act.event.value} has no number in {numbering.value}")
    return FactureStatus(
        supplier=Supplier(
            id_type=SupplierId.SIRET, id=one.supplier.siret, name=one.supplier.title
        ),
        debtor=Debtor(siret=one.recipient.siret),
        status=number,
        at=one.at,
        number=one.number,
        issue_date=one.issued,
        complement=" ".join(one.reasons) or None,
        comment=one.comment or None,
    )


def _cdar(speaker: Party, one: Said, ident: str) -> cdar.Cdar:
    code = cdar_code(_spoken(one))
    if code.cdar is None:
        raise ValueError(f"{one.number}: a CDAR has no word for {one.act.event.value}")
    party = _speaking(speaker, one)
    sender = (
        cdar.Party(cdar.PLATFORM, speaker.matricule, cdar.MATRICULE, speaker.title)
        if speaker.matricule
        else party
    )
    papers = _papers(one)
    return cdar.Cdar(
        id=ident,
        name=f"CDV-{code.cdar} {code.label}",
        issued_at=one.at,
        sender=sender,
        issuer=sender if code.phase == cdar.TRANSMISSION else party,
        recipients=(cdar.Party(cdar.PLATFORM, "9999", cdar.MATRICULE),),
        phase=code.phase,
        set_at=one.at,
        reference=one.number,
        transmission=code.transmission,
        issue_date=one.issued,
        attachments=papers,
        status=code.cdar,
        label=code.label,
        seller=cdar.Party(cdar.SELLER, one.supplier.siren, cdar.SIREN),
        details=tuple(_details(one)),
    )


def _spoken(one: Said) -> Event:
    """Return what a CDAR calls an act: validators speak in words that others have too."""
    event = one.act.event
    if one.circuit in {Circuit.SUBCONTRACT, Circuit.SUBCONTRACT_TWICE}:
        return {Event.VALIDATE: Event.APPROVE, Event.REFUSE: Event.APPROVE_PARTLY}.get(
            event, event
        )
    return Event.REJECT if event is Event.REFUSE else event


def _speaking(speaker: Party, one: Said) -> cdar.Party:
    """Name who decided: seller and validator by their SIREN, the buyer by its SIRET."""
    if one.act.actor is Actor.SUPPLIER:
        return cdar.Party(cdar.SELLER, speaker.siren, cdar.SIREN, speaker.title)
    if one.act.actor is Actor.VALIDATOR:
        return cdar.Party(cdar.REPRESENTATIVE, speaker.siren, cdar.SIREN, speaker.title)
    return cdar.Party(cdar.BUYER, speaker.siret, cdar.SIRET, speaker.title)


def _papers(one: Said) -> tuple[cdar.Attachment, ...]:
    if one.act.event is not Event.COMPLETE:
        return ()
    return (cdar.Attachment(payload=_PAPER, mime="application/pdf", name=_PAPER_NAME),)


def _details(one: Said) -> Iterator[cdar.Detail]:
    figures = tuple(
        cdar.Characteristic(code=cdar.RECEIVED, amount=amount, currency="EUR", percent=rate)
        for amount, rate in one.cash
    )
    if one.reasons or figures or one.comment:
        yield cdar.Detail(
            sequence=1,
            reason=one.reasons[0] if one.reasons else None,
            note=one.comment or None,
            characteristics=figures,
        )


def _line(one: Said) -> dict[str, str]:
    return {
        "number": one.number,
        "date": one.issued.isoformat(),
        "seller": one.supplier.siret,
        "status": one.act.event.value,
        "at": one.at.isoformat(),
        "reason": " ".join(one.reasons),
        "comment": one.comment,
        "cash": " ".join(f"{amount}@{rate}" for amount, rate in one.cash),
    }


def _csv(said: Sequence[Said], number: int) -> tuple[str, bytes]:
    text = io.StringIO()
    lines = [_line(one) for one in said]
    writer = csv.DictWriter(text, list(lines[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(lines)
    return f"statuts-{number:04d}.csv", text.getvalue().encode()


def _json(said: Sequence[Said], number: int) -> tuple[str, bytes]:
    told = {"schema": "edi-statuses/1", "statuses": [_line(one) for one in said]}
    return f"statuts-{number:04d}.json", json.dumps(told, ensure_ascii=False).encode()
