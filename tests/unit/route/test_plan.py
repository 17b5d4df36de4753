"""Who is billed, where it goes, and under which names: always the same for the same facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.carriage import Carriage, Original
from pipeline.model.connection import Connection, Door, Envelope, Environment, Role
from pipeline.model.conversion import Form
from pipeline.model.decision import Decision, Verdict
from pipeline.model.directory import Directory, Route, Service, Structure
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.model.status import OutboxState
from pipeline.route.plan import (
    LOT_BYTES,
    Planning,
    find_recipient,
    find_route,
    member_name,
    no_route,
    plan_deliveries,
)

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
DAY = NOON.date()
FLOW = InterchangeId("F0123456789ABCDEF")
CITY, CLOSED, UNKNOWN = "21000123600012", "25000321700016", "26000456900018"
PORT = "23000777100013"
STRUCTURES = {
    CITY: Structure(
        siret=CITY, name="Ville", services={"FETES": Service(active=False), "SCOLAIRE": Service()}
    ),
    PORT: Structure(siret=PORT, name="Port"),
    CLOSED: Structure(siret=CLOSED, name="Syndicat", active=False, services={"EAU": Service()}),
}
DIRECTORY = Directory(STRUCTURES)
NO_TERMS = RoutingHeader()


def numbers() -> Callable[[str], int]:
    """Number each series from 1."""
    given: Counter[str] = Counter()

    def next_number(series: str) -> int:
        given[series] += 1
        return given[series]

    return next_number


PLANNING = Planning(
    now=NOON, hub_code="CPP001", next_number=numbers(), holidays=lambda _year: frozenset()
)


def a_document(
    seq: int = 1,
    header: RoutingHeader = NO_TERMS,
    *,
    route: str | None = None,
    size: int = 10,
) -> Document:
    """Build a document, numbered by its place."""
    return Document(
        id=document_id(FLOW, seq),
        interchange=FLOW,
        seq=seq,
        name="a.xml",
        size=size,
        sha256="ab" * 32,
        route=route,
        header=replace(header, number=f"2026/{seq}"),
    )


def a_receiver(name: str, envelope: Envelope) -> Connection:
    """Build a receiver's sheet."""
    return Connection(
        name=name,
        partner=name.title(),
        role=Role.RECEIVER,
        door=Door(host="h", port=22, user="u", key="k", host_key="ssh-ed25519 A"),
        envelope=envelope,
    )


CONNECTIONS = {
    "ville": a_receiver("ville", Envelope.SINGLE),
    "hopital": a_receiver("hopital", Envelope.TAR_GZ),
}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(RoutingHeader(buyer_siret=CITY), id="siret"),
        pytest.param(
            RoutingHeader(buyer_siret=CITY, buyer_service="SCOLAIRE"), id="active-service"
        ),
        pytest.param(RoutingHeader(buyer_siren=CITY[:9]), id="siren"),
        pytest.param(
            RoutingHeader(buyer_endpoint=CITY[:9], buyer_endpoint_scheme="0225"),
            id="address-of-siren",
        ),
        pytest.param(
            RoutingHeader(buyer_endpoint=CITY, buyer_endpoint_scheme="0009"), id="address-of-siret"
        ),
    ],
)
def test_a_recipient_that_the_directory_knows_can_be_billed(header: RoutingHeader) -> None:
    """By SIRET, with or without service; by SIREN; by an address made of one."""
    assert find_recipient(a_document(1, header), DIRECTORY, DAY) == Decision(Verdict.ACCEPT)


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        pytest.param(RoutingHeader(buyer_siret=UNKNOWN), UNKNOWN, id="unknown-siret"),
        pytest.param(RoutingHeader(buyer_siret=CLOSED), CLOSED, id="inactive-structure"),
        pytest.param(
            RoutingHeader(buyer_siret=CLOSED, buyer_service="EAU"),
            CLOSED,
            id="service-of-inactive",
        ),
        pytest.param(
            RoutingHeader(buyer_siret=CITY, buyer_service="AUTRE"),
            f"{CITY}/AUTRE",
            id="unknown-service",
        ),
        pytest.param(
            RoutingHeader(buyer_siret=CITY, buyer_service="FETES"),
            f"{CITY}/FETES",
            id="inactive-service",
        ),
        pytest.param(
            RoutingHeader(buyer_siret=UNKNOWN, buyer_siren=CITY[:9]),
            UNKNOWN,
            id="siret-before-siren",
        ),
        pytest.param(RoutingHeader(buyer_siren=UNKNOWN[:9]), UNKNOWN[:9], id="unknown-siren"),
        pytest.param(RoutingHeader(buyer_siren=CLOSED[:9]), CLOSED[:9], id="siren-of-inactive"),
        pytest.param(
            RoutingHeader(buyer_endpoint=CITY, buyer_endpoint_scheme="0088"),
            "absent",
            id="other-scheme",
        ),
    ],
)
def test_a_recipient_that_cannot_be_billed_is_told_as_dest_inc(
    header: RoutingHeader, shown: str
) -> None:
    """The sender's fault: refused at once, with what was found."""
    decision = find_recipient(a_document(1, header), DIRECTORY, DAY)

    (reason,) = decision.reasons
    assert (decision.verdict, reason.code, reason.place) == (
        Verdict.REJECT,
        "DEST_INC",
        "a.xml BT-46",
    )
    assert all(f": {shown}." in text for text in reason.message.values())


