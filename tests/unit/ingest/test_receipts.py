"""What a table of a partner's says, and what is told of one that says nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from pipeline.ingest.receipts import COLUMNS, Line, of_table
from pipeline.model.connection import ReplyForm
from pipeline.model.decision import Reason
from pipeline.model.receipt import Said, Statement
from pipeline.syntax.replies import MOST_BYTES

BOTH = (ReplyForm.CSV, ReplyForm.JSON)
HEAD = "flow,number,seller,date,status,at,reason\n"


def told(text: str | bytes, forms: Sequence[ReplyForm] = BOTH, most: int = 3) -> list[Line]:
    """Read a table."""
    payload = text if isinstance(text, bytes) else text.encode()
    return list(of_table(payload, "ack.csv", forms, most))


def faults(text: str | bytes, forms: Sequence[ReplyForm] = BOTH) -> list[str]:
    """Return what is told of a table that cannot be taken, in English, without what to do."""
    found = [one for one in told(text, forms) if isinstance(one, Reason)]
    return [f"{one.code} {one.place}: {one.message['en']}" for one in found]


@pytest.mark.parametrize("mark", [",", ";"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte-order-mark"])
def test_a_spreadsheet_s_csv_is_read(mark: str, start: str) -> None:
    """Commas or semicolons, lines of any system, empty lines between them."""
    lines = (
        start + HEAD + "F1.xml,,,,taken,2026-03-02T12:00:00+01:00,\r\n\r\n"
        ',A-7,091000018,2026-09-01,213,,"deux, lignes"\r\n'
    )

    assert told(lines.replace(",", mark).replace(f"deux{mark}", "deux,")) == [
        Statement(
            place="ack.csv n° 1",
            said=Said.TAKEN,
            status="taken",
            flow="F1.xml",
            said_at=datetime(2026, 3, 2, 11, tzinfo=UTC),
        ),
        Statement(
            place="ack.csv n° 2",
            said=Said.REFUSED,
            status="213",
            number="A-7",
            seller="091000018",
            year=2026,
            text="deux, lignes",
        ),
    ]


def test_json_says_the_same() -> None:
    """For a program that writes no CSV."""
    line = {"flow": "F1.xml", "status": "partly", "reason": "2 sur 3"}

    (found,) = told(json.dumps({"schema": "edi-receipts/1", "receipts": [line]}))

    assert found == Statement(
        place="ack.csv n° 1", said=Said.PARTLY, status="partly", flow="F1.xml", text="2 sur 3"
    )


@pytest.mark.parametrize(
    ("line", "column"),
    [
        pytest.param(",,,,taken,,", "flow: ''", id="about-nothing"),
        pytest.param("F1,,,,lost,,", "status: 'lost'", id="unknown-status"),
        pytest.param("F1,,,,202,,", "status: '202'", id="status-of-an-invoice"),
        pytest.param(",A-7,091000018,,92,,", "status: '92'", id="status-of-a-file"),
        pytest.param(",A-7,12,,taken,,", "seller: '12'", id="no-siren"),
        pytest.param("F1,,,yesterday,taken,,", "date: 'yesterday'", id="no-date"),
        pytest.param("F1,,,,taken,soon,", "at: 'soon'", id="no-moment"),
        pytest.param("F1,,,,taken,0001-01-01T00:00:00+23:00,", "at: '0001", id="no-such-moment"),
        pytest.param("F1,,,,refused,,", "reason: ''", id="refused-without-why"),
    ],
)
def test_a_wrong_cell_is_told_with_its_line_and_column(line: str, column: str) -> None:
    """What was found, and what was expected."""
    (found,) = faults(f"{HEAD}{line}\n")

    assert found.startswith(f"IRR_SYNTAX ack.csv n° 1: {column}")
    assert "expected: " in found


@pytest.mark.parametrize(
    ("table", "part"),
    [
        pytest.param(b"\xff\xfea", "expected UTF-8", id="another-encoding"),
        pytest.param("\n \n", "columns: ; expected: status", id="blank"),
        pytest.param(HEAD, "0 lines; expected: 1 to 3", id="no-line"),
        pytest.param(HEAD + "F1,,,,taken,,\n" * 4, "4 lines; expected: 1 to 3", id="too-many"),
        pytest.param("flow,status,formula\n", "columns: flow, status, formula", id="column"),
        pytest.param("flow,status,status\n", "columns: flow, status, status", id="twice"),
        pytest.param("flow,at\nF1,\n", "expected: status", id="no-status"),
        pytest.param(HEAD + "F1,taken\n", "line 2: number of columns 2 / 7", id="short-line"),
        pytest.param(HEAD + '"F1,,,,taken,,\n', "CSV cannot be read", id="open-quote"),
        pytest.param(HEAD + '"F1"x,,,,taken,,\n', "CSV cannot be read", id="quote-inside"),
        pytest.param(HEAD + "a" * 200_000, "CSV cannot be read", id="huge-cell"),
        pytest.param("[" * 100_000, "JSON cannot be read", id="deep"),
        pytest.param('{"schema": 1' + "0" * 5_000 + "}", "JSON cannot be read", id="long-number"),
        pytest.param('{"a": 1, "a": 2}', "a key stands twice", id="key-twice"),
        pytest.param('{"receipts": []}', "expected: an object with schema", id="no-schema"),
        pytest.param(
            '{"schema": "edi-receipts/1", "receipts": [{"status": 92}]}',
            "every value is a text",
            id="number-for-a-text",
        ),
    ],
)
def test_a_hostile_or_broken_table_is_one_fault(table: str | bytes, part: str) -> None:
    """It is refused as a whole, and costs what reading it costs."""
    (found,) = faults(table)

    assert found.startswith("IRR_SYNTAX ack.csv: ")
    assert part in found


def test_a_table_beyond_its_size_is_not_read() -> None:
    """Whatever is in it."""
    (found,) = faults(b"x" * (MOST_BYTES + 1))

    assert found.startswith("IRR_TAILLE_F ack.csv: 5000001 bytes")


def test_only_a_form_that_was_agreed_is_read() -> None:
    """The sheet says which."""
    (csv,) = faults(HEAD, forms=(ReplyForm.JSON,))
    (other,) = faults("{}", forms=(ReplyForm.CSV,))

    assert "csv; agreed: json" in csv
    assert "json; agreed: csv" in other


def a_word(text: str) -> str:
    """Return a table in JSON in which a partner says why it refuses."""
    line = f'{{"flow": "F1", "status": "refused", "reason": "{text}"}}'
    return f'{{"schema": "edi-receipts/1", "receipts": [{line}]}}'


def test_what_a_partner_writes_is_shortened() -> None:
    """A formula is text here; novels are cut."""
    (found,) = told(a_word("=cmd|' /C calc'!A0" + "x" * 5_000))

    assert isinstance(found, Statement)
    assert found.text.startswith("=cmd|' /C calc'!A0")
    assert len(found.text) <= 2_000


def test_what_no_text_holds_is_refused() -> None:
    """A control character in a number would look something else up."""
    (found,) = faults(a_word("A0\\u0007"))

    assert "a control or incomplete character" in found


def test_every_column_is_documented() -> None:
    """The module's table is what partners are told."""
    from pipeline.ingest import receipts

    assert all(f"``{column}``" in (receipts.__doc__ or "") for column in COLUMNS)
