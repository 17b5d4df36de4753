"""One day of a sender, summed up: every flow and every invoice, as a table and as JSON.

The table is for people with a French spreadsheet: UTF-8 with a byte order mark,
semicolons, decimal commas, lines ending in CR LF; quotes as in RFC 4180. Programs read
the JSON, whose keys stay:

========================  ==============================================================
key                       value
========================  ==============================================================
``schema``                ``edi-recapitulation/1``; grows when a key changes meaning
``sender``, ``connection``  whom it is for
``day``, ``timezone``     the day, by whose clock
``from``, ``until``       its first moment, and the first of the next day; ISO 8601, UTC
``made_at``               moment at which it was summed up
``complete``              false where something of that day was still open then
``flow_counts``           flows by ``outcome`` of the answer
``invoice_counts``        invoices: ``received, accepted, rejected, duplicate, held``
``totals[]``              ``currency, outcome, invoices, amount``; amounts are text, totals
                          with VAT, credit notes taken off
``flows[]``               oldest first: ``id, name, received_at, sha256, size, outcome,
                          open, reasons[], invoices[]``
``invoices[]``            by place: ``id, name, number, issue_date, type, seller, buyer,
                          currency, amount, outcome, step, open, reasons[]``
``reasons[]``             ``code, message{fr,en}``
========================  ==============================================================
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from pipeline.acknowledge.summary import Bucket, amount_text, bucket
from pipeline.model.acknowledgement import AnswerFile, FlowOutcome, flow_outcome
from pipeline.model.amount import exact_sum, is_credit_note, signed_total
from pipeline.model.controls import CONTROL
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.interchange import Interchange
from pipeline.model.status import Step
from pipeline.syntax.characters import shorten

#: Name and version of the JSON's shape.
SCHEMA = "edi-recapitulation/1"

#: First characters that a spreadsheet would take for a formula, or skip before one; the
#: wide forms are taken so where Japanese is set.
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MOST_TEXT = 1_000
_OPEN = "en cours / open"

_COLUMNS = (
    "ligne / line",
    "flux / flow",
    "reçu le / received at",
    "SHA-256",
    "issue du flux / flow outcome",
    "fichier / file",
    "numéro / number",
    "vendeur / seller",
    "acheteur / buyer",
    "devise / currency",
    "montant TTC / amount with VAT",
    "statut / status",
    "motifs / reasons",
    "explication / explanation",
)
_OUTCOME = {
    FlowOutcome.ACCEPTED: "accepté / accepted",
    FlowOutcome.PARTLY_ACCEPTED: "accepté en partie / partly accepted",
    FlowOutcome.REJECTED: "refusé / refused",
    FlowOutcome.DUPLICATE: "doublon / duplicate",
    FlowOutcome.HELD: _OPEN,
    FlowOutcome.RECEIVED: _OPEN,
}
_STATUS = {
    Step.RECEIVED: _OPEN,
    Step.HELD: _OPEN,
    Step.ACCEPTED: "acceptée / accepted",
    Step.ROUTED: "acceptée, à remettre / accepted, to be delivered",
    Step.DELIVERED: "remise / delivered",
    Step.ABANDONED: "acceptée, remise suspendue / accepted, delivery suspended",
    Step.TRIED: "acceptée, essai sans remise / accepted, tried and not delivered",
    Step.REJECTED: "rejetée / rejected",
    Step.DUPLICATE: "doublon / duplicate",
}
_BUCKET = {
    Bucket.ACCEPTED: "acceptées / accepted",
    Bucket.REJECTED: "rejetées / rejected",
    Bucket.DUPLICATE: "doublons / duplicates",
    Bucket.HELD: _OPEN,
}


@dataclass(frozen=True, slots=True)
class DayFlow:
    """One flow of the day, as it stands.

    Attributes:
        interchange: The flow.
        documents: All that it holds, by place.
    """

    interchange: Interchange
    documents: tuple[Document, ...]

    @property
    def outcome(self) -> FlowOutcome:
        """Return what became of it so far."""
        return flow_outcome(self.interchange.step, (one.step for one in self.documents))

    @property
    def open(self) -> bool:
        """Tell whether something in it is not decided."""
        return self.outcome in {FlowOutcome.HELD, FlowOutcome.RECEIVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Everything a recapitulation may say.

    Attributes:
        sender: Name of the partner.
        connection: Name of the sheet.
        day: Which day.
        timezone: IANA name of the clock that says when it begins and ends.
        zone: That clock.
        start: Its first moment (aware).
        end: The first moment of the next day (aware).
        made_at: Now (aware, UTC).
        flows: All that were received in it, oldest first.
    """

    sender: str
    connection: str
    day: date
    timezone: str
    zone: tzinfo
    start: datetime
    end: datetime
    made_at: datetime
    flows: tuple[DayFlow, ...]