@pytest.mark.parametrize(
    ("address", "scheme", "more"),
    [
        pytest.param(None, None, {}, id="nothing-given"),
        pytest.param(UNKNOWN[:9], "0225", {}, id="unknown-siren"),
        pytest.param(UNKNOWN, "0009", {}, id="unknown-siret"),
        pytest.param(f"{CLOSED[:9]}_{CLOSED}", "0225", {}, id="inactive"),
        pytest.param(f"{CITY[:9]}_{CITY[:-1]}9", "0225", {"buyer_siret": CITY}, id="other-siret"),
        pytest.param(f"{CITY[:9]}_{PORT}", "0225", {"buyer_siret": CITY}, id="siret-of-others"),
        pytest.param(UNKNOWN[:9], "0225", {"buyer_siret": CITY}, id="somebody-else"),
        pytest.param(UNKNOWN[:9], "0002", {"buyer_siren": CITY[:9]}, id="somebody-else-by-siren"),
    ],
)
def test_a_missing_or_wrong_address_is_told_as_adr_err(
    address: str | None, scheme: str | None, more: dict[str, str]
) -> None:
    """Sent by such an address the invoice would reach nobody, or somebody else."""
    header = RoutingHeader(buyer_endpoint=address, buyer_endpoint_scheme=scheme, **more)  # type: ignore[arg-type]  # names of texts

    decision = find_recipient(a_document(1, header), DIRECTORY, DAY)

    (reason,) = decision.reasons
    assert (decision.verdict, reason.code, reason.place) == (
        Verdict.REJECT,
        "ADR_ERR",
        "a.xml BT-49",
    )
    assert all(address is None or f": {address}." in text for text in reason.message.values())


@pytest.mark.parametrize(
    "address", [f"{CITY[:9]}_{CITY}", f"{CITY[:9]}_{CITY}_SCOLAIRE", f"{CITY[:9]}_FACTURES"]
)
def test_an_address_of_every_grain_is_found_in_the_directory(address: str) -> None:
    """SIREN_SIRET, with a routing code, and SIREN with a suffix of its owner's."""
    header = RoutingHeader(buyer_siret=CITY, buyer_endpoint=address, buyer_endpoint_scheme="0225")

    assert find_recipient(a_document(1, header), DIRECTORY, DAY) == Decision(Verdict.ACCEPT)


