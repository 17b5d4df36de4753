"""``edi interchanges|documents|trace|why``, and half of ``edi show``: the read side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from typer.models import OptionInfo

from pipeline import bootstrap
from pipeline.app.links import links_of
from pipeline.app.receipts import last_word
from pipeline.app.views import Became, Way, became, scanned, ways_of
from pipeline.app.waiting import WaitingFor, awaited
from pipeline.app.waiting import overdue as late
from pipeline.app.why import Why, with_previews
from pipeline.app.why import why as why_of
from pipeline.entry.cli.output import (
    AsJson,
    Subject,
    complain,
    say,
    say_json,
    say_table,
    typed,
    value,
)
from pipeline.model.conversion import Lost
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.interchange import Interchange
from pipeline.model.receipt import Receipt
from pipeline.model.status import InterchangeStep, Step, in_words
from pipeline.ports.ledger import Ledger, Query


def _step_option(steps: type[Enum]) -> OptionInfo:
    """Return the option ``--step``, which takes the values of `steps` and names them."""
    known = ", ".join(step.value for step in steps)

    def read(text: str) -> str:
        if text not in {step.value for step in steps}:
            raise ConfigError(f"étape inconnue / unknown step: « {text} » ({known})")
        return text

    option: OptionInfo = typer.Option(
        "--step", help=f"Étape / step: {known}.", parser=read, metavar="STEP"
    )
    return option


Partner = Annotated[
    str | None, typer.Option(help="Nom du partenaire / partner's name.", parser=typed)
]
FlowSteps = Annotated[list[str] | None, _step_option(InterchangeStep)]
DocumentSteps = Annotated[list[str] | None, _step_option(Step)]
_KNOWN_WAITS = ", ".join(one.value for one in WaitingFor)


def _waiting_for(text: str) -> str:
    if text not in {one.value for one in WaitingFor}:
        raise ConfigError(f"--waiting-for « {text} » : inconnu / unknown ({_KNOWN_WAITS})")
    return text


Waiting = Annotated[
    str | None,
    typer.Option(
        "--waiting-for",
        help=f"Qui doit la suite / who owes the next word: {_KNOWN_WAITS}.",
        parser=_waiting_for,
        metavar="WHO",
    ),
]
#: Rows looked at where only some of them are wanted.
_EVERYTHING = 1_000_000
#: Columns whose machine words people read in words.
_IN_WORDS = frozenset({"step", "outcome", "state", "acknowledged", "said"})

Limit = Annotated[int, typer.Option(help="Lignes au plus / rows at most.", min=1, max=1_000_000)]
Export = Annotated[
    Path | None, typer.Option(help="Écrire aussi ce fichier CSV / write this CSV file too.")
]


def interchanges(
    partner: Partner = None,
    step: FlowSteps = None,
    limit: Limit = 50,
    export: Export = None,
    as_json: AsJson = False,
) -> None:
    """Lister les flux reçus / list received flows."""
    with bootstrap.reading() as ledger:
        query = Query(partner=partner, steps=tuple(step or ()), limit=limit)
        listed = [became(ledger, one) for one in ledger.interchanges(query)]
    rows = [_interchange_row(one) for one in listed]
    _show_rows("Flux / flows", rows, export, as_json=as_json)


def documents(
    partner: Partner = None,
    step: DocumentSteps = None,
    waiting_for: Waiting = None,
    older_than_d: Annotated[
        float, typer.Option(help="Depuis N jours / waiting for N days at least.", min=0)
    ] = 0,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Échéance passée / past what was agreed.")
    ] = False,
    limit: Limit = 50,
    export: Export = None,
    as_json: AsJson = False,
) -> None:
    """Lister les documents / list documents."""
    if waiting_for is not None or overdue:
        longer = timedelta(days=older_than_d)
        found = _awaited(waiting_for, partner, longer, limit, overdue=overdue)
        _show_rows("Attendu / awaited", found[:limit], export, as_json=as_json)
        return
    with bootstrap.reading() as ledger:
        query = Query(partner=partner, steps=tuple(step or ()), limit=limit)
        listed = ledger.documents(query)
        ways = ways_of(ledger, listed)
        said = last_word(ledger, [one.id for one in listed])
    rows = [
        {
            **document_row(one),
            **_way_row(ways[one.id], whole=as_json),
            "acknowledged": said[one.id].said.value if one.id in said else None,
        }
        for one in listed
    ]
    _show_rows("Documents", rows, export, as_json=as_json)


def _awaited(
    waiting_for: str | None,
    partner: str | None,
    longer_than: timedelta,
    limit: int,
    *,
    overdue: bool,
) -> list[dict[str, object]]:
    """Return what somebody owes a word about, the longest first."""
    most = _EVERYTHING if partner or overdue else limit
    with bootstrap.reading() as ledger:
        sheets, now = ledger.sheets(), bootstrap.now()
        if waiting_for is None:
            found = late(ledger, sheets, now, most)
        else:
            found = awaited(
                ledger, sheets, WaitingFor(waiting_for), now, longer_than=longer_than, limit=most
            )
    return [
        {
            "id": one.subject,
            "number": one.number,
            "status": one.status.value if one.status else None,
            "owner": one.owner,
            "contact": one.contact,
            "since": one.since,
            "days": round(one.age / timedelta(days=1), 1),
            "deadline": one.deadline,
            "overdue": one.overdue,
        }
        for one in found
        if (partner is None or one.owner == partner)
        and one.age >= longer_than
        and (one.overdue or not overdue)
    ]


def tell(subject: str, *, as_json: bool) -> None:
    """Print everything about one flow or document."""
    with bootstrap.reading() as ledger:
        told = _tell_document(ledger, subject) or _tell_interchange(ledger, subject)
    if told is None:
        complain(
            f"{subject}: ni fichier, ni flux ou document connu"
            " / neither a file, nor a flow or document that is known"
        )
        raise typer.Exit(2)
    if as_json:
        say_json(told)
        return
    for key, found in told.items():
        if isinstance(found, list):
            _show_list(key, found)
        else:
            say(f"{key}: {value(_cell(key, found))}")


def trace(text: Subject, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Retrouver par nom, numéro, identifiant, code ou empreinte / find by any text."""
    with bootstrap.reading() as ledger:
        flows = [_plain(one) for one in ledger.interchanges(Query(text=text, limit=limit))]
        found = [document_row(one) for one in ledger.documents(Query(text=text, limit=limit))]
    if as_json:
        say_json({"interchanges": flows, "documents": found})
    else:
        _show_list("Flux / flows", flows)
        _show_list("Documents", found)
    if not flows and not found:
        raise typer.Exit(1)


