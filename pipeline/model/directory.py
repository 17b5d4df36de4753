"""Who can be billed, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum
from typing import Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from pipeline.model.profile import TIMEZONE

#: Matricules that are no platform of a directory line: Chorus Pro's two, and the PPF's.
RESERVED_PLATFORMS = frozenset({"9997", "9998", "9999"})


class Kind(Enum):
    """What a structure is before the rules of exchange."""

    PUBLIC = "public"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Validity:
    """The days on which something holds.

    Attributes:
        since: The first day, included; None for ever before.
        until: The day it ends, excluded; None for no end.
    """

    since: date | None = None
    until: date | None = None

    def covers(self, day: date) -> bool:
        """Tell whether it holds on a day.

        >>> year = Validity(date(2026, 1, 1), date(2027, 1, 1))
        >>> year.covers(date(2026, 1, 1)), year.covers(date(2027, 1, 1))
        (True, False)
        """
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )


ALWAYS = Validity()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service of a structure, as its code (BT-46, scheme 0224) names it.

    Attributes:
        name: For people.
        active: Whether it may be named at all.
        validity: The days on which it may.
        engagement: The days on which it asks for an engagement number; None where it never
            does.
    """

    name: str = ""
    active: bool = True
    validity: Validity = ALWAYS
    engagement: Validity | None = None

    def is_active(self, day: date) -> bool:
        """Tell whether it may be named on a day."""
        return self.active and self.validity.covers(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What a public structure asks of an invoice (Annexe 3, DT-4-13-1 to 6).

    Attributes:
        engagement: DT-4-13-1, an engagement number (BT-13).
        service: DT-4-13-2, a service code.
        engagement_or_service: DT-4-13-3, one of the two.
        works: DT-4-13-4, it may also receive works invoices (MOA).
        works_only: DT-4-13-5, it receives nothing else.
        payment_status: DT-4-13-6, it will say when it pays.
    """

    engagement: bool = False
    service: bool = False
    engagement_or_service: bool = False
    works: bool = False
    works_only: bool = False
    payment_status: bool = False


NO_FLAGS = Flags()


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """An establishment that can receive invoices, or send them.

    Attributes:
        siret: Fourteen digits.
        name: For people.
        kind: Public or private; None where the directory does not say.
        active: Whether it takes part at all.
        unit_active: Whether its legal unit does.
        validity: The days on which it does.
        services: Services by their code.
        flags: What it asks of an invoice.
    """

    siret: str
    name: str
    kind: Kind | None = None
    active: bool = True
    unit_active: bool = True
    validity: Validity = ALWAYS
    services: Mapping[str, Service] = field(default_factory=dict)
    flags: Flags = NO_FLAGS

    @property
    def siren(self) -> str:
        """Return the nine digits of its legal unit."""
        return self.siret[:9]

    def is_active(self, day: date) -> bool:
        """Tell whether it may be billed on a day."""
        return self.active and self.unit_active and self.validity.covers(day)

    def has_service(self, code: str, day: date) -> bool:
        """Tell whether a service code is one of its own, active on a day."""
        service = self.services.get(code)
        return service is not None and service.is_active(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One line of the directory: an electronic address, and who receives for it.

    Attributes:
        identifier: ``SIREN``, ``SIREN_SIRET``, ``SIREN_SIRET_ROUTING`` or ``SIREN_SUFFIX``
            (BT-49, scheme 0225).
        platform: Matricule of the platform, four digits; None where the line names none.
        masked: Whether the line hides the address instead of defining it.
        validity: The days on which it holds.
    """

    identifier: str
    platform: str | None = None
    masked: bool = False
    validity: Validity = ALWAYS

    @property
    def siren(self) -> str:
        """Return the nine digits it begins with."""
        return self.identifier[:9]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A platform that this hub is connected to, or was.

    Attributes:
        matricule: Four digits.
        name: For people.
        active: Whether it is connected at all.
        validity: The days on which it is.
    """

    matricule: str
    name: str
    active: bool = True
    validity: Validity = ALWAYS

    def is_connected(self, day: date) -> bool:
        """Tell whether it is connected on a day."""
        return self.active and self.validity.covers(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Rule from document to connection; None matches anything; first match wins.

    Attributes:
        connection: Name of a receiver's connection.
        buyer_siret: SIRET of the recipient.
        buyer_siren: SIREN of the recipient.
        buyer_service: Service code.
        sender: Partner that sent the document.
        type_codes: BT-3 values, empty for all.
    """

    connection: str
    buyer_siret: str | None = None
    buyer_siren: str | None = None
    buyer_service: str | None = None
    sender: str | None = None
    type_codes: tuple[str, ...] = ()


@runtime_checkable
class Ranged(Protocol):
    """Structures by SIRET that lie elsewhere, in order, and are read when they are asked for."""

    def between(self, first: str, last: str) -> tuple[Structure, ...]:
        """Return those from one SIRET to another, both included, by SIRET."""


@dataclass(frozen=True, slots=True)
class Directory:
    """What is known of everybody, and routes in order.

    Attributes:
        structures: By SIRET; `Ranged` where there are too many to be held.
        routes: The first that matches wins.
        addresses: Electronic addresses by the SIREN they begin with.
        platforms: By matricule; none where connections of platforms are not looked at.
        imported: Whether all but the routes came by import: ``config/`` proposes no
            structure any more.
    """

    structures: Mapping[str, Structure] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    addresses: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    platforms: Mapping[str, Platform] = field(default_factory=dict)
    imported: bool = False

    @property
    def is_at_hand(self) -> bool:
        """Tell whether structures and addresses are held here, and not read one by one."""
        return not isinstance(self.structures, Ranged)

    def loaded(self) -> Directory:
        """Return the same with everything at hand, as one that is to be changed must be."""
        return replace(
            self,
            structures=dict(self.structures.items()),
            addresses=dict(self.addresses.items()),
        )

    def of_siren(self, siren: str) -> tuple[Structure, ...]:
        """Return every structure of a legal unit, by SIRET."""
        if isinstance(self.structures, Ranged):
            return self.structures.between(f"{siren}00000", f"{siren}99999")
        found = (one for one in self.structures.values() if one.siren == siren)
        return tuple(sorted(found, key=lambda one: one.siret))

    def owns_active(self, siren: str, day: date) -> bool:
        """Tell whether a legal unit has a structure that may be billed on a day."""
        return any(one.is_active(day) for one in self.of_siren(siren))

    def address(self, identifier: str, day: date) -> Address | None:
        """Return the line that defines an address on a day; None where none does, or one hides it.

        Of several the one that began last counts.
        """
        lines = [
            one
            for one in self.addresses.get(identifier[:9], ())
            if one.identifier == identifier and one.validity.covers(day)
        ]
        last = max(lines, key=lambda one: one.validity.since or date.min, default=None)
        return None if last is None or last.masked else last


def day_of(moment: datetime) -> date:
    """Return the day that a moment (aware) falls on in Paris: by it the directory is read.

    >>> from datetime import UTC
    >>> day_of(datetime(2026, 6, 30, 22, 30, tzinfo=UTC))
    datetime.date(2026, 7, 1)
    """
    return moment.astimezone(ZoneInfo(TIMEZONE)).date()
