"""What a document is: its frame, its type, the specification it follows, its contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType

from pipeline.model.finding import Severity
from pipeline.model.invoice import Invoice
from pipeline.model.rule import Breach, Rule
from pipeline.validate.rules.reading import none_of, one_of

_SOURCE = "XP Z12-012 (11/2025) §4.5.3, BR-FR-CPRO"

#: Frames of the historical channel; there is no A11.
_OWN_FRAMES = tuple(f"A{number}" for number in range(1, 26) if number != 11)  # noqa: PLR2004  # the gap

#: Specifications that hold less than EN 16931.
_LESS = (
    "urn:factur-x.eu:1p0:minimum",
    "urn:factur-x.eu:1p0:basicwl",
    "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic",
)

#: Blocks that Chorus Pro does not read, by the field that holds them.
_IGNORED = MappingProxyType({"invoicee": "EXT-FR-FE-BG-04", "buyer_agent": "EXT-FR-FE-BG-01"})

_PREFIX = re.compile(r"[BSM][0-9][A-Z][0-9][0-9]{5}_.+")


def ignored_blocks(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for each party that Chorus Pro does not look at."""
    for name, term in _IGNORED.items():
        party = getattr(invoice, name)
        if party is not None:
            yield Breach(term=term, value=party.name)


def number_has_prefix(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where the number does not begin as recommended.

    Business class (M1), issuing system (A1) and NIC (five digits), then ``_``.
    """
    if invoice.number is not None and not _PREFIX.fullmatch(invoice.number):
        yield Breach(term="BT-1", value=invoice.number, expected="M1A156109_…")


CPRO: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="BR-FR-CPRO-01",
        terms=("EXT-FR-FE-01",),
        fr="Type de contrat inconnu : {v} ; admis : CONTRAT, MARCHE.",
        en="Unknown contract type: {v}; allowed: CONTRAT, MARCHE.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=one_of("EXT-FR-FE-01", ("CONTRAT", "MARCHE")),
    ),
    Rule(
        identifier="BR-FR-CPRO-16",
        terms=tuple(_IGNORED.values()),
        fr="Bloc ignoré par Chorus Pro : {term}, {v}.",
        en="Block ignored by Chorus Pro: {term}, {v}.",
        severity=Severity.WARNING,  # published as information
        source=_SOURCE,
        check=ignored_blocks,
    ),
    Rule(
        identifier="BR-FR-CPRO-24",
        terms=("BT-23",),
        fr="Le cadre {v} n'est pas admis vers le secteur public.",
        en="Frame {v} is not allowed for the public sector.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=none_of("BT-23", ("S5",)),
    ),
    Rule(
        identifier="CP-09",
        terms=("BT-3",),
        fr="Auto-facturation affacturée non gérée par Chorus Pro : type {v}.",
        en="Self-billed factored invoices are not handled by Chorus Pro: type {v}.",
        severity=Severity.FATAL,
        source="DSE v1.0 §6.7 (the refusal is deduced)",
        check=none_of("BT-3", ("501", "473", "502")),
    ),
)

G2B: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="CP-06",
        terms=("BT-24",),
        fr="Format non admis pour une facture vers une entreprise, EN 16931 au moins : {v}.",
        en="Format not allowed for an invoice to a company, EN 16931 at least: {v}.",
        severity=Severity.FATAL,
        source="DSE v1.0 §3.2.3.2",
        check=none_of("BT-24", _LESS),
    ),
)

HISTORICAL: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="CP-14",
        terms=("BT-23",),
        fr="Cadre de facturation inconnu : {v} ; admis : A1 à A25, sauf A11.",
        en="Unknown billing frame: {v}; allowed: A1 to A25, but A11.",
        severity=Severity.FATAL,
        source="CPPFacturePivot V2_02, Cadre",
        check=one_of("BT-23", _OWN_FRAMES),
    ),
    Rule(
        identifier="CP-18",
        terms=("BT-3",),
        fr="Type de facture non admis : {v} ; admis : 380, 381.",
        en="Invoice type not allowed: {v}; allowed: 380, 381.",
        severity=Severity.FATAL,
        source="CPPFacturePivot V2_02, Type (its origin's number: BR-FR-CPRO-02)",
        check=one_of("BT-3", ("380", "381")),
    ),
)

ADVICE: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="CP-23",
        terms=("BT-1",),
        fr="Préfixe recommandé du numéro de facture absent : {v} ; exemple : M1A156109_….",
        en="Recommended prefix of the invoice number missing: {v}; example: M1A156109_….",
        severity=Severity.WARNING,  # published as information
        source="DSE v1.0 §3.2.1.4",
        check=number_has_prefix,
    ),
)
