"""Two suppliers of the demonstration: a stationer by Chorus Pro names, a caterer by free ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from catalogue import (
    COLLEGE,
    HOPITAL,
    IMPRIMERIE,
    INCONNUE,
    LYCEE,
    MUSEE,
    SAMPLES,
    SERVICES,
    VILLE,
)
from drop import Drop, delivered_to
from drop import flow_name as name_of
from invoice_maker import Attachment, Invoice, Party, Payment, to_cii, to_ubl
from making import (
    BY_KEY,
    billed_to,
    cut_tar_gz,
    tar_gz,
    to_facturx,
    with_external_entity,
    with_wrong_total,
    without_issue_date,
    zipped,
)
from supports import signed

#: How often an invoice of the big flow names a service.
NAMED_SERVICE = 25
#: Payment means of SEPA (UNTDID 4461) by the ones that the historical channel knows.
SEPA = {"58": "30", "59": "49"}
#: Stands in a committed file for the EICAR test file, which `edi demo` puts in its place:
#: scanners would find the file itself in every clone.
EICAR_STAND_IN = b"[edi demo: EICAR]"
#: Unzipped size of the bomb: more than 10 MB, so that the ratio counts.
BOMB_BYTES = 12_000_000

flow_name = partial(name_of, application="PAP001")


def historical(count: int, flow: int) -> tuple[Invoice, ...]:
    """Return `count` invoices for both recipients, the catalogue over and over.

    Each round bills another quantity; a few name a service (see `Party.service`).
    """
    made = []
    for n in range(count):
        turn, place = divmod(n, len(SAMPLES))
        buyer = (VILLE, HOPITAL)[(n + turn) % 2]
        if (n + 1) % NAMED_SERVICE == 0:
            code = SERVICES[buyer.siret or ""][0][0]
            buyer = replace(buyer, service=code)
        invoice = billed_to(SAMPLES[place].invoice, buyer, f"P{flow:02d}-26-{n + 1:04d}", turn + 1)
        made.append(as_historical(invoice))
    return tuple(made)


def as_historical(invoice: Invoice) -> Invoice:
    """Return an invoice as the historical channel takes it: its frames, types and means."""
    payment = invoice.payment or Payment(code="97")
    return replace(
        invoice,
        frame="A1",
        type_code="381" if invoice.is_credit_note else "380",
        payment=replace(payment, code=SEPA.get(payment.code, payment.code)),
    )


def inner_names(count: int) -> Iterator[str]:
    """Yield file names inside an archive."""
    return (f"FACTURE_{n:04d}.xml" for n in range(1, count + 1))


def flow_of(invoices: Sequence[Invoice]) -> dict[str, bytes]:
    """Write `invoices` as the files of one flow."""
    return dict(zip(inner_names(len(invoices)), map(to_ubl, invoices), strict=True))


def papeterie() -> Iterator[Drop]:
    """Yield what the stationer drops: historical flow names, a broken file breaks its flow."""
    yield from _papeterie_good()
    yield from _papeterie_names()
    yield from _papeterie_single_bodies()
    yield from _papeterie_spoilt_flows()


def _papeterie_good() -> Iterator[Drop]:
    many = historical(200, 1)
    yield Drop(
        supplier="papeterie",
        name=flow_name(1, "FSO1100A"),
        answer="FEN1200A",
        payload=tar_gz(flow_of(many)),
        outcome="accepted",
        documents={"accepted": len(many)},
        delivered=delivered_to(many),
        why="archive de 200 factures et avoirs UBL pour les deux destinataires",
    )
    credit = as_historical(billed_to(BY_KEY["ubl-381-avoir"], VILLE, "P02-26-0001"))
    for seq, outcome in ((2, "accepted"), (6, "duplicate")):
        good = outcome == "accepted"
        yield Drop(
            supplier="papeterie",
            name=flow_name(seq, "FSO1100A"),
            answer="FEN1200A" if good else "CSO1100A",
            payload=to_ubl(credit),
            outcome=outcome,
            reason="" if good else "IRR_UNICITE",
            documents={outcome: 1},
            delivered=delivered_to((credit,) if good else ()),
            why="un avoir UBL seul" if good else "les mêmes octets que le flux 2",
        )
    single = billed_to(BY_KEY["cii-380-service-destinataire"], HOPITAL, "P11-26-0001")
    single = replace(as_historical(single), buyer=replace(HOPITAL, service="PHARMACIE"))
    yield Drop(
        supplier="papeterie",
        name=flow_name(1, "FSO1106A"),
        answer="FEN1200A",
        payload=to_cii(single),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((single,)),
        why="une facture CII seule, avec un code service",
    )
    hybrid = as_historical(billed_to(BY_KEY["cii-380-fournitures"], VILLE, "P12-26-0001"))
    yield Drop(
        supplier="papeterie",
        name=flow_name(1, "FSO1117A"),
        answer="FEN1200A",
        payload=to_facturx(hybrid),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((hybrid,)),
        why="une Factur-X",
    )
    school = as_historical(billed_to(BY_KEY["ubl-380-fournitures"], LYCEE, "P13-26-0001"))
    yield Drop(
        supplier="papeterie",
        name=flow_name(11, "FSO1100A"),
        answer="FEN1200A",
        payload=to_ubl(school),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((school,)),
        why="une facture UBL seule, pour qui la veut en pivot : un lisible y est joint",
    )


def _papeterie_names() -> Iterator[Drop]:
    for seq, name, reason, why in (
        (8, f"FSO1100_PAP001_PAP0011100{8:015d}", "IRR_FORM", "lettre de version absente"),
        (9, name_of(9, "FSO1100A", "ZZZ999"), "IRR_CODE_APP", "code application d'un autre"),
        (10, flow_name(10, "FSO9999A"), "IRR_CODE_INTER", "interface inconnue"),
    ):
        invoice = billed_to(BY_KEY["ubl-380-fournitures"], VILLE, f"P{seq:02d}-26-0001")
        yield Drop(
            supplier="papeterie",
            name=name,
            payload=to_ubl(as_historical(invoice)),
            outcome="rejected",
            answer="CSO1100A",
            reason=reason,
            why=f"nom de flux : {why}",
        )


def _papeterie_single_bodies() -> Iterator[Drop]:
    yield Drop(
        supplier="papeterie",
        name=flow_name(4, "FSO1100A"),
        answer="CSO1100A",
        payload=b"",
        outcome="rejected",
        reason="IRR_VIDE",
        why="fichier vide",
    )
    invoice = as_historical(billed_to(BY_KEY["ubl-380-fournitures"], VILLE, "P05-26-0001"))
    yield Drop(
        supplier="papeterie",
        name=flow_name(5, "FSO1100A"),
        answer="CSO1100A",
        payload=with_external_entity(to_ubl(invoice)),
        outcome="rejected",
        reason="IRR_SYNTAX",
        documents={"rejected": 1},
        why="entité externe (XXE)",
    )
    program = Attachment(
        reference="FACTURE",
        file_name="facture.exe",
        mime="application/octet-stream",
        content=b"pas un programme",
    )
    yield Drop(
        supplier="papeterie",
        name=flow_name(8, "FSO1100A"),
        answer="CSO1100A",
        payload=to_ubl(replace(invoice, number="P08-26-0001", attachments=(program,))),
        outcome="rejected",
        reason="IRR_EXT_DOC",
        documents={"rejected": 1},
        why="pièce jointe d'un type que Chorus Pro n'admet pas (.exe)",
    )


def _papeterie_spoilt_flows() -> Iterator[Drop]:
    broken = flow_of(historical(12, 3))
    last = list(broken)[-1]
    yield Drop(
        supplier="papeterie",
        name=flow_name(3, "FSO1100A"),
        answer="CSO1100A",
        payload=tar_gz(broken | {last: without_issue_date(broken[last])}),
        outcome="rejected",
        reason="IRR_SYNTAX",
        documents={"rejected": 12},
        why="la dernière des 12 factures n'a pas de date : tout le flux est irrecevable",
    )
    good = historical(5, 7)
    kept = (*good[:2], *good[3:])
    lost = replace(good[2], buyer=INCONNUE)
    yield Drop(
        supplier="papeterie",
        name=flow_name(7, "FSO1100A"),
        answer="FEN1200A",
        payload=tar_gz(flow_of((*good[:2], lost, *good[3:]))),
        outcome="partly accepted",
        reason="DEST_INC",
        documents={"accepted": len(kept), "rejected": 1},
        delivered=delivered_to(kept),
        why="la troisième de 5 factures est pour un destinataire absent de l'annuaire",
    )


#: What the caterer bills: keys of the catalogue.
MENU = (
    "ubl-380-une-ligne",
    "ubl-380-deux-taux",
    "ubl-380-remise-pourcent",
    "ubl-380-arrondi",
    "ubl-380-retour-consigne",
    "ubl-381-avoir-deux-taux",
)


def meal(place: int, buyer: Party, number: int) -> Invoice:
    """Return the caterer's invoice `place` of its menu, for `buyer`."""
    return billed_to(BY_KEY[MENU[place]], buyer, f"T26-{number:04d}")


