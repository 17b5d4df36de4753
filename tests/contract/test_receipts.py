"""What partners say of what was delivered to them: from their file to the record."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from pipeline import bootstrap
from pipeline.app.erase import erase
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.redeliver import redeliver
from pipeline.app.operate.release import release
from pipeline.app.receipts import last_word, unacknowledged
from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.app.why import why
from pipeline.model.carriage import Carriage, Grouping, LossRule, Original
from pipeline.model.connection import Completeness, Envelope, Naming, ReplyForm
from pipeline.model.conversion import Form
from pipeline.model.interchange import Interchange
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.receipt import Said
from pipeline.model.status import InterchangeStep
from pipeline.ports.failpoint import arm, disarm
from pipeline.ports.ledger import Query
from pipeline.route.pack import pack_tar_gz
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.cdar import Cdar, Detail, Party
from pipeline.syntax.cpp_parties import Envelope as CppEnvelope
from pipeline.syntax.cpp_status import ErrorLine, FluxStatus, StatusMessage
from tests.contract.conftest import Database
from tests.hubs import MINUTE, World, invoice, judge_messages, judge_without_packs, opened

pytestmark = pytest.mark.contract

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
#: Seller of every invoice here.
SIREN = "091000018"
AT_ONCE = Completeness(stable_for=timedelta(0), partial_wait=timedelta(0))
#: A public recipient, a platform, and one that writes tables.
CITY: Mapping[str, Any] = {
    "naming": Naming.GRAMMAR,
    "application_code": "VIL750",
    "interfaces": ("FEN0036A",),
    "carriage": Carriage(form=Form.PIVOT, original=Original.BESIDE, loss=LossRule.ALLOW),
    "acknowledge_within": timedelta(hours=4),
}
PLATFORM: Mapping[str, Any] = {
    "naming": Naming.GRAMMAR,
    "application_code": "PAR012",
    "matricule": "0417",
    "interfaces": ("FEN3036A",),
    "carriage": Carriage(form=Form.UBL),
}
PLAIN: Mapping[str, Any] = {"replies": (ReplyForm.CSV, ReplyForm.JSON)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a workspace with a SQLite ledger."""
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def either(database: Database, tmp_path: Path) -> Iterator[World]:
    """Give a workspace on an empty ledger of each kind."""
    with opened(tmp_path, url=database.url) as made:
        yield made


def agree(world: World, terms: Mapping[str, Any], name: str = "ville") -> None:
    """Put another sheet of a receiver in force."""
    sheet = replace(world.connections[name], completeness=AT_ONCE, **terms)
    world.connections[name] = sheet
    world.apply("ville", "hopital", "imprimerie")


def deliver(world: World, *numbers: str, buyer: str = "VILLE") -> list[OutboxRow]:
    """Have invoices taken in and delivered; return their files."""
    for number in numbers:
        world.drop("caterer", f"{number}.xml", invoice(number, buyer))
    run(world)
    return list(world.hub.ledger.outbox(kind=OutboxKind.DELIVERY))


def run(world: World) -> None:
    """Work until nothing is left."""
    world.clock.move(MINUTE)
    run_once(world.hub, insist=True)


def reply(world: World, name: str, payload: bytes, sheet: str = "ville") -> Interchange:
    """Have a partner leave an answer; return the flow as it then stands."""
    world.drop(sheet, name, payload)
    run(world)
    (found,) = world.hub.ledger.interchanges(Query(connection=sheet, text=name))
    return found


def name_of(code: str, number: int, application: str = "VIL750") -> str:
    """Name a flow of a partner's."""
    return f"{code}_{application}_{application}{code[3:7]}{number:015d}"


def a_statut(flow: str, status: int = 92, *errors: ErrorLine) -> bytes:
    """Write what a public recipient says of a flow."""
    envelope = CppEnvelope.of("VIL7501300000000000000001", AT, receiver="CPP001", sender="VIL750")
    said = FluxStatus(status=status, at=AT, flow_id=flow, errors=errors)
    schema = etree.XMLSchema(file="schemas/CPPStatut-V1_19.xsd")
    return cpp_status.write(StatusMessage(envelopes=(envelope,), flows=(said,)), schema)


