"""Who is who: the identifiers by which the public sector knows parties."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.finding import Severity
from pipeline.model.invoice import Identifier, Invoice, Party
from pipeline.model.rule import Breach, Rule
from pipeline.syntax.check_digits import is_french_vat, is_siren, is_siret
from pipeline.validate.rules.reading import Check, of_scheme, values_of, written

_SOURCE = "XP Z12-012 (11/2025) §4.5.3, BR-FR-CPRO"

SIREN, SIRET = "0002", "0009"
EU_VAT, INDIVIDUAL, NON_EU, RIDET, TAHITI = "0223", "0226", "0227", "0228", "0229"
#: What identifies a party that has no SIRET.
_INSTEAD = (EU_VAT, INDIVIDUAL, NON_EU, RIDET, TAHITI)
_SUPPLIERS = ", ".join((SIRET, *_INSTEAD))
_EXPECTED_FR = (
    f"attendu : le SIRET de son SIREN ou, sans SIREN, un identifiant de schéma "
    f"{', '.join(_INSTEAD)}."
)
_EXPECTED_EN = (
    f"expected: the SIRET of its SIREN or, without a SIREN, an identifier of scheme "
    f"{', '.join(_INSTEAD)}."
)

_NINE = re.compile(r"[0-9]{9}")
_FOURTEEN = re.compile(r"[0-9]{14}")
_NON_EU = re.compile(r"(?s)[A-Z]{2}.{1,16}")
_RIDET = re.compile(r"[0-9]{9,10}")
_TAHITI = re.compile(r"[0-9A-Z]{9}")
_LONG_TAHITI = re.compile(r"[0-9A-Z]{10}")
#: Sex, year, month and place of birth, then name and first name: 35 characters each at most.
_INDIVIDUAL = re.compile(r"[12][0-9]{9}\S{1,70}")

#: Frames of sub-contracting and of co-contracting.
_BY_OTHERS = frozenset({"S3", "S6"})

#: VAT numbers of seller, buyer and representative.
_VAT_TERMS = ("BT-31", "BT-48", "BT-63")

#: Each party with the terms of its identifiers and of its registration.
_PARTIES = (
    ("seller", "BT-29", "BT-30"),
    ("buyer", "BT-46", "BT-47"),
    ("payee", "BT-60", "BT-61"),
    ("seller_agent", "EXT-FR-FE-69", "EXT-FR-FE-71"),
)


def seller_is_identified(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where the seller has no identifier of any scheme that Chorus Pro knows."""
    if not of_scheme(invoice.seller.identifiers, SIRET, *_INSTEAD):
        yield Breach(term="BT-29", expected=_SUPPLIERS)


def _seller_id(scheme: str, shape: re.Pattern[str], expected: str) -> Check:
    """Return a check that the seller's identifiers of a scheme have a shape."""

    def check(invoice: Invoice) -> Iterator[Breach]:
        for each in of_scheme(invoice.seller.identifiers, scheme):
            if not shape.fullmatch(each.value):
                yield Breach(term="BT-29", value=each.value, expected=expected)

    return check