def traiteur() -> Iterator[Drop]:
    """Yield what the caterer drops: free names, each invoice judged by itself."""
    yield from _traiteur_single()
    yield from _traiteur_refused()
    yield from _traiteur_lots()
    yield from _traiteur_envelopes()


def _traiteur_single() -> Iterator[Drop]:
    cii = billed_to(BY_KEY["cii-380-deux-taux-remise"], VILLE, "T26-0102")
    singles = (
        ("Facture 2026-0104 (mairie).xml", meal(2, VILLE, 104), "une facture UBL seule"),
        ("avoir-2026-0007.xml", meal(5, HOPITAL, 7), "un avoir UBL seul"),
        ("facture-2026-0101.xml", meal(1, HOPITAL, 101), "une facture UBL seule"),
        ("facture-2026-0102.xml", cii, "une facture CII seule"),
    )
    for name, invoice, why in singles:
        yield Drop(
            supplier="traiteur",
            answer="json",
            name=name,
            payload=to_cii(invoice) if invoice is cii else to_ubl(invoice),
            outcome="accepted",
            documents={"accepted": 1},
            delivered=delivered_to((invoice,)),
            why=why,
        )
    yield Drop(
        supplier="traiteur",
        answer="json",
        name="facture-college-2026-0105.xml",
        payload=to_ubl(meal(3, COLLEGE, 105)),
        outcome="held",
        reason="NO_ROUTE",
        documents={"held": 1},
        why="le destinataire est dans l'annuaire, mais aucune route ne mène à lui",
    )