def a_cdar(reference: str, status: int, **terms: Any) -> bytes:
    """Write what a platform says of a flow, or of one invoice."""
    us, them = (Party("WK", code, "0238") for code in ("9999", "0417"))
    about: dict[str, Any] = {"transmission": {202: "43", 213: "8"}.get(status)}
    if status < 500:
        about |= {"seller": Party("SE", SIREN, "0002"), "type_code": "380"}
    if status in {213, 501}:
        about["details"] = (
            Detail(sequence=1, reason={213: "REJ_SEMAN", 501: "IRR_SYNTAX"}[status], text="non"),
        )
    message = Cdar(
        id="CEN-1",
        issued_at=AT,
        sender=them,
        issuer=them,
        recipients=(us,),
        set_at=AT,
        reference=reference,
        issue_date=date(2026, 9, 1),
        status=status,
        **{**about, **terms},
    )
    return cdar.write(message, cdar_schema())


@cache
def cdar_schema() -> etree.XMLSchema:
    """Return the schema of a CDAR."""
    return etree.XMLSchema(file=str(bootstrap.shelf(bootstrap.workspace()).path("cdar-d22b-xsd")))


def answers(world: World, sheet: str = "ville") -> list[str]:
    """Return the names of what was answered to a partner."""
    rows = world.hub.ledger.outbox(kind=OutboxKind.ACKNOWLEDGEMENT)
    return sorted(row.name for row in rows if row.connection == sheet)


def events(world: World, subject: str) -> list[str]:
    """Return what happened to a subject that partners said."""
    told = (one.fact.what for one in world.hub.ledger.events(subject))
    return [what for what in told if what.startswith("receipt.")]


def test_a_public_recipient_takes_a_pivot(world: World) -> None:
    """FEN0036A goes out, FSO1300A comes back: taken in once, with an event, and no answer."""
    agree(world, CITY)
    (row,) = deliver(world, "F1")

    taken = reply(world, name_of("FSO1300A", 1), a_statut(row.name[-25:]))

    (receipt,) = world.hub.ledger.receipts(documents=row.documents)
    assert (taken.step, taken.documents) == (InterchangeStep.CLOSED, 0)
    assert (receipt.row, receipt.document, receipt.said) == (row.key, None, Said.TAKEN)
    assert (receipt.status, receipt.said_at, receipt.early) == ("92", AT, False)
    assert events(world, row.key) == ["receipt.taken"]
    assert answers(world) == []
    assert verify(world.hub.ledger, world.hub.archive).sound


def test_the_same_said_again_changes_nothing(either: World) -> None:
    """A partner that lost its record sends it again under a new name: one receipt, one event."""
    world = either
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    reply(world, name_of("FSO1300A", 1), a_statut(row.name[-25:]))

    again = reply(world, name_of("FSO1300A", 2), a_statut(row.name))

    assert again.step is InterchangeStep.CLOSED
    assert len(world.hub.ledger.receipts(documents=row.documents)) == 1
    assert events(world, row.key) == ["receipt.taken"]


def test_the_same_bytes_under_another_name_are_a_duplicate(world: World) -> None:
    """As of a deposit: answered as irrecevable, naming the first; nothing new is written."""
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    reply(world, name_of("FSO1300A", 1), a_statut(row.name))

    again = reply(world, name_of("FSO1300A", 2), a_statut(row.name))

    assert (again.step, again.reason) == (InterchangeStep.DUPLICATE, "IRR_UNICITE")
    assert [name[:8] for name in answers(world)] == ["CSO1300A"]
    assert len(world.hub.ledger.receipts(documents=row.documents)) == 1