@dataclass(frozen=True, slots=True)
class DayTotal:
    """Invoices of one currency and one outcome.

    Attributes:
        currency: As written (BT-5); None where it could not be read.
        bucket: What became of them.
        invoices: How many.
        amount: Sum of their totals with VAT, credit notes taken off; None where no
            amount could be read.
    """

    currency: str | None
    bucket: Bucket
    invoices: int
    amount: Decimal | None


def recapitulation_names(day: date) -> tuple[str, str]:
    """Return the names of a day's two files, the JSON first.

    >>> recapitulation_names(date(2026, 10, 5))[0]
    'recapitulation-2026-10-05.json'
    """
    return f"recapitulation-{day}.json", f"recapitulation-{day}.csv"


def recapitulate(day: Day) -> tuple[AnswerFile, ...]:
    """Write a day's two files; their bytes follow from `day` alone."""
    as_json, as_csv = recapitulation_names(day.day)
    return AnswerFile(as_json, _json(day)), AnswerFile(as_csv, _csv(day))


def day_totals(documents: Sequence[Document]) -> tuple[DayTotal, ...]:
    """Sum invoices by currency, in alphabetical order, and outcome; none is left out."""
    groups: dict[tuple[str, Bucket], list[Document]] = {}
    for one in documents:
        groups.setdefault((one.header.currency or "", bucket(one)), []).append(one)
    totals: list[DayTotal] = []
    for (currency, kind), members in sorted(
        groups.items(), key=lambda item: (item[0][0], list(Bucket).index(item[0][1]))
    ):
        amounts = [amount for one in members if (amount := signed_total(one)) is not None]
        total = exact_sum(amounts) if amounts else None
        totals.append(DayTotal(currency or None, kind, len(members), total))
    return tuple(totals)


