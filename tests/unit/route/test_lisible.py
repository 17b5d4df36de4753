"""Which invoices get a readable version: the five rows of the published table."""

from __future__ import annotations

import pytest

from pipeline.adapters.configuration import read_interfaces
from pipeline.adapters.resources import data_folder
from pipeline.model.interface import Interface
from pipeline.model.invoice import Binary, Support
from pipeline.model.report import Syntax
from pipeline.route.lisible import Lisible, Origin, lisible_of, origin_of

OWN = Support(reference="1", description="LISIBLE", attachment=Binary(b"%PDF", "application/pdf"))
STYLE = Support(reference="2", description="FEUILLE_DE_STYLE", attachment=Binary(b"<xsl/>"))
PROMISED = Support(reference="3", description="LISIBLE", location="https://example.test/f.pdf")
INTERFACES = read_interfaces(data_folder("config") / "interfaces.toml")


@pytest.mark.parametrize(
    ("syntax", "origin", "supports", "expected"),
    [
        (Syntax.FACTURX, Origin.AFNOR, (), Lisible.NONE),
        (Syntax.FACTURX, Origin.STRUCTURED, (STYLE,), Lisible.NONE),
        (Syntax.UBL_INVOICE, Origin.AFNOR, (STYLE, OWN), Lisible.PASSED_ON),
        (Syntax.CII, Origin.AFNOR, (), Lisible.MADE),
        (Syntax.CII, Origin.AFNOR, (STYLE,), Lisible.MADE),
        (Syntax.UBL_CREDIT_NOTE, Origin.AFNOR, (PROMISED,), Lisible.MADE),
        (Syntax.UBL_INVOICE, Origin.STRUCTURED, (OWN,), Lisible.MADE),
        (Syntax.UBL_INVOICE, Origin.MIXED, (OWN,), Lisible.DUPLICATA),
    ],
)
def test_each_row_of_the_table(
    syntax: Syntax, origin: Origin, supports: tuple[Support, ...], expected: Lisible
) -> None:
    """A receiver that gets two readable versions, or none, cannot tell which one to believe."""
    assert lisible_of(syntax, origin, supports) is expected


@pytest.mark.parametrize("interface", INTERFACES.values(), ids=lambda each: each.code)
def test_an_interface_says_where_its_invoices_come_from(interface: Interface) -> None:
    """The table of interfaces names E2 in words; the codes here must be the same."""
    origin = origin_of(interface)

    assert (origin is Origin.MIXED) == ("E2 mixte" in interface.title)
    assert (origin is Origin.AFNOR) == (interface.answers.value != "historical")


def test_a_free_name_carries_the_formats_of_afnor() -> None:
    """No interface, no historical format."""
    assert origin_of(None) is Origin.AFNOR