def test_a_refused_pivot_opens_a_case_that_a_new_delivery_closes(world: World) -> None:
    """The operator reads why, and what to type; then nobody waits any more."""
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    (document,) = row.documents
    line = ErrorLine(nature="TECHNIQUE", code="XSD", label="schéma", description="ligne 12")

    reply(world, name_of("FSO1300A", 1), a_statut(row.name, 94, line))
    cases = [one for one in why(world.hub.ledger, document) if one.code == "RECEIPT_REFUSED"]
    redeliver(world.hub, world.hub.ledger.sheets(), find(world.hub, document), Order("réparé"))
    run(world)

    assert [(one.who, one.state, one.command) for one in cases] == [
        ("operator", "refused", f'edi redeliver {document} --reason "…"')
    ]
    assert "TECHNIQUE : XSD : schéma : ligne 12" in cases[0].cause
    told = why(world.hub.ledger, document)
    assert [one.code for one in told if one.code == "RECEIPT_REFUSED"] == []


def test_what_was_refused_and_then_taken_is_no_case(world: World) -> None:
    """The last word counts; both stay on record."""
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    reply(world, name_of("FSO1300A", 1), a_statut(row.name, 96))

    reply(world, name_of("FSO1300A", 2), a_statut(row.name, 92))

    said = world.hub.ledger.receipts(documents=row.documents)
    assert [one.said for one in said] == [Said.PARTLY, Said.TAKEN]
    codes = {one.code for one in why(world.hub.ledger, row.documents[0])}
    assert "RECEIPT_REFUSED" not in codes


def test_a_platform_takes_one_invoice_and_refuses_another(world: World) -> None:
    """CEN3036A: one CDAR an invoice, found by number, SIREN and year."""
    agree(world, PLATFORM)
    deliver(world, "F1", "F2")
    name = name_of("CEN3036A", 1, "PAR012")
    messages = [("1.xml", a_cdar("F1", 202)), ("2.xml", a_cdar("F2", 213))]

    taken = reply(world, name, pack_tar_gz(messages))

    listed = world.hub.ledger.documents(Query(partner="caterer"))
    said = last_word(world.hub.ledger, [one.id for one in listed])
    assert taken.step is InterchangeStep.CLOSED
    assert {one.header.number: said[one.id].said for one in listed} == {
        "F1": Said.TAKEN,
        "F2": Said.REFUSED,
    }
    assert {(one.document is not None, one.status) for one in said.values()} == {
        (True, "202"),
        (True, "213"),
    }


def test_a_number_that_two_sellers_used_stands_for_the_invoice_of_one(either: World) -> None:
    """SIREN and number name an invoice; what another seller numbered so is none of it."""
    agree(either, PLAIN)
    other = "732829320"
    either.drop("caterer", "other.xml", invoice("F1").replace(SIREN.encode(), other.encode()))
    deliver(either, "F1")

    taken = reply(either, "1.csv", f"number;seller;status\r\nF1;{other};taken\r\n".encode())

    listed = either.hub.ledger.documents(Query(partner="caterer"))
    said = last_word(either.hub.ledger, [one.id for one in listed])
    with either.hub.ledger.transaction() as tx:
        numbered = tx.documents_numbered("F1", other)
    assert taken.step is InterchangeStep.CLOSED
    assert len(listed) == 2
    assert [one.header.seller_siren for one in numbered] == [other]
    assert said.keys() == {one.id for one in numbered}


def test_a_platform_could_not_take_a_flow(world: World) -> None:
    """CEI3036A: 501 of the flow as a whole."""
    agree(world, PLATFORM)
    (row,) = deliver(world, "F1")

    reply(world, name_of("CEI3036A", 1, "PAR012"), a_cdar(row.name, 501))

    (receipt,) = world.hub.ledger.receipts(documents=row.documents)
    assert (receipt.document, receipt.said, receipt.status) == (None, Said.REFUSED, "501")
    assert "IRR_SYNTAX" in receipt.text


