"""The register of connection sheets: what is agreed with whom, how it stands, until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from pipeline.app.apply import Change, key_differences
from pipeline.app.standing import standing_of
from pipeline.model.api_sheet import ApiSheet
from pipeline.model.connection import Connection, Environment
from pipeline.model.credential import Credential, Turn
from pipeline.model.directory import day_of
from pipeline.model.event import Event
from pipeline.model.standing import SheetState, Standing
from pipeline.ports.ledger import Ledger, Sheets, SheetVersion


class SheetKind(Enum):
    """What kinds of sheets the register has."""

    SENDER = "sender"
    RECEIVER = "receiver"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sheet as the register lists it.

    Attributes:
        name: Of the sheet.
        partner: Behind it.
        kind: ``sender``, ``receiver`` or ``api``.
        structure: SIRET, or None.
        protocol: ``sftp`` or ``local``; of the API ``oauth2`` or ``certificate``.
        application_code: Six characters, or None.
        interfaces: Codes it subscribes to.
        environment: ``production`` or ``qualification``.
        start_date: First day of the agreement, or None.
        end_date: Day it ends, or None.
        certificate_expires: When the first of its certificates and keys ends (aware), or None.
        days_left: Whole days until then, negative once it is past; None without an end.
        state: Where it stands.
        since: Since when it stands there.
    """

    name: str
    partner: str
    kind: str
    structure: str | None
    protocol: str
    application_code: str | None
    interfaces: tuple[str, ...]
    environment: str
    start_date: date | None
    end_date: date | None
    certificate_expires: datetime | None
    days_left: int | None
    state: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What lines of the register are looked for; None matches anything.

    Attributes:
        kind: Sender, receiver or API.
        partner: Part of the partner's name, or of the sheet's.
        structure: First digits of the SIRET: a SIREN finds all of a company's.
        protocol: Of the door.
        application_code: Whole.
        interface: A code that is subscribed to.
        environment: Production or qualification.
        agreed_on: A day that the agreement covers.
        expires_before: Day before which a certificate or key ends, that day excluded.
        days_left: At most so many days until then.
        state: Where it stands.
    """

    kind: SheetKind | None = None
    partner: str | None = None
    structure: str | None = None
    protocol: str | None = None
    application_code: str | None = None
    interface: str | None = None
    environment: Environment | None = None
    agreed_on: date | None = None
    expires_before: date | None = None
    days_left: int | None = None
    state: SheetState | None = None

    def matches(self, sheet: Connection | ApiSheet, line: Line) -> bool:
        """Tell whether a sheet is one of those."""
        wanted = self.partner.casefold() if self.partner else ""
        ends = line.certificate_expires
        return (
            self._matches_columns(line)
            and any(wanted in text.casefold() for text in (line.partner, line.name))
            and (line.structure or "").startswith(self.structure or "")
            and (self.interface is None or self.interface in line.interfaces)
            and (self.agreed_on is None or sheet.agreed_on(self.agreed_on))
            and (
                self.expires_before is None
                or (ends is not None and day_of(ends) < self.expires_before)
            )
            and (
                self.days_left is None
                or (line.days_left is not None and line.days_left <= self.days_left)
            )
        )

    def _matches_columns(self, line: Line) -> bool:
        asked = (
            (self.kind.value if self.kind else None, line.kind),
            (self.protocol, line.protocol),
            (self.application_code, line.application_code),
            (self.environment.value if self.environment else None, line.environment),
            (self.state.value if self.state else None, line.state),
        )
        return all(wanted is None or wanted == found for wanted, found in asked)


def register(
    sheets: Sheets, credentials: Mapping[str, Sequence[Credential]], now: datetime
) -> Iterator[tuple[Connection | ApiSheet, Line]]:
    """Yield every sheet in force with its line, by name.

    Args:
        sheets: The configuration in force.
        credentials: The certificates and keys that each sheet names.
        now: The moment (aware).
    """
    everything: Mapping[str, Connection | ApiSheet] = {**sheets.connections, **sheets.apis}
    for name, sheet in sorted(everything.items()):
        ending = [
            one
            for one in credentials.get(name, ())
            if one.turn is Turn.CURRENT and one.ends is not None
        ]
        first = min(ending, key=lambda one: one.ends or now, default=None)
        yield sheet, _line(sheets, sheet, first, now)


def _line(
    sheets: Sheets, sheet: Connection | ApiSheet, first: Credential | None, now: datetime
) -> Line:
    standing = sheets.standing.get(sheet.name)
    if isinstance(sheet, Connection):
        kind, protocol = sheet.role.value, sheet.door.protocol.value
    else:
        kind, protocol = SheetKind.API.value, sheet.access.value
    return Line(
        name=sheet.name,
        partner=sheet.partner,
        kind=kind,
        structure=sheet.structure,
        protocol=protocol,
        application_code=sheet.application_code,
        interfaces=sheet.interfaces,
        environment=sheet.environment.value,
        start_date=sheet.start_date,
        end_date=sheet.end_date,
        certificate_expires=first.ends if first else None,
        days_left=first.days_left(now) if first else None,
        state=sheets.state(sheet.name).value,
        since=standing.since if standing else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One version of a sheet, and what it changed.

    Attributes:
        version: The version.
        changes: Every key that differs from the version before; of the first one none.
    """

    version: SheetVersion
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Biography:
    """Everything the ledger knows of one sheet.

    Attributes:
        standing: Where it stands.
        history: Its versions, oldest first.
        moves: Events of its moves, oldest first.
    """

    standing: Standing
    history: tuple[Past, ...]
    moves: tuple[Event, ...]

    @property
    def latest(self) -> Connection | ApiSheet | None:
        """Return the newest version, in force or not; None where it cannot be read."""
        return self.history[-1].version.connection


def biography(ledger: Ledger, name: str) -> Biography:
    """Return what the ledger knows of a sheet, in force or not.

    Raises:
        ConfigError: There never was a sheet of this name.
    """
    standing = standing_of(ledger.sheets(), name)
    history: list[Past] = []
    for one in ledger.versions(name):
        before = history[-1].version.connection if history else None
        changes = key_differences(name, before, one.connection) if before else ()
        history.append(Past(version=one, changes=changes))
    moves = tuple(one for one in ledger.events(name) if one.fact.what == "sheet.moved")
    return Biography(standing=standing, history=tuple(history), moves=moves)
