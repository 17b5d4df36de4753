"""What is told of a broken rule: what was found, what was expected, how it comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from pipeline.syntax import cii, ubl
from pipeline.validate.figures import Figures, figurer
from pipeline.validate.place import path_of

INVOICES = Path(__file__).parents[3] / "samples" / "invoices"
NAMES = {**ubl.NAMESPACES, **cii.NAMESPACES}

DISCOUNT = "ubl-380-remise-document.xml"
TWO_RATES = "cii-380-deux-taux-remise.xml"
EXEMPT = "ubl-380-sante-exoneree.xml"

UBL_TAX = "cac:TaxTotal/cac:TaxSubtotal"
CII_TAX = "//ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"


def one_of(name: str, path: str = ".") -> tuple[etree._Element, etree._Element]:
    """Read a sample, and find the first element at a path of it."""
    root = etree.parse(INVOICES / name).getroot()
    found = root.xpath(path, namespaces=NAMES)
    assert isinstance(found, list)
    assert isinstance(found[0], etree._Element)
    return root, found[0]


def tell(root: etree._Element, at: etree._Element, rule: str, words: str = "") -> Figures | None:
    """Tell the figures of a rule broken at a place."""
    figures = figurer(root)
    assert figures is not None
    return figures.tell(rule, words, at)


def told(name: str, path: str, changed: str, value: str, rule: str) -> tuple[str, str]:
    """Write another value at a path of a sample, then tell what a rule finds; spaces plain."""
    root, at = one_of(name, path)
    found = root.xpath(changed, namespaces=NAMES)
    assert isinstance(found, list)
    assert isinstance(found[0], etree._Element)
    found[0].text = value
    figures = tell(root, at, rule)
    assert figures is not None
    assert figures.node is found[0]
    return figures.fr.replace("\u202f", " "), figures.en


@pytest.mark.parametrize(
    ("name", "rule", "at", "changed", "value", "fr"),
    [
        (DISCOUNT, "BR-CO-10", ".", "*/cbc:LineExtensionAmount", "1210",
         "BT-106 trouvé 1 210,00 ; attendu 513,00 (Σ BT-131 513,00)."),
        (DISCOUNT, "BR-CO-11", ".", "*/cbc:AllowanceTotalAmount", "20",
         "BT-107 trouvé 20,00 ; attendu 25,00 (Σ BT-92 25,00)."),
        (DISCOUNT, "BR-CO-13", ".", "*/cbc:TaxExclusiveAmount", "500",
         "BT-109 trouvé 500,00 ; attendu 488,00 (BT-106 513,00 − BT-107 25,00)."),
        (DISCOUNT, "BR-CO-14", "cac:TaxTotal", "cac:TaxTotal/cbc:TaxAmount", "90",
         "BT-110 trouvé 90,00 ; attendu 97,60 (Σ BT-117 97,60)."),
        (DISCOUNT, "BR-CO-15", ".", "*/cbc:TaxInclusiveAmount", "1585.6",
         "BT-112 trouvé 1 585,60 ; attendu 585,60 (BT-109 488,00 + BT-110 97,60)."),
        (DISCOUNT, "BR-CO-16", ".", "*/cbc:PayableAmount", "-1",
         "BT-115 trouvé -1,00 ; attendu 585,60 (BT-112 585,60)."),
        (DISCOUNT, "BR-CO-17", UBL_TAX, f"{UBL_TAX}/cbc:TaxAmount", "97",
         "BT-117 trouvé 97,00 ; attendu 97,60 (BT-116 488,00 × BT-119 20 %)."),
        (DISCOUNT, "BR-S-08", f"{UBL_TAX}/cac:TaxCategory", f"{UBL_TAX}/cbc:TaxableAmount", "1",
         "BT-116 trouvé 1,00 ; attendu 488,00 (Σ BT-131 513,00 − Σ BT-92 25,00)."),
        (DISCOUNT, "BR-S-09", f"{UBL_TAX}/cac:TaxCategory", f"{UBL_TAX}/cbc:TaxAmount", "1",
         "BT-117 trouvé 1,00 ; attendu 97,60 (BT-116 488,00 × BT-119 20 %)."),
        (TWO_RATES, "BR-CO-12", ".", "//ram:ChargeTotalAmount", "40",
         "BT-108 trouvé 40,00 ; attendu 45,00 (Σ BT-99 45,00)."),
        (TWO_RATES, "BR-CO-15", ".", "//ram:GrandTotalAmount", "2320.20",
         "BT-112 trouvé 2 320,20 ; attendu 2 574,72 (BT-109 2 320,20 + BT-110 254,52)."),
        (TWO_RATES, "BR-S-08", f"{CII_TAX}[2]/ram:CategoryCode", f"{CII_TAX}[2]/ram:BasisAmount",
         "200", "BT-116 trouvé 200,00 ; attendu 225,00 (Σ BT-131 180,00 + Σ BT-99 45,00)."),
        (EXEMPT, "BR-E-09", f"{UBL_TAX}/cac:TaxCategory", f"{UBL_TAX}/cbc:TaxAmount", "5",
         "BT-117 trouvé 5,00 ; attendu 0,00."),
        (EXEMPT, "BR-E-05", "cac:InvoiceLine/*/cac:ClassifiedTaxCategory",
         "cac:InvoiceLine/*/cac:ClassifiedTaxCategory/cbc:Percent", "5.5",
         "BT-152 trouvé 5,5 ; attendu 0."),
        (DISCOUNT, "BR-S-05", "cac:InvoiceLine/*/cac:ClassifiedTaxCategory",
         "cac:InvoiceLine/*/cac:ClassifiedTaxCategory/cbc:Percent", "0",
         "BT-152 trouvé 0 ; attendu > 0."),
    ],
)  # fmt: skip
def test_an_amount_is_told_with_what_it_should_be_and_how_it_comes(
    name: str, rule: str, at: str, changed: str, value: str, fr: str
) -> None:
    """The bookkeeper sees at once which figure to look at, in both syntaxes."""
    assert told(name, at, changed, value, rule)[0] == fr


def test_the_english_is_written_as_the_document_writes_amounts() -> None:
    """Programs and people abroad find the figure in the file as it stands."""
    found = told(DISCOUNT, ".", "*/cbc:TaxInclusiveAmount", "1585.6", "BR-CO-15")

    assert found[1] == "BT-112 found 1585.6; expected 585.60 (BT-109 488.00 + BT-110 97.60)."


def test_a_missing_total_is_told_with_what_it_should_be() -> None:
    """There is no element to point at, but the figure is known."""
    root, total = one_of(DISCOUNT, "*/cbc:AllowanceTotalAmount")
    total.getparent().remove(total)  # type: ignore[union-attr]  # it is inside the totals

    figures = tell(root, root, "BR-CO-11")

    assert figures is not None
    assert (figures.node, figures.value, figures.expected) == (None, None, "25.00")
    assert figures.fr == "BT-107 absent ; attendu 25,00 (Σ BT-92 25,00)."


def test_a_total_of_nothing_says_so() -> None:
    """Charges are announced, and there are none."""
    root, allowance = one_of(DISCOUNT, "cac:AllowanceCharge")
    root.remove(allowance)

    figures = tell(root, root, "BR-CO-11")

    assert figures is not None
    assert figures.fr == "BT-107 trouvé 25,00 ; attendu 0,00 (aucun BT-92)."
    assert figures.en == "BT-107 found 25.00; expected 0.00 (no BT-92)."


def test_too_many_decimals_are_told_rounded() -> None:
    """As the norm rounds: half up."""
    root, line = one_of(DISCOUNT, "cac:InvoiceLine")
    amount = line.find("cbc:LineExtensionAmount", NAMES)
    assert amount is not None
    amount.text = "378.125"

    figures = tell(root, line, "BR-DEC-23", "… the Invoice line net amount (BT-131) is 2.")

    assert figures is not None
    assert (figures.term, figures.value, figures.expected) == ("BT-131", "378.125", "378.13")


def test_an_exact_half_below_zero_is_rounded_up_too() -> None:
    """A credit line: the packs round towards the larger number, as XPath does."""
    root, line = one_of(DISCOUNT, "cac:InvoiceLine")
    amount = line.find("cbc:LineExtensionAmount", NAMES)
    assert amount is not None
    amount.text = "-378.125"

    figures = tell(root, line, "BR-DEC-23", "… the Invoice line net amount (BT-131) is 2.")

    assert figures is not None
    assert figures.expected == "-378.12"


def test_a_share_that_cannot_be_told_leaves_the_sum_untold() -> None:
    """A line of two categories belongs to neither: its amount would be missing in the hint."""
    root, category = one_of(DISCOUNT, "cac:InvoiceLine/*/cac:ClassifiedTaxCategory")
    category.addnext(etree.fromstring(etree.tostring(category)))
    taxable = root.find("cac:TaxTotal/cac:TaxSubtotal/cbc:TaxableAmount", NAMES)
    assert taxable is not None
    taxable.text = "1"

    assert tell(root, taxable, "BR-S-08") is None


def test_nothing_is_expected_where_the_figures_agree_or_are_not_known() -> None:
    """A rule may fail for another cause; a wrong hint is worse than none."""
    root, total = one_of(DISCOUNT, "cac:TaxTotal")
    assert tell(root, root, "BR-CO-15") is None
    root.insert(root.index(total), etree.fromstring(etree.tostring(total)))

    assert tell(root, root, "BR-CO-15") is None
    assert tell(root, root, "BR-CO-15", "BT-109 and BT-110") == Figures(
        fr="Trouvé : BT-109 488.00.", en="Found: BT-109 488.00."
    )


def test_other_rules_are_told_with_the_terms_they_name() -> None:
    """Each that occurs once around the place, except the place itself."""
    root, name = one_of(DISCOUNT, "cac:InvoiceLine[2]/cac:Item/cbc:Name")
    words = "Line (BT-126), name (BT-153), period (BT-134) and net amount (BT-131), BT-131 again"

    found = tell(root, name, "BR-99", words)

    assert found == Figures(
        fr="Trouvé : BT-126 2, BT-131 135.00.", en="Found: BT-126 2, BT-131 135.00."
    )


def test_a_code_list_rule_is_told_with_the_attribute_it_looks_at() -> None:
    """The identifier itself is right: it is its scheme that no list knows."""
    root, endpoint = one_of(DISCOUNT, "//cbc:EndpointID")
    endpoint.set("schemeID", "9999")

    assert tell(root, endpoint, "BR-CL-25") == Figures(
        fr="Trouvé : schemeID 9999.", en="Found: schemeID 9999.", value="9999"
    )


def test_a_card_number_is_never_repeated() -> None:
    """BR-51 is about a number that should not have travelled: it goes no further."""
    root, means = one_of(DISCOUNT, "cac:PaymentMeans")
    card = etree.SubElement(
        etree.SubElement(means, f"{{{ubl.CAC}}}CardAccount"),
        f"{{{ubl.CBC}}}PrimaryAccountNumberID",
    )
    card.text = "4970100000000000"

    assert tell(root, means, "BR-51", "a full card number (BT-87)") is None


def test_a_structural_rule_and_another_document_are_told_nothing_of() -> None:
    """What has no place needs no value; a message of another kind has no business terms."""
    root, _ = one_of(DISCOUNT)

    assert tell(root, root, "UBL-CR-001", "BT-112") is None
    assert figurer(etree.fromstring("<x/>")) is None


def test_amounts_made_to_exhaust_their_reader_are_left_alone() -> None:
    """Thousands of digits are a valid xs:decimal; nobody computes with them."""
    root, total = one_of(DISCOUNT, "*/cbc:TaxExclusiveAmount")
    total.text = "9" * 10_000

    assert path_of(total) == "/ubl:Invoice/cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount"
    assert tell(root, root, "BR-CO-15") is None
