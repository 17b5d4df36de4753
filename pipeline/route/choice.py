"""Which of the routes that match takes a document: by environment, state, dates and pilot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from pipeline.model.connection import Connection, Environment, Role
from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Verdict
from pipeline.model.directory import Directory
from pipeline.model.document import Document
from pipeline.model.duties import DUTIES, Duty, Work
from pipeline.model.standing import SHEET_WORDS, SheetState
from pipeline.route.plan import matching_routes


class Passed(Enum):
    """Why a sheet that a route leads to does not take a document."""

    STATE = "state"  #: it is not in production
    DATES = "dates"  #: the agreement does not cover the day
    SUPPLIER = "supplier"  #: it is a pilot for other suppliers
    VOLUME = "volume"  #: it is a pilot that has its documents of the day


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """What is known of where documents may go.

    Attributes:
        sheets: Connection sheets in force, by name.
        states: Where they stand, of those that are suspended where they will go on; in production
            where nothing is said.
        environment: That of the flow: nothing leaves it.
        day: On which the flow was received.
        taken: Documents of that day that pilots took already, by sheet.
    """

    sheets: Mapping[str, Connection]
    states: Mapping[str, SheetState] = field(default_factory=dict)
    environment: Environment = Environment.PRODUCTION
    day: date
    taken: Mapping[str, int] = field(default_factory=dict)

    def state(self, name: str) -> SheetState:
        """Return where a sheet stands."""
        return self.states.get(name, SheetState.PRODUCTION)


@dataclass(frozen=True, slots=True)
class Choice:
    """Where one document goes.

    Attributes:
        route: The sheet that takes it; None where none does.
        copies: Sheets in shadow that get a copy which does not count.
        passed: Sheets that a route leads to, and that do not take it, each with why.
    """

    route: str | None = None
    copies: tuple[str, ...] = ()
    passed: tuple[tuple[str, Passed], ...] = ()


def choose(document: Document, sender: str, directory: Directory, receivers: Receivers) -> Choice:
    """Choose among the routes that match, first to last.

    A sheet that is suspended takes what it took before, which then waits. One whose state, dates
    or pilot keep it from taking is passed over as if its route were not there; one in shadow is
    too, and gets a copy. In qualification a route to a production sheet stands for the
    qualification sheet of the same partner.

    Args:
        document: As it was read.
        sender: Name of the partner that sent it.
        directory: Holds the routes.
        receivers: What they lead to.
    """
    copies: list[str] = []
    passed: list[tuple[str, Passed]] = []
    for name in _candidates(document, sender, directory, receivers):
        sheet = receivers.sheets.get(name)
        if sheet is None:
            break  # nothing is put in force that names no sheet: it vanished behind our back
        why = _why_passed(document, sheet, receivers)
        if why is None:
            return Choice(name, tuple(copies), tuple(passed))
        passed.append((name, why))
        in_shadow = DUTIES[receivers.state(name)][Work.DELIVER] is Duty.COPIED
        if in_shadow and why is Passed.STATE:
            copies.append(name)
    return Choice(None, tuple(copies), tuple(passed))


def _candidates(
    document: Document, sender: str, directory: Directory, receivers: Receivers
) -> Iterator[str]:
    """Yield sheets of the flow's own environment, in the order of the routes, each once."""
    seen: set[str] = set()
    for name in matching_routes(document, sender, directory):
        sheet = receivers.sheets.get(name)
        if sheet is None or sheet.environment is receivers.environment:
            found = [name]
        elif receivers.environment is Environment.QUALIFICATION:
            found = _of_partner(sheet.partner, receivers)
        else:
            found = []
        for one in found:
            if one not in seen:
                seen.add(one)
                yield one


def _of_partner(partner: str, receivers: Receivers) -> list[str]:
    """Return the receivers' sheets of a partner in the flow's environment, by name."""
    return sorted(
        one.name
        for one in receivers.sheets.values()
        if one.partner == partner
        and one.role is Role.RECEIVER
        and one.environment is receivers.environment
    )


def _why_passed(document: Document, sheet: Connection, receivers: Receivers) -> Passed | None:
    duty = DUTIES[receivers.state(sheet.name)][Work.DELIVER]
    if not sheet.agreed_on(receivers.day):
        return Passed.DATES
    if duty in {Duty.NOT, Duty.COPIED}:
        return Passed.STATE
    if duty is not Duty.LIMITED:
        return None
    if document.header.seller_siren not in sheet.trial.suppliers:
        return Passed.SUPPLIER
    most, mine = sheet.trial.documents_a_day, document.route == sheet.name
    full = most is not None and receivers.taken.get(sheet.name, 0) >= most
    return Passed.VOLUME if full and not mine else None


def not_live(document: Document, choice: Choice, receivers: Receivers) -> Decision:
    """Hold a document whose only routes lead to sheets that do not take it."""
    name, why = choice.passed[0]
    fr, en = _said(why, receivers.state(name))
    return Decision(
        Verdict.HOLD,
        (
            reason(
                "NOT_LIVE",
                document.name,
                f"la fiche {name} du destinataire ne prend pas cette facture : {fr}",
                f"the recipient's sheet {name} does not take this invoice: {en}",
            ),
        ),
    )


def not_delivered(document: Document) -> Decision:
    """Accept a document of qualification that goes to nobody, and say so."""
    return Decision(
        Verdict.ACCEPT,
        (
            reason(
                "TRIED_ONLY",
                document.name,
                "essai de qualification : jugée, et remise à personne, faute de fiche de"
                " qualification du destinataire",
                "trial in qualification: judged, and delivered to nobody, since the recipient"
                " has no qualification sheet",
            ),
        ),
    )


def _said(why: Passed, state: SheetState) -> tuple[str, str]:
    if why is Passed.STATE:
        fr, en = SHEET_WORDS[state]
        return f"elle est {fr}", f"it is {en}"
    return _WORDS[why]


_WORDS: Mapping[Passed, tuple[str, str]] = {
    Passed.DATES: (
        "l'accord ne couvre pas le jour de sa réception",
        "the agreement does not cover the day it was received",
    ),
    Passed.SUPPLIER: (
        "elle est pilote pour d'autres fournisseurs",
        "it is a pilot for other suppliers",
    ),
    Passed.VOLUME: (
        "elle est pilote et a reçu son nombre de factures du jour",
        "it is a pilot and has its number of invoices for the day",
    ),
}
