"""Where a document goes, and under which names its deliveries leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from pipeline.model.calendar import Holidays, next_cutoff
from pipeline.model.carriage import WAITING_GROUPS, Carriage, Grouping, Recipe
from pipeline.model.connection import Connection, Envelope
from pipeline.model.controls import reason
from pipeline.model.conversion import Form
from pipeline.model.decision import Decision, Verdict
from pipeline.model.directory import Directory, Route
from pipeline.model.document import Document
from pipeline.model.identity import outbox_key
from pipeline.model.names import flow_name, slug
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.model.status import OutboxState

#: Documents' bytes in one lot, by default; a lot is packed in memory.
LOT_BYTES = Carriage().bytes
#: Interface under which each form reaches a receiver with an application code (DSE §5.4.2).
DIFFUSION: Mapping[Form, str] = {
    Form.PIVOT: "FEN0036A",
    Form.UBL: "FEN3036A",
    Form.FACTURX: "FEN3736A",
}
#: Scheme of the addresses of the French directory.
LINE_SCHEME = "0225"
#: Endings of one document's name.
_ALONE = (".xml", ".pdf")
#: Schemes of addresses that begin with a SIREN: SIREN, SIRET, address of the French directory.
_MADE_OF_SIREN = frozenset({"0002", "0009", LINE_SCHEME})
#: A SIRET, or an address of the grain SIREN_SIRET, with or without a routing code.
_SIRET_IN_ADDRESS = re.compile(r"(?:[0-9]{9}_)?(?P<siret>[0-9]{14})(?:_|$)")


def find_recipient(document: Document, directory: Directory, day: date) -> Decision:
    """Decide whether the directory knows who is billed, and their electronic address.

    A recipient given by SIRET must be an active structure, and a service code an
    active service of it; one given by SIREN alone must own an active structure. An
    address made of one of these must lead to an active structure of that recipient; it
    is all there is where the invoice gives neither. Where the directory holds addresses
    of that recipient, it must be one of them.

    Args:
        document: As it was read.
        directory: What is known.
        day: On which it was received.

    Returns:
        Accept, or reject with DEST_INC or ADR_ERR.
    """
    header = document.header
    if header.buyer_siret:
        structure = directory.structures.get(header.buyer_siret)
        if structure is None or not structure.is_active(day):
            return _unknown(document, "SIRET", header.buyer_siret)
        if header.buyer_service and not structure.has_service(header.buyer_service, day):
            return _unknown(document, "service", f"{header.buyer_siret}/{header.buyer_service}")
    elif header.buyer_siren:
        if not directory.owns_active(header.buyer_siren, day):
            return _unknown(document, "SIREN", header.buyer_siren)
    elif header.buyer_endpoint and header.buyer_endpoint_scheme not in _MADE_OF_SIREN:
        return _unknown(document, "SIREN", "")
    if _is_address_wrong(header, directory, day):
        return _wrong_address(document)
    return Decision(Verdict.ACCEPT)


def _is_address_wrong(header: RoutingHeader, directory: Directory, day: date) -> bool:
    """Tell whether the address is needed and missing, or leads elsewhere than the invoice says."""
    given = (header.buyer_siret or header.buyer_siren or "")[:9]
    address = header.buyer_endpoint or ""
    if not address or header.buyer_endpoint_scheme not in _MADE_OF_SIREN:
        return not given
    siret = _SIRET_IN_ADDRESS.match(address)
    if given not in {"", address[:9]} or _is_unlisted(header, directory, day):
        return True
    if siret is None:
        return not directory.owns_active(address[:9], day)
    structure = directory.structures.get(siret["siret"])
    return structure is None or not structure.is_active(day) or structure.siren != address[:9]


def _is_unlisted(header: RoutingHeader, directory: Directory, day: date) -> bool:
    """Tell whether the directory holds addresses of a recipient, but not this one."""
    address = header.buyer_endpoint or ""
    listed = header.buyer_endpoint_scheme == LINE_SCHEME and address[:9] in directory.addresses
    return listed and directory.address(address, day) is None


def find_route(document: Document, sender: str, directory: Directory) -> str | None:
    """Return the connection of the first route that matches, or None."""
    return next(matching_routes(document, sender, directory), None)


def matching_routes(document: Document, sender: str, directory: Directory) -> Iterator[str]:
    """Yield the connection of each route that matches, in their order."""
    return (
        route.connection for route in directory.routes if _matches(route, document.header, sender)
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What a plan takes from outside.

    Attributes:
        now: The moment.
        hub_code: Our application code.
        next_number: Takes the next number of a series, from 1.
        holidays: Public holidays by year.
    """

    now: datetime
    hub_code: str
    next_number: Callable[[str], int]
    holidays: Holidays


