"""Where a document goes, and under which names its deliveries leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from pipeline.model.connection import Connection, Envelope
from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Verdict
from pipeline.model.directory import Directory, Route
from pipeline.model.document import Document
from pipeline.model.identity import outbox_key
from pipeline.model.names import slug
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader, Syntax

#: Documents' bytes in one lot at most; a lot is packed in memory.
LOT_BYTES = 50_000_000


def find_recipient(document: Document, directory: Directory) -> Decision:
    """Decide whether the directory knows who is billed.

    A recipient given by SIRET must be an active structure, and a service code an
    active service of it; one given by SIREN alone must own an active structure.

    Returns:
        Accept, or reject with DEST_INC.
    """
    header = document.header
    if header.buyer_siret:
        structure = directory.structures.get(header.buyer_siret)
        if structure is None or not structure.active:
            return _unknown(document, "SIRET", header.buyer_siret)
        if header.buyer_service and not structure.services.get(header.buyer_service, False):
            return _unknown(document, "service", f"{header.buyer_siret}/{header.buyer_service}")
        return Decision(Verdict.ACCEPT)
    siren = buyer_siren(header)
    known = any(
        structure.active and structure.siret[:9] == siren
        for structure in directory.structures.values()
    )
    if siren and known:
        return Decision(Verdict.ACCEPT)
    return _unknown(document, "SIREN", siren or "")


def find_route(document: Document, sender: str, directory: Directory) -> str | None:
    """Return the connection of the first route that matches, or None."""
    for route in directory.routes:
        if _matches(route, document.header, sender):
            return route.connection
    return None


def no_route(document: Document) -> Decision:
    """Hold a document whose recipient is known but has no route: our own gap."""
    header = document.header
    found = header.buyer_siret or buyer_siren(header) or ""
    return Decision(
        Verdict.HOLD,
        (
            reason(
                "NO_ROUTE",
                document.name,
                f"aucune route pour le destinataire {found}, pourtant connu de l'annuaire",
                f"no route for recipient {found}, although the directory knows it",
            ),
        ),
    )


def buyer_siren(header: RoutingHeader) -> str | None:
    """Return the recipient's SIREN: BT-47, else the first nine of an address made of one."""
    if header.buyer_siren:
        return header.buyer_siren
    if header.buyer_endpoint and header.buyer_endpoint_scheme in {"0002", "0009", "0225"}:
        return header.buyer_endpoint[:9]
    return None


def plan_deliveries(
    documents: Sequence[Document],
    connections: Mapping[str, Connection],
    due: datetime,
    generation: int = 1,
) -> tuple[OutboxRow, ...]:
    """Lay out the files that carry routed documents of one interchange.

    Args:
        documents: Routed documents of one interchange, each with its route.
        connections: Receivers' sheets by name.
        due: When they may leave.
        generation: One more than before for a redelivery: another name, another row.

    Returns:
        One row a document, or one a recipient where the sheet asks for a tar.gz;
        names are derived, so the same plan always gives the same files.
    """
    rows: list[OutboxRow] = []
    ordered = sorted(documents, key=lambda document: (document.route or "", document.seq))
    for name, group in groupby(ordered, key=lambda document: document.route or ""):
        connection = connections[name]
        lots = _lots(tuple(group), connection.envelope)
        rows.extend(_row(connection, lot, due, generation) for lot in lots)
    return tuple(rows)


def member_name(document: Document, mark: str = "") -> str:
    """Return the name one document travels under, alone or inside a lot.

    Args:
        document: Its number, id and syntax make the name.
        mark: What stands before the suffix, to tell one delivery of it from another.
    """
    suffix = "pdf" if document.syntax is Syntax.FACTURX else "xml"
    return f"{slug(document.header.number or 'document', 40)}.{document.id}{mark}.{suffix}"


def _lots(documents: tuple[Document, ...], envelope: Envelope) -> Iterator[tuple[Document, ...]]:
    """Split documents into files: one each, or lots that a process can hold in memory."""
    lot: list[Document] = []
    for document in documents:
        full = sum(one.size for one in lot) + document.size > LOT_BYTES
        if lot and (envelope is Envelope.SINGLE or full):
            yield tuple(lot)
            lot = []
        lot.append(document)
    yield tuple(lot)


def _row(
    connection: Connection, documents: tuple[Document, ...], due: datetime, generation: int
) -> OutboxRow:
    first, last = documents[0], documents[-1]
    suffix = "" if generation == 1 else f".g{generation}"
    if connection.envelope is Envelope.TAR_GZ:
        name = f"{first.interchange}.{first.seq:04d}-{last.seq:04d}{suffix}.tar.gz"
    else:
        name = member_name(first, suffix)
    return OutboxRow(
        key=outbox_key("delivery", first.interchange, connection.name, name, generation),
        kind=OutboxKind.DELIVERY,
        interchange=first.interchange,
        connection=connection.name,
        name=name,
        due=due,
        documents=tuple(document.id for document in documents),
        envelope=connection.envelope,
        generation=generation,
    )


def _matches(route: Route, header: RoutingHeader, sender: str) -> bool:
    asked = (
        (route.buyer_siret, header.buyer_siret),
        (route.buyer_siren, buyer_siren(header)),
        (route.buyer_service, header.buyer_service),
        (route.sender, sender),
    )
    if any(wanted is not None and wanted != found for wanted, found in asked):
        return False
    return not route.type_codes or header.type_code in route.type_codes


def _unknown(document: Document, what: str, found: str) -> Decision:
    shown = found or "absent"
    return Decision(
        Verdict.REJECT,
        (
            reason(
                "DEST_INC",
                f"{document.name} BT-46",
                f"{what} du destinataire inconnu ou inactif dans l'annuaire : {shown}",
                f"recipient's {what} unknown or inactive in the directory: {shown}",
            ),
        ),
    )
