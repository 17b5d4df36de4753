"""Who validates which invoices before their recipients get them, and until when.

The frame (BT-23) says whether somebody does, the document who: whoever stands between seller
and buyer (EXT-FR-FE-69). What no document says, a hub is told by its settings: the mandataire
of a co-contractor whose own sub-contractor invoices, and the two sides of works contracts.

Source:
    DSE FE – Chorus Pro v1.0 §6.12; AIFE's pages on sub-contracting and works; art. R.2193-13 of
    the public procurement code for the fifteen days. Which frames ask MOE and MOA is deduced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeVar

from pipeline.model.calendar import Holidays, is_workday, moment
from pipeline.model.directory import day_of
from pipeline.model.life import Asked, Circuit, Status
from pipeline.model.profile import TIMEZONE
from pipeline.model.report import RoutingHeader

#: Frames of sub-contractors and of co-contractors: they name their validator.
SUBCONTRACTED, COCONTRACTED = frozenset({"A9", "S3"}), frozenset({"A12", "S6"})
#: Frames that the MOE validates, and those that the MOE deposits for the MOA (deduced).
BY_MOE, BY_MOA = frozenset({"A4", "A7", "A10", "A13", "A14"}), frozenset({"A15", "A17"})
#: Where silence lets an invoice go on.
TACIT = frozenset({Status.A_VALIDER_1, Status.A_VALIDER_2, Status.A_VALIDER_MOE})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """Who represents a co-contractor, where that one's own sub-contractor invoices.

    Attributes:
        contractor: SIRET of the co-contractor.
        mandataire: SIRET of who reads after it.
        contract: Number of the contract (BT-12), or empty for all of them.
    """

    contractor: str
    mandataire: str
    contract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """Who validates the works that a recipient has done.

    Attributes:
        recipient: SIRET of the recipient.
        moe: SIRET of who supervises them; empty where nobody is asked.
        moa: SIRET of who has them done, where it is asked before the recipient; else empty.
        contract: Number of the contract (BT-12), or empty for all of them.
    """

    recipient: str
    moe: str = ""
    moa: str = ""
    contract: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationTerms:
    """How long validators have, who they are where no document says so, and their reminders.

    Attributes:
        subcontract_days: Days of whoever reads a sub-contractor's invoice; then it goes on.
        cocontract_days: Days after which a mandataire that says nothing is overdue; no more.
        works_days: Days of a MOE, then it goes on, and of a MOA, which is overdue then.
        remind_days: How many days before the end a reminder is given, in falling order.
        workdays: Whether what would end on a day off ends on the next working day.
        mandates: The first that fits counts.
        works: The first that fits counts.
    """

    subcontract_days: int = 15
    cocontract_days: int = 15
    works_days: int = 7
    remind_days: tuple[int, ...] = (5, 1)
    workdays: bool = False
    mandates: tuple[Mandate, ...] = ()
    works: tuple[Works, ...] = ()

    def days(self, circuit: Circuit) -> int:
        """Return how many days a validator has."""
        if circuit is Circuit.COCONTRACT:
            return self.cocontract_days
        sub = circuit in {Circuit.SUBCONTRACT, Circuit.SUBCONTRACT_TWICE}
        return self.subcontract_days if sub else self.works_days


@dataclass(frozen=True, slots=True)
class Course:
    """Through whose hands an invoice goes: SIRET of its validators, in order."""

    circuit: Circuit
    validators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Which invoices are looked for whose validators' time ends.

    Attributes:
        statuses: Where they wait.
        circuits: Of these circuits.
        until: The latest end (aware).
        after: The end comes later than this; None for any.
        limit: How many at most.
    """

    statuses: frozenset[Status]
    circuits: frozenset[Circuit] = frozenset(Circuit)
    until: datetime
    after: datetime | None = None
    limit: int


_DIRECT = Course(Circuit.DIRECT)
Named = TypeVar("Named", Mandate, Works)


def course_of(header: RoutingHeader, terms: ValidationTerms) -> Course:
    """Return who has to validate an invoice; nobody where nobody is named.

    >>> header = RoutingHeader(frame="S6", agent_siret="73282932000074")
    >>> course_of(header, ValidationTerms()).circuit.value
    'cocontract'
    """
    frame, agent, contract = header.frame, header.agent_siret, header.contract_reference
    if agent and frame in COCONTRACTED:
        return Course(Circuit.COCONTRACT, (agent,))
    if agent and frame in SUBCONTRACTED:
        found = [one for one in terms.mandates if one.contractor == agent]
        mandate = _of_contract(found, contract)
        if mandate is None or mandate.mandataire == agent:
            return Course(Circuit.SUBCONTRACT, (agent,))
        return Course(Circuit.SUBCONTRACT_TWICE, (agent, mandate.mandataire))
    ours = [one for one in terms.works if one.recipient == header.buyer_siret]
    works = _of_contract(ours, contract)
    return _DIRECT if works is None else _of_works(frame, works)


def _of_contract(rows: Iterable[Named], contract: str | None) -> Named | None:
    return next((one for one in rows if one.contract in {"", contract}), None)


def _of_works(frame: str | None, works: Works) -> Course:
    if frame in BY_MOA and works.moa:
        return Course(Circuit.WORKS_OWNER, (works.moa,))
    if frame in BY_MOE and works.moe:
        if works.moa:
            return Course(Circuit.WORKS_TWICE, (works.moe, works.moa))
        return Course(Circuit.WORKS, (works.moe,))
    return _DIRECT


def deadline_of(
    circuit: Circuit, at: datetime, terms: ValidationTerms, holidays: Holidays
) -> datetime:
    """Return until when a validator has that is asked now (UTC).

    That is the end of the last day, in France; days are counted from the day after.

    Args:
        circuit: Of the invoice.
        at: When it is asked (aware).
        terms: How many days it has, and whether days off count as the last.
        holidays: Public holidays by year.
    """
    last = day_of(at) + timedelta(days=terms.days(circuit))
    while terms.workdays and not is_workday(last, holidays):
        last += _DAY
    return moment(last + _DAY, time(), TIMEZONE)


def is_tacit(status: Status, asked: Asked) -> bool:
    """Tell whether an invoice goes on by itself where its validator stays silent."""
    return status in TACIT and asked.circuit is not Circuit.COCONTRACT
