"""Changes of sheets that wait for a second person, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from pipeline.adapters.database.codec import dump
from pipeline.adapters.database.sheets import (
    AGREEMENTS,
    Key,
    bodies_in_force,
    compared,
    put_in_force,
    read_sheets_of,
)
from pipeline.adapters.database.tables import proposal, proposal_item, sheet
from pipeline.model.errors import Fenced
from pipeline.model.event import Fact
from pipeline.model.proposal import IMPORT, PROPOSAL_FOLLOWS, Proposal, ProposalState
from pipeline.model.status import check_step
from pipeline.ports.ledger import Sheets

_ID = 12


def propose(
    database: Connection,
    sheets: Sheets,
    *,
    directory: str,
    by: str,
    at: datetime,
    facts: Sequence[Fact],
) -> tuple[list[Proposal], list[Fact]]:
    """Write down what would change, one proposal for each connection and one for the rest.

    Open proposals of the same kind that say something else are replaced.

    Returns:
        All proposals that now stand for these changes, and what happened.
    """
    in_force, wanted = compared(database, sheets)
    groups: dict[str, dict[Key, str | None]] = {}
    for key in sorted({*in_force, *wanted}):
        if in_force.get(key) != wanted.get(key):
            kind, name = key
            if kind in AGREEMENTS and directory == IMPORT:
                continue  # put in force by somebody since the import was planned
            subject = f"{kind} {name}" if kind in AGREEMENTS else directory
            groups.setdefault(subject, {})[key] = wanted.get(key)
    bases = _bases(database)
    standing = {_id_of(subject, said, bases): subject for subject, said in groups.items()}
    told = _replace_others(database, standing, directory, by, at)
    known = {one.id: one for one in read_proposals(database)}
    for subject_id, subject in standing.items():
        made = Proposal(id=subject_id, subject=subject, made_at=at, by=by)
        before = known.get(subject_id)
        if before is None:
            _add(database, made, groups[subject], bases, facts)
        elif before.state is not ProposalState.OPEN:
            check_step(PROPOSAL_FOLLOWS, before.state, ProposalState.OPEN)
            database.execute(
                update(proposal)
                .where(proposal.c.id == subject_id, proposal.c.state == before.state.value)
                .values(state="open", made_at=at, author=by, settled_at=None, actor="", reason="")
            )
        else:
            continue
        told.append(
            Fact(at=at, subject=made.id, what="proposal.made", by=by, data={"of": subject})
        )
    return [one for one in read_proposals(database) if one.id in standing], told


def read_proposals(database: Connection) -> list[Proposal]:
    """Return every proposal, oldest first."""
    rows = database.execute(select(proposal).order_by(proposal.c.made_at, proposal.c.id))
    return [_proposal_of(row) for row in rows]


def as_proposed(database: Connection, subject: str) -> Sheets:
    """Return the configuration as it would be with one proposal in force."""
    bodies = dict(bodies_in_force(database))
    for key, (said, _) in _items(database, subject).items():
        if said is None:
            bodies.pop(key, None)
        else:
            bodies[key] = said
    return read_sheets_of(database, bodies)


def settle(
    database: Connection, one: Proposal, after: ProposalState, by: str, at: datetime, reason: str
) -> tuple[ProposalState, list[Fact]]:
    """Settle an open proposal; one that is approved is in force then.

    Returns:
        How it then stands: stale where what it was to change was changed meanwhile; and what
        happened.

    Raises:
        Fenced: It is not open any more.
    """
    items = _items(database, one.id)
    bases = _bases(database)
    if any(bases.get(key, 0) != base for key, (_, base) in items.items()):
        after = ProposalState.STALE
    _move(database, one, after, by, at, reason)
    data: dict[str, object] = {"of": one.subject, "author": one.by}
    if reason:
        data["reason"] = reason
    told = [Fact(at=at, subject=one.id, what=f"proposal.{after.value}", by=by, data=data)]
    if after is ProposalState.APPROVED:
        said = {key: body for key, (body, _) in items.items()}
        told += _facts_of(database, one, at)
        extra = {"proposal": one.id, "author": one.by}
        told += put_in_force(database, said, by, at, extra=extra)
    return after, told


def _move(
    database: Connection, one: Proposal, after: ProposalState, by: str, at: datetime, reason: str
) -> None:
    check_step(PROPOSAL_FOLLOWS, ProposalState.OPEN, after)
    columns = proposal.c
    moved = database.execute(
        update(proposal)
        .where(columns.id == one.id, columns.state == ProposalState.OPEN.value)
        .values(state=after.value, settled_at=at, actor=by, reason=reason)
    )
    if moved.rowcount != 1:
        raise Fenced(
            f"{one.id}: réglée entre-temps par un autre, regardez : edi approve"
            " / settled meanwhile by somebody else, look: edi approve"
        )


def _replace_others(
    database: Connection, wanted: Collection[str], directory: str, by: str, at: datetime
) -> list[Fact]:
    """Replace what was proposed by the same way before, and is not any more."""
    told = []
    for one in read_proposals(database):
        same_way = (one.subject == IMPORT) == (directory == IMPORT)
        if one.state is ProposalState.OPEN and same_way and one.id not in wanted:
            _move(database, one, ProposalState.REPLACED, by, at, "")
            data: dict[str, object] = {"of": one.subject, "author": one.by}
            told.append(Fact(at=at, subject=one.id, what="proposal.replaced", by=by, data=data))
    return told


def _add(
    database: Connection,
    one: Proposal,
    said: Mapping[Key, str | None],
    bases: Mapping[Key, int],
    facts: Sequence[Fact],
) -> None:
    kept = [{"subject": f.subject, "what": f.what, "data": dict(f.data)} for f in facts]
    database.execute(
        insert(proposal).values(
            id=one.id,
            subject=one.subject,
            made_at=one.made_at,
            author=one.by,
            state=one.state.value,
            settled_at=None,
            actor="",
            reason="",
            facts=json.dumps(kept, sort_keys=True),
        )
    )
    rows = [
        {
            "proposal": one.id,
            "kind": kind,
            "name": name,
            "body": body,
            "base": bases.get((kind, name), 0),
        }
        for (kind, name), body in said.items()
    ]
    database.execute(insert(proposal_item), rows)


def _facts_of(database: Connection, one: Proposal, at: datetime) -> list[Fact]:
    """Return what was to be told once a proposal is in force, in the name of who made it."""
    text = database.execute(select(proposal.c.facts).where(proposal.c.id == one.id)).scalar_one()
    return [
        Fact(at=at, subject=kept["subject"], what=kept["what"], by=one.by, data=kept["data"])
        for kept in json.loads(text)
    ]


def _items(database: Connection, subject: str) -> dict[Key, tuple[str | None, int]]:
    rows = database.execute(select(proposal_item).where(proposal_item.c.proposal == subject))
    return {(row.kind, row.name): (row.body, row.base) for row in rows}


def _bases(database: Connection) -> Mapping[Key, int]:
    """Return how often each sheet was changed or ended: a number that only grows."""
    columns = sheet.c
    statement = select(
        columns.kind, columns.name, func.count() + func.count(columns.ended_at)
    ).group_by(columns.kind, columns.name)
    return {(kind, name): changes for kind, name, changes in database.execute(statement)}


def _id_of(subject: str, said: Mapping[Key, str | None], bases: Mapping[Key, int]) -> str:
    content = [[*key, body, bases.get(key, 0)] for key, body in sorted(said.items())]
    return sha256(dump([subject, *content]).encode()).hexdigest()[:_ID]


def _proposal_of(row: Row[Any]) -> Proposal:
    return Proposal(
        id=row.id,
        subject=row.subject,
        made_at=row.made_at,
        by=row.author,
        state=ProposalState(row.state),
        settled_at=row.settled_at,
        settled_by=row.actor,
        reason=row.reason,
    )
