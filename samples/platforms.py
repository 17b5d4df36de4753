"""Two senders that speak CDAR in the demonstration: a platform (AFNOR), a public body (G2B)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial

from catalogue import HOPITAL, IMPRIMERIE, INCONNUE_SARL, REGIE, VILLE
from drop import Drop, delivered_to
from drop import flow_name as name_of
from invoice_maker import Invoice, Party, to_cii, to_ubl
from making import BY_KEY, billed_to, tar_gz, to_facturx, with_manifest, zipped
from supports import tiny_pdf

#: Claims the French extension of EN 16931, which is written in D22B.
EXTENDED = "urn:cen.eu:en16931:2017#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr"

_platform = partial(name_of, application="PLA001")
_public = partial(name_of, application="REG001")


def plateforme() -> Iterator[Drop]:
    """Yield what a platform drops for its suppliers; the third flow of FSO1150A never comes."""
    yield from _platform_ubl()
    yield from _platform_cii()
    yield from _platform_facturx()


def _bills(flow: int, *keys: str) -> list[Invoice]:
    """Return invoices of the catalogue for both public recipients in turn."""
    return [
        billed_to(BY_KEY[key], (VILLE, HOPITAL)[n % 2], f"PLA{flow}-26-{n + 1:04d}")
        for n, key in enumerate(keys)
    ]


def _platform_ubl() -> Iterator[Drop]:
    whole = _bills(
        1,
        "ubl-380-fournitures",
        "ubl-380-sante-exoneree",
        "ubl-380-franchise",
        "ubl-380-longue",
        "ubl-381-avoir",
        "ubl-381-avoir-exonere",
    )
    files = {f"{one.number}.xml": to_ubl(one) for one in whole}
    yield Drop(
        supplier="plateforme",
        name=_platform(1, "FSO1150A"),
        answer="CSO1150A",
        payload=tar_gz(with_manifest(files, whole)),
        outcome="accepted",
        documents={"accepted": len(whole)},
        delivered=delivered_to(whole),
        why="quatre factures et deux avoirs UBL de six fournisseurs, avec un bordereau juste",
    )
    short = _bills(2, "ubl-380-une-ligne", "ubl-380-deux-taux", "ubl-380-pdf-joint")
    files = {f"{one.number}.xml": to_ubl(one) for one in short}
    yield Drop(
        supplier="plateforme",
        name=_platform(2, "FSO1150A"),
        answer="CSO1150A",
        payload=zipped(with_manifest(files, short, too_much=Decimal(100))),
        outcome="rejected",
        reason="MANIFEST",
        documents={"rejected": len(short)},
        why="le bordereau annonce 100 euros de plus que les factures",
    )
    mixed = _bills(4, "ubl-380-arrondi", "ubl-380-taux-zero", "ubl-380-frais-de-port")
    good = [mixed[0], mixed[2]]
    yield Drop(
        supplier="plateforme",
        name=_platform(4, "FSO1150A"),
        answer="CSO1150A",
        payload=tar_gz({f"{one.number}.xml": to_ubl(one) for one in mixed}),
        outcome="partly accepted",
        reason="REJ_SEMAN",
        documents={"accepted": len(good), "rejected": 1},
        delivered=delivered_to(good),
        why="la deuxième facture n'a pas les mentions françaises (BR-FR-05)",
    )


def _platform_cii() -> Iterator[Drop]:
    single = billed_to(BY_KEY["cii-380-deux-taux-remise"], HOPITAL, "PLA5-26-0001")
    single = replace(single, customization=EXTENDED)
    yield Drop(
        supplier="plateforme",
        name=_platform(1, "FSO1156A"),
        answer="CSO1156A",
        payload=gzip.compress(to_cii(single), mtime=0),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((single,)),
        why="une facture CII D22B, profil EXTENDED-CTC-FR, comprimée par gzip",
    )


def _platform_facturx() -> Iterator[Drop]:
    pair = _bills(6, "cii-380-fournitures", "cii-380-formation-exoneree")
    yield Drop(
        supplier="plateforme",
        name=_platform(1, "FSO1157A"),
        answer="CSO1157A",
        payload=zipped({f"{one.number}.pdf": to_facturx(one) for one in pair}),
        outcome="accepted",
        documents={"accepted": len(pair)},
        delivered=delivered_to(pair),
        why="deux Factur-X dans un zip",
    )
    yield Drop(
        supplier="plateforme",
        name=_platform(2, "FSO1157A"),
        answer="CSO1157A",
        payload=tiny_pdf("Facture PLA7-26-0001", "sans XML joint"),
        outcome="rejected",
        reason="IRR_SYNTAX",
        documents={"rejected": 1},
        why="un PDF qui n'est pas une Factur-X",
    )


def regie() -> Iterator[Drop]:
    """Yield what a public body drops: it bills companies."""
    bills = [_water(number, IMPRIMERIE) for number in (1, 2)]
    yield Drop(
        supplier="regie",
        name=_public(1, "FSO3110A"),
        answer="CSO3110A",
        payload=tar_gz({f"{one.number}.xml": to_ubl(one) for one in bills}),
        outcome="accepted",
        documents={"accepted": len(bills)},
        delivered=delivered_to(bills),
        why="deux factures d'eau d'une régie publique à une entreprise",
    )
    yield Drop(
        supplier="regie",
        name=_public(2, "FSO3110A"),
        answer="CSO3110A",
        payload=to_ubl(_water(3, INCONNUE_SARL)),
        outcome="rejected",
        reason="DEST_INC",
        documents={"rejected": 1},
        why="l'entreprise facturée n'est pas dans l'annuaire",
    )


def _water(number: int, buyer: Party) -> Invoice:
    """Return a water bill."""
    bill = billed_to(BY_KEY["ubl-380-prelevement"], buyer, f"EAU-26-{number:04d}", number)
    first, second = bill.lines
    return replace(
        bill,
        seller=REGIE,
        lines=(
            replace(first, name="Eau potable, le mètre cube", unit="MTQ"),
            replace(second, name="Abonnement au service de l'eau"),
        ),
    )
