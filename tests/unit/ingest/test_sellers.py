"""A sender sends for the sellers of its sheet, and for no other."""

from __future__ import annotations

import pytest

from pipeline.ingest.sellers import check_seller
from pipeline.model.decision import Decision, Verdict
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.report import RoutingHeader

OURS, THEIRS = "123456789", "987654321"


def billed_by(siren: str | None) -> Document:
    """Return an invoice of a seller."""
    flow = InterchangeId("F1")
    header = RoutingHeader(number="1", seller_siren=siren, seller_name="Une société")
    return Document(
        id=document_id(flow, 1),
        interchange=flow,
        seq=1,
        name="a.xml",
        size=10,
        sha256="00",
        header=header,
    )


@pytest.mark.parametrize(
    "sellers",
    [
        pytest.param(None, id="of-anybody"),
        pytest.param((OURS,), id="of-this-one"),
        pytest.param((THEIRS, OURS), id="of-this-one-among-others"),
    ],
)
def test_what_the_sheet_allows_passes(sellers: tuple[str, ...] | None) -> None:
    """Platforms send for anybody, most senders for one."""
    assert check_seller(billed_by(OURS), sellers) == Decision(Verdict.ACCEPT)


def test_another_seller_is_refused_and_the_sheet_is_told() -> None:
    """Whoever reads it sees which SIREN was found, and which were agreed; French and English."""
    decision = check_seller(billed_by(THEIRS), (OURS,))

    (why,) = decision.reasons
    assert (decision.verdict, why.code, why.place) == (Verdict.REJECT, "REJ_COH", "a.xml BT-30")
    for text in why.message.values():
        assert THEIRS in text
        assert OURS in text
    assert "du vendeur" in why.message["fr"]
    assert "seller's" in why.message["en"]


def test_a_seller_without_a_siren_is_none_of_those_agreed() -> None:
    """Else it would be enough to leave the SIREN out."""
    decision = check_seller(billed_by(None), (OURS,))

    assert decision.verdict is Verdict.REJECT
    assert decision.reasons[0].message["fr"].startswith("vendeur sans SIREN")


def test_a_sheet_that_allows_nobody_lets_nothing_pass() -> None:
    """No sheet can be written so; were there one, it would not mean everybody."""
    assert check_seller(billed_by(OURS), ()).verdict is Verdict.REJECT


def test_a_long_sheet_is_told_in_part() -> None:
    """A reason is a sentence."""
    many = tuple(str(100_000_000 + n) for n in range(40))

    (why,) = check_seller(billed_by(OURS), many).reasons

    assert "100000004, … " in why.message["en"]
    assert "100000005" not in why.message["en"]