def plan_deliveries(
    documents: Sequence[Document],
    connections: Mapping[str, Connection],
    planning: Planning,
    generation: int = 1,
) -> tuple[OutboxRow, ...]:
    """Lay out the files that carry routed documents of one interchange.

    Args:
        documents: Routed documents of one interchange, each with its route.
        connections: Receivers' sheets by name.
        planning: The moment, and what numbers flow names.
        generation: One more than before for a redelivery: another name, another row.

    Returns:
        One row a document, or one a recipient and folder where the sheet asks for groups of a
        flow; where it asks for groups of a run or a day, one WAITING row a document. Names are
        derived, so the same plan always gives the same files, but for names by the flow
        grammar, which bear a number.
    """
    rows: list[OutboxRow] = []

    def place(document: Document) -> tuple[str, str]:
        name = document.route or ""
        return name, folder_of(document, connections[name])

    ordered = sorted(documents, key=lambda document: (*place(document), document.seq))
    for (name, _), group in groupby(ordered, key=place):
        connection = connections[name]
        if connection.grouping in WAITING_GROUPS:
            rows.extend(_waiting(connection, one, planning, generation) for one in group)
            continue
        lots = _lots(tuple(group), connection)
        rows.extend(_row(connection, lot, planning, generation) for lot in lots)
    return tuple(rows)


def plan_copies(
    documents: Sequence[Document], connections: Mapping[str, Connection], planning: Planning
) -> tuple[OutboxRow, ...]:
    """Lay out files that do not count, made as a delivery would be; none waits for a group.

    Args:
        documents: Of one interchange, each with the sheet in shadow as its route.
        connections: Receivers' sheets by name.
        planning: As for a delivery; numbers are taken from series of their own.
    """
    at_once = {
        name: replace(one, carriage=replace(one.carriage, group=Grouping.FLOW))
        if one.grouping in WAITING_GROUPS
        else one
        for name, one in connections.items()
    }
    apart = replace(planning, next_number=lambda series: planning.next_number(f"copy:{series}"))
    return tuple(
        replace(
            row,
            kind=OutboxKind.COPY,
            folder=connections[row.connection].trial.folder,
            key=outbox_key("copy", documents[0].interchange, row.connection, row.name),
        )
        for row in plan_deliveries(documents, at_once, apart)
    )


def folder_of(document: Document, connection: Connection) -> str:
    """Return the folder in which a document lies for its receiver; empty for `out`."""
    header = document.header
    return connection.handover.folder_for(header.buyer_service, header.order_reference)


def plan_groups(
    waiting: Sequence[tuple[OutboxRow, Document]],
    connection: Connection,
    planning: Planning,
    *,
    full_only: bool,
) -> tuple[tuple[OutboxRow, tuple[OutboxRow, ...]], ...]:
    """Lay out the files that carry documents which waited for each other.

    Args:
        waiting: WAITING rows of one connection, each with its document.
        connection: Its sheet.
        planning: The moment, and what numbers the files.
        full_only: True to leave those for later that do not fill a file.

    Returns:
        Each new row, with those that it takes along: of one generation, recipe and folder.
    """
    ordered = sorted(waiting, key=lambda pair: (*_alike(pair[0]), pair[0].due, pair[1].id))
    made: list[tuple[OutboxRow, tuple[OutboxRow, ...]]] = []
    for _, group in groupby(ordered, key=lambda pair: _alike(pair[0])):
        pairs = list(group)
        members = {document.id: row for row, document in pairs}
        lots = list(_filled((document for _, document in pairs), connection.carriage))
        if full_only and lots and not _is_full(lots[-1], connection.carriage):
            lots.pop()
        for lot in lots:
            taken = tuple(members[document.id] for document in lot)
            made.append((_group_row(connection, lot, taken[0], planning), taken))
    return tuple(made)


def plan_parts(
    row: OutboxRow,
    documents: Iterable[Document],
    connection: Connection,
    planning: Planning,
) -> tuple[OutboxRow, ...]:
    """Lay out a file of its own, by the same recipe, for documents of a file that holds several.

    Args:
        row: The file that they are taken out of.
        documents: Of one interchange, not all that the file holds.
        connection: The receiver's sheet.
        planning: The moment, and what numbers flow names.
    """
    form = row.recipe.form if row.recipe else Form.AS_RECEIVED
    carriage = replace(connection.carriage, form=form)
    as_planned = replace(connection, envelope=row.envelope, carriage=carriage)
    return tuple(
        replace(
            _row(as_planned, (one,), planning, row.generation),
            recipe=row.recipe,
            folder=row.folder,
        )
        for one in documents
    )


def is_to_wait(row: OutboxRow) -> bool:
    """Tell whether a delivery was planned to wait for its group: it is called as no file is.

    It bears the name of its one document, but leaves in an archive, or in a flow.
    """
    in_a_file = row.envelope is Envelope.TAR_GZ
    in_a_flow = row.recipe is not None and row.recipe.form is Form.PIVOT
    return (in_a_file or in_a_flow) and not row.is_group and row.name.endswith(_ALONE)


