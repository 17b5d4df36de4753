"""Flows that carry no invoices: each kind has a reader, and this is their one table.

A reader looks at an opened flow before anything is written, and gives what is to be done in
the deciding transaction. A flow is taken as a whole or not at all: one answer that cannot be
taken refuses the flow, which changes nothing then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from pipeline.app.arrived import Arrived, Read
from pipeline.app.hub import Hub
from pipeline.app.receipts import read_acknowledgements
from pipeline.app.statuses import read_statuses
from pipeline.model.controls import reason
from pipeline.model.interface import Carries
from pipeline.ports.ledger import Sheets

#: Reads one flow of its kind.
Reader: TypeAlias = Callable[[Hub, Sheets, Arrived], Read]

#: The reader of each kind of flow that comes in and carries no invoices.
READERS: Mapping[Carries, Reader] = MappingProxyType(
    {Carries.ACKNOWLEDGEMENTS: read_acknowledgements, Carries.STATUSES: read_statuses}
)


def read_flow(hub: Hub, sheets: Sheets, arrived: Arrived) -> Read:
    """Have an opened flow read by the reader of its kind.

    Raises:
        ArchiveError: Scratch space was emptied meanwhile.
    """
    opened, name = arrived.opened, arrived.interchange.name
    if opened.refused is not None:
        return Read(refused=(opened.refused,))
    faults = tuple(file.fault for file in opened.files if file.fault is not None)
    if faults:
        return Read(refused=faults)
    if opened.manifest is not None:
        fr = "un flux de réponses n'a pas de manifeste"
        return Read(refused=(reason("MANIFEST", name, fr, "a flow of answers has no manifest"),))
    reader = READERS.get(arrived.about)
    if reader is None:
        fr = f"ce hub ne reçoit pas ce genre de flux : {arrived.about.value}"
        en = f"this hub takes no flows of this kind: {arrived.about.value}"
        return Read(refused=(reason("IRR_CODE_INTER", name, fr, en),))
    return reader(hub, sheets, arrived)