def test_a_platform_could_not_take_an_answer_of_ours(world: World) -> None:
    """CEN1214A: a case on the flow that was answered, for an operator to look at."""
    world.connections["caterer"] = replace(
        world.connections["caterer"],
        naming=Naming.GRAMMAR,
        application_code="PLA001",
        matricule="0417",
        interfaces=("FSO1150A",),
    )
    world.apply("ville")
    flow = reply(world, name_of("FSO1150A", 1, "PLA001"), invoice("F1"), "caterer")
    rows = world.hub.ledger.outbox(interchange=flow.id, kind=OutboxKind.ACKNOWLEDGEMENT)
    (answer,) = (row.name for row in rows if row.name.startswith("FEN1214A"))

    taken = reply(world, name_of("CEN1214A", 1, "PLA001"), a_cdar(answer, 501), "caterer")

    cases = [one for one in why(world.hub.ledger, flow.id) if one.code == "ANSWER_REFUSED"]
    assert taken.step is InterchangeStep.CLOSED
    assert [(one.who, one.command) for one in cases] == [("operator", f"edi show {flow.id}")]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        pytest.param(91, "IRR_SYNTAX", id="says-nothing"),
        pytest.param(92, "ACK_UNKNOWN", id="unknown-flow"),
    ],
)
def test_what_cannot_be_taken_is_answered_and_changes_nothing(
    world: World, status: int, code: str
) -> None:
    """CSO1300A with the reason."""
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    flow = row.name if status == 91 else "CPP0010036000000000000000099"

    refused = reply(world, name_of("FSO1300A", 1), a_statut(flow, status))

    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, code)
    assert [name[:8] for name in answers(world)] == ["CSO1300A"]
    assert world.hub.ledger.receipts(documents=row.documents) == []


def test_one_unknown_object_refuses_all_that_a_flow_says(world: World) -> None:
    """All or nothing, so that whoever corrects it sends the whole of it again."""
    agree(world, PLATFORM)
    (row,) = deliver(world, "F1")
    messages = [("1.xml", a_cdar("F1", 202)), ("2.xml", a_cdar("F9", 202))]

    refused = reply(world, name_of("CEN3036A", 1, "PAR012"), pack_tar_gz(messages))

    (answer,) = answers(world)
    told = json.loads((world.folder("ville", "out") / answer).read_bytes())
    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, "ACK_UNKNOWN")
    assert [one["place"] for one in told["reasons"]] == ["2.xml"]
    assert world.hub.ledger.receipts(documents=row.documents) == []


def test_only_who_got_it_may_say_it(world: World) -> None:
    """Another receiver names the very file: it hears what a stranger hears, no more."""
    agree(world, CITY)
    agree(world, {**CITY, "application_code": "HOP750"}, "hopital")
    (row,) = deliver(world, "F1")

    name = name_of("FSO1300A", 1, "HOP750")
    refused = reply(world, name, a_statut(row.name, 94), "hopital")

    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, "ACK_UNKNOWN")
    assert row.name in refused.detail
    assert "ville" not in refused.detail
    assert world.hub.ledger.receipts(documents=row.documents) == []


def test_what_has_not_left_cannot_be_taken(world: World) -> None:
    """It waits for the others of its day: whoever acknowledges it cannot have seen it."""
    asked = Carriage(form=Form.UBL, group=Grouping.DAY)
    agree(world, {**PLATFORM, "carriage": asked, "envelope": Envelope.TAR_GZ})
    deliver(world, "F1")

    refused = reply(world, name_of("CEN3036A", 1, "PAR012"), a_cdar("F1", 202))

    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, "ACK_EARLY")
    assert world.hub.ledger.receipts(interchange=refused.id) == []


def test_what_may_have_left_is_taken_before_we_know_it(world: World) -> None:
    """An attempt was begun and its end is not known: the partner's word comes first."""
    agree(world, PLATFORM)
    out = world.folder("ville", "out")
    out.rename(out.with_name("gone"))
    out.write_bytes(b"no folder")
    (row,) = deliver(world, "F1")
    out.unlink()
    out.with_name("gone").rename(out)

    taken = reply(world, name_of("CEN3036A", 1, "PAR012"), a_cdar("F1", 202))

    (receipt,) = world.hub.ledger.receipts(documents=row.documents)
    assert (taken.step, receipt.early) == (InterchangeStep.CLOSED, True)


