"""Where a document goes, and under which names its deliveries leave."""

from __future__ import annotations

import re
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
#: Schemes of addresses that begin with a SIREN: SIREN, SIRET, address of the French directory.
_MADE_OF_SIREN = frozenset({"0002", "0009", "0225"})
#: A SIRET, or an address of the grain SIREN_SIRET, with or without a routing code.
_SIRET_IN_ADDRESS = re.compile(r"(?:[0-9]{9}_)?(?P<siret>[0-9]{14})(?:_|$)")


def find_recipient(document: Document, directory: Directory) -> Decision:
    """Decide whether the directory knows who is billed, and their electronic address.

    A recipient given by SIRET must be an active structure, and a service code an
    active service of it; one given by SIREN alone must own an active structure. An
    address made of one of these must lead to an active structure of that recipient; it
    is all there is where the invoice gives neither.

    Returns:
        Accept, or reject with DEST_INC or ADR_ERR.
    """
    header = document.header
    if header.buyer_siret:
        structure = directory.structures.get(header.buyer_siret)
        if structure is None or not structure.active:
            return _unknown(document, "SIRET", header.buyer_siret)
        if header.buyer_service and not structure.services.get(header.buyer_service, False):
            return _unknown(document, "service", f"{header.buyer_siret}/{header.buyer_service}")
    elif header.buyer_siren:
        if not _owns_active(directory, header.buyer_siren):
            return _unknown(document, "SIREN", header.buyer_siren)
    elif header.buyer_endpoint and header.buyer_endpoint_scheme not in _MADE_OF_SIREN:
        return _unknown(document, "SIREN", "")
    if _is_address_wrong(header, directory):
        return _wrong_address(document)
    return Decision(Verdict.ACCEPT)


def _owns_active(directory: Directory, siren: str) -> bool:
    return any(
        structure.active and structure.siret[:9] == siren
        for structure in directory.structures.values()
    )


def _is_address_wrong(header: RoutingHeader, directory: Directory) -> bool:
    """Tell whether the address is needed and missing, or leads elsewhere than the invoice says."""
    given = (header.buyer_siret or header.buyer_siren or "")[:9]
    address = header.buyer_endpoint or ""
    if not address or header.buyer_endpoint_scheme not in _MADE_OF_SIREN:
        return not given
    siret = _SIRET_IN_ADDRESS.match(address)
    if given not in {"", address[:9]}:
        return True
    if siret is None:
        return not _owns_active(directory, address[:9])
    structure = directory.structures.get(siret["siret"])
    return structure is None or not structure.active or structure.siret[:9] != address[:9]


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
    if header.buyer_endpoint and header.buyer_endpoint_scheme in _MADE_OF_SIREN:
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


def _wrong_address(document: Document) -> Decision:
    shown = document.header.buyer_endpoint or "absente"
    return Decision(
        Verdict.REJECT,
        (
            reason(
                "ADR_ERR",
                f"{document.name} BT-49",
                "adresse électronique du destinataire absente, inconnue de l'annuaire ou d'un "
                f"autre que lui : {shown}",
                "recipient's electronic address missing, unknown to the directory or somebody "
                f"else's: {document.header.buyer_endpoint or 'missing'}",
            ),
        ),
    )
