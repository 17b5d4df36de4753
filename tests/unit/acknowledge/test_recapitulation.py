"""One day summed up: every flow and invoice, totals that add up, safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.acknowledge.gap import gap_notice
from pipeline.acknowledge.recapitulation import Day, DayFlow, recapitulate
from pipeline.acknowledge.summary import Bucket, bucket
from pipeline.model.controls import reason
from pipeline.model.document import Document
from pipeline.model.gap import Gap
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.model.status import InterchangeStep, Step

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 10, 4, 22, 0, tzinfo=UTC)
END = START + timedelta(days=1)
AT = END + timedelta(minutes=1)
FLOW = Interchange(
    id=InterchangeId("F1"),
    connection="papeterie",
    partner="Papeterie du Lac",
    name="lot.tar.gz",
    size=480,
    mtime=0,
    sha256="a" * 64,
    received_at=START + timedelta(hours=9),
    step=InterchangeStep.OPENED,
)
DEST_INC = reason("DEST_INC", "2.xml BT-46", "SIRET inconnu", "unknown SIRET")


def a_day(*flows: tuple[Interchange, Sequence[Document]]) -> Day:
    """Build the day of 5 October."""
    return Day(
        sender="Papeterie du Lac",
        connection="papeterie",
        day=date(2026, 10, 5),
        timezone="Europe/Paris",
        zone=PARIS,
        start=START,
        end=END,
        made_at=AT,
        flows=tuple(DayFlow(flow, tuple(documents)) for flow, documents in flows),
    )


def as_json(day: Day) -> Any:
    """Return the JSON of a day."""
    return json.loads(recapitulate(day)[0].payload)


def as_rows(day: Day) -> list[dict[str, str]]:
    """Read the table of a day as a French spreadsheet does; columns by their French name."""
    text = recapitulate(day)[1].payload.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    return [{key.split(" / ")[0]: cell for key, cell in row.items()} for row in rows]


def a_document(seq: int, step: Step = Step.DELIVERED, **header: Any) -> Document:
    """Build an invoice of 300.00 EUR."""
    terms = {"number": f"FA-{seq}", "currency": "EUR", "total_with_vat": Decimal("300.00")}
    return Document(
        id=document_id(FLOW.id, seq),
        interchange=FLOW.id,
        seq=seq,
        name=f"{seq}.xml",
        size=10,
        sha256="b" * 64,
        step=step,
        syntax=Syntax.UBL_INVOICE,
        header=RoutingHeader(**{**terms, **header}),
        reasons=(DEST_INC,) if step in {Step.REJECTED, Step.HELD, Step.DUPLICATE} else (),
    )


def test_the_names_follow_from_the_day_alone() -> None:
    """Written once, found again."""
    assert [file.name for file in recapitulate(a_day())] == [
        "recapitulation-2026-10-05.json",
        "recapitulation-2026-10-05.csv",
    ]


def test_the_json_tells_every_flow_and_invoice() -> None:
    """A sender's program is written once against this shape."""
    good = a_document(1, seller_name="Papeterie", buyer_name="Ville", type_code="380")
    refused = replace(
        FLOW,
        id=InterchangeId("F2"),
        name="b.zip",
        step=InterchangeStep.REFUSED,
        reason="IRR_TYPE",
        detail="contenu de type zip.",
    )

    told = as_json(a_day((FLOW, [good, a_document(2, Step.REJECTED)]), (refused, [])))

    flow = {
        "id": "F1",
        "name": "lot.tar.gz",
        "received_at": "2026-10-05T07:00:00Z",
        "sha256": "a" * 64,
        "size": 480,
    }
    texts = {"fr": DEST_INC.message["fr"], "en": DEST_INC.message["en"]}
    assert told == {
        "schema": "edi-recapitulation/1",
        "sender": "Papeterie du Lac",
        "connection": "papeterie",
        "day": "2026-10-05",
        "timezone": "Europe/Paris",
        "from": "2026-10-04T22:00:00Z",
        "until": "2026-10-05T22:00:00Z",
        "made_at": "2026-10-05T22:01:00Z",
        "complete": True,
        "flow_counts": {
            "accepted": 0,
            "partly accepted": 1,
            "rejected": 1,
            "duplicate": 0,
            "held": 0,
            "received": 0,
        },
        "invoice_counts": {
            "received": 2,
            "accepted": 1,
            "rejected": 1,
            "duplicate": 0,
            "held": 0,
        },
        "totals": [
            {"currency": "EUR", "outcome": "accepted", "invoices": 1, "amount": "300.00"},
            {"currency": "EUR", "outcome": "rejected", "invoices": 1, "amount": "300.00"},
        ],
        "flows": [
            {
                **flow,
                "outcome": "partly accepted",
                "open": False,
                "reasons": [],
                "invoices": [
                    {
                        "id": "F1-0001",
                        "name": "1.xml",
                        "number": "FA-1",
                        "issue_date": None,
                        "type": "380",
                        "seller": "Papeterie",
                        "buyer": "Ville",
                        "currency": "EUR",
                        "amount": "300.00",
                        "outcome": "accepted",
                        "step": "delivered",
                        "open": False,
                        "reasons": [],
                    },
                    {
                        "id": "F1-0002",
                        "name": "2.xml",
                        "number": "FA-2",
                        "issue_date": None,
                        "type": None,
                        "seller": None,
                        "buyer": None,
                        "currency": "EUR",
                        "amount": "300.00",
                        "outcome": "rejected",
                        "step": "rejected",
                        "open": False,
                        "reasons": [{"code": "DEST_INC", "message": texts}],
                    },
                ],
            },
            {
                **flow,
                "id": "F2",
                "name": "b.zip",
                "outcome": "rejected",
                "open": False,
                "reasons": [
                    {
                        "code": "IRR_TYPE",
                        "message": {
                            "fr": "contenu de type zip.",
                            "en": "Flow type not allowed",
                        },
                    }
                ],
                "invoices": [],
            },
        ],
    }