def test_a_late_word_is_taken_and_no_longer_missed(either: World) -> None:
    """What is owed is listed with who owes it; it may come at any time."""
    world = either
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    ledger, sheets = world.hub.ledger, world.hub.ledger.sheets()
    before = unacknowledged(ledger, sheets, world.clock.now() + timedelta(hours=3))
    world.clock.move(timedelta(hours=30))
    owed = unacknowledged(ledger, sheets, world.clock.now())

    reply(world, name_of("FSO1300A", 1), a_statut(row.name))

    assert before == []
    assert [(one.row, one.partner, one.name) for one in owed] == [(row.key, "ville", row.name)]
    assert owed[0].due - owed[0].sent_at == timedelta(hours=4)
    assert unacknowledged(ledger, sheets, world.clock.now()) == []


def test_a_receiver_without_a_writer_answers_by_a_table(world: World) -> None:
    """A file by its name and an invoice by its number; the answer is a page and an object."""
    agree(world, PLAIN)
    first, second = deliver(world, "F1", "F2")
    table = (
        "flow;number;seller;date;status;at;reason\r\n"
        f"{first.name};;;;taken;2026-03-02T12:00:00+01:00;\r\n"
        f';F2;{SIREN};2026;refused;;=HYPERLINK("http://x") illisible\r\n'
    )

    taken = reply(world, "acquittement.csv", table.encode())

    said = world.hub.ledger.receipts(documents=[*first.documents, *second.documents])
    assert taken.step is InterchangeStep.CLOSED
    assert {(one.document is None, one.said, one.said_at) for one in said} == {
        (first.documents != second.documents, Said.TAKEN, AT),
        (False, Said.REFUSED, taken.received_at),
    }


def test_a_refused_table_is_told_line_by_line(world: World) -> None:
    """A person reads the page, a program the object; nothing is taken."""
    agree(world, PLAIN)
    (row,) = deliver(world, "F1")
    lines = {"flow": row.name, "status": "taken"}, {"flow": "x", "status": "lost"}
    table = json.dumps({"schema": "edi-receipts/1", "receipts": lines})

    refused = reply(world, "ack.json", table.encode())

    told = [name.rpartition(".")[2] for name in answers(world)]
    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, "IRR_SYNTAX")
    assert "lost" in refused.detail
    assert told == ["html", "json"]
    assert world.hub.ledger.receipts(documents=row.documents) == []


def test_words_of_a_partner_go_when_a_flow_is_erased(either: World) -> None:
    """What was said stays; in which words does not."""
    world = either
    agree(world, CITY)
    (row,) = deliver(world, "F1")
    line = ErrorLine(nature="Facture F1", code="X", label="y")
    flow = reply(world, name_of("FSO1300A", 1), a_statut(row.name, 94, line))

    erase(world.hub, flow.id, "demandé")

    (receipt,) = world.hub.ledger.receipts(documents=row.documents)
    assert (receipt.said, receipt.text) == (Said.REFUSED, "")
    assert verify(world.hub.ledger, world.hub.archive).sound


def test_a_message_that_cannot_be_held_against_its_rules_is_held(world: World) -> None:
    """No fault of the partner's: an operator releases it once the rules are back."""
    agree(world, PLATFORM)
    (row,) = deliver(world, "F1")
    world.messages.judge_one = judge_without_packs
    held = reply(world, name_of("CEN3036A", 1, "PAR012"), a_cdar("F1", 202))
    world.messages.judge_one = judge_messages

    sheets = world.hub.ledger.sheets()
    release(world.hub, sheets, find(world.hub, held.id), Order("règles revenues"))

    found = world.hub.ledger.interchange(held.id)
    assert (held.step, held.reason) == (InterchangeStep.HELD, "PACK_MISSING")
    assert found is not None
    assert found.step is InterchangeStep.CLOSED
    assert len(world.hub.ledger.receipts(documents=row.documents)) == 1


