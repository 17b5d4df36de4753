"""The ledger's contract about the lives of invoices: moved by one, told, kept in order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipeline.adapters.database.ledger import SqlLedger
from pipeline.app.lives import Register
from pipeline.model.document import Document
from pipeline.model.errors import Fenced
from pipeline.model.identity import DocumentId, InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.life import (
    Actor,
    Asked,
    Cash,
    Circuit,
    Entry,
    Event,
    Given,
    Life,
    Status,
)
from pipeline.model.life_table import WAITS
from pipeline.model.report import RoutingHeader
from pipeline.model.validation import Due
from pipeline.ports.ledger import Ledger

pytestmark = pytest.mark.contract

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLOW = InterchangeId("F1")
FIRST, SECOND = document_id(FLOW, 1), document_id(FLOW, 2)


@pytest.fixture(name="ledger")
def ledger_with_invoices(ledger: SqlLedger) -> Ledger:
    """A ledger that holds two invoices of one number, of two years."""
    flow = Interchange(
        id=FLOW,
        connection="supplier",
        partner="supplier",
        name="f",
        size=1,
        mtime=1,
        sha256="0" * 64,
        received_at=NOW,
    )
    with ledger.transaction() as tx:
        tx.record(flow, "run:1")
        tx.add_documents(
            [(_invoice(one, 2025 + one.seq), None) for one in (_bare(1), _bare(2))], "run:1", NOW
        )
    return ledger


def _bare(seq: int) -> Document:
    return Document(
        id=document_id(FLOW, seq), interchange=FLOW, seq=seq, name="a.xml", size=1, sha256="1" * 64
    )


def _invoice(one: Document, year: int) -> Document:
    header = RoutingHeader(number="A1", issue_date=date(year, 1, 2), seller_siren="732829320")
    return Document(
        id=one.id,
        interchange=FLOW,
        seq=one.seq,
        name=one.name,
        size=1,
        sha256=one.sha256,
        header=header,
    )


def say(
    register: Register, subject: DocumentId, event: Event, actor: Actor, given: Given | None = None
) -> None:
    """Add one line, which the table takes."""
    said = register.add(
        subject,
        event,
        actor,
        given or Given(),
        by="partner:p",
        said_at=NOW + HOUR,
        taken_at=NOW + 2 * HOUR,
    )
    assert isinstance(said, Entry), said


def begin(ledger: Ledger, *subjects: DocumentId) -> None:
    """Let invoices be made available."""
    with ledger.transaction() as tx:
        register = Register(tx.lives(subjects))
        for subject in subjects:
            for event in (Event.DEPOSIT, Event.ROUTE, Event.MAKE_AVAILABLE):
                say(register, subject, event, Actor.HUB)
        tx.live(register.before, register.entries)


def test_a_life_is_where_its_history_ends(ledger: Ledger) -> None:
    """Every line comes back as it was written, in order."""
    begin(ledger, FIRST)
    given = Given(
        comment="reçu en partie", cash=(Cash(amount=Decimal("120.00"), rate=Decimal(20)),)
    )
    with ledger.transaction() as tx:
        register = Register(tx.lives([FIRST]))
        say(register, FIRST, Event.CASH, Actor.SUPPLIER, given)
        say(register, FIRST, Event.BOOK, Actor.RECIPIENT)
        tx.live(register.before, register.entries)

    history = ledger.history(FIRST)
    assert [(one.place, one.event, one.after) for one in history] == [
        (1, Event.DEPOSIT, Status.DEPOSEE),
        (2, Event.ROUTE, Status.EN_COURS_ACHEMINEMENT),
        (3, Event.MAKE_AVAILABLE, Status.MISE_A_DISPOSITION),
        (4, Event.CASH, Status.MISE_A_DISPOSITION),
        (5, Event.BOOK, Status.COMPTABILISEE),
    ]
    assert (history[3].cash, history[3].comment) == (given.cash, given.comment)
    assert ledger.lives([FIRST, SECOND]) == {
        FIRST: Life(
            id=FIRST,
            status=Status.COMPTABILISEE,
            actor=Actor.RECIPIENT,
            said_at=NOW + HOUR,
            since=NOW + 2 * HOUR,
            entries=5,
            bearer=FIRST,
        )
    }
    assert ledger.verify() == []


def test_every_change_of_a_life_is_told_by_an_event(ledger: Ledger) -> None:
    """Whoever edits a row behind the hub's back is found out."""
    begin(ledger, FIRST)

    told = [one.fact for one in ledger.events(FLOW) if one.fact.what.startswith("life.")]

    assert [(one.subject, one.what, one.by) for one in told] == [
        (FIRST, "life.MISE_A_DISPOSITION", "partner:p")
    ]
    assert told[0].data["entries"] == 3