def member_name(document: Document, mark: str = "", form: Form = Form.AS_RECEIVED) -> str:
    """Return the name one document travels under, alone or inside a lot.

    Args:
        document: Its number, id and syntax make the name.
        mark: What stands before the suffix, to tell one delivery of it from another.
        form: What it is written in.
    """
    as_pdf = document.syntax is Syntax.FACTURX if form is Form.AS_RECEIVED else False
    suffix = "pdf" if as_pdf or form is Form.FACTURX else "xml"
    return f"{slug(document.header.number or 'document', 40)}.{document.id}{mark}.{suffix}"


def _lots(
    documents: tuple[Document, ...], connection: Connection
) -> Iterator[tuple[Document, ...]]:
    """Split documents into files: one each, or lots that a process can hold in memory."""
    if connection.grouping is Grouping.INVOICE:
        return ((one,) for one in documents)
    return _filled(documents, connection.carriage)


def _filled(documents: Iterable[Document], carriage: Carriage) -> Iterator[tuple[Document, ...]]:
    """Fill one file after the other up to the limits; each holds at least one document."""
    lot: list[Document] = []
    size = 0
    for document in documents:
        if lot and (len(lot) >= carriage.documents or size + document.size > carriage.bytes):
            yield tuple(lot)
            lot, size = [], 0
        lot.append(document)
        size += document.size
    if lot:
        yield tuple(lot)


def _is_full(lot: Sequence[Document], carriage: Carriage) -> bool:
    """Tell whether nothing more fits into a file, whatever it is."""
    return len(lot) >= carriage.documents or sum(one.size for one in lot) >= carriage.bytes


def _row(
    connection: Connection,
    documents: tuple[Document, ...],
    planning: Planning,
    generation: int,
) -> OutboxRow:
    first, last = documents[0], documents[-1]
    name = _numbered(connection, connection.recipe, planning)
    suffix = "" if generation == 1 else f".g{generation}"
    if name is None and connection.envelope is Envelope.TAR_GZ:
        name = f"{first.interchange}.{first.seq:04d}-{last.seq:04d}{suffix}.tar.gz"
    elif name is None:
        name = member_name(first, suffix, connection.carriage.form)
    return _delivery(connection, first, documents, name, planning, generation)


def _waiting(
    connection: Connection, document: Document, planning: Planning, generation: int
) -> OutboxRow:
    """Let one document wait for its group; of a second copy nobody waits for the day's end."""
    name = member_name(document, "" if generation == 1 else f".g{generation}")
    row = _delivery(connection, document, (document,), name, planning, generation)
    if connection.grouping is Grouping.DAY and generation == 1:
        due = next_cutoff(connection.schedule, planning.now, planning.holidays)
        row = replace(row, due=due)
    return replace(row, state=OutboxState.WAITING)


def _group_row(
    connection: Connection,
    documents: tuple[Document, ...],
    like: OutboxRow,
    planning: Planning,
) -> OutboxRow:
    """Lay out one file for a group: across flows, so it comes from none of them."""
    name = _numbered(connection, like.recipe, planning)
    if name is None:
        series = connection.environment.series(f"{planning.hub_code}:{connection.name}")
        number = planning.next_number(series)
        ending = ".xml" if like.envelope is Envelope.SINGLE else ".tar.gz"
        name = f"{number:06d}.{documents[0].interchange}.{len(documents):04d}{ending}"
    row = _delivery(connection, documents[0], documents, name, planning, like.generation)
    return replace(
        row, interchange=None, recipe=like.recipe, envelope=like.envelope, folder=like.folder
    )


def _delivery(
    connection: Connection,
    first: Document,
    documents: tuple[Document, ...],
    name: str,
    planning: Planning,
    generation: int,
) -> OutboxRow:
    return OutboxRow(
        key=outbox_key("delivery", first.interchange, connection.name, name, generation),
        kind=OutboxKind.DELIVERY,
        interchange=first.interchange,
        connection=connection.name,
        name=name,
        folder=folder_of(first, connection),
        due=planning.now,
        documents=tuple(document.id for document in documents),
        envelope=connection.envelope,
        recipe=connection.recipe,
        planned=planning.now,
        generation=generation,
    )


def _numbered(connection: Connection, recipe: Recipe | None, planning: Planning) -> str | None:
    """Name the next flow by the grammar; None where the receiver has none for this form."""
    code = DIFFUSION.get(recipe.form) if recipe else None
    if code is None or connection.application_code is None:
        return None
    series = connection.environment.series(f"{planning.hub_code}:{code}")
    number = planning.next_number(series)
    return flow_name(code, connection.application_code, planning.hub_code, number)


def _alike(row: OutboxRow) -> tuple[int, str, str, str]:
    """Return what rows must have in common to leave in one file."""
    return row.generation, row.envelope.value, repr(row.recipe), row.folder


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
