"""``edi hold|release|reject|withdraw|redeliver|replay|lists``: an operator's hands."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Told, find
from pipeline.app.operate.bulk import carry_out, find_list, freeze, matching, try_out
from pipeline.app.operate.redeliver import Again
from pipeline.app.operate.replay import Compared, Replayed, Stage
from pipeline.app.operate.verbs import Ask, act
from pipeline.entry.cli.output import (
    AsJson,
    complain,
    prose,
    say,
    say_json,
    say_table,
    typed,
    typed_subject,
)
from pipeline.entry.cli.read import document_row
from pipeline.entry.cli.selection import Way, filters, spread, way
from pipeline.model.bulk import BulkItem, BulkList, ItemState, Verb, sums
from pipeline.model.errors import ConfigError
from pipeline.model.status import in_words
from pipeline.ports.ledger import Query

Unseen = Annotated[
    bool,
    typer.Option(
        "--unseen",
        help="Le destinataire confirme n'avoir rien / they confirm to have nothing.",
    ),
]

#: Exit codes beside 0: part of it was refused; all of it was.
PARTLY, CANNOT = 1, 2
#: Columns that say where a document or a flow stands.
_IN_WORDS = frozenset({"step", "seen"})
#: Ids of one kind that are told by a line each.
LISTED = 20


@dataclass(frozen=True, slots=True)
class _Call:
    """What was typed, whatever the verb.

    Attributes:
        subject: One flow or document; without it, what the filters match.
        query: The filters.
        way: How far a verb on many things goes.
        reason: Why, on record or told.
        dry: True to only show what would be done.
        as_json: True to answer in JSON.
    """

    subject: str | None
    query: Query
    way: Way
    reason: str
    dry: bool
    as_json: bool


@spread(query=filters, how=way)
def _call(
    query: Query,
    how: Way,
    subject: Annotated[str | None, typer.Argument(parser=typed_subject, metavar="[ID]")] = None,
    reason: Annotated[
        str, typer.Option(help="Motif / why: on record, or told.", parser=prose, metavar="TEXT")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Montrer seulement / only show.")
    ] = False,
    as_json: AsJson = False,
) -> _Call:
    """Return what every verb takes alike."""
    return _Call(subject, query, how, reason, dry_run, as_json)


@spread(call=_call)
def hold(call: _Call) -> None:
    """Retenir avant contrôle ou avant remise / hold back before judging or delivery."""
    _run(Ask(verb=Verb.HOLD, reason=call.reason), call)


@spread(call=_call)
def release(call: _Call) -> None:
    """Rejuger ce qui est suspendu et laisser partir ce qui passe / let held things go."""
    _run(Ask(verb=Verb.RELEASE, reason=call.reason), call)


@spread(call=_call)
def reject(call: _Call) -> None:
    """Refuser ce qui est suspendu, le motif est dit à l'émetteur / refuse what is held."""
    _run(Ask(verb=Verb.REJECT, reason=call.reason), call)


@spread(call=_call)
def withdraw(call: _Call, unseen: Unseen = False) -> None:
    """Reprendre avant remise, à la demande de l'émetteur / take back, its sender asks."""
    _run(Ask(verb=Verb.WITHDRAW, reason=call.reason, unseen=unseen), call)


@spread(call=_call)
def redeliver(
    call: _Call,
    to: Annotated[
        str | None, typer.Option(help="Autre connexion / another receiver.", parser=typed)
    ] = None,
    generation: Annotated[
        int | None, typer.Option(help="Numéro de l'exemplaire / which copy.", min=2)
    ] = None,
    unseen: Unseen = False,
) -> None:
    """Remettre ce qui fut abandonné, perdu ou mal adressé / deliver once more."""
    again = Again(to, generation)
    _run(Ask(verb=Verb.REDELIVER, reason=call.reason, again=again, unseen=unseen), call)


@spread(call=_call)
def replay(
    call: _Call,
    stage: Annotated[
        Stage, typer.Option("--from", help="open | judge | decide", show_default=True)
    ] = Stage.JUDGE,
) -> None:
    """Rejuger depuis l'archive : quels verdicts changeraient / judge again, compare."""
    _run(Ask(verb=Verb.REPLAY, reason=call.reason, stage=stage), call)


