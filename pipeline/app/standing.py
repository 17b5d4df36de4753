"""Move connection sheets: test, approve, promote, suspend, resume, close."""

from __future__ import annotations

from structlog import get_logger

from pipeline.app.clean_days import ON_TRIAL, clean_days
from pipeline.app.hub import Hub
from pipeline.app.operate.acting import Order, demand_reason
from pipeline.model.connection import Connection, Role
from pipeline.model.errors import ConfigError
from pipeline.model.standing import (
    SHEET_FOLLOWS,
    SHEET_WORDS,
    MoveCause,
    SheetState,
    Standing,
    next_state,
)
from pipeline.ports.ledger import Sheets

log = get_logger(__name__)


def standing_of(sheets: Sheets, name: str) -> Standing:
    """Return where a sheet stands, in force or not.

    Raises:
        ConfigError: There never was a sheet of this name.
    """
    try:
        return sheets.standing[name]
    except KeyError:
        known = ", ".join(sorted(sheets.standing)) or "–"
        raise ConfigError(
            f"{name}: fiche de raccordement inconnue ; connues : {known}"
            f" / unknown connection sheet; known: {known}"
        ) from None


def move(
    hub: Hub,
    name: str,
    after: SheetState,
    *,
    reason: str = "",
    cause: MoveCause = MoveCause.OPERATOR,
) -> Standing:
    """Move a sheet, and return how it then stands.

    Raises:
        ConfigError: There is no such sheet, or it cannot go there from where it stands.
        Fenced: Somebody else moved it meanwhile.
    """
    return _move(hub, standing_of(hub.ledger.sheets(), name), after, reason=reason, cause=cause)


def suspend(
    hub: Hub, name: str, reason: str, cause: MoveCause = MoveCause.OPERATOR
) -> Standing | None:
    """Let nothing more through one sheet, until a person resumes it.

    The partner's other sheets go on.

    Returns:
        How it then stands; None where there is nothing to suspend: it is suspended or closed
        already, or carries no traffic yet.

    Raises:
        ConfigError: There is no such sheet, or no reason is given.
        Fenced: Somebody else moved it meanwhile.
    """
    demand_reason(Order(reason))
    before = standing_of(hub.ledger.sheets(), name)
    if SheetState.SUSPENDED not in SHEET_FOLLOWS[before.state]:
        return None
    return _move(hub, before, SheetState.SUSPENDED, reason=reason, cause=cause)


def resume(hub: Hub, name: str, reason: str) -> Standing:
    """Let a suspended sheet go on where it stood before.

    Raises:
        ConfigError: There is no such sheet, it is not suspended, or no reason is given.
        Fenced: Somebody else moved it meanwhile.
    """
    demand_reason(Order(reason))
    before = standing_of(hub.ledger.sheets(), name)
    if before.resumes is None:
        fr, en = SHEET_WORDS[before.state]
        raise ConfigError(
            f"{name}: n'est pas suspendue, elle est {fr} / is not suspended, it is {en}"
        )
    return _move(hub, before, before.resumes, reason=reason, cause=MoveCause.OPERATOR)


def note_passed(hub: Hub, seen: Standing) -> Standing:
    """Note that a sheet passed its test: a draft is tested now, any other stays where it is.

    Args:
        hub: The hub.
        seen: Where it stood before the test began.

    Raises:
        Fenced: It was changed or moved meanwhile: what was tested is not what is in force.
    """
    if seen.state is not SheetState.DRAFT:
        return seen
    return _move(hub, seen, SheetState.TESTED, reason="", cause=MoveCause.TEST)


def promote(hub: Hub, name: str, reason: str) -> Standing:
    """Take a sheet one step nearer to production.

    Raises:
        ConfigError: There is no such sheet in force, no step is next, or no reason is given.
        Fenced: Somebody else moved it meanwhile.
    """
    demand_reason(Order(reason))
    sheets = hub.ledger.sheets()
    before = standing_of(sheets, name)
    connection = sheets.connections.get(name)
    # what comes by the API has no shadow either: it is answered, or it is not
    role = connection.role if connection else Role.SENDER
    in_force = name in {*sheets.connections, *sheets.apis}
    after = next_state(role, before.state) if in_force else None
    if after is None:
        raise ConfigError(f"{name}: {_why_not_promoted(before, in_force=in_force)}")
    if connection is not None and before.state in ON_TRIAL:
        _demand_clean_days(hub, connection, before)
    return _move(hub, before, after, reason=reason, cause=MoveCause.OPERATOR)


def _demand_clean_days(hub: Hub, sheet: Connection, standing: Standing) -> None:
    """Let a sheet on trial go no further before its days without fault.

    Raises:
        ConfigError: They are not enough.
    """
    found = clean_days(hub.ledger, sheet, standing)
    if not found.enough:
        raise ConfigError(
            f"{sheet.name}: {found.clean} jour(s) sans faute de suite, il en faut {found.needed}"
            f" (trial.clean_days) / clean day(s) in a row, {found.needed} are needed: edi"
            f" connections report {sheet.name}"
        )


def close(hub: Hub, name: str, reason: str) -> Standing:
    """End a sheet for ever.

    Raises:
        ConfigError: There is no such sheet, it is closed, or no reason is given.
        Fenced: Somebody else moved it meanwhile.
    """
    demand_reason(Order(reason))
    return move(hub, name, SheetState.CLOSED, reason=reason)


def _move(
    hub: Hub, before: Standing, after: SheetState, *, reason: str, cause: MoveCause
) -> Standing:
    name = before.connection
    if after not in SHEET_FOLLOWS[before.state]:
        (was_fr, was_en), (fr, en) = SHEET_WORDS[before.state], SHEET_WORDS[after]
        raise ConfigError(
            f"{name}: est {was_fr}, ne peut devenir {fr} / is {was_en}, cannot become {en}"
        )
    moved = Standing(
        connection=name,
        state=after,
        since=hub.clock.now(),
        by=hub.by,
        cause=cause,
        reason=reason.strip(),
        resumes=before.state if after is SheetState.SUSPENDED else None,
    )
    hub.ledger.move_sheet(before, moved)
    log.info(
        "sheet.moved",
        connection=name,
        before=before.state.value,
        after=after.value,
        cause=cause.value,
        reason=moved.reason,
        by=hub.by,
    )
    return moved


def _why_not_promoted(before: Standing, *, in_force: bool) -> str:
    """Say what a sheet needs instead of a promotion."""
    if not in_force:
        return "n'est plus dans config/ / is not in config/ any more"
    match before.state:
        case SheetState.DRAFT:
            return "à essayer d'abord : edi connections test / test it first"
        case SheetState.TESTED:
            return "à approuver d'abord par une autre personne : edi approve / approve it first"
        case SheetState.SUSPENDED:
            return "suspendue : edi connections resume / suspended"
        case _:
            fr, en = SHEET_WORDS[before.state]
            return f"est {fr}, rien ne suit / is {en}, nothing comes next"
