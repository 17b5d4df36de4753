"""Everything the use cases need, gathered once by `bootstrap`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.app.breaker import Breaker
from pipeline.app.convert import Converter
from pipeline.app.lease import Keeper, Lease, Renew
from pipeline.model.acknowledgement import AnswerFacts, AnswerFile
from pipeline.model.agreement import Takes
from pipeline.model.calendar import Holidays
from pipeline.model.connection import Connection, Scanning
from pipeline.model.errors import ConfigError
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface
from pipeline.model.profile import Profile
from pipeline.model.report import Judged
from pipeline.model.retention import RetentionClass
from pipeline.model.settings import Settings
from pipeline.model.telling import StatusNews
from pipeline.ports.credentials import Credentials
from pipeline.ports.engine import Engine
from pipeline.ports.ledger import Claim, Ledger, Sheets, SheetVersion
from pipeline.ports.outside import Archive, Clock, Doors, Mail, Scanner, Spool
from pipeline.ports.pickups import TransferLog
from pipeline.ports.seals import Seals

#: Writes the answer files for some facts, taking sequence numbers as it needs them.
Compose = Callable[[AnswerFacts, Callable[[str], int]], tuple[AnswerFile, ...]]
#: Writes what partners hear of statuses, taking sequence numbers as it needs them.
Tell = Callable[[StatusNews, Callable[[str], int]], tuple[AnswerFile, ...]]
#: Lets an answer's bytes go; raises `AnswerUnvetted` where they break the official rules.
Vet = Callable[[bytes], None]
#: Holds partners' messages, files in scratch space, against their schema and the official
#: rules; one result a file, in order.
Examine = Callable[[Sequence[str]], Sequence[Judged]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """One running hub.

    Attributes:
        scanners: Who looks for malware, by what a sheet may ask for; nobody for ``none``.
        converter: Writes documents in the form a receiver asked for.
        by: Who acts, as events tell it: ``run:<id>`` or ``operator:<name>``.
        holidays: Public holidays by year, for calendars that keep them free.
        transfer_log: Reads what servers of this machine write down of transfers.
        retention: How long what is exchanged is kept, by class.
        takes: What receivers' sheets may say that they take, by name.
        seals: Where the heads of the chain are kept.
        credentials: Reads the certificates and keys that sheets name.
        mail: Hands letters to a mail server; None where nobody is written to.
        breaker: Which servers failed a moment ago; as old as the hub.
        keeper: Keeps the claims alive that are worked on.
    """

    clock: Clock
    ledger: Ledger
    archive: Archive
    spool: Spool
    engine: Engine
    doors: Doors
    scanners: Mapping[Scanning, Scanner]
    interfaces: Mapping[str, Interface]
    profiles: Mapping[str, Profile]
    settings: Settings
    compose: Compose
    tell: Tell
    vet: Vet
    examine: Examine
    converter: Converter
    by: str
    holidays: Holidays
    retention: Mapping[str, RetentionClass]
    seals: Seals
    transfer_log: TransferLog
    credentials: Credentials
    mail: Mail | None = None
    takes: Mapping[str, Takes] = field(default_factory=dict)
    breaker: Breaker = field(default_factory=Breaker)
    keeper: Keeper = field(default_factory=Keeper)

    def hold(self, claims: Sequence[Claim], until: datetime, renew: Renew) -> Lease:
        """Keep claims that end at `until` alive until the lease is ended."""
        return Lease(
            claims,
            until,
            span=self.settings.lease,
            clock=self.clock,
            renew=renew,
            keeper=self.keeper,
        )

    def profile_for(
        self, connection: Connection, interface: Interface | None, at: datetime
    ) -> Profile:
        """Return what a sender's documents are held against: sheet, family, default.

        Args:
            connection: The sender's sheet.
            interface: Of the flow, or None.
            at: When the flow was received (aware): the version of that day judges, also if
                the flow is looked at again later.

        Raises:
            ConfigError: The sheet names a profile that does not exist.
        """
        family = interface.profile if interface else self.settings.default_profile
        name = connection.profile or family
        if name not in self.profiles:
            raise ConfigError(f"{connection.name}: profil inconnu / unknown profile '{name}'")
        return self.profiles[name].at(at)


def sheet_of(sheets: Sheets, name: str) -> Connection:
    """Return a connection sheet by name.

    Raises:
        ConfigError: It is no longer in force.
    """
    try:
        return sheets.connections[name]
    except KeyError:
        raise ConfigError(
            f"{name}: fiche de raccordement absente ou close / connection sheet absent or closed"
        ) from None


def sheet_at(hub: Hub, sheets: Sheets, flow: Interchange) -> Connection:
    """Return its sender's sheet as it was in force when a flow was received.

    A flow is judged by what was agreed then, also where the sheet was changed before anybody
    came to look at it. For whom it may send is as it is now: a permission that was withdrawn
    stays so.

    Raises:
        ConfigError: No sheet of this name is in force now: nobody could be answered.
    """
    (found,) = sheets_at(hub, sheets, [flow])
    return found


def sheets_at(hub: Hub, sheets: Sheets, flows: Sequence[Interchange]) -> list[Connection]:
    """Return the sheet of the sender of each flow, as `sheet_at`; each sheet is asked for once.

    Raises:
        ConfigError: No sheet of one of the names is in force now.
    """
    versions = {name: hub.ledger.versions(name) for name in {one.connection for one in flows}}
    return [_held_at(sheets, one, versions[one.connection]) for one in flows]


def _held_at(sheets: Sheets, flow: Interchange, versions: Sequence[SheetVersion]) -> Connection:
    known = sheet_of(sheets, flow.connection)
    # a run that lasts may not have heard of the newest one
    newest = next(_readable(versions, lambda one: one.ended_at is None), known)
    then = held_at(versions, flow.received_at)
    return newest if then is None else replace(then, sellers=newest.sellers)


def newest_sheet(hub: Hub, name: str) -> Connection:
    """Return what a sheet said last, in force or not.

    Raises:
        ConfigError: There never was one, or none that this version of the code can read.
    """
    found = list(_readable(hub.ledger.versions(name), lambda _: True))
    if not found:
        raise ConfigError(
            f"{name}: fiche de raccordement jamais appliquée / connection sheet never applied"
        )
    return found[-1]


def held_at(versions: Iterable[SheetVersion], moment: datetime) -> Connection | None:
    """Return what a sheet said at a moment (aware).

    None where there was none yet, or none that this version of the code can read.
    """
    return next(_readable(versions, lambda one: one.held_at(moment)), None)


def _readable(
    versions: Iterable[SheetVersion], wanted: Callable[[SheetVersion], bool]
) -> Iterator[Connection]:
    for one in versions:
        if isinstance(one.connection, Connection) and wanted(one):
            yield one.connection


def with_sheet(sheets: Sheets, connection: Connection) -> Sheets:
    """Return a configuration with one sheet as it is given."""
    return replace(sheets, connections={**sheets.connections, connection.name: connection})
