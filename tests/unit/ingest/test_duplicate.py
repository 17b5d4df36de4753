"""The same invoice twice: the second one is refused, and told which was first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.duplicate import Repeat, find_duplicates
from pipeline.model.comeback import Holder
from pipeline.model.decision import Verdict
from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId, InterchangeId, document_id
from pipeline.model.report import RoutingHeader
from pipeline.model.status import Step

FIRST, SECOND = InterchangeId("F1"), InterchangeId("F2")


def a_document(
    seq: int = 1,
    *,
    flow: InterchangeId = SECOND,
    content: str = "same",
    number: str = "2026-1",
    siren: str = "123456789",
    year: int = 2026,
    type_code: str = "380",
    frame: str | None = None,
) -> Document:
    """Build a candidate for acceptance."""
    return Document(
        id=document_id(flow, seq),
        interchange=flow,
        seq=seq,
        name="a.xml",
        size=10,
        sha256=content,
        header=RoutingHeader(
            number=number,
            issue_date=date(year, 3, 31),
            type_code=type_code,
            frame=frame,
            seller_siren=siren,
        ),
    )


def held_by(*documents: Document) -> dict[BusinessKey, Holder]:
    """Return accepted documents by the key that they hold."""
    routed = [replace(one, step=Step.ROUTED) for one in documents]
    return {key: Holder(document=one, bearer=one) for one in routed if (key := one.business_key)}


def verdicts(
    found: dict[DocumentId, Repeat],
) -> dict[DocumentId, tuple[DocumentId, Verdict]]:
    """Return who was first and the verdict, by document."""
    return {subject: (one.first, one.decision.verdict) for subject, one in found.items()}


@pytest.mark.parametrize(
    ("again", "verdict"),
    [
        pytest.param(a_document(), Verdict.DUPLICATE, id="same-bytes"),
        pytest.param(a_document(content="other"), Verdict.REJECT, id="other-bytes"),
        pytest.param(
            a_document(content="other", type_code="381"), Verdict.REJECT, id="other-type"
        ),
    ],
)
def test_a_number_that_is_taken_is_refused_and_the_first_is_named(
    again: Document, verdict: Verdict
) -> None:
    """The sender must be able to find what it sent before."""
    first = a_document(flow=FIRST)

    found = find_duplicates([again], held_by(first))

    assert verdicts(found) == {again.id: (first.id, verdict)}
    (reason,) = found[again.id].decision.reasons
    assert (reason.code, reason.place) == ("DOUBLON", "a.xml BT-1")
    assert all(
        part in text
        for text in reason.message.values()
        for part in ("2026-1", "123456789", "2026", first.id)
    )


@pytest.mark.parametrize("again", [a_document(), a_document(content="other")])
def test_of_what_another_partner_sent_nothing_is_told_but_that_it_is_there(
    again: Document,
) -> None:
    """Whose it is, its id and whether it says the same is for the operator to know."""
    first = a_document(flow=FIRST)

    found = find_duplicates([again], held_by(first), others={first.id})

    assert found[again.id].first == first.id
    (reason,) = found[again.id].decision.reasons
    assert not any(
        part in text
        for text in reason.message.values()
        for part in (first.id, first.interchange, "contenu", "content")
    )


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(a_document(siren="987654321"), id="other-supplier"),
        pytest.param(a_document(year=2027), id="other-year"),
        pytest.param(a_document(number="2026-2"), id="other-number"),
        pytest.param(a_document(frame="A9"), id="exempt-A9"),
        pytest.param(a_document(frame="S3"), id="exempt-S3"),
    ],
)
def test_what_is_not_the_same_invoice_passes(other: Document) -> None:
    """Two suppliers count from one each; sub-contractors repeat the holder's number."""
    assert find_duplicates([other], held_by(a_document(flow=FIRST))) == {}


def test_the_second_of_one_flow_is_refused_and_the_first_is_not() -> None:
    """The first in order of arrival is the good one, and names itself to all the others."""
    flow = [a_document(1), a_document(2), a_document(3, content="other")]

    found = find_duplicates(flow, {})

    assert verdicts(found) == {
        flow[1].id: (flow[0].id, Verdict.DUPLICATE),
        flow[2].id: (flow[0].id, Verdict.REJECT),
    }


def test_a_document_does_not_repeat_itself() -> None:
    """A released document may find the key that it holds already."""
    document = a_document()

    assert find_duplicates([document], held_by(document)) == {}


documents = st.builds(
    a_document,
    content=st.sampled_from(["one", "two"]),
    number=st.sampled_from(["1", "2"]),
    siren=st.sampled_from(["111111111", "222222222"]),
    year=st.sampled_from([2026, 2027]),
    frame=st.sampled_from([None, "A9"]),
)


@given(st.lists(documents, max_size=12), st.lists(documents, max_size=3))
def test_of_each_key_one_document_is_left_at_most(
    flow: list[Document], before: list[Document]
) -> None:
    """Whatever comes in, no key is ever held twice, and none is lost that is free."""
    candidates = [
        replace(one, id=document_id(SECOND, seq), seq=seq) for seq, one in enumerate(flow, 1)
    ]
    holders = held_by(*(replace(one, id=document_id(FIRST, 1)) for one in before))

    found = find_duplicates(candidates, holders)

    left = [one.business_key for one in candidates if one.id not in found]
    keys = [key for key in left if key is not None]
    wanted = {one.business_key for one in candidates} - set(holders) - {None}
    assert len(keys) == len(set(keys))
    assert set(keys) == wanted
