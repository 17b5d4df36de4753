"""``edi life|declare``: the history of an invoice, and a status said in a partner's name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.links import links_of
from pipeline.app.lives import bearers_of
from pipeline.app.operate.declare import Declared, find_invoice
from pipeline.app.operate.declare import declare as say_for
from pipeline.app.waiting import Awaited, awaited_of
from pipeline.entry.cli.output import AsJson, Subject, prose, say, say_json, say_table
from pipeline.model.document import Document
from pipeline.model.errors import ConfigError
from pipeline.model.life import STATUS_WORDS, Actor, Asked, Cash, Entry, Event, Given, Life
from pipeline.model.life_table import DOUBT_WORDS, LATE, LATE_WORDS, MOVES, WAITS
from pipeline.ports.ledger import Ledger

_WARNINGS = {**{one.value: words for one, words in DOUBT_WORDS.items()}, LATE: LATE_WORDS}
#: In whose name an operator may speak.
_ACTORS = {one.value: one for one in (Actor.SUPPLIER, Actor.RECIPIENT, Actor.VALIDATOR)}
#: What an operator may say: whatever one of them may.
_SAYABLE = tuple(
    event.value
    for event in Event
    if any(move.event is event and move.actor in _ACTORS.values() for move in MOVES)
)


def life(subject: Subject, as_json: AsJson = False) -> None:
    """Montrer le cycle de vie d'une facture, par numéro ou identifiant / show its life."""
    with bootstrap.reading() as ledger:
        document = find_invoice(ledger, subject)
        standing, lines = _read(ledger, document)
        owed = _owed(ledger, standing)
        bearer = bearers_of(ledger, [standing])[document.id] if standing else document
        linked = links_of(ledger, document)
    if as_json:
        say_json(
            {
                "number": document.header.number,
                "document": document.id,
                "seller": document.header.seller_siren,
                "bearer": bearer.id,
                "replaces": linked.replaces,
                "replaced_by": list(linked.replaced_by),
                "buyer": bearer.header.buyer_siret,
                "status": standing.status.value if standing else None,
                "asked": _asked(standing.asked) if standing else None,
                "since": standing.since if standing else None,
                "owner": owed.owner if owed else None,
                "deadline": owed.deadline if owed else None,
                "overdue": owed.overdue if owed else False,
                "history": [_object(one) for one in lines],
            }
        )
        return
    if standing is None:
        say(f"{document.id}: jamais prise en charge / was never taken")
        raise typer.Exit(1)
    say(f"{document.header.number}  {document.id}  {' / '.join(STATUS_WORDS[standing.status])}")
    if bearer.id != document.id:
        say(f"portée par / borne by: {bearer.id} → {bearer.route}")
    if standing.asked and standing.status in WAITS:
        until = _moment(standing.asked.deadline)
        say(f"attend / waits for: {standing.asked.validator}, au plus tard / until {until}")
    for one in linked.told:
        say(one)
    if owed is not None:
        until = f", {_moment(owed.deadline)}" if owed.deadline else ""
        late = " : en retard / overdue" if owed.overdue else ""
        say(f"Attend / waits for {owed.owner}{until}{late}")
    rows = [_row(one) for one in lines]
    say_table("Historique / history", tuple(rows[0]), [tuple(row.values()) for row in rows])


