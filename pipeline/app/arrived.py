"""A flow in that carries no invoices, on its way to the reader of its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.app.hub import Hub
from pipeline.app.open_flow import Extracted, Opened, spool_name
from pipeline.ingest.unwrap import Kind, kind_of
from pipeline.model.connection import Connection
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.errors import ArchiveError
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Carries, Interface
from pipeline.ports.ledger import Transaction
from pipeline.validate.decide import decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A flow that is open, on its way to the reader of its kind.

    Attributes:
        interchange: The flow.
        connection: The sheet it came through.
        interface: What it came under; None with free names.
        about: What it is about.
        opened: Its files, still in scratch space.
    """

    interchange: Interchange
    connection: Connection
    interface: Interface | None
    about: Carries
    opened: Opened


def _nothing(_: Transaction) -> tuple[Reason, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a reader made of a flow; nothing is written yet.

    Attributes:
        refused: Why the flow is refused, one reason a fault; empty if it can be taken.
        held: Why nobody can say, for a cause on our side; empty if somebody can.
        take: Writes what the flow tells, in the deciding transaction; what it returns refuses
            the flow, and then it has written nothing.
    """

    refused: tuple[Reason, ...] = ()
    held: tuple[Reason, ...] = ()
    take: Callable[[Transaction], tuple[Reason, ...]] = _nothing


@dataclass(frozen=True, slots=True)
class Message:
    """One XML message of a flow that was held against its schema and rules.

    Attributes:
        name: Its name inside the flow.
        payload: Its bytes.
    """

    name: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Examined:
    """The messages of a flow, and what is wrong with them.

    Attributes:
        messages: All of them, by place; not to be read where something is wrong.
        refused: One reason a fault of theirs.
        held: Why nobody can say.
    """

    messages: tuple[Message, ...]
    refused: tuple[Reason, ...] = ()
    held: tuple[Reason, ...] = ()


def examine(hub: Hub, arrived: Arrived) -> Examined:
    """Hold every file of a flow against the schema and the rules of a CPPStatut or a CDAR.

    Raises:
        ArchiveError: Scratch space was emptied meanwhile.
    """
    files = arrived.opened.files
    judged = hub.examine([file.scrap.path for file in files if file.scrap is not None])
    decided = [decide(one.report, file.name) for file, one in zip(files, judged, strict=True)]
    return Examined(
        tuple(Message(file.name, payload_of(hub, arrived, file)) for file in files),
        _reasons(decided, Verdict.REJECT),
        _reasons(decided, Verdict.HOLD),
    )


def payload_of(hub: Hub, arrived: Arrived, file: Extracted) -> bytes:
    """Return the bytes of one file of a flow.

    Raises:
        ArchiveError: They are not where they were put.
    """
    flow = arrived.interchange
    payload = hub.spool.read(spool_name(flow.id, file.seq))
    if payload is not None:
        return payload
    if file.scrap is None or file.scrap.sha256 != flow.sha256:
        raise ArchiveError(f"{file.name}: gone from scratch space")
    with hub.archive.open(flow.sha256) as stream:
        return stream.read()


def _reasons(decided: Sequence[Decision], verdict: Verdict) -> tuple[Reason, ...]:
    found = (one.reasons for one in decided if one.verdict is verdict)
    return tuple(why for reasons in found for why in reasons)


def is_table(arrived: Arrived) -> bool:
    """Tell whether a flow is plain text: a table of a partner that writes no XML."""
    heads = [file.scrap.head for file in arrived.opened.files if file.scrap is not None]
    return all(kind_of(head) is Kind.UNKNOWN for head in heads)