def why(subject: Subject, as_json: AsJson = False) -> None:
    """Dire pourquoi un fichier ou un document attend, et qui agit / why it waits."""
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator()) as hub:
        told = with_previews(hub, hub.ledger.sheets(), why_of(hub.ledger, subject))
    if as_json:
        say_json([asdict(one) for one in told])
    elif not told:
        say(f"{subject}: inconnu ou rien n'attend / unknown, or nothing waits")
    for one in () if as_json else told:
        _say_why(one)
    if not told:
        raise typer.Exit(1)


def _say_why(one: Why) -> None:
    """Print one cause as a block: what, why, who, and what the command would do."""
    say(f"{one.subject}  {one.state}  {one.code}".rstrip())
    lines = (
        ("cause", one.cause),
        ("qui / who", one.who),
        ("d'abord / first", one.first),
        ("commande / command", one.command),
        ("effet / effect", one.preview),
    )
    for name, text in lines:
        if text:
            say(f"    {name}: {text}")


def document_row(one: Document) -> dict[str, object]:
    """Return what listings say of a document."""
    return {
        "id": one.id,
        "name": one.name,
        "number": one.header.number,
        "issue_date": one.header.issue_date,
        "seller": one.header.seller_name,
        "buyer": one.header.buyer_name,
        "total": one.header.total_with_vat,
        "currency": one.header.currency,
        "step": one.step.value,
        "route": one.route,
        "agreement": str(one.agreement) if one.agreement else None,
        "reasons": ", ".join(dict.fromkeys(reason.code for reason in one.reasons)),
    }


def _way_row(way: Way, *, whole: bool) -> dict[str, object]:
    """Return what is said of a document's way out.

    Args:
        way: The way.
        whole: True for everything that a new form does not hold, False for how much.
    """
    lost = [_lost_row(one) for one in way.lost]
    waits = way.waits_until
    return {
        "waits_until": waits.strftime("%Y-%m-%d %H:%M:%SZ") if waits else None,
        "form": way.form.value if way.form else None,
        "lost": lost if whole else len(lost) or None,
    }


def _lost_row(one: Lost) -> dict[str, object]:
    return {
        "term": one.term,
        "place": one.place,
        "line": one.line,
        "value": one.value,
        **one.why,
    }


def _interchange_row(one: Became) -> dict[str, object]:
    return {
        **_plain(one.interchange),
        "told": one.told,
        "outcome": one.outcome.value,
        "reasons": ", ".join(one.reasons),
        "acknowledgement": one.acknowledgement,
        "answered": one.answered,
    }


