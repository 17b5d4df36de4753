"""How files lie for a receiver: in which folder, what stands beside them, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which documents lie in a folder of their own; what it does not name may be anything.

    Attributes:
        folder: Where, as the account sees it; it is the partner's, and never made here.
        service: Code of the buyer's service (BT-46, scheme 0224).
        order_prefix: How the order or commitment number (BT-13) begins.
    """

    folder: str
    service: str | None = None
    order_prefix: str | None = None

    def takes(self, service: str | None, order: str | None) -> bool:
        """Tell whether a document with this service and this order lies in the folder.

        >>> Filter(folder="out/eau", order_prefix="EAU-").takes("VOIRIE", "EAU-2026-7")
        True
        >>> Filter(folder="out/eau", service="EAU").takes(None, "EAU-2026-7")
        False
        """
        if self.service is not None and service != self.service:
            return False
        return self.order_prefix is None or (order or "").startswith(self.order_prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickup:
    """How we learn that files were taken away, and what becomes of those that were not.

    Attributes:
        log: Transfer log of the server, relative to the workspace; None where there is none,
            and a file that is gone was taken.
        user: Account that takes files away, as `log` names it; never the hub's own.
        late_after: Time after which a file that still lies there is listed.
        purge_after: Time after which it is removed; None never.
        notice: How long beforehand that is announced.
    """

    log: str | None = None
    user: str | None = None
    late_after: timedelta = timedelta(days=3)
    purge_after: timedelta | None = None
    notice: timedelta = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What a receiver's sheet says about the files that lie for it.

    Attributes:
        done: Suffix of the empty file that says that a file is whole (``.done``), or None.
        sums: Suffix of the file that tells its SHA-256 (``.sha256``), or None.
        filters: Folders of their own; the first that takes a document wins, else `out`.
        pickup: Whether it is watched that files are taken away, and how; None is not.
    """

    done: str | None = None
    sums: str | None = None
    filters: tuple[Filter, ...] = ()
    pickup: Pickup | None = None

    def folder_for(self, service: str | None, order: str | None) -> str:
        """Return the folder of a document; empty for the connection's `out`."""
        taking = (one.folder for one in self.filters if one.takes(service, order))
        return next(taking, "")