def test_the_table_has_a_line_an_invoice_and_one_a_flow_without() -> None:
    """Moments by the sender's own clock, amounts with a comma, totals at the end."""
    note = a_document(2, Step.REJECTED, type_code="381", total_with_vat=Decimal("12.5"))
    refused = replace(
        FLOW, id=InterchangeId("F2"), step=InterchangeStep.REFUSED, reason="IRR_VIDE", detail="0"
    )

    rows = as_rows(a_day((FLOW, [a_document(1), note]), (refused, [])))

    wanted = ("ligne", "reçu le", "numéro", "devise", "montant TTC", "statut", "motifs")
    assert [tuple(row[key] for key in wanted) for row in rows] == [
        (
            "facture / invoice",
            "2026-10-05 09:00:00",
            "FA-1",
            "EUR",
            "300,00",
            "remise / delivered",
            "",
        ),
        (
            "avoir / credit note",
            "2026-10-05 09:00:00",
            "FA-2",
            "EUR",
            "-12,5",
            "rejetée / rejected",
            "DEST_INC",
        ),
        ("flux / flow", "2026-10-05 09:00:00", "", "", "", "refusé / refused", "IRR_VIDE"),
        ("total", "", "1 facture(s) / invoice(s)", "EUR", "300,00", "acceptées / accepted", ""),
        ("total", "", "1 facture(s) / invoice(s)", "EUR", "-12,5", "rejetées / rejected", ""),
    ]


def test_the_table_opens_in_a_french_spreadsheet() -> None:
    """A byte order mark, semicolons, lines that end in CR LF."""
    payload = recapitulate(a_day((FLOW, [a_document(1, buyer_name="Mairie ; d'« É »")])))[
        1
    ].payload

    assert payload.startswith(b"\xef\xbb\xbfligne / line;flux / flow;")
    assert payload.endswith(b"\r\n")
    assert b"\"Mairie ; d'" in payload
    assert payload.count(b"\n") == payload.count(b"\r\n") == 3


ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@pytest.mark.parametrize("start", ACTIVE)
def test_no_text_of_a_sender_becomes_a_formula(start: str) -> None:
    """Whoever names an invoice runs nothing in a bookkeeper's spreadsheet."""
    text = f"{start}cmd|' /C calc'!A0"
    hostile = a_document(
        1, Step.REJECTED, number=text, seller_name=text, buyer_name=text, currency=text
    )
    hostile = replace(
        hostile, name=text, reasons=(replace(DEST_INC, message={"fr": text, "en": text}),)
    )
    flow = replace(FLOW, name=text, detail=text, reason="IRR_TYPE")

    rows = as_rows(a_day((flow, [hostile]), (flow, [])))

    cells = [cell for row in rows for cell in row.values() if cell]
    assert sum(text in cell for cell in cells) == 10
    assert [cell for cell in cells if cell.startswith(ACTIVE)] == []


