"""What ``config/`` proposes, as far as it can be read: one bad file hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.model.api_sheet import ApiSheet
from pipeline.model.connection import Connection
from pipeline.model.directory import Directory, Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A configuration as it was read.

    Attributes:
        connections: The sheets that could be read, by name.
        apis: The sheets of partners that come by the API, by name.
        faults: What is wrong with sheets, by name: each with its file or name, its key and
            what to do. A sheet that could be read may have some, too.
        strays: What is wrong with files of which nobody can tell whose sheet they are.
        directory: Who can be billed; None where that cannot be read.
        directory_faults: Why it cannot.
        pilot: When which companies, by SIREN, are registered for the B2B pilot.
    """

    connections: Mapping[str, Connection] = field(default_factory=dict)
    apis: Mapping[str, ApiSheet] = field(default_factory=dict)
    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    directory: Directory | None = None
    directory_faults: tuple[str, ...] = ()
    pilot: Mapping[str, tuple[Validity, ...]] = field(default_factory=dict)

    def blamed(self, faults: Mapping[str, tuple[str, ...]]) -> Offered:
        """Return the same with more that is wrong with its sheets."""
        both = {
            name: (*self.faults.get(name, ()), *faults.get(name, ()))
            for name in {*self.faults, *faults}
        }
        return replace(self, faults={name: told for name, told in both.items() if told})