def test_a_history_is_read_beside_its_events_whatever_was_done_to_it(
    database: Any, ledger: Ledger
) -> None:
    """A line that cannot be read hides no other invoice; one without a life is found."""
    begin(ledger, FIRST, SECOND)

    def lives() -> dict[str, tuple[bool, int, str]]:
        found = (one for one in ledger.subjects() if one.kind == "life")
        return {one.id: (one.row is not None, len(one.lines), one.trouble) for one in found}

    whole = lives()
    database.sql(f"UPDATE life_entry SET event = 'zzz' WHERE place = 2 AND document = '{FIRST}'")
    database.sql(f"DELETE FROM life WHERE document = '{SECOND}'")

    assert whole == {FIRST: (True, 3, ""), SECOND: (True, 3, "")}
    assert lives() == {
        FIRST: (True, 0, "'zzz' is not a valid Event"),
        SECOND: (False, 3, ""),
    }


def test_two_who_move_one_life_do_not_both(ledger: Ledger) -> None:
    """What was read before somebody else moved it moves nothing."""
    begin(ledger, FIRST)
    stale = ledger.lives([FIRST])
    with ledger.transaction() as tx:
        register = Register(tx.lives([FIRST]))
        say(register, FIRST, Event.BOOK, Actor.RECIPIENT)
        tx.live(register.before, register.entries)
    late = Register(stale)
    say(late, FIRST, Event.PAY, Actor.RECIPIENT)

    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.live(late.before, late.entries)

    assert ledger.lives([FIRST])[FIRST].status is Status.COMPTABILISEE
    assert len(ledger.history(FIRST)) == 4


def test_an_invoice_is_found_by_its_number_once_it_is_taken(ledger: Ledger) -> None:
    """What was refused has no life, and no status of it is anybody's business."""
    begin(ledger, SECOND)

    with ledger.transaction() as tx:
        assert [one.id for one in tx.invoices_numbered(["A1", "B"])] == [SECOND]
    begin(ledger, FIRST)
    assert [one.id for one in ledger.invoices_numbered(["A1"])] == [FIRST, SECOND]


def test_what_was_said_is_known_again(ledger: Ledger) -> None:
    """The name of a line is what it says."""
    begin(ledger, FIRST)
    known = {one.id for one in ledger.history(FIRST)}

    with ledger.transaction() as tx:
        assert set(tx.entries_known([*known, "SFFFF"])) == known


def test_what_waits_longest_comes_first(ledger: Ledger) -> None:
    """A list of what is overdue is read from the top."""
    begin(ledger, SECOND, FIRST)

    found = ledger.lives_at({Status.MISE_A_DISPOSITION}, 10)

    assert [one.id for one in found] == [FIRST, SECOND]
    assert ledger.lives_at({Status.REJETEE}, 10) == []