def tahiti_has_nine(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for a TAHITI number of other than nine characters.

    The sources disagree on ten: that is told as a warning.
    """
    for each in of_scheme(invoice.seller.identifiers, TAHITI):
        if not _TAHITI.fullmatch(each.value):
            light = Severity.WARNING if _LONG_TAHITI.fullmatch(each.value) else None
            yield Breach(term="BT-29", value=each.value, expected="9", severity=light)


def individual_is_well_formed(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for an individual's identifier of another shape.

    It tells of a person's birth: what was found is not repeated.
    """
    for each in of_scheme(invoice.seller.identifiers, INDIVIDUAL):
        if not _INDIVIDUAL.fullmatch(each.value):
            yield Breach(term="BT-29")


def buyer_has_siret(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where the buyer has no SIRET."""
    if not of_scheme(invoice.buyer.identifiers, SIRET):
        yield Breach(term="BT-46")


def payee_is_identified(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where the payee's SIRET is not of its SIREN, or where it has no other."""
    if invoice.payee is not None:
        yield from _identified(invoice.payee, "BT-60")


def agent_is_identified(invoice: Invoice) -> Iterator[Breach]:
    """Yield the same for the seller's agent."""
    if invoice.seller_agent is not None:
        yield from _identified(invoice.seller_agent, "EXT-FR-FE-69")


def _identified(party: Party, term: str) -> Iterator[Breach]:
    siren = _siren(party)
    if siren is None:
        if not of_scheme(party.identifiers, *_INSTEAD):
            found = party.identifiers[0].value if party.identifiers else None
            yield Breach(term=term, value=found, expected=", ".join(_INSTEAD))
        return
    sirets = of_scheme(party.identifiers, SIRET)
    if not any(each.value.startswith(siren) for each in sirets):
        found = sirets[0].value if sirets else None
        yield Breach(term=term, value=found, expected=f"{siren}…")


def contractor_is_told(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach where frame S3 or S6 names no main contractor by SIREN and SIRET."""
    if invoice.frame not in _BY_OTHERS:
        return
    agent = invoice.seller_agent or Party()
    if not _NINE.fullmatch(_siren(agent) or ""):
        yield Breach(term="EXT-FR-FE-71", value=_siren(agent))
    sirets = of_scheme(agent.identifiers, SIRET)
    if not any(_FOURTEEN.fullmatch(each.value) for each in sirets):
        yield Breach(term="EXT-FR-FE-69", value=sirets[0].value if sirets else None)


def _siren(party: Party) -> str | None:
    legal = party.legal_id
    return legal.value if legal is not None and legal.scheme == SIREN else None


def keys_are_right(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for every SIREN and SIRET whose key is wrong; one of no such shape passes.

    That a number has nine or fourteen digits is for BR-FR-09 and BR-FR-32 to say.
    """
    for name, identifier, registration in _PARTIES:
        party: Party | None = getattr(invoice, name)
        if party is None:
            continue
        for each in of_scheme(party.identifiers, SIRET):
            if _FOURTEEN.fullmatch(each.value) and not is_siret(each.value):
                yield Breach(term=identifier, value=each.value)
        legal: tuple[Identifier, ...] = (party.legal_id,) if party.legal_id else ()
        for each in of_scheme(legal, SIREN):
            if _NINE.fullmatch(each.value) and not is_siren(each.value):
                yield Breach(term=registration, value=each.value)


def vat_numbers_are_right(invoice: Invoice) -> Iterator[Breach]:
    """Yield a breach for every French VAT number whose key or SIREN is wrong, or its shape.

    What does not begin with FR is another country's, or for BR-CO-09 to say.
    """
    for term in _VAT_TERMS:
        for at, value in values_of(invoice, term):
            number = "".join(written(value).split())
            if number.startswith("FR") and not is_french_vat(number):
                yield Breach(term=term, value=written(value), at=at)


CPRO: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="BR-FR-CPRO-03",
        terms=("BT-29", "BT-29-1"),
        fr=f"Identifiant du vendeur absent (SIRET ou équivalent) : schéma {_SUPPLIERS}.",
        en=f"Seller identifier missing (SIRET or equivalent): scheme {_SUPPLIERS}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=seller_is_identified,
    ),
    Rule(
        identifier="BR-FR-CPRO-04",
        terms=("BT-29", "BT-29-1"),
        fr="Numéro de TVA du vendeur (schéma 0223) trop long, 18 caractères au plus : {v}.",
        en="Seller VAT identifier (scheme 0223) too long, at most 18 characters: {v}.",
        severity=Severity.FATAL,
        source=f"{_SOURCE} (the text says less than 18, the list 18: 18 is accepted)",
        check=_seller_id(EU_VAT, re.compile(r"(?s).{1,18}"), "18"),
    ),
    Rule(
        identifier="BR-FR-CPRO-05",
        terms=("BT-29", "BT-29-1"),
        fr="Identifiant hors UE (schéma 0227) mal formé, pays puis 16 caractères du nom au plus : "
        "{v}.",
        en="Malformed non-EU identifier (scheme 0227), country then at most 16 characters of the "
        "name: {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=_seller_id(NON_EU, _NON_EU, "18"),
    ),
    Rule(
        identifier="BR-FR-CPRO-06",
        terms=("BT-29", "BT-29-1"),
        fr="RIDET (schéma 0228) mal formé, 9 ou 10 chiffres attendus : {v}.",
        en="Malformed RIDET (scheme 0228), 9 or 10 digits expected: {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=_seller_id(RIDET, _RIDET, "9-10"),
    ),
    Rule(
        identifier="BR-FR-CPRO-07",
        terms=("BT-29", "BT-29-1"),
        fr="Numéro TAHITI (schéma 0229) mal formé, 9 caractères attendus : {v}.",
        en="Malformed TAHITI number (scheme 0229), 9 characters expected: {v}.",
        severity=Severity.FATAL,
        source=f"{_SOURCE}; Annexe 7 v1.8, G1.73 (9; the rule says 9 to 10: 10 is a warning)",
        check=tahiti_has_nine,
    ),
    Rule(
        identifier="BR-FR-CPRO-08",
        terms=("BT-29", "BT-29-1"),
        fr="Identifiant de particulier (schéma 0226) mal formé : dix chiffres, puis le nom et le "
        "prénom sans espace, 80 caractères au plus.",
        en="Malformed individual identifier (scheme 0226): ten digits, then name and first name "
        "without spaces, at most 80 characters.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=individual_is_well_formed,
    ),
    Rule(
        identifier="BR-FR-CPRO-10",
        terms=("BT-46", "BT-46-1"),
        fr="SIRET de l'acheteur public absent (schéma 0009).",
        en="The public buyer's SIRET is missing (scheme 0009).",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=buyer_has_siret,
    ),
    Rule(
        identifier="BR-FR-CPRO-17",
        terms=("BG-10", "BT-60", "BT-60-1", "BT-61"),
        fr=f"Identifiant du bénéficiaire absent ou incohérent : {{v}} ; {_EXPECTED_FR}",
        en=f"Payee identifier missing or inconsistent: {{v}}; {_EXPECTED_EN}",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=payee_is_identified,
    ),
    Rule(
        identifier="BR-FR-CPRO-18",
        terms=("EXT-FR-FE-BG-03", "EXT-FR-FE-69", "EXT-FR-FE-70", "EXT-FR-FE-71"),
        fr=f"Identifiant de l'agent du vendeur absent ou incohérent : {{v}} ; {_EXPECTED_FR}",
        en=f"Seller's agent identifier missing or inconsistent: {{v}}; {_EXPECTED_EN}",
        severity=Severity.FATAL,
        source=f"{_SOURCE} (the text swaps 69 and 71; CPRO-21 gives the right use)",
        check=agent_is_identified,
    ),
    Rule(
        identifier="BR-FR-CPRO-21",
        terms=("BT-23", "EXT-FR-FE-69", "EXT-FR-FE-71"),
        fr="Sous-traitance ou co-traitance : titulaire ou mandataire à identifier par SIREN et "
        "SIRET ; {term} : {v}.",
        en="Sub- or co-contracting: identify the main contractor or representative by SIREN and "
        "SIRET; {term}: {v}.",
        severity=Severity.FATAL,
        source=_SOURCE,
        check=contractor_is_told,
    ),
)

KEYS: tuple[Rule[Invoice], ...] = (
    Rule(
        identifier="CP-20",
        terms=tuple(term for party in _PARTIES for term in party[1:]),
        fr="Clé de contrôle du SIREN ou du SIRET incorrecte : {v}.",
        en="SIREN or SIRET check digit is wrong: {v}.",
        severity=Severity.WARNING,  # no source says that Chorus Pro tests it
        source="INSEE, key of SIREN and SIRET",
        check=keys_are_right,
    ),
    Rule(
        identifier="CP-24",
        terms=_VAT_TERMS,
        fr="Numéro de TVA français mal formé, ou clé ou SIREN faux : {v}.",
        en="French VAT number malformed, or its key or SIREN wrong: {v}.",
        severity=Severity.WARNING,  # no source says that Chorus Pro tests it
        source="key of the French VAT number, as the tax administration makes it",
        check=vat_numbers_are_right,
    ),
)