def test_the_first_route_that_matches_wins() -> None:
    """Order is how an operator says what comes first."""
    routes = (
        Route(connection="other-buyer", buyer_siret=UNKNOWN),
        Route(connection="other-sender", buyer_siret=CITY, sender="Traiteur"),
        Route(connection="credit-notes", buyer_siret=CITY, type_codes=("381", "396")),
        Route(connection="school", buyer_siret=CITY, buyer_service="SCOLAIRE"),
        Route(connection="city", buyer_siren=CITY[:9]),
        Route(connection="rest"),
    )
    directory = Directory(STRUCTURES, routes)
    city = RoutingHeader(buyer_siret=CITY, buyer_siren=CITY[:9], type_code="380")

    found = [
        find_route(a_document(1, header), "Papeterie", directory)
        for header in (
            city,
            replace(city, buyer_service="SCOLAIRE"),
            replace(city, buyer_service="SCOLAIRE", type_code="381"),
            RoutingHeader(buyer_siren=CLOSED[:9]),
            RoutingHeader(),
        )
    ]

    assert found == ["city", "school", "credit-notes", "rest", "rest"]
    assert find_route(a_document(1, city), "Traiteur", directory) == "other-sender"


def test_a_route_by_siren_takes_an_address_as_well() -> None:
    """Who is known by an address must be reached by it."""
    directory = Directory(STRUCTURES, (Route(connection="city", buyer_siren=CITY[:9]),))
    document = a_document(
        1, RoutingHeader(buyer_endpoint=f"{CITY[:9]}_X", buyer_endpoint_scheme="0225")
    )

    assert find_route(document, "Papeterie", directory) == "city"


def test_a_known_recipient_without_a_route_is_held() -> None:
    """Our gap, not the sender's fault: a person adds the route."""
    document = a_document(1, RoutingHeader(buyer_siret=CITY))

    decision = no_route(document)

    assert find_route(document, "Papeterie", DIRECTORY) is None
    (reason,) = decision.reasons
    assert (decision.verdict, reason.code, reason.place) == (Verdict.HOLD, "NO_ROUTE", "a.xml")
    assert all(CITY in text for text in reason.message.values())


def test_a_receiver_of_single_files_gets_one_a_document() -> None:
    """Named by number and document id, so that no two can meet."""
    documents = [a_document(seq, route="ville") for seq in (1, 2)]

    rows = plan_deliveries(documents, CONNECTIONS, PLANNING)

    assert rows == tuple(
        OutboxRow(
            key=rows[place].key,
            kind=OutboxKind.DELIVERY,
            interchange=FLOW,
            connection="ville",
            name=f"2026-{document.seq}.{document.id}.xml",
            due=NOON,
            planned=NOON,
            documents=(document.id,),
            envelope=Envelope.SINGLE,
            generation=1,
            state=OutboxState.PENDING,
        )
        for place, document in enumerate(documents)
    )
    assert [row.name for row in rows] == [member_name(document) for document in documents]


def test_a_receiver_of_lots_gets_one_file_a_flow() -> None:
    """In the order of the flow, whatever order they come in."""
    documents = [a_document(seq, route="hopital") for seq in (3, 1, 2)]

    (row,) = plan_deliveries(documents, CONNECTIONS, PLANNING)

    assert (row.name, row.envelope) == (f"{FLOW}.0001-0003.tar.gz", Envelope.TAR_GZ)
    assert row.documents == tuple(document_id(FLOW, seq) for seq in (1, 2, 3))


def test_a_lot_is_cut_before_it_is_too_big_to_pack() -> None:
    """A lot is packed in memory; one document that is bigger travels by itself."""
    sizes = [LOT_BYTES - 1, 1, 1, LOT_BYTES + 1, 1]
    documents = [a_document(seq, route="hopital", size=size) for seq, size in enumerate(sizes, 1)]

    rows = plan_deliveries(documents, CONNECTIONS, PLANNING)

    assert [row.name for row in rows] == [
        f"{FLOW}.0001-0002.tar.gz",
        f"{FLOW}.0003-0003.tar.gz",
        f"{FLOW}.0004-0004.tar.gz",
        f"{FLOW}.0005-0005.tar.gz",
    ]


def test_each_recipient_gets_its_own_documents() -> None:
    """One flow may bill many."""
    documents = [
        a_document(seq, route=name)
        for seq, name in enumerate(["ville", "hopital", "ville", "hopital"], 1)
    ]

    rows = plan_deliveries(documents, CONNECTIONS, PLANNING)

    assert [(row.connection, row.documents) for row in rows] == [
        ("hopital", (document_id(FLOW, 2), document_id(FLOW, 4))),
        ("ville", (document_id(FLOW, 1),)),
        ("ville", (document_id(FLOW, 3),)),
    ]


