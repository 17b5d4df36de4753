"""Certificates and keys, read where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.model.connection import Connection
from pipeline.model.credential import Credential


class Credentials(Protocol):
    """Reads what proves who partners and we are. Nothing is raised: a fault is a fact."""

    def of_sheet(self, connection: Connection) -> Sequence[Credential]:
        """Return what a sheet names: the ones in use, then those that take over."""

    def of_hub(self) -> Sequence[Credential]:
        """Return what belongs to no sheet: our own host key, the authorities we believe."""
