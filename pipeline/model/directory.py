"""Who can be billed, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A legal unit that can receive invoices.

    Attributes:
        siret: Fourteen digits.
        name: For people.
        active: Whether it may be billed now.
        services: Known service codes, each with whether it is active.
    """

    siret: str
    name: str
    active: bool = True
    services: Mapping[str, bool] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class Directory:
    """Structures by SIRET, and routes in order."""

    structures: Mapping[str, Structure] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
