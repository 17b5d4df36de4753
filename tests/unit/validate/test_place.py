"""Places: the path a report shows, and the way from a Schematron's path to it."""

from __future__ import annotations

import pytest
from lxml import etree

from pipeline.validate.place import MOST_VALUE, PREFIXES, Place, find, place_of

UBL = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
INVOICE = etree.fromstring(
    f"""<Invoice xmlns="{UBL}" xmlns:a="{CAC}" xmlns:b="{CBC}">
<b:ID>F1</b:ID>
<a:InvoiceLine><b:ID>1</b:ID></a:InvoiceLine>
<a:InvoiceLine><b:ID schemeID="X">2<!-- two --></b:ID></a:InvoiceLine>
</Invoice>"""
)


def step(space: str, name: str, nth: int) -> str:
    return f"/*:{name}[namespace-uri()='{space}'][{nth}]"


ROOT = step(UBL, "Invoice", 1)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (ROOT + step(CBC, "ID", 1), Place("/ubl:Invoice/cbc:ID", 2, "F1")),
        (ROOT + step(CAC, "InvoiceLine", 2), Place("/ubl:Invoice/cac:InvoiceLine[2]", 4, None)),
        (
            ROOT + step(CAC, "InvoiceLine", 2) + step(CBC, "ID", 1),
            Place("/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID", 4, "2"),
        ),
        (
            ROOT + step(CAC, "InvoiceLine", 2) + step(CBC, "ID", 1) + "/@schemeID",
            Place("/ubl:Invoice/cac:InvoiceLine[2]/cbc:ID/@schemeID", 4, "X"),
        ),
        (ROOT, Place("/ubl:Invoice", 1, None)),
        (ROOT + step(CAC, "Nowhere", 1), Place(ROOT + step(CAC, "Nowhere", 1), None, None)),
        ("not a path", Place("not a path", None, None)),
        ("", Place("", None, None)),
    ],
)
def test_a_schematrons_location_becomes_a_short_path_a_line_and_a_value(
    location: str, place: Place
) -> None:
    """Report readers get a path they can read, whatever prefixes the document uses."""
    found, element = find(INVOICE, location)

    assert found == place
    assert (element is None) == (place.line is None)


def test_every_path_leads_back_to_its_element() -> None:
    """The path is evaluable XPath 1.0, numbers where there is more than one."""
    other = etree.SubElement(INVOICE, "{urn:other}x")
    names = {prefix: space for space, prefix in PREFIXES.items()}

    for element in INVOICE.iter("*"):
        assert INVOICE.getroottree().xpath(place_of(element).xpath, namespaces=names) == [element]

    INVOICE.remove(other)


def test_a_long_value_is_cut() -> None:
    """An attachment does not go into a report."""
    element = etree.fromstring(f"<x>{'A' * 5000}</x>")

    value = place_of(element).value

    assert value == "A" * (MOST_VALUE - 1) + "…"
