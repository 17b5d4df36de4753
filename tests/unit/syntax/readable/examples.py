"""A usual invoice, made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from pipeline.model.finding import Finding, Layer, LayerResult, Severity
from pipeline.model.invoice import (
    Account,
    Address,
    Adjustment,
    Binary,
    Contact,
    Identifier,
    Invoice,
    Line,
    Note,
    Party,
    Payment,
    Period,
    Quantity,
    Support,
    Totals,
    VatBreakdown,
    VatCategory,
)
from pipeline.model.report import ValidationReport
from pipeline.syntax.readable.build import Source

CENT = Decimal("0.01")
SOURCE = Source(sha256="0123456789abcdef" * 4, size=9_876, name="FA-2026-0187.xml", syntax="UBL")

SELLER = Party(
    name="Papeterie des Halles SARL",
    trading_name="Papeterie des Halles",
    identifiers=(Identifier("73282932000074", "0009"),),
    legal_id=Identifier("732829320", "0002"),
    vat_id="FR44732829320",
    legal_form="SARL au capital de 10 000 €, RCS Paris",
    endpoint=Identifier("732829320_FACT", "0225"),
    address=Address(line_1="12 rue de la Lune", city="Paris", postcode="75002", country="FR"),
    contacts=(Contact(name="Aïcha Martin", phone="+33 1 40 00 00 00", email="a@halles.example"),),
)
BUYER = Party(
    name="Commune de Saint-Martin",
    identifiers=(Identifier("21690123100011", "0009"), Identifier("COMPTA", "0224")),
    legal_id=Identifier("216901231", "0002"),
    endpoint=Identifier("216901231", "0225"),
    address=Address(
        line_1="1 place de la Mairie", city="Saint-Martin", postcode="69000", country="FR"
    ),
)


def line(number: int) -> Line:
    """Return the `number`-th line: its own quantity and price."""
    quantity, price = Decimal(number % 7 + 1), Decimal("12.35") + number
    return Line(
        id=str(number),
        name=f"Ramette de papier A4 n° {number}",
        description="80 g/m², 500 feuilles, certifié",
        quantity=Quantity(quantity, "C62"),
        price=price,
        net=(quantity * price).quantize(CENT),
        vat_category=VatCategory.STANDARD,
        vat_rate=Decimal(20),
        seller_item=f"PAP-{number:04d}",
    )


def usual(lines: int = 6) -> Invoice:
    """Return an invoice whose sums are right, with this many lines, an allowance and a charge."""
    rows = tuple(line(number) for number in range(1, lines + 1))
    total = sum((each.net or Decimal(0) for each in rows), Decimal(0))
    allowance, charge = Decimal("10.00"), Decimal("15.00")
    net = total - allowance + charge
    tax = (net * Decimal("0.20")).quantize(CENT)
    standard = Adjustment(vat_category=VatCategory.STANDARD, vat_rate=Decimal(20))
    return Invoice(
        number="FA-2026-0187",
        issue_date=date(2026, 3, 9),
        due_date=date(2026, 4, 8),
        type_code="380",
        currency="EUR",
        frame="M1",
        specification="urn:cen.eu:en16931:2017",
        buyer_reference="COMPTA",
        order="ENG-4711",
        contract="2025-M-018",
        period=Period(start=date(2026, 2, 1), end=date(2026, 2, 28)),
        seller=SELLER,
        buyer=BUYER,
        notes=(
            Note(subject="PMD", text="Pénalités : trois fois le taux d'intérêt légal."),
            Note(subject="PMT", text="Indemnité forfaitaire de recouvrement : 40 €."),
            Note(subject="AAB", text="Pas d'escompte pour paiement anticipé."),
            Note(text="Livraison au service achats.\nMerci de votre confiance."),
        ),
        payments=(
            Payment(
                means="58",
                reference="FA-2026-0187",
                accounts=(Account(number="FR7630006000011234567890189", provider="AGRIFRPP"),),
            ),
        ),
        payment_terms="30 jours nets",
        lines=rows,
        allowances=(
            replace(standard, amount=allowance, reason="Remise fidélité", reason_code="95"),
        ),
        charges=(replace(standard, amount=charge, reason="Port", reason_code="FC"),),
        vat=(VatBreakdown(base=net, amount=tax, category=VatCategory.STANDARD, rate=Decimal(20)),),
        totals=Totals(
            lines=total,
            allowances=allowance,
            charges=charge,
            without_vat=net,
            vat=tax,
            with_vat=net + tax,
            paid=Decimal(0),
            due=net + tax,
        ),
        supports=(
            Support(
                reference="BL-88",
                description="BON_LIVRAISON",
                attachment=Binary(b"%PDF-1.7 bon", "application/pdf", "bon-de-livraison.pdf"),
            ),
        ),
    )


def wrong() -> Invoice:
    """Return the usual invoice with one total that does not add up."""
    good = usual()
    return replace(good, totals=replace(good.totals, with_vat=Decimal("999.99")))


def finding(
    rule: str = "BR-CO-15",
    term: str | None = "BT-112",
    xpath: str = "/Invoice/cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount",
    severity: Severity = Severity.FATAL,
) -> Finding:
    """Return a finding about one term at one place."""
    return Finding(
        rule=rule,
        severity=severity,
        term=term,
        xpath=xpath,
        line=17,
        value="999.99",
        expected="806.52",
        message={
            "fr": f"Le total ne tombe pas juste ({rule}).",
            "en": f"It does not add up ({rule}).",
        },
    )


def report(*findings: Finding) -> ValidationReport:
    """Return what the checks said: one layer with these findings."""
    return ValidationReport(syntax=None, layers=(LayerResult.of(Layer.SEMANTICS, findings),))