def _plain(one: Interchange) -> dict[str, object]:
    return {
        "id": one.id,
        "partner": one.partner,
        "name": one.name,
        "received_at": one.received_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        "step": one.step.value,
        "documents": one.documents,
    }


def _tell_document(ledger: Ledger, subject: str) -> dict[str, object] | None:
    one = ledger.document(subject)
    if one is None:
        return None
    report, way = ledger.report(one.id), ways_of(ledger, [one])[one.id]
    linked = links_of(ledger, one)
    findings = [
        {
            "rule": f.rule,
            "severity": f.severity.value,
            "term": f.term,
            "line": f.line,
            "value": f.value,
            "expected": f.expected,
            **f.message,
        }
        for f in (report.findings if report else ())
    ]
    return {
        **document_row(one),
        "interchange": one.interchange,
        "first": one.first,
        "invoice": linked.life.id if linked.life else None,
        "status": linked.life.status.value if linked.life else None,
        "bearer": linked.life.bearer if linked.life else None,
        "replaces": linked.replaces,
        "replaced_by": list(linked.replaced_by),
        "scanner": scanned(ledger, one.interchange),
        "sha256": one.sha256,
        "layers": {r.layer.value: r.outcome.value for r in report.layers} if report else {},
        "trouble": report.trouble_detail if report else "",
        "why": [
            {"code": reason.code, "place": reason.place, **reason.message}
            for reason in one.reasons
        ],
        "findings": findings,
        "form": way.form.value if way.form else None,
        "lost": [_lost_row(lost) for lost in way.lost],
        "receipts": _receipt_rows(ledger.receipts(documents=[one.id])),
        "outbox": _outbox_rows(ledger, document=one),
        "events": _event_rows(ledger, one.id),
    }


def _tell_interchange(ledger: Ledger, subject: str) -> dict[str, object] | None:
    one = ledger.interchange(subject)
    if one is None:
        return None
    sum_up = became(ledger, one)
    return {
        **_interchange_row(sum_up),
        "connection": one.connection,
        "size": one.size,
        "sha256": one.sha256,
        "scanner": scanned(ledger, one.id),
        "erased": one.erased,
        "legal_hold": one.legal_hold,
        "detail": one.detail,
        "first": one.first,
        "contents": [document_row(document) for document in sum_up.documents],
        "receipts": _receipt_rows(ledger.receipts(interchange=one.id)),
        "outbox": _outbox_rows(ledger, interchange=one),
        "events": _event_rows(ledger, one.id),
    }


def _receipt_rows(receipts: Sequence[Receipt]) -> list[dict[str, object]]:
    """Return what partners said of deliveries, oldest first."""
    return [
        {
            "said": one.said.value,
            "status": one.status,
            "text": one.text,
            "said_at": one.said_at.strftime("%Y-%m-%d %H:%M:%SZ"),
            "received_at": one.received_at.strftime("%Y-%m-%d %H:%M:%SZ"),
            "row": one.row,
            "document": one.document,
            "by": one.interchange,
            "early": one.early,
        }
        for one in receipts
    ]


def _outbox_rows(
    ledger: Ledger, *, interchange: Interchange | None = None, document: Document | None = None
) -> list[dict[str, object]]:
    rows = ledger.outbox(
        interchange=interchange.id if interchange else None,
        document=document.id if document else None,
    )
    return [
        {
            "key": row.key,
            "kind": row.kind.value,
            "connection": row.connection,
            "name": row.name,
            "state": row.state.value,
            "attempts": row.attempts,
            "error": row.error,
        }
        for row in rows
    ]


def _event_rows(ledger: Ledger, subject: str) -> list[dict[str, object]]:
    return [
        {
            "seq": event.seq,
            "at": event.fact.at.strftime("%Y-%m-%d %H:%M:%S.%fZ"),
            "what": event.fact.what,
            "by": event.fact.by,
            "subject": event.fact.subject,
            "data": dict(event.fact.data),
        }
        for event in ledger.events(subject)
    ]


def _show_rows(
    title: str, rows: list[dict[str, object]], export: Path | None, *, as_json: bool
) -> None:
    if export is not None:
        bootstrap.export_rows(rows, export)
    if as_json:
        say_json(rows)
    else:
        _show_list(title, rows)


def _show_list(title: str, rows: list[dict[str, object]]) -> None:
    columns = tuple(rows[0]) if rows else ()
    say_table(title, columns, ([_cell(*each) for each in row.items()] for row in rows))


def _cell(column: str, value: object) -> object:
    """Return what a table shows of a value: of an event's facts, each with its name."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    return in_words(value) if column in _IN_WORDS else value