def lists(
    name: Annotated[str | None, typer.Argument(parser=typed_subject, metavar="[LIST]")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Montrer les listes figées, ou une liste et ce qu'elle devint / frozen lists."""
    with bootstrap.reading() as ledger:
        if name is not None:
            _show_list(find_list(ledger, name), as_json=as_json)
            return
        found = ledger.bulks(limit)
    rows: list[dict[str, object]] = [
        {
            "list": one.id,
            "verb": one.verb.value,
            "made_at": one.made_at.strftime("%Y-%m-%d %H:%M:%SZ"),
            "by": one.by,
            "reason": one.reason,
        }
        for one in found
    ]
    _say_rows("Listes / lists", rows, as_json=as_json)


def _run(ask: Ask, call: _Call) -> None:
    """Do what is asked of one id, of a list, or of what the filters match."""
    given = [call.subject is not None, call.way.list is not None, call.query != Query()]
    if sum(given) != 1:
        raise ConfigError(
            "donnez un identifiant, ou --list, ou un filtre / give an id, or --list, or a filter"
        )
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        if call.subject is not None:
            _one(hub, ask, call.subject, call)
        elif call.way.list is not None:
            _carry(hub, ask, call.way.list, call)
        else:
            _many(hub, ask, call)


def _one(hub: Hub, ask: Ask, subject: str, call: _Call) -> None:
    target = find(hub, subject)
    did = act(hub, hub.ledger.sheets(), ask, target, dry=call.dry)
    if call.as_json:
        say_json({"subject": subject, **_told_object(did.told), **_compared_object(did)})
    else:
        _say_told(subject, did, dry=call.dry)
    _leave(done=bool(did.told.done or did.told.idle), refused=bool(did.told.refused))


def _carry(hub: Hub, ask: Ask, name: str, call: _Call) -> None:
    """Carry a frozen list out; it says itself why, where to and from where on."""
    frozen = find_list(hub.ledger, name)
    if frozen.verb is not ask.verb:
        raise ConfigError(
            f"{name}: cette liste est pour / this list is for: edi {frozen.verb.value}"
        )
    if call.dry:
        _show_list(frozen, as_json=call.as_json)
        return
    nothing = not frozen.open
    after = carry_out(hub, hub.ledger.sheets(), name)
    _show_list(after, as_json=call.as_json)
    if nothing and not call.as_json:
        say("Rien à faire, la liste est exécutée / nothing to do, the list is carried out")
    states = Counter(one.state for one in after.items)
    refused = states[ItemState.REFUSED]
    _leave(done=refused < len(after.items), refused=bool(refused))


def _many(hub: Hub, ask: Ask, call: _Call) -> None:
    """Freeze what the filters match, show it, and carry it out if it is wanted.

    Ends with `CANNOT` where something was to be done, and nobody agreed to it.
    """
    if call.dry:
        _try(hub, ask, call)
        return
    frozen = freeze(hub, ask, call.query)
    if call.way.plan is not None:
        bootstrap.export_rows([_item_row(one) for one in frozen.items], call.way.plan)
    elif call.way.yes or _agreed(frozen):
        _carry(hub, ask, frozen.id, call)
        return
    _show_list(frozen, as_json=call.as_json)
    if not call.as_json:
        command = f"edi {frozen.verb.value} --list {frozen.id}"
        say(f"Rien n'est fait ; pour exécuter / nothing is done; to carry out: {command}")
    if call.way.plan is None and frozen.open:
        raise typer.Exit(CANNOT)


def _try(hub: Hub, ask: Ask, call: _Call) -> None:
    """Show what would be done with what the filters match; nothing is frozen or written.

    Raises:
        ConfigError: A plan is asked for too: a list that can be carried out is frozen.
    """
    if call.way.plan is not None:
        raise ConfigError(
            "--plan fige une liste, --dry-run n'écrit rien : choisissez"
            " / --plan freezes a list, --dry-run writes nothing: choose"
        )
    items = matching(hub.ledger, ask.verb, call.query)
    did = tuple(try_out(hub, hub.ledger.sheets(), ask, items))
    compared = tuple(one for each in did for one in each.compared)
    done = _gathered(each.told.done for each in did)
    idle = _gathered(each.told.idle for each in did)
    refused = _gathered(each.told.refused for each in did)
    if call.as_json:
        would = {"done": done, "nothing": idle, "refused": refused}
        say_json({**would, "compared": [_compared_row(one) for one in compared]})
    else:
        if ask.verb is Verb.REPLAY:
            _say_compared("", compared)
        else:
            _say_each("ferait / would do", done)
            _say_each("rien à faire / nothing to do", idle)
        for line in _lines(refused):
            complain(line)
    _leave(done=bool(done or idle or compared), refused=bool(refused))


def _gathered(said: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {name: text for each in said for name, text in each.items()}


def _agreed(frozen: BulkList) -> bool:
    """Ask a person at a terminal; nobody there is no consent."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    _say_head(frozen)
    question = f"edi {frozen.verb.value} : {len(frozen.items)} élément(s) / item(s) ?"
    return typer.confirm(question)


def _leave(*, done: bool, refused: bool) -> None:
    if refused:
        raise typer.Exit(PARTLY if done else CANNOT)


def _told_object(told: Told) -> dict[str, object]:
    return {
        "done": dict(told.done),
        "nothing": dict(told.idle),
        "refused": dict(told.refused),
        "documents": [document_row(one) for one in told.documents],
    }


def _compared_object(did: Replayed) -> dict[str, object]:
    rows = [_compared_row(one) for one in did.compared]
    return {"compared": rows} if rows else {}


def _compared_row(one: Compared) -> dict[str, object]:
    return {
        "id": one.document.id,
        "number": one.document.header.number,
        "step": one.document.step.value,
        "before": one.before.value if one.before else None,
        "after": one.after.value if one.after else None,
        "changes": one.changes,
        "codes": ", ".join(one.codes),
        "appeared": ", ".join(one.appeared),
        "vanished": ", ".join(one.vanished),
        "note": one.note,
    }


def _say_told(subject: str, did: Replayed, *, dry: bool) -> None:
    told = did.told
    if did.compared:
        _say_compared(subject, did.compared)
    elif told.documents:
        _say_rows(subject, [document_row(one) for one in told.documents], as_json=False)
    _say_each("ferait / would do" if dry else "fait / done", told.done)
    if not did.compared:
        _say_each("rien à faire / nothing to do", told.idle)
    for line in _lines(told.refused):
        complain(line)


def _say_compared(title: str, compared: Sequence[Compared]) -> None:
    _say_rows(title, [_compared_row(one) for one in compared], as_json=False)
    changing = sum(one.changes for one in compared)
    say(f"{changing} verdict(s) sur / of {len(compared)} changerai(en)t / would change")


def _say_each(head: str, said: Mapping[str, str]) -> None:
    for line in _lines(said):
        say(f"{head}: {line}")


def _lines(said: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each id; those that are many are counted, and told by `--json`."""
    for name, text in list(said.items())[:LISTED]:
        yield f"{name}: {text}"
    if len(said) > LISTED:
        yield f"… +{len(said) - LISTED} (--json)"


def _show_list(one: BulkList, *, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "list": one.id,
                "verb": one.verb.value,
                "reason": one.reason,
                "options": dict(one.options),
                "by": one.by,
                "count": len(one.items),
                "sums": {currency: str(total) for currency, total in sums(one.items).items()},
                "states": _states(one),
                "items": [_item_row(item) for item in one.items],
            }
        )
        return
    _say_head(one)
    _say_rows("", [_item_row(item) for item in one.items], as_json=False)


def _say_head(one: BulkList) -> None:
    amounts = ", ".join(f"{total} {currency}" for currency, total in sums(one.items).items())
    options = "".join(f" --{name} {value}" for name, value in sorted(one.options.items()))
    counts = ", ".join(f"{count} {state}" for state, count in _states(one).items())
    say(f"{one.id}: edi {one.verb.value}{options}, {len(one.items)} élément(s) / item(s)")
    say(f"Montants TTC / amounts with VAT: {amounts or '–'}; {counts}")
    if one.reason:
        say(f"Motif / why: {one.reason}")


def _states(one: BulkList) -> dict[str, int]:
    counts = Counter(item.state for item in one.items)
    return {state.value: counts[state] for state in ItemState if counts[state]}


def _item_row(one: BulkItem) -> dict[str, object]:
    return {
        "id": one.subject,
        "interchange": one.interchange,
        "seen": one.seen,
        "amount": one.amount,
        "currency": one.currency,
        "state": one.state.value,
        "note": one.note,
        "by": one.by,
    }


def _say_rows(title: str, rows: list[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        say_json(rows)
    else:
        columns = tuple(rows[0]) if rows else ()
        say_table(title, columns, ([_cell(*each) for each in row.items()] for row in rows))


def _cell(column: str, value: object) -> object:
    return in_words(value) if column in _IN_WORDS else value