@pytest.mark.parametrize(
    "moment",
    ["10000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-01-01T24:00:00Z"],
)
def test_a_moment_that_no_clock_shows_is_refused(world: World, moment: str) -> None:
    """Its schema allows it, so its reader has to say that it cannot take it."""
    agree(world, CITY)
    payload = re.sub(rb"(?<=<Horodatage>)[^<]+", moment.encode(), a_statut("F1"))

    refused = reply(world, name_of("FSO1300A", 1), payload)

    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, "IRR_SYNTAX")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><CPPStatut>&x;</CPPStatut>',
            id="external-entity",
        ),
        pytest.param(
            b"<CPPStatut><Enveloppe/></CPPStatut>",
            id="breaks-its-schema",
            marks=pytest.mark.slow,  # what explains it takes long to load
        ),
        pytest.param(b"<Invoice/>", id="something-else"),
        pytest.param(b"<CPPStatut>", id="truncated"),
    ],
)
def test_a_hostile_or_broken_message_is_refused(world: World, payload: bytes) -> None:
    """With its reason; what nobody can read is no reason to stop."""
    agree(world, CITY)

    refused = reply(world, name_of("FSO1300A", 1), payload)

    assert (refused.step, refused.reason) == (InterchangeStep.REFUSED, "IRR_SYNTAX")
    assert [name[:8] for name in answers(world)] == ["CSO1300A"]


@pytest.mark.slow
def test_a_platform_answers_a_factur_x(world: World) -> None:
    """FEN3736A goes out; CEN3736A takes its invoice, CEI3736A then could not take the flow."""
    form = Carriage(form=Form.FACTURX, facturx_profile="en16931", loss=LossRule.ALLOW)
    agree(world, {**PLATFORM, "interfaces": ("FEN3736A",), "carriage": form})
    (row,) = deliver(world, "F1")

    reply(world, name_of("CEN3736A", 1, "PAR012"), a_cdar("F1", 202))
    reply(world, name_of("CEI3736A", 2, "PAR012"), a_cdar(row.name, 501))

    said = world.hub.ledger.receipts(documents=row.documents)
    assert row.name.startswith("FEN3736A_PAR012_")
    assert [(one.status, one.document is None) for one in said] == [("202", False), ("501", True)]


#: Where a receiver's file is on its way from its folder to the record.
ON_ITS_WAY = ("pull.", "aside.", "work.", "spool.")


@pytest.mark.slow
def test_what_a_receiver_says_is_taken_once_wherever_the_hub_dies(world: World) -> None:
    """At each step the process ends; the next one takes the answer in, and only once."""
    agree(world, PLAIN)
    rows = deliver(world, *(f"F{place}" for place in range(40)))
    world.drop("ville", "ack-0.csv", table_of(rows[0]))
    reached = points_of(world)

    for place, point in enumerate(reached, 1):
        name, row = f"ack-{place}.csv", rows[place]
        world.drop("ville", name, table_of(row))
        die_at(world, point)
        world.stop()
        world.start()
        for _ in range(3):
            run(world)

        (flow,) = world.hub.ledger.interchanges(Query(text=name))
        said = world.hub.ledger.receipts(documents=row.documents)
        assert (point, flow.step, flow.removed) == (point, InterchangeStep.CLOSED, True)
        assert (point, [one.interchange for one in said]) == (point, [flow.id])
        assert (point, events(world, row.key)) == (point, ["receipt.taken"])
    assert len(reached) > 20
    assert list(world.folder("ville", "in").iterdir()) == []
    assert verify(world.hub.ledger, world.hub.archive).sound


def table_of(row: OutboxRow) -> bytes:
    """Write that a file was taken."""
    return f"flow,status\n{row.name},taken\n".encode()


def points_of(world: World) -> list[str]:
    """Work once; return the steps that were met on the way in, each once."""
    met: dict[str, None] = {}
    arm(lambda point: met.update({point: None}))
    try:
        run(world)
    finally:
        disarm()
    return [point for point in met if point.startswith(ON_ITS_WAY)]


def die_at(world: World, point: str) -> None:
    """Work until a step is met, and no further."""

    def die(reached: str) -> None:
        if reached == point:
            raise KeyboardInterrupt

    arm(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(world)
    finally:
        disarm()
