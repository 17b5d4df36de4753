"""Sheets of partners that come by the API: who they are, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from pipeline.model.connection import Connection, Door, Environment, Role
from pipeline.model.directory import Validity


class Access(Enum):
    """What a partner's program proves who it is with."""

    OAUTH2 = "oauth2"
    CERTIFICATE = "certificate"  #: of agreements that exist: renewed, never made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSheet:
    """What was agreed with a partner that comes by the API. It has no door of ours.

    Attributes:
        name: Unique among all sheets.
        partner: Name of the party behind it.
        access: What it proves who it is with.
        certificate: File of its X.509 certificate, from the workspace on; None with OAuth2.
        structure: SIRET of the partner's structure, or None.
        environment: Production, or a rehearsal of it.
        application_code: Six characters that name the partner's system, or None.
        interfaces: Codes that it may use.
        contact: E-mail address of those who look after the partner's side, or None.
        start_date: First day of the agreement, in France; None for ever before.
        end_date: Day on which it ends, excluded; None for no end.
    """

    name: str
    partner: str
    access: Access = Access.OAUTH2
    certificate: str | None = None
    structure: str | None = None
    environment: Environment = Environment.PRODUCTION
    application_code: str | None = None
    interfaces: tuple[str, ...] = ()
    contact: str | None = None
    start_date: date | None = None
    end_date: date | None = None

    def agreed_on(self, day: date) -> bool:
        """Tell whether the agreement covers a day."""
        return Validity(self.start_date, self.end_date).covers(day)

    def renews(self, other: ApiSheet) -> bool:
        """Tell whether this is the agreement that another sheet is of, with another key."""
        return (self.access, self.partner, self.structure) == (
            other.access,
            other.partner,
            other.structure,
        )

    @property
    def doorless(self) -> Connection:
        """Return the sheet for whoever reads certificates of sheets: it has no door of ours."""
        return Connection(
            name=self.name,
            partner=self.partner,
            role=Role.SENDER,
            door=Door(),
            certificate=self.certificate,
        )