@pytest.mark.parametrize("route", ["ville", "hopital"])
def test_a_redelivery_has_another_name_and_another_row(route: str) -> None:
    """The first file may still stand in the recipient's folder."""
    documents = [a_document(1, route=route), a_document(2, route=route)]

    first = plan_deliveries(documents, CONNECTIONS, PLANNING)
    again = plan_deliveries(documents, CONNECTIONS, PLANNING, generation=2)

    for attribute in ("name", "key"):
        made = {getattr(row, attribute) for row in (*first, *again)}
        assert len(made) == len(first) + len(again)
    assert [row.documents for row in first] == [row.documents for row in again]
    assert all(".g2." in row.name for row in again)


def test_a_plan_does_not_depend_on_when_it_is_made() -> None:
    """Planned again after a crash, it gives the same rows under the same keys."""
    documents = [a_document(seq, route="ville") for seq in range(1, 5)]

    first = plan_deliveries(documents, CONNECTIONS, PLANNING)
    later = plan_deliveries(
        documents[::-1], CONNECTIONS, replace(PLANNING, now=NOON.replace(year=2027))
    )

    assert [replace(row, due=NOON, planned=NOON) for row in later] == list(first)


def test_a_pdf_leaves_as_a_pdf() -> None:
    """The document is the PDF itself; its second delivery has another name of the same kind."""
    document = replace(a_document(1, route="ville"), syntax=Syntax.FACTURX)

    names = [plan_deliveries([document], CONNECTIONS, PLANNING, n)[0].name for n in (1, 2)]

    assert names == [f"2026-1.{document.id}.pdf", f"2026-1.{document.id}.g2.pdf"]
    assert member_name(document) == names[0]


@pytest.mark.parametrize(
    "number", ["../../etc/passwd", "a\nb", ".hidden", "é" * 300, "=cmd|x", ""]
)
def test_no_invoice_number_makes_a_name_that_harms(number: str) -> None:
    """It is text from outside, and becomes a file name at the recipient's."""
    document = replace(a_document(), header=RoutingHeader(number=number))

    name = member_name(document)

    assert name.endswith(f".{document.id}.xml")
    assert name[0].isalnum()
    assert name.isascii()
    assert "/" not in name
    assert len(name) < 100


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ville", "hopital"]), st.integers(0, LOT_BYTES * 2 // 3)),
        max_size=12,
    )
)
def test_every_routed_document_is_in_exactly_one_file(routed: list[tuple[str, int]]) -> None:
    """Nothing is left behind and nothing travels twice, however lots are cut."""
    documents = [
        a_document(seq, route=name, size=size) for seq, (name, size) in enumerate(routed, 1)
    ]

    rows = plan_deliveries(documents, CONNECTIONS, PLANNING)

    carried = [(row.connection, subject) for row in rows for subject in row.documents]
    assert sorted(carried) == sorted((one.route or "", one.id) for one in documents)
    assert len({row.key for row in rows}) == len({row.name for row in rows}) == len(rows)
    sizes = {one.id: one.size for one in documents}
    assert all(
        len(row.documents) == 1 or sum(sizes[one] for one in row.documents) <= LOT_BYTES
        for row in rows
    )


def test_trials_number_their_flows_for_themselves() -> None:
    """However many there were, a receiver's first flow in production is number 1."""
    carriage = Carriage(form=Form.PIVOT, original=Original.BESIDE)
    ville = replace(CONNECTIONS["ville"], application_code="VIL750", carriage=carriage)
    trial = replace(ville, name="trial", environment=Environment.QUALIFICATION)
    planning = replace(PLANNING, next_number=numbers())
    documents = [a_document(1, route="trial"), a_document(2, route="trial")]

    tried = plan_deliveries(documents, {"trial": trial}, planning)
    (real,) = plan_deliveries([a_document(3, route="ville")], {"ville": ville}, planning)

    assert [int(row.name[-15:]) for row in tried] == [1, 2]
    assert int(real.name[-15:]) == 1
