"""The table of the two months is held against itself, and views are folded from words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.entry.two_months.look import Invoice, Lived, Turned
from pipeline.entry.two_months.parties import PARTIES
from pipeline.entry.two_months.reading import Word, leads_to, read_words, view
from pipeline.entry.two_months.story import BEGINS, STORY, WAYS, Act, Row, check
from pipeline.entry.two_months.words import as_object, in_words
from pipeline.model.life import Event, Status

DAY = timedelta(days=1)
BOOKED = Row(
    number="A1",
    supplier="papeterie",
    recipient="ville",
    day=1,
    acts=(Act(8, Event.BOOK),),
    final=Status.COMPTABILISEE,
)


def word(status: Status, day: int) -> Word:
    """Say a status of one invoice on a day."""
    return Word(number="A1", status=status, at=BEGINS + day * DAY)


def test_a_row_that_cannot_be_played_is_named() -> None:
    """Whoever adds one reads which, before anything runs."""
    check(STORY)
    for wrong in (
        replace(BOOKED, recipient="nobody"),
        replace(BOOKED, day=9),
        replace(BOOKED, acts=(Act(8, Event.BOOK), Act(8, Event.PAY))),
        replace(BOOKED, final=None),
        replace(BOOKED, acts=(Act(90, Event.BOOK),)),
    ):
        with pytest.raises(ValueError, match="A1: "):
            check((wrong,))


def test_each_act_is_somebodys() -> None:
    """A resent invoice is its new recipient's; a second validator follows silence too."""
    acts = (Act(2, Event.RETURN), Act(3, Event.RESEND, ("hopital",)), Act(4, Event.BOOK))
    resent = replace(BOOKED, acts=acts)
    silence, answer = Act(9, Event.LAPSE), Act(12, Event.VALIDATE)
    works = replace(BOOKED, acts=(silence, answer), way=WAYS["A4, MOE, MOA"])

    assert [resent.whose(one) for one in acts] == ["ville", "papeterie", "hopital"]
    assert [works.whose(one) for one in works.acts] == ["", "amenageur"]
    assert [works.leads_to(one) for one in works.acts] == [
        Status.ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE,
        Status.PRISE_EN_COMPTE_MOA,
    ]


def test_words_count_in_the_order_in_which_they_were_said() -> None:
    """Files may be read in any order; that it was deposited is told last, and moves nothing."""
    said = [word(Status.MANDATEE, 8), word(Status.MISE_A_DISPOSITION, 1)]

    assert view(said) == {"A1": Status.MANDATEE}
    assert view([*said, word(Status.DEPOSEE, 9)]) == {"A1": Status.MANDATEE}
    assert view([word(Status.DEPOSEE, 9)]) == {"A1": Status.DEPOSEE}


def test_a_reject_for_a_missing_paper_is_read_as_a_suspension() -> None:
    """So does the hub take it."""
    assert leads_to(Event.REJECT, ("JUSTIF_ABS",)) is Status.SUSPENDUE
    assert leads_to(Event.REJECT, ("TX_TVA_ERR",)) is Status.REJETEE
    assert leads_to(Event.CASH) is None


def test_a_table_in_json_is_read_as_what_it_says() -> None:
    """Whatever the file is called."""
    line = b'{"number": "A1", "status": "COMPTABILISEE", "said_at": "2026-09-08T08:00:00+00:00"}'
    files = {"statuses-1.json": b'{"statuses": [' + line + b"]}"}

    assert list(read_words(PARTIES["traiteur"], files)) == [
        Word(number="A1", status=Status.COMPTABILISEE, at=BEGINS + 7 * DAY)
    ]


def test_nothing_is_consistent_that_one_side_sees_otherwise() -> None:
    """Ledger, supplier and recipient have to agree, and a refusal has to have been read."""
    booked = Status.COMPTABILISEE
    one = Invoice(
        row=BOOKED, final=booked, supplier_sees=booked, recipient_sees=booked, history=()
    )
    turned = Turned(row=replace(BOOKED, final=None, refused="DOUBLON"), code="DOUBLON", read=True)
    lived = Lived(documents=(one,), refused=(turned,), conserved=True, valid=True)

    assert lived.whole
    for wrong in (
        replace(lived, documents=(replace(one, supplier_sees=Status.MANDATEE),)),
        replace(lived, documents=(replace(one, recipient_sees=None),)),
        replace(lived, refused=(replace(turned, read=False),)),
        replace(lived, conserved=False),
        replace(lived, valid=False),
    ):
        assert not wrong.consistent
        assert as_object(wrong)["consistent"] is False
        assert list(in_words(wrong))[-1].endswith("see edi reconcile")
    ended = replace(one, row=replace(BOOKED, final=Status.MANDATEE))
    assert not replace(lived, documents=(ended,)).whole
