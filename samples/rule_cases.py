"""For each rule of ours, documents that keep it and documents that break it: it alone.

A case is a document like any other with one thing changed; what the makers have no field for
is written into the markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from catalogue import PAPETERIE, TRAITEUR, VILLE
from invoice_maker import (
    Account,
    Attachment,
    Contact,
    Delivery,
    Id,
    Invoice,
    Note,
    Party,
    Payment,
    Vat,
    french_iban,
    make_iban,
    to_cii,
    to_ubl,
)
from making import BY_KEY, billed_to
from suppliers import as_historical

#: A case: rule, ``pass`` or ``fail`` with what is shown, the document.
Case = tuple[str, str, bytes]

BASE = replace(
    billed_to(BY_KEY["ubl-380-une-ligne"], VILLE, "R26-0001"), payment=Payment(code="30")
)
CREDIT = billed_to(BY_KEY["ubl-381-avoir"], VILLE, "R26-0002")
HISTORICAL = as_historical(BASE)
AGENT = PAPETERIE

_SELLER_SIRET = f'<cbc:ID schemeID="0009">{BASE.seller.siret}</cbc:ID>'
_SELLER_END = "    </cac:Party>\n  </cac:AccountingSupplierParty>"
_BUYER_END = "    </cac:Party>\n  </cac:AccountingCustomerParty>"


def rule_files() -> dict[str, bytes]:
    """Return every case by its path under `samples`."""
    cases = (*_lengths(), *_identifiers(), *_parties(), *_frames(), *_counts(), *_historical())
    return {f"rules/{rule}/{name}.xml": document for rule, name, document in cases}


def swapped(invoice: Invoice, *pairs: tuple[str, str], cii: bool = False) -> bytes:
    """Write an invoice, with texts of the markup replaced; each must stand there."""
    text = (to_cii if cii else to_ubl)(invoice).decode()
    for old, new in pairs:
        if old not in text:
            raise ValueError(f"{old!r} does not stand in {invoice.number}")
        text = text.replace(old, new, 1)
    return text.encode()


# --------------------------------------------------------------- lengths


def _lengths() -> Iterator[Case]:
    """Yield, for each text with a limit, one that just fits and one that is a character longer."""
    for rule, limit, write in (
        ("BR-FR-CPRO-02", 20, lambda text: to_ubl(replace(BASE, number=text))),
        ("BR-FR-CPRO-14", 50, lambda text: to_ubl(replace(BASE, contract=text))),
        ("BR-FR-CPRO-15", 50, lambda text: to_ubl(replace(BASE, order=text))),
        ("BR-FR-CPRO-29", 1024, _exempt),
        ("BR-FR-CPRO-30", 50, lambda text: _attached(text, "etat.txt")),
        ("BR-FR-CPRO-31", 1024, _described),
        ("BR-FR-CPRO-32", 400, lambda text: _located(line_1=text)),
        ("BR-FR-CPRO-33", 400, lambda text: _located(city=text)),
        ("BR-FR-CPRO-34", 99, lambda text: to_ubl(_bought(trading_name=text))),
        ("BR-FR-CPRO-35", 1024, lambda text: to_ubl(replace(BASE, terms=text))),
        ("BR-FR-CPRO-36", 99, lambda text: to_ubl(_sold(trading_name=text))),
        ("BR-FR-CPRO-37", 99, lambda text: to_ubl(_paid(replace(AGENT, name=text)))),
        ("BR-FR-CPRO-38", 20, _delivered),
        ("BR-FR-CPRO-40", 20, _delivered_line),
        ("BR-FR-CPRO-41", 50, lambda text: _attached("ANNEXE", f"{text[4:]}.txt")),
        ("BR-FR-CPRO-42", 1024, _noted),
        ("BR-FR-CPRO-43", 99, lambda text: to_ubl(_sold(name=text))),
        ("BR-FR-CPRO-44", 99, lambda text: to_ubl(_bought(name=text))),
    ):
        yield rule, f"pass-{limit}-caracteres", write(_text(limit))
        yield rule, f"fail-{limit + 1}-caracteres", write(_text(limit + 1))
    credit = replace(CREDIT, preceding=((_text(21), date(2026, 9, 1)),))
    yield "BR-FR-CPRO-02", "fail-facture-d-origine", to_ubl(credit)
    yield (
        "BR-FR-CPRO-39",
        "pass-iban-francais",
        to_ubl(_to_account(french_iban("99999", "00001", "00000000001"))),
    )
    yield "BR-FR-CPRO-39", "fail-iban-de-31", to_ubl(_to_account(make_iban("MT", "9" * 27)))


def _text(length: int) -> str:
    """Return a text without a space."""
    return ("EXEMPLE-" * (length // 8 + 1))[: length - 1] + "X"


def _sold(**changes: str) -> Invoice:
    return replace(BASE, seller=replace(BASE.seller, **changes))  # type: ignore[arg-type]  # texts


def _bought(**changes: str) -> Invoice:
    return replace(BASE, buyer=replace(BASE.buyer, **changes))  # type: ignore[arg-type]  # texts


def _paid(payee: Party) -> Invoice:
    return replace(BASE, payee=payee)


def _to_account(iban: str) -> Invoice:
    return replace(BASE, payment=Payment(code="30", accounts=(Account(iban),)))


def _exempt(reason: str) -> bytes:
    exempt = Vat("E", Decimal(0), reason, "VATEX-FR-CGI261-4")
    return to_ubl(replace(BASE, lines=tuple(replace(one, vat=exempt) for one in BASE.lines)))


def _described(text: str) -> bytes:
    return to_ubl(replace(BASE, lines=(replace(BASE.lines[0], description=text),)))


def _noted(text: str) -> bytes:
    return to_ubl(replace(BASE, notes=(*BASE.notes, Note(text, "SUR"))))


def _located(*, line_1: str = "", city: str = "") -> bytes:
    text = to_ubl(BASE).decode()
    street = "<cbc:StreetName>", "</cbc:StreetName>"
    town = "<cbc:CityName>", "</cbc:CityName>"
    for (begin, end), value in ((street, line_1), (town, city)):
        if value:
            head, _, rest = text.partition(begin)
            text = f"{head}{begin}{value}{end}{rest.partition(end)[2]}"
    return text.encode()


def _attached(reference: str, name: str) -> bytes:
    one = Attachment(
        reference=reference,
        description="DOCUMENT_ANNEXE",
        file_name=name,
        mime="text/csv",
        content=b"un;deux\n",
    )
    return to_ubl(replace(BASE, attachments=(one,)))


def _delivered(place: str) -> bytes:
    delivery = Delivery(location=Id(place, "0088"), address=BASE.buyer.address)
    return to_ubl(replace(BASE, delivery=delivery))


def _delivered_line(place: str) -> bytes:
    location = (
        f'<cac:DeliveryLocation><cbc:ID schemeID="0088">{place}</cbc:ID></cac:DeliveryLocation>'
    )
    delivery = f"<cac:Delivery>{location}</cac:Delivery>"
    return swapped(BASE, ("    <cac:Item>", f"    {delivery}\n    <cac:Item>"))


# --------------------------------------------------------------- identifiers


def _identifiers() -> Iterator[Case]:
    """Yield sellers known by another number than a SIRET, and buyers by none."""
    yield "BR-FR-CPRO-03", "pass-siret", to_ubl(BASE)
    yield "BR-FR-CPRO-03", "pass-ridet", _known_as("0228", "123456789")
    yield "BR-FR-CPRO-03", "fail-sans-schema", _seller_without("")
    yield "BR-FR-CPRO-03", "fail-autre-schema", _known_as("0088", "3000000000106")
    for rule, scheme, good, bad in (
        ("BR-FR-CPRO-04", "0223", "DE123456789", "DE1234567890123456X"),
        ("BR-FR-CPRO-05", "0227", "CHAlpes Instrument", "Alpes Instruments"),
        ("BR-FR-CPRO-06", "0228", "1234567890", "12345"),
        ("BR-FR-CPRO-07", "0229", "A12345001", "A1234"),
        ("BR-FR-CPRO-08", "0226", "2850499999EXEMPLECLAIRE", "285049EXEMPLE"),
    ):
        yield rule, f"pass-{scheme}", _known_as(scheme, good)
        yield rule, f"fail-{scheme}", _known_as(scheme, bad)
    yield "BR-FR-CPRO-07", "fail-dix-avertit", _known_as("0229", "A123450010")
    buyer = f'<cbc:ID schemeID="0009">{VILLE.siret}</cbc:ID>'
    yield "BR-FR-CPRO-10", "pass-siret", to_ubl(BASE)
    yield (
        "BR-FR-CPRO-10",
        "fail-gln",
        swapped(BASE, (buyer, '<cbc:ID schemeID="0088">3000000000106</cbc:ID>')),
    )
    yield "CP-24", "pass-cle-juste", to_ubl(BASE)
    yield "CP-24", "fail-cle-fausse", swapped(BASE, ("FR89091000026", "FR88091000026"))
    yield "CP-20", "pass-cle-juste", to_ubl(BASE)
    wrong = f"{(VILLE.siret or '')[:13]}{9 - int((VILLE.siret or '')[13])}"
    yield (
        "CP-20",
        "fail-siret-acheteur",
        swapped(BASE, (buyer, buyer.replace(VILLE.siret or "", wrong))),
    )


def _known_as(scheme: str, value: str) -> bytes:
    return _seller_without(f'<cbc:ID schemeID="{scheme}">{value}</cbc:ID>')


def _seller_without(instead: str) -> bytes:
    begin, end = "      <cac:PartyIdentification>\n", "      </cac:PartyIdentification>\n"
    whole = f"{begin}        {_SELLER_SIRET}\n{end}"
    return swapped(BASE, (whole, whole.replace(_SELLER_SIRET, instead) if instead else ""))


# --------------------------------------------------------------- parties


def _parties() -> Iterator[Case]:
    """Yield payees and agents, with and without what tells who they are."""
    payee = Party(name=AGENT.name, siret=AGENT.siret)
    yield "BR-FR-CPRO-17", "pass-siret-du-siren", to_ubl(_paid(payee))
    yield "BR-FR-CPRO-17", "pass-sans-beneficiaire", to_ubl(BASE)
    yield (
        "BR-FR-CPRO-17",
        "fail-siret-d-un-autre",
        swapped(_paid(payee), (f'0009">{payee.siret}', f'0009">{TRAITEUR.siret}')),
    )
    yield "BR-FR-CPRO-17", "fail-sans-identifiant", to_ubl(_paid(Party(name=AGENT.name)))
    yield "BR-FR-CPRO-18", "pass-siret-du-siren", _with_agent(AGENT.siret, AGENT.siret)
    yield "BR-FR-CPRO-18", "fail-siret-d-un-autre", _with_agent(VILLE.siret, AGENT.siret)
    yield "BR-FR-CPRO-18", "fail-sans-siren", _with_agent(AGENT.siret, None)
    for frame in ("S3", "S6"):
        yield "BR-FR-CPRO-21", f"pass-{frame}", _with_agent(AGENT.siret, AGENT.siret, frame)
        yield "BR-FR-CPRO-21", f"fail-{frame}-sans-titulaire", to_ubl(replace(BASE, frame=frame))
    yield "BR-FR-CPRO-16", "pass-sans-bloc", to_ubl(BASE)
    yield "BR-FR-CPRO-16", "fail-adresse-a", _for_buyer("ServiceProviderParty", inner="cac:Party")
    yield "BR-FR-CPRO-16", "fail-agent-d-acheteur", _for_buyer("AgentParty")


def _with_agent(siret: str | None, siren_of: str | None, frame: str = "S1") -> bytes:
    """Write an invoice whose seller has an agent (EXT-FR-FE-BG-03)."""
    company = f'<cbc:CompanyID schemeID="0002">{siren_of[:9]}</cbc:CompanyID>' if siren_of else ""
    agent = (
        "      <cac:AgentParty><cac:PartyIdentification>"
        f'<cbc:ID schemeID="0009">{siret}</cbc:ID></cac:PartyIdentification>'
        f"<cac:PartyLegalEntity><cbc:RegistrationName>{AGENT.name}</cbc:RegistrationName>{company}"
        "</cac:PartyLegalEntity></cac:AgentParty>\n"
    )
    return swapped(replace(BASE, frame=frame), (_SELLER_END, agent + _SELLER_END))


def _for_buyer(element: str, inner: str = "") -> bytes:
    """Write an invoice with a party beside its buyer."""
    name = f"<cbc:RegistrationName>{AGENT.name}</cbc:RegistrationName>"
    party = f"<cac:PartyLegalEntity>{name}</cac:PartyLegalEntity>"
    if inner:
        party = f"<{inner}>{party}</{inner}>"
    return swapped(
        BASE, (_BUYER_END, f"      <cac:{element}>{party}</cac:{element}>\n{_BUYER_END}")
    )


# --------------------------------------------------------------- frames, types, counts


def _frames() -> Iterator[Case]:
    """Yield frames, types, kinds of contract and specifications."""
    for kind, verdict in (("MARCHE", "pass-marche"), ("ACCORD", "fail-accord")):
        contract = replace(BASE, contract="MP-2026-001")
        place = "<cbc:ID>MP-2026-001</cbc:ID>"
        typed = f"{place}<cbc:DocumentType>{kind}</cbc:DocumentType>"
        yield "BR-FR-CPRO-01", verdict, swapped(contract, (place, typed))
    yield "BR-FR-CPRO-24", "pass-S1", to_ubl(replace(BASE, frame="S1"))
    yield "BR-FR-CPRO-24", "fail-S5", to_ubl(replace(BASE, frame="S5"))
    yield "CP-09", "pass-380", to_ubl(BASE)
    yield "CP-09", "fail-501", to_ubl(replace(BASE, type_code="501"))
    yield "CP-09", "fail-502", to_ubl(replace(CREDIT, type_code="502"))
    basic = "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic"
    yield "CP-06", "pass-en16931", to_cii(BASE)
    yield "CP-06", "fail-basic", to_cii(replace(BASE, customization=basic))
    yield "CP-14", "pass-A1", to_ubl(HISTORICAL)
    yield "CP-14", "fail-A11", to_ubl(replace(HISTORICAL, frame="A11"))
    yield "CP-14", "fail-S1", to_ubl(replace(HISTORICAL, frame="S1"))
    yield "CP-18", "pass-381", to_ubl(as_historical(CREDIT))
    yield "CP-18", "fail-384", to_ubl(replace(HISTORICAL, type_code="384"))
    yield "CP-23", "pass-prefixe", to_ubl(replace(BASE, number="M1A156109_0001"))
    yield "CP-23", "fail-sans-prefixe", to_ubl(BASE)


def _counts() -> Iterator[Case]:
    """Yield what may stand once, once and twice."""
    first, second = ("F26-0001", date(2026, 9, 1)), ("F26-0002", date(2026, 9, 2))
    yield "BR-FR-CPRO-20", "pass-une", to_ubl(replace(CREDIT, preceding=(first,)))
    yield "BR-FR-CPRO-20", "fail-deux", to_ubl(replace(CREDIT, preceding=(first, second)))
    contact = Contact("Service comptable")
    seller = replace(BASE, seller=replace(BASE.seller, contact=contact))
    buyer = replace(
        BASE,
        seller=replace(BASE.seller, contact=None),
        buyer=replace(BASE.buyer, contact=contact),
    )
    for rule, invoice in (("BR-FR-CPRO-26", seller), ("BR-FR-CPRO-27", buyer)):
        yield rule, "pass-un-contact", to_cii(invoice)
        yield rule, "fail-deux-contacts", _with_second_contact(to_cii(invoice))
    yield "BR-FR-CPRO-28", "pass-un-contact", _agent_with_contacts(1)
    yield "BR-FR-CPRO-28", "fail-deux-contacts", _agent_with_contacts(2)


def _with_second_contact(xml: bytes) -> bytes:
    head, begin, rest = xml.decode().partition("<ram:DefinedTradeContact>")
    inside, end, tail = rest.partition("</ram:DefinedTradeContact>")
    other = inside.replace("comptable", "achats")
    return f"{head}{begin}{inside}{end}{begin}{other}{end}{tail}".encode()


def _agent_with_contacts(count: int) -> bytes:
    contacts = "".join(
        "<ram:DefinedTradeContact>"
        f"<ram:PersonName>Contact {n}</ram:PersonName></ram:DefinedTradeContact>"
        for n in range(1, count + 1)
    )
    siret = AGENT.siret or ""
    agent = (
        f'<ram:SalesAgentTradeParty><ram:GlobalID schemeID="0009">{siret}</ram:GlobalID>'
        f"<ram:Name>{AGENT.name}</ram:Name><ram:SpecifiedLegalOrganization>"
        f'<ram:ID schemeID="0002">{siret[:9]}</ram:ID></ram:SpecifiedLegalOrganization>{contacts}'
        "</ram:SalesAgentTradeParty>"
    )
    end = "</ram:BuyerTradeParty>"
    return swapped(BASE, (end, f"{end}\n      {agent}"), cii=True)


# --------------------------------------------------------------- historical channel


def _historical() -> Iterator[Case]:
    """Yield how it is paid and what it comes to, in the historical channel."""
    yield "CP-13", "pass-virement", to_ubl(HISTORICAL)
    yield "CP-13", "fail-58", to_ubl(replace(HISTORICAL, payment=Payment(code="58")))
    yield "CP-13", "fail-absent", to_ubl(replace(HISTORICAL, payment=None))
    yield "CP-17", "pass-payee", to_ubl(replace(HISTORICAL, frame="A2", settled=True))
    partly = replace(HISTORICAL, frame="A2", prepaid=Decimal(10))
    yield "CP-17", "fail-payee-en-partie", to_ubl(partly)
    yield "CP-17", "fail-montant-absent", to_ubl(replace(HISTORICAL, frame="A2"))
    iban = french_iban("99999", "00001", "00000000001")
    rib = iban[4:]
    for number, name in (
        (iban, "pass-iban"),
        (rib, "pass-rib"),
        (f"FR00{rib}", "fail-cle-iban"),
        (f"{rib[:21]}{(int(rib[21:]) + 1) % 97:02}", "fail-cle-rib"),
    ):
        account = Payment(code="30", accounts=(Account(number),))
        yield "CP-19", name, to_ubl(replace(HISTORICAL, payment=account))
    totals = HISTORICAL.totals
    yield "CP-21", "pass-totaux-justes", to_ubl(HISTORICAL)
    yield (
        "CP-21",
        "fail-ttc",
        to_ubl(HISTORICAL, replace(totals, with_vat=totals.with_vat + 1, due=totals.due + 1)),
    )
    yield "CP-21", "fail-net", to_ubl(HISTORICAL, replace(totals, due=totals.due - 1))
    price = '<cbc:PriceAmount currencyID="EUR">250'
    yield (
        "CP-22",
        "pass-six-decimales",
        swapped(HISTORICAL, (price, f"{price.removesuffix('250')}250.000000")),
    )
    yield (
        "CP-22",
        "fail-sept-decimales",
        swapped(HISTORICAL, (price, f"{price.removesuffix('250')}250.0000000")),
    )
    yield (
        "CP-22",
        "fail-vingt-chiffres",
        swapped(HISTORICAL, (price, f"{price.removesuffix('250')}{'9' * 20}")),
    )