def test_a_negative_amount_stays_a_number() -> None:
    """An apostrophe before it would make it a text, and the column's sum wrong."""
    rows = as_rows(a_day((FLOW, [a_document(1, total_with_vat=Decimal("-7.00"))])))

    assert [row["montant TTC"] for row in rows] == ["-7,00", "-7,00"]


@pytest.mark.parametrize("step", [Step.HELD, Step.RECEIVED])
def test_what_is_open_says_so(step: Step) -> None:
    """A day that was summed up before all of it was decided does not look final."""
    day = a_day((FLOW, [a_document(1, step)]))

    told = as_json(day)
    rows = as_rows(day)

    assert told["complete"] is False
    assert told["flows"][0]["open"] is told["flows"][0]["invoices"][0]["open"] is True
    assert (rows[0]["issue du flux"], rows[0]["statut"]) == ("en cours / open",) * 2
    assert rows[1]["statut"] == "en cours / open"


def test_an_amount_that_cannot_be_read_is_counted_and_not_summed() -> None:
    """The invoice is there; its amount is a blank, not a zero."""
    day = a_day((FLOW, [a_document(1, Step.REJECTED, total_with_vat=None, currency=None)]))

    assert as_json(day)["totals"] == [
        {"currency": None, "outcome": "rejected", "invoices": 1, "amount": None}
    ]
    assert [row["montant TTC"] for row in as_rows(day)] == ["", ""]


rows_of_a_day = st.lists(
    st.tuples(
        st.integers(min_value=-(10**12), max_value=10**12),
        st.sampled_from(["EUR", "USD"]),
        st.sampled_from(["380", "381"]),
        st.sampled_from(list(Step)),
    ),
    min_size=1,
    max_size=30,
)


@given(rows_of_a_day)
def test_totals_are_those_of_the_lines(drawn: list[tuple[int, str, str, Step]]) -> None:
    """JSON, table and an addition in whole cents say the same; no invoice is left out."""
    documents = [
        a_document(
            seq,
            step,
            total_with_vat=Decimal(cents).scaleb(-2),
            currency=currency,
            type_code=kind,
        )
        for seq, (cents, currency, kind, step) in enumerate(drawn, 1)
    ]
    day = a_day((FLOW, documents))

    told, rows = as_json(day), as_rows(day)

    sums: dict[tuple[str, str], int] = {}
    for (cents, currency, kind, _), document in zip(drawn, documents, strict=True):
        key = (currency, bucket(document).value)
        sums[key] = sums.get(key, 0) + (-cents if kind == "381" else cents)
    assert {
        (one["currency"], one["outcome"]): int(Decimal(one["amount"]) * 100)
        for one in told["totals"]
    } == sums
    amounts = [int(Decimal(row["montant TTC"].replace(",", ".")) * 100) for row in rows]
    assert sum(amounts[: len(drawn)]) == sum(amounts[len(drawn) :]) == sum(sums.values())
    counts = told["invoice_counts"]
    assert counts["received"] == sum(counts[one.value] for one in Bucket) == len(drawn)
    assert sum(one["invoices"] for one in told["totals"]) == len(drawn)


def test_a_gap_is_told_to_a_program_and_to_a_person() -> None:
    """Names, numbers, since when; what to do in both languages."""
    gap = Gap(connection="acme", series="FSO1100A_ABC123", first=2, last=9, since=START)

    told, text = gap_notice(gap, "FIRST", "LAST", AT)

    assert told.name == "gap-FSO1100A_ABC123-2-9.json"
    assert json.loads(told.payload) == {
        "schema": "edi-gap/1",
        "series": "FSO1100A_ABC123",
        "from": 2,
        "to": 9,
        "count": 8,
        "first_flow": "FIRST",
        "last_flow": "LAST",
        "missing_since": "2026-10-04T22:00:00Z",
        "found_at": "2026-10-05T22:01:00Z",
    }
    assert text.name == "gap-FSO1100A_ABC123-2-9.txt"
    assert text.payload.decode().splitlines()[0] == "8 flux manquant(s) : FIRST … LAST"
    assert "8 missing flow(s): FIRST … LAST" in text.payload.decode()
