"""``edi approve``: the second person's say in changes of sheets and directory."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.app.approve import Candidate, Pending, candidates, pending
from pipeline.app.approve import approve as agree
from pipeline.app.approve import refuse as disagree
from pipeline.entry.cli.apply import proposal_object, say_changes
from pipeline.entry.cli.output import AsJson, prose, say, say_json, typed_subject
from pipeline.model.errors import ConfigError


def approve(
    subject: Annotated[
        str | None,
        typer.Argument(
            parser=typed_subject,
            metavar="[ID|FICHE]",
            help="Proposition ou fiche essayée / proposal or tested sheet; default: list them.",
        ),
    ] = None,
    refuse: Annotated[
        bool, typer.Option("--refuse", help="Refuser la proposition / refuse it.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Motif du refus / why it is refused.", parser=prose, metavar="TEXT")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Approuver ce qu'une autre personne propose ; sans ID, le lister / approve, or list."""
    if subject is None and refuse:
        raise ConfigError("--refuse: laquelle ? / which one? edi approve ID --refuse --reason …")
    place = bootstrap.workspace()
    with bootstrap.open_hub(place, by=bootstrap.operator(), log_to_file=True) as hub:
        if subject is None:
            _list(pending(hub), candidates(hub), as_json=as_json)
        elif refuse:
            done = disagree(hub, subject, reason)
            _answer(done.subject, "refused", "refusé / refused", as_json=as_json)
        else:
            what, now = agree(hub, subject)
            word = "approuvé / approved" if now else "déjà approuvé / approved already"
            _answer(what, "approved" if now else "already approved", word, as_json=as_json)


def _answer(what: str, effect: str, words: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"subject": what, "effect": effect})
    else:
        say(f"{what}: {words}")


def _list(waiting: tuple[Pending, ...], tried: tuple[Candidate, ...], *, as_json: bool) -> None:
    if as_json:
        shown = [
            {
                **proposal_object(one.proposal),
                "changes": [asdict(change) for change in one.changes],
            }
            for one in waiting
        ]
        sheets = [
            {"connection": one.standing.connection, "author": one.author, "by": one.standing.by}
            for one in tried
        ]
        say_json({"proposals": shown, "tested": sheets})
        return
    for one in waiting:
        proposal = one.proposal
        say(f"{proposal.id} {proposal.subject}, {proposal.by}, {proposal.made_at:%Y-%m-%d %H:%M}")
        say_changes(one.changes)
    for sheet in tried:
        say(
            f"{sheet.standing.connection}: fiche essayée par / sheet tested by"
            f" {sheet.standing.by}, écrite par / written by {sheet.author}"
        )
    if not (waiting or tried):
        say("Rien à approuver / nothing to approve.")