# -- JSON
def _json(day: Day) -> bytes:
    documents = _documents(day)
    counts = Counter(bucket(one) for one in documents)
    flows = Counter(one.outcome for one in day.flows)
    recapitulation = {
        "schema": SCHEMA,
        "sender": day.sender,
        "connection": day.connection,
        "day": day.day.isoformat(),
        "timezone": day.timezone,
        "from": _moment(day.start),
        "until": _moment(day.end),
        "made_at": _moment(day.made_at),
        "complete": not any(one.open for one in day.flows),
        "flow_counts": {each.value: flows[each] for each in FlowOutcome},
        "invoice_counts": {
            "received": len(documents),
            **{each.value: counts[each] for each in Bucket},
        },
        "totals": [
            {
                "currency": _text(one.currency),
                "outcome": one.bucket.value,
                "invoices": one.invoices,
                "amount": amount_text(one.amount),
            }
            for one in day_totals(documents)
        ],
        "flows": [_flow(one) for one in day.flows],
    }
    return json.dumps(recapitulation, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _flow(one: DayFlow) -> dict[str, object]:
    flow = one.interchange
    return {
        "id": flow.id,
        "name": _text(flow.name),
        "received_at": _moment(flow.received_at),
        "sha256": flow.sha256,
        "size": flow.size,
        "outcome": one.outcome.value,
        "open": one.open,
        "reasons": [_flow_reason(flow.reason, flow.detail)] if flow.reason else [],
        "invoices": [_invoice(document) for document in one.documents],
    }


def _flow_reason(code: str, detail: str) -> dict[str, object]:
    """Return why a flow is refused or held; the ledger keeps the French sentence of it."""
    return {"code": code, "message": {"fr": _text(detail), "en": CONTROL[code].label["en"]}}


def _invoice(one: Document) -> dict[str, object]:
    header = one.header
    return {
        "id": one.id,
        "name": _text(one.name),
        "number": _text(header.number),
        "issue_date": header.issue_date.isoformat() if header.issue_date else None,
        "type": _text(header.type_code),
        "seller": _text(header.seller_name),
        "buyer": _text(header.buyer_name),
        "currency": _text(header.currency),
        "amount": amount_text(signed_total(one)),
        "outcome": bucket(one).value,
        "step": one.step.value,
        "open": bucket(one) is Bucket.HELD,
        "reasons": [_reason(reason) for reason in one.reasons],
    }


def _reason(one: Reason) -> dict[str, object]:
    texts = {key: _text(one.message[key]) for key in ("fr", "en")}
    return {"code": one.code, "message": texts}


# -- table
def _csv(day: Day) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for flow in day.flows:
        writer.writerows(_rows(day, flow))
    writer.writerows(_total_row(one) for one in day_totals(_documents(day)))
    return out.getvalue().encode("utf-8-sig")


def _rows(day: Day, one: DayFlow) -> Iterator[Sequence[str]]:
    """Yield a line an invoice, or one for a flow in which none was found."""
    flow = one.interchange
    received = flow.received_at.astimezone(day.zone).strftime("%Y-%m-%d %H:%M:%S")
    common = (_cell(flow.name), received, flow.sha256, _OUTCOME[one.outcome])
    for document in one.documents:
        yield _invoice_row(common, document)
    if not one.documents:
        why = (flow.reason or "", _cell(flow.detail))
        yield "flux / flow", *common, *[""] * 6, _OUTCOME[one.outcome], *why


def _invoice_row(common: Sequence[str], one: Document) -> Sequence[str]:
    header = one.header
    return (
        "avoir / credit note" if is_credit_note(one) else "facture / invoice",
        *common,
        _cell(one.name),
        _cell(header.number),
        _cell(header.seller_name),
        _cell(header.buyer_name),
        _cell(header.currency),
        _number(signed_total(one)),
        _STATUS[one.step],
        " ".join(reason.code for reason in one.reasons),
        _cell(" ".join(_told(reason) for reason in one.reasons[:1])),
    )


def _total_row(one: DayTotal) -> Sequence[str]:
    invoices = f"{one.invoices} facture(s) / invoice(s)"
    currency, amount = _cell(one.currency), _number(one.amount)
    return "total", *[""] * 5, invoices, "", "", currency, amount, _BUCKET[one.bucket], "", ""


def _number(amount: Decimal | None) -> str:
    """Write an amount as French spreadsheets read one; negative ones are numbers too."""
    return (amount_text(amount) or "").replace(".", ",")


def _cell(text: str | None) -> str:
    """Return a sender's text so that no spreadsheet takes it for a formula."""
    shown = _text(text) or ""
    return f"'{shown}" if shown.startswith(_ACTIVE) else shown


def _told(reason: Reason) -> str:
    return f"{reason.message['fr']} / {reason.message['en']}"


# -- both
def _documents(day: Day) -> list[Document]:
    return [document for flow in day.flows for document in flow.documents]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(text: str | None) -> str | None:
    return None if text is None else shorten(text, _MOST_TEXT)
