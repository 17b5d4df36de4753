"""For each XSD of a profile, documents that keep it and documents that break it: it alone.

Every one of them is valid under the official XSD of its syntax. What stands in an element that
the hub does not read is called lost: it would not reach whoever asked for another form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from invoice_maker import Attachment, Invoice, to_cii, to_ubl
from rule_cases import BASE, CREDIT, swapped

#: A case: ``pass`` or ``fail`` with what is shown, the document.
Shown = tuple[str, bytes]

_TERMS = "<cac:PaymentTerms><cbc:Note>30 jours</cbc:Note></cac:PaymentTerms>"
_BUYER_SIRET = (
    "      <cac:PartyIdentification>\n"
    f'        <cbc:ID schemeID="0009">{BASE.buyer.siret}</cbc:ID>\n'
    "      </cac:PartyIdentification>\n"
)
_CII_SIRET = f'        <ram:GlobalID schemeID="0009">{BASE.buyer.siret}</ram:GlobalID>\n'
_ATTACHED = replace(
    BASE,
    attachments=(
        Attachment(
            reference="etat.csv",
            description="DOCUMENT_ANNEXE",
            file_name="etat.csv",
            mime="text/csv",
            content=b"un;deux\n",
        ),
    ),
)


def profile_files() -> dict[str, bytes]:
    """Return every case by its path under `samples`."""
    return {
        f"profiles/{schema}/{name}.xml": document
        for schema, cases in (
            ("sender-ubl-invoice", _sent_ubl(BASE)),
            ("sender-ubl-credit-note", _sent_ubl(CREDIT)),
            ("sender-cii", _sent_cii()),
            ("receiver-public-ubl-invoice", _taken_ubl(BASE)),
            ("receiver-public-ubl-credit-note", _taken_ubl(CREDIT)),
            ("receiver-public-cii", _taken_cii()),
        )
        for name, document in cases
    }


def _sent_ubl(base: Invoice) -> Iterator[Shown]:
    number = f"<cbc:ID>{base.number}</cbc:ID>"
    copied = f"{number}<cbc:CopyIndicator>false</cbc:CopyIndicator>"
    attached = replace(base, attachments=_ATTACHED.attachments)
    yield "pass-simple", to_ubl(base)
    yield "pass-piece-jointe", to_ubl(attached)
    yield "pass-numero-35", to_ubl(replace(base, number="N" * 35))
    yield "fail-numero-36", to_ubl(replace(base, number="N" * 36))
    yield "fail-element-perdu", swapped(base, (number, copied))
    yield "fail-piece-jointe-sans-nom", swapped(attached, (' filename="etat.csv"', ""))
    yield "fail-adresse-sans-schema", swapped(base, ('EndpointID schemeID="0225"', "EndpointID"))


def _sent_cii() -> Iterator[Shown]:
    number = f"<ram:ID>{BASE.number}</ram:ID>"
    named = f"{number}<ram:Name>FACTURE</ram:Name>"
    yield "pass-simple", to_cii(BASE)
    yield "pass-piece-jointe", to_cii(_ATTACHED)
    yield "fail-numero-36", to_cii(replace(BASE, number="N" * 36))
    yield "fail-element-perdu", swapped(BASE, (number, named), cii=True)
    yield (
        "fail-adresse-sans-schema",
        swapped(BASE, ('<ram:URIID schemeID="0225">', "<ram:URIID>"), cii=True),
    )


def _taken_ubl(base: Invoice) -> Iterator[Shown]:
    yield "pass-simple", to_ubl(base)
    yield "pass-numero-20", to_ubl(replace(base, number="N" * 20))
    yield "fail-numero-21", to_ubl(replace(base, number="N" * 21))
    yield "fail-engagement-51", to_ubl(replace(base, order="E" * 51))
    yield "fail-acheteur-sans-identifiant", swapped(base, (_BUYER_SIRET, ""))
    yield (
        "fail-deux-conditions-de-paiement",
        swapped(base, ("  <cac:TaxTotal>", f"  {_TERMS}{_TERMS}<cac:TaxTotal>")),
    )


def _taken_cii() -> Iterator[Shown]:
    yield "pass-simple", to_cii(BASE)
    yield "fail-numero-21", to_cii(replace(BASE, number="N" * 21))
    yield "fail-engagement-51", to_cii(replace(BASE, order="E" * 51))
    yield "fail-acheteur-sans-identifiant", swapped(BASE, (_CII_SIRET, ""), cii=True)
