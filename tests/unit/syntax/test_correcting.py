"""A returned invoice is put right where it says whom it is for, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import facturx
import pytest
from lxml import etree

from pipeline.model.invoice import Identifier
from pipeline.model.life import Attached
from pipeline.model.limits import Limits
from pipeline.model.report import Syntax
from pipeline.syntax import cii, ubl
from pipeline.syntax.correcting import Correction, Uncorrectable, correct
from pipeline.syntax.forms import read_document
from pipeline.syntax.parse import compile_schema, parse
from tests.hubs import ROOT

XSD = Path(facturx.__file__).parent / "xsd_and_schematron"
PAPER = Attached(name="bon.pdf", mime="application/pdf", payload=b"%PDF-1.4 bon")
ALL = Correction(siret="26000456900018", service="PHARMA", engagement="EJ-9", papers=(PAPER,))
#: Where there is neither order nor paper before, and where there are.
MADE = {
    "ubl-380-fournitures": (Syntax.UBL_INVOICE, "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd"),
    "ubl-381-avoir": (Syntax.UBL_CREDIT_NOTE, "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd"),
    "cii-380-fournitures": (
        Syntax.CII,
        "cii-extended-ctc-fr/CrossIndustryInvoice_100pD22B.xsd",
    ),
}


def written(key: str, *, bare: bool) -> bytes:
    """Return a sample; `bare` without order."""
    payload = (ROOT / "samples" / "invoices" / f"{key}.xml").read_bytes()
    root = parse(payload, Limits())
    if not bare:
        return payload
    for name in ("OrderReference", "BuyerOrderReferencedDocument"):
        for element in root.iter(f"{{*}}{name}"):
            above = element.getparent()
            assert above is not None
            above.remove(element)
            break
    return etree.tostring(root)


@pytest.mark.parametrize("bare", [False, True], ids=["there", "bare"])
@pytest.mark.parametrize("key", MADE)
def test_everything_that_may_be_put_right_is_and_the_schema_holds(key: str, *, bare: bool) -> None:
    """What was there is written over, what was not is put where the schema wants it."""
    syntax, schema = MADE[key]
    before = written(key, bare=bare)
    module = cii if syntax is Syntax.CII else ubl
    header = module.read_header(parse(before, Limits()))

    after, now = correct(before, syntax, header, ALL, Limits())

    invoice = read_document(after, syntax, Limits()).invoice
    assert (now.buyer_siret, now.buyer_service, now.order_reference) == (
        ALL.siret,
        "PHARMA",
        "EJ-9",
    )
    assert invoice.buyer.legal_id == Identifier("260004569", "0002")
    assert invoice.supports[-1].attachment is not None
    assert invoice.supports[-1].attachment.content == PAPER.payload
    compiled = compile_schema(str(XSD / schema))
    assert compiled.validate(parse(after, Limits())), compiled.error_log


def test_a_pdf_is_left_to_its_supplier() -> None:
    """Its page says the same once more: nobody else may write that anew."""
    header = ubl.read_header(parse(written("ubl-380-fournitures", bare=False), Limits()))

    with pytest.raises(Uncorrectable, match="Factur-X"):
        correct(b"%PDF", Syntax.FACTURX, header, ALL, Limits())