def declare(  # noqa: PLR0913, PLR0917  one parameter an option
    subject: Subject,
    event: Annotated[str, typer.Argument(help=f"{', '.join(_SAYABLE)}.", metavar="EVENT")],
    on_behalf: Annotated[
        str,
        typer.Option(
            "--as", help="supplier | recipient | validator: au nom de qui / in whose name."
        ),
    ],
    comment: Annotated[
        str, typer.Option(help="Dit à l'autre partie / told to the other side.", parser=prose)
    ] = "",
    reason: Annotated[
        list[str] | None, typer.Option(help="Code de motif / reason code; several.")
    ] = None,
    cash: Annotated[
        list[str] | None,
        typer.Option(help="Encaissé, MONTANT@TAUX / received, AMOUNT@RATE; several."),
    ] = None,
    attachments: Annotated[
        int, typer.Option(help="Pièces remises autrement / handed over otherwise.", min=0)
    ] = 0,
    validator: Annotated[
        str, typer.Option(help="SIRET d'un autre valideur / of another one: name-validator.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer seulement / only show.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Poser un statut au nom d'un partenaire / say a status in a partner's name."""
    actor = _ACTORS.get(on_behalf)
    if actor is None or event not in _SAYABLE:
        raise ConfigError(
            f"« {event} » --as « {on_behalf} » : inconnu / unknown"
            f" ({', '.join(_SAYABLE)}; {', '.join(_ACTORS)})"
        )
    given = Given(
        reasons=tuple(reason or ()),
        comment=comment,
        cash=tuple(_cash(one) for one in cash or ()),
        attachments=attachments,
        validator=validator,
    )
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        document = find_invoice(hub.ledger, subject)
        declared = Declared(event=Event(event), actor=actor, given=given)
        done = say_for(hub, hub.ledger.sheets(), document.id, declared, dry=dry_run)
    if as_json:
        say_json({"document": document.id, "done": not dry_run, **_object(done)})
        return
    would = "serait / would be: " if dry_run else ""
    say(f"{document.id}: {would}{' / '.join(STATUS_WORDS[done.after])}")
    for code in done.warnings:
        say(f"    attention / warning: {' / '.join(_WARNINGS[code])}")


def _owed(ledger: Ledger, standing: Life | None) -> Awaited | None:
    if standing is None:
        return None
    return awaited_of(ledger, ledger.sheets(), standing, bootstrap.now())


def _read(ledger: Ledger, document: Document) -> tuple[Life | None, list[Entry]]:
    found = ledger.lives([document.id]).get(document.id)
    return found, list(ledger.history(document.id))


def _cash(text: str) -> Cash:
    amount, _, rate = text.partition("@")
    try:
        found = Cash(amount=Decimal(amount), rate=Decimal(rate))
    except InvalidOperation:
        raise ConfigError(
            f"--cash « {text} » : attendu / expected MONTANT@TAUX, 120.00@20"
        ) from None
    if not (found.amount.is_finite() and found.rate.is_finite()):
        raise ConfigError(f"--cash « {text} » : nombre attendu / a number is expected")
    return found


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _row(one: Entry) -> dict[str, object]:
    """Return one line as people read it."""
    borne = f"portée par / borne by: {one.bearer}" if one.bearer else ""
    told = [
        borne,
        *one.reasons,
        one.comment,
        *(f"{cash.amount} ({cash.rate} %)" for cash in one.cash),
    ]
    return {
        "place": one.place,
        "said_at": _moment(one.said_at),
        "taken_at": _moment(one.taken_at),
        "status": STATUS_WORDS[one.after][0] if one.moved else "–",
        "event": one.event.value,
        "actor": one.actor.value,
        "by": one.by,
        "told": " ".join(filter(None, told)),
        "warnings": ", ".join(one.warnings),
    }


def _asked(asked: Asked | None) -> dict[str, object] | None:
    """Return who is asked to validate, as machines read it."""
    if asked is None:
        return None
    return {
        "circuit": asked.circuit.value,
        "validator": asked.validator,
        "deadline": asked.deadline,
        "following": list(asked.following),
    }


def _object(one: Entry) -> dict[str, object]:
    """Return one line as machines read it."""
    return {
        "place": one.place,
        "status": one.after.value,
        "moved": one.moved,
        "event": one.event.value,
        "at": one.said_at,
        "taken_at": one.taken_at,
        "actor": one.actor.value,
        "by": one.by,
        "source": one.source,
        "bearer": one.bearer,
        "asked": _asked(one.asked),
        "reasons": list(one.reasons),
        "comment": one.comment,
        "cash": [
            {"amount": str(cash.amount), "rate": str(cash.rate), "currency": cash.currency}
            for cash in one.cash
        ],
        "warnings": {code: " / ".join(_WARNINGS[code]) for code in one.warnings},
    }
