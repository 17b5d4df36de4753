"""What makes an invoice the same invoice."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.report import RoutingHeader
from pipeline.model.status import Step

FLOW = InterchangeId("F1")


def a_document(
    *,
    number: str | None = "2026-1",
    issued: date | None = date(2026, 3, 31),
    type_code: str = "380",
    frame: str | None = None,
    siren: str | None = "123456789",
    vat: str | None = None,
    name: str | None = None,
) -> Document:
    """Build a document that has all parts of a key."""
    return Document(
        id=document_id(FLOW, 1),
        interchange=FLOW,
        seq=1,
        name="a.xml",
        size=10,
        sha256="ab" * 32,
        step=Step.RECEIVED,
        header=RoutingHeader(
            number=number,
            issue_date=issued,
            type_code=type_code,
            frame=frame,
            seller_siren=siren,
            seller_vat=vat,
            seller_name=name,
        ),
    )


def test_the_key_is_supplier_number_and_year() -> None:
    """DSE §3.2.1.4: year of issue, SIREN, number."""
    assert a_document().business_key == BusinessKey(seller="123456789", number="2026-1", year=2026)


def test_an_invoice_and_a_credit_note_of_one_number_have_one_key() -> None:
    """The type is no part of it."""
    assert a_document(type_code="380").business_key == a_document(type_code="381").business_key


@pytest.mark.parametrize(
    ("siren", "vat", "name", "seller"),
    [
        pytest.param("123456789", "FR1", "Nom", "123456789", id="siren"),
        pytest.param(None, "BE0123456789", "Nom", "BE0123456789", id="foreigner-by-vat-number"),
        pytest.param(None, None, "Nom", "Nom", id="by-name"),
    ],
)
def test_a_supplier_without_siren_is_known_by_the_next_best(
    siren: str | None, vat: str | None, name: str, seller: str
) -> None:
    """Foreign suppliers have no SIREN, and send twice as well."""
    key = a_document(siren=siren, vat=vat, name=name).business_key

    assert key == BusinessKey(seller=seller, number="2026-1", year=2026)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(a_document(frame="A9"), id="A9"),
        pytest.param(a_document(frame="S3"), id="S3"),
        pytest.param(a_document(number=None), id="no-number"),
        pytest.param(a_document(issued=None), id="no-date"),
        pytest.param(a_document(siren=None), id="no-supplier"),
    ],
)
def test_some_documents_have_no_key(document: Document) -> None:
    """Sub-contracting documents are exempt (DSE §6.12.2); others lack a part of it."""
    assert document.business_key is None


def test_other_frames_have_a_key() -> None:
    """Only A9 and S3 are exempt."""
    assert a_document(frame="S1").business_key is not None
