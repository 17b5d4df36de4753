"""Interface codes: what flows under each carry, which way, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pipeline.model.connection import AnswerFamily, Atomicity, Connection, Role


class Carries(Enum):
    """What a flow is about."""

    INVOICES = "invoices"
    ACKNOWLEDGEMENTS = "acknowledgements"  #: was a flow, or an object of it, taken
    STATUSES = "statuses"  #: where an invoice is in its business life
    REPORTS = "reports"  #: data of transactions and payments for the tax administration
    ADDRESSES = "addresses"  #: lines of the directory


class Direction(Enum):
    """Which way a flow goes, seen from the hub."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One row of the interface table (``config/interfaces.toml``).

    Attributes:
        code: Eight characters, e.g. ``FSO1100A``.
        title: What it carries, in the reference's words.
        source: Where this was read.
        carries: What its flows are about.
        direction: Which way they go.
        form: How they are written, in the reference's words.
        sent_by: Who sends them, in the reference's words.
        statuses: Codes of the statuses that they may carry; empty where none are given.
        brings: Codes of the secondary interfaces that come with it.
        unserved: Why this hub does not serve it; empty where it does.
        syntaxes: Syntaxes a deposit under it may use (`report.Syntax` values).
        refused_by: Code of the answer to an irrecevable flow; in the AFNOR family also of
            that which says that a flow is recevable; empty where there is none.
        taken_by: Code of the answer that tells what became of the invoices; empty where
            there is none.
        atomicity: What a broken file takes down.
        profile: Validation profile of deposits; empty for what is no invoice.
        answers: Family of its answers.
    """

    code: str
    title: str
    source: str
    carries: Carries = Carries.INVOICES
    direction: Direction = Direction.IN
    form: str = ""
    sent_by: str = ""
    statuses: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    unserved: str = ""
    syntaxes: tuple[str, ...] = ()
    refused_by: str = ""
    taken_by: str = ""
    atomicity: Atomicity = Atomicity.FLOW
    profile: str = ""
    answers: AnswerFamily = AnswerFamily.HISTORICAL

    @property
    def digits(self) -> str:
        """Return the four digits that flow names repeat.

        >>> Interface(code="FSO1100A", title="", source="").digits
        '1100'
        """
        return self.code[3:7]

    @property
    def is_deposit(self) -> bool:
        """Tell whether invoices come in by it."""
        return self.carries is Carries.INVOICES and self.direction is Direction.IN

    @property
    def is_principal(self) -> bool:
        """Tell whether a sheet subscribes it by name; others come with a principal one."""
        reports = self.carries is Carries.REPORTS and self.direction is Direction.IN
        return self.carries is Carries.INVOICES or reports

    @property
    def opens_to(self) -> Role:
        """Return whose sheet may name it, where it is a principal one."""
        return Role.SENDER if self.direction is Direction.IN else Role.RECEIVER


def subscribed(
    connection: Connection, interfaces: Mapping[str, Interface]
) -> tuple[Interface, ...]:
    """Return what a sheet has subscribed: the codes it names, each with what it brings.

    Codes that left the table are left out. The order is that of the sheet, secondary ones
    after their principal one, each code once.
    """
    codes = dict.fromkeys(
        code
        for named in connection.interfaces
        if named in interfaces
        for code in (named, *interfaces[named].brings)
    )
    return tuple(interfaces[code] for code in codes if code in interfaces)


def may_send(connection: Connection, interfaces: Mapping[str, Interface]) -> tuple[Interface, ...]:
    """Return by which interfaces a partner may send us something through a sheet."""
    return tuple(
        one
        for one in subscribed(connection, interfaces)
        if one.direction is Direction.IN and not one.unserved
    )