def _traiteur_refused() -> Iterator[Drop]:
    first = meal(1, HOPITAL, 101)
    changed = billed_to(first, HOPITAL, first.number, times=2)
    whole = to_ubl(meal(4, VILLE, 103))
    for name, payload, outcome, reason, why in (
        (
            "facture-2026-0101_corrigee.xml",
            to_ubl(changed),
            "rejected",
            "DOUBLON",
            "même numéro que facture-2026-0101.xml, autre montant",
        ),
        (
            "facture-2026-0103.xml",
            whole[: len(whole) * 2 // 3],
            "rejected",
            "IRR_SYNTAX",
            "fichier XML tronqué",
        ),
        (
            "renvoi-facture-2026-0101.xml",
            to_ubl(first),
            "duplicate",
            "IRR_UNICITE",
            "les mêmes octets que facture-2026-0101.xml",
        ),
    ):
        yield Drop(
            supplier="traiteur",
            answer="json",
            name=name,
            payload=payload,
            outcome=outcome,
            reason=reason,
            documents={outcome: 1},
            why=why,
        )


def _traiteur_lots() -> Iterator[Drop]:
    october = [meal(n, (VILLE, HOPITAL)[n % 2], 201 + n) for n in range(6)]
    structure = [meal(n, (HOPITAL, VILLE)[n % 2], 301 + n) for n in range(5)]
    spoilt = (
        ("lot-octobre.tar.gz", october, with_wrong_total(october[3]), "REJ_SEMAN", "total faux"),
        (
            "lot-xsd.tar.gz",
            structure,
            without_issue_date(to_ubl(structure[3])),
            "IRR_SYNTAX",
            "date absente",
        ),
    )
    for name, invoices, bad, reason, fault in spoilt:
        files = {f"{one.number}.xml": to_ubl(one) for one in invoices}
        files[f"{invoices[3].number}.xml"] = bad
        good = [*invoices[:3], *invoices[4:]]
        yield Drop(
            supplier="traiteur",
            answer="json",
            name=name,
            payload=tar_gz(files),
            outcome="partly accepted",
            reason=reason,
            documents={"accepted": len(good), "rejected": 1},
            delivered=delivered_to(good),
            why=f"la quatrième facture est refusée ({fault}), les autres passent",
        )
    cut = [meal(n, VILLE, 401 + n) for n in range(3)]
    yield Drop(
        supplier="traiteur",
        answer="json",
        name="lot-tronque.tar.gz",
        payload=cut_tar_gz({f"{one.number}.xml": to_ubl(one) for one in cut}),
        outcome="rejected",
        reason="IRR_EXTRAC",
        why="archive tronquée",
    )


def _traiteur_envelopes() -> Iterator[Drop]:
    other_form = meal(1, MUSEE, 108)
    yield Drop(
        supplier="traiteur",
        answer="json",
        name="facture-2026-0108.xml",
        payload=to_ubl(other_form),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((other_form,)),
        why="une facture UBL, pour qui la veut en CII",
    )
    private = billed_to(BY_KEY["ubl-380-deux-taux"], IMPRIMERIE, "T26-0106")
    yield Drop(
        supplier="traiteur",
        answer="json",
        name="facture-2026-0106.xml.p7m",
        payload=signed(to_ubl(private)),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((private,)),
        why="une facture signée, pour une entreprise",
    )
    infected = Attachment(
        reference="MENU", file_name="menu.pdf", mime="application/pdf", content=EICAR_STAND_IN
    )
    yield Drop(
        supplier="traiteur",
        answer="json",
        name="facture-2026-0107.xml",
        payload=to_ubl(replace(meal(0, VILLE, 107), attachments=(infected,))),
        outcome="rejected",
        reason="IRR_ANTIVIRUS",
        why="une pièce jointe est le fichier de test EICAR",
    )
    yield Drop(
        supplier="traiteur",
        answer="json",
        name="lot-bombe.zip",
        payload=zipped({"T26-0501.xml": b" " * BOMB_BYTES}),
        outcome="rejected",
        reason="IRR_EXTRAC",
        why="archive qui enfle plus de mille fois",
    )