def test_another_document_bears_an_invoice_from_a_line_on(ledger: Ledger) -> None:
    """Whoever asks by the document is led to the invoice, and by the old one to nothing."""
    begin(ledger, FIRST)
    with ledger.transaction() as tx:
        register = Register(tx.lives_borne([FIRST, SECOND]))
        assert set(register.before) == {FIRST}
        say(register, FIRST, Event.RETURN, Actor.RECIPIENT, Given(reasons=("DEST_ERR",)))
        resent = register.add(
            FIRST,
            Event.RESEND,
            Actor.SUPPLIER,
            Given(changed=frozenset({"BT-46"})),
            by="partner:p",
            said_at=NOW + HOUR,
            taken_at=NOW + 2 * HOUR,
            bearer=SECOND,
        )
        assert isinstance(resent, Entry)
        tx.live(register.before, register.entries)
        assert {one: life.id for one, life in tx.lives_borne([FIRST, SECOND]).items()} == {
            SECOND: FIRST
        }

    assert ledger.lives([FIRST])[FIRST].bearer == SECOND
    assert set(ledger.lives_borne([FIRST, SECOND])) == {SECOND}
    assert [one.bearer for one in ledger.history(FIRST)][-2:] == [None, SECOND]
    told = [one.fact for one in ledger.events(FLOW) if one.fact.what.startswith("life.")]
    assert [one.data["bearer"] for one in told] == [FIRST, SECOND]
    assert ledger.verify() == []


def test_who_is_asked_until_when_is_kept_and_found_by_its_end(ledger: Ledger) -> None:
    """The end is on record since it was asked: nobody computes it anew."""
    asked = {
        FIRST: Asked(
            circuit=Circuit.SUBCONTRACT_TWICE,
            validators=("1" * 14,),
            following=("2" * 14,),
            deadline=NOW + 3 * HOUR,
        ),
        SECOND: Asked(circuit=Circuit.COCONTRACT, validators=("3" * 14,), deadline=NOW + 4 * HOUR),
    }
    with ledger.transaction() as tx:
        register = Register(tx.lives(asked))
        for subject, one in asked.items():
            say(register, subject, Event.DEPOSIT, Actor.HUB)
            say(register, subject, Event.ASK_VALIDATION, Actor.HUB, Given(asked=one))
        tx.live(register.before, register.entries)

    def due(hours: int, **more: Any) -> list[DocumentId]:
        wanted = Due(statuses=WAITS, until=NOW + hours * HOUR, limit=9, **more)
        return [one.id for one in ledger.lives_due(wanted)]

    assert {one: ledger.lives([one])[one].asked for one in asked} == asked
    assert ledger.history(FIRST)[1].asked == asked[FIRST]
    assert ledger.history(FIRST)[0].asked is None
    assert [due(2), due(3), due(4)] == [[], [FIRST], [FIRST, SECOND]]
    assert due(4, after=NOW + 3 * HOUR) == [SECOND]
    assert due(4, circuits=frozenset({Circuit.COCONTRACT})) == [SECOND]


def test_an_answer_takes_an_invoice_off_what_is_due(ledger: Ledger) -> None:
    """Who validated is on record; of two who act at once, the second finds it moved."""
    one = Asked(circuit=Circuit.SUBCONTRACT, validators=("1" * 14,), deadline=NOW + HOUR)
    with ledger.transaction() as tx:
        register = Register(tx.lives([FIRST]))
        say(register, FIRST, Event.DEPOSIT, Actor.HUB)
        say(register, FIRST, Event.ASK_VALIDATION, Actor.HUB, Given(asked=one))
        tx.live(register.before, register.entries)
    stale = ledger.lives([FIRST])
    with ledger.transaction() as tx:
        register = Register(tx.lives([FIRST]))
        say(register, FIRST, Event.VALIDATE, Actor.VALIDATOR, Given(comment="vu"))
        tx.live(register.before, register.entries)

    late = Register(stale)
    say(late, FIRST, Event.LAPSE, Actor.CLOCK, Given(comment="x"))
    with pytest.raises(Fenced), ledger.transaction() as tx:
        tx.live(late.before, late.entries)

    wanted = Due(statuses=WAITS, until=NOW + 9 * HOUR, limit=9)
    assert ledger.lives_due(wanted) == []
    assert ledger.lives([FIRST])[FIRST].status is Status.VALIDEE_1
