"""`edi approve`: a second person agrees to what somebody proposed, or refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from structlog import get_logger

from pipeline.app.apply import Change, check_sheets, differences
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, demand_reason
from pipeline.app.standing import move
from pipeline.model.connection import Connection
from pipeline.model.errors import ConfigError
from pipeline.model.proposal import PROPOSAL_WORDS, Proposal, ProposalState
from pipeline.model.rollover import is_rollover
from pipeline.model.settings import Approval
from pipeline.model.standing import MoveCause, SheetState, Standing

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal that waits, and what it would change of what is in force now.

    Attributes:
        proposal: The proposal.
        changes: Every key that differs.
    """

    proposal: Proposal
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sheet that passed its test, and waits for a second person.

    Attributes:
        standing: Where it stands, and who tested it.
        author: Who wrote the version in force.
    """

    standing: Standing
    author: str


def pending(hub: Hub) -> tuple[Pending, ...]:
    """Return what waits for a second person, oldest first."""
    now = hub.ledger.sheets()
    return tuple(
        Pending(one, differences(now, hub.ledger.as_proposed(one.id)))
        for one in hub.ledger.proposals()
        if one.state is ProposalState.OPEN
    )


def candidates(hub: Hub) -> tuple[Candidate, ...]:
    """Return the sheets that were tested and are not approved, by name."""
    return tuple(
        Candidate(one, _author(hub, name))
        for name, one in sorted(hub.ledger.sheets().standing.items())
        if one.state is SheetState.TESTED
    )


def approve(hub: Hub, subject: str) -> tuple[str, bool]:
    """Put a proposal in force, or approve a sheet that was tested.

    Args:
        hub: The hub; its `by` is who agrees.
        subject: Id of a proposal, or name of a sheet.

    Returns:
        What was approved, and whether it was now; False where it had been before.

    Raises:
        ConfigError: There is nothing of this name to approve, whoever approves made it, it
            cannot be put in force any more, or what it was to change has changed.
        Fenced: Somebody else settled it meanwhile.
    """
    proposal = _proposal(hub, subject)
    if proposal is None:
        return _approve_sheet(hub, subject)
    if proposal.state is ProposalState.APPROVED:
        return proposal.subject, False
    _demand_open(proposal)
    _demand_another(hub, proposal.id, proposal.by)
    check_sheets(hub, hub.ledger.as_proposed(proposal.id))
    stands = hub.ledger.settle_proposal(
        proposal, ProposalState.APPROVED, by=hub.by, at=hub.clock.now()
    )
    if stands is ProposalState.STALE:
        log.info("proposal.stale", proposal=proposal.id, of=proposal.subject, by=hub.by)
        raise ConfigError(
            f"{proposal.id}: périmée, {proposal.subject} a changé depuis ; proposez à nouveau"
            f" / stale, {proposal.subject} was changed since; propose it again"
        )
    log.info("proposal.approved", proposal=proposal.id, of=proposal.subject, by=hub.by)
    return proposal.subject, True


def refuse(hub: Hub, subject: str, reason: str) -> Proposal:
    """Refuse a proposal; whoever made it may take it back in this way.

    Raises:
        ConfigError: There is no such proposal, it is not open, or no reason is given.
        Fenced: Somebody else settled it meanwhile.
    """
    demand_reason(Order(reason))
    proposal = _proposal(hub, subject)
    if proposal is None:
        raise _nothing(subject)
    _demand_open(proposal)
    hub.ledger.settle_proposal(
        proposal, ProposalState.REFUSED, by=hub.by, at=hub.clock.now(), reason=reason.strip()
    )
    log.info("proposal.refused", proposal=proposal.id, of=proposal.subject, by=hub.by)
    return proposal


def _proposal(hub: Hub, subject: str) -> Proposal | None:
    return next((one for one in hub.ledger.proposals() if one.id == subject), None)


def _approve_sheet(hub: Hub, name: str) -> tuple[str, bool]:
    standing = hub.ledger.sheets().standing.get(name)
    if standing is None:
        raise _nothing(name)
    if standing.state is SheetState.APPROVED:
        return f"connection {name}", False
    author = _author(hub, name)
    if hub.settings.approval is Approval.FOUR_EYES:
        _demand_another(hub, name, author)
    move(hub, name, SheetState.APPROVED, cause=MoveCause.APPROVAL)
    return f"connection {name}", True


def _author(hub: Hub, name: str) -> str:
    """Return who wrote a sheet: a switch to what it named already makes nobody its author."""
    versions = hub.ledger.versions(name)
    for before, one in reversed(tuple(pairwise(versions))):
        old, new = before.connection, one.connection
        if not isinstance(old, Connection) or not isinstance(new, Connection):
            return one.by
        if not is_rollover(old, new):
            return one.by
    return versions[0].by


def _demand_open(proposal: Proposal) -> None:
    if proposal.state is not ProposalState.OPEN:
        fr, en = PROPOSAL_WORDS[proposal.state]
        raise ConfigError(
            f"{proposal.id}: {fr} par {proposal.settled_by} / {en} by {proposal.settled_by}"
        )


def _demand_another(hub: Hub, subject: str, author: str) -> None:
    if hub.by == author:
        raise ConfigError(
            f"{subject}: proposé par vous-même ({author}), une autre personne doit approuver"
            f" / proposed by yourself ({author}), another person has to approve"
        )


def _nothing(subject: str) -> ConfigError:
    return ConfigError(
        f"{subject}: ni proposition ni fiche ; edi approve les liste"
        " / no proposal and no sheet; edi approve lists them"
    )
