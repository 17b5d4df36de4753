"""What is typed or sent is a value to the database, never a statement (S21)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import pytest

from pipeline.model.document import BusinessKey, Document
from pipeline.model.identity import DocumentId, InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.report import RoutingHeader
from pipeline.ports.ledger import Ledger, Query

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)

#: What scanners try first, for both databases.
PAYLOADS = (
    "'",
    '"',
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "'; DROP TABLE document; --",
    "'); DELETE FROM event; --",
    "' UNION SELECT sql, 1, 1 FROM sqlite_master --",
    "' UNION SELECT usename, passwd FROM pg_shadow --",
    "1; SELECT pg_sleep(30) --",
    "' || (SELECT hash FROM chain_head) || '",
    "$$; DROP TABLE event; $$",
    "\\'; DROP TABLE event; --",
    "%27%20OR%201=1",
    ":name",
    "%(name)s",
    "?",
    "%",
    "_",
    "%%",
    "a%' ESCAPE 'a",
    "\\",
    "{0}{name}",
    "/*",
    "*/--",
)


def flow(place: int, text: str) -> Interchange:
    """Build a flow whose every text is `text`."""
    return Interchange(
        id=InterchangeId(f"F{place:03d}"),
        connection=text,
        partner=text,
        name=text,
        size=1,
        mtime=1,
        sha256=sha256(text.encode()).hexdigest(),
        received_at=NOW,
        reason=text,
        detail=text,
    )


def inside(one: Interchange, text: str) -> Document:
    """Build a document whose every text is `text`."""
    header = RoutingHeader(
        number=text,
        issue_date=date(2026, 1, 1),
        type_code=text,
        seller_name=text,
        buyer_name=text,
        currency=text,
        customization=text,
    )
    return Document(
        id=document_id(one.id, 1),
        interchange=one.id,
        seq=1,
        name=text,
        size=1,
        sha256=one.sha256,
        header=header,
        route=text,
    )


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with one flow and one document a payload."""
    with ledger.transaction() as tx:
        for place, text in enumerate(PAYLOADS):
            one = flow(place, text)
            assert tx.record(one, text)
            tx.add_documents([(inside(one, text), None)], text, NOW)
    return ledger


def test_every_text_comes_back_as_it_was_written(filled: Ledger) -> None:
    """Names, numbers, parties, reasons, actors."""
    for place, text in enumerate(PAYLOADS):
        found = filled.interchange(f"F{place:03d}")
        assert found is not None
        assert (found.name, found.partner, found.connection) == (text, text, text)
        document = filled.document(document_id(found.id, 1))
        assert document is not None
        assert replace(document, step=inside(found, text).step) == inside(found, text)


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_filter_finds_what_it_names_and_nothing_else(filled: Ledger, text: str) -> None:
    """Also where it holds what a pattern would mean more by."""
    place = PAYLOADS.index(text)

    by_partner = filled.interchanges(Query(partner=text))
    by_connection = filled.interchanges(Query(connection=text))
    by_text = filled.interchanges(Query(text=text))

    assert [one.name for one in by_partner] == [text]
    assert [one.name for one in by_connection] == [text]
    folded = [other for other in PAYLOADS if text.lower() in other.lower()]
    assert sorted(one.name for one in by_text) == sorted(folded)
    assert [one.name for one in filled.documents(Query(partner=text))] == [text]
    assert filled.documents(Query(steps=(text,))) == []
    assert filled.interchanges(Query(steps=(text,))) == []
    assert filled.documents(Query(interchange=InterchangeId(text))) == []
    assert filled.interchange(text) is None
    assert filled.document(text) is None
    assert filled.runs(job=text) == []
    assert list(filled.events(text)) == []
    with filled.transaction() as tx:
        assert tx.holders([BusinessKey(seller=text, number=text, year=2026)]) == {}
        assert tx.documents_named([DocumentId(text)]) == []
        assert [one.name for one in tx.same_name(text, text, InterchangeId("-"))] == [text]
        assert tx.next_number(text) == 1
    assert place >= 0


def test_the_tables_and_the_chain_stand_after_it_all(filled: Ledger, database: Any) -> None:
    """Nothing was dropped, nothing forged."""
    for text in PAYLOADS:
        filled.interchanges(Query(text=text, partner=text))

    assert database.sql("SELECT count(*) FROM document") == [(len(PAYLOADS),)]
    assert database.sql("SELECT count(*) FROM interchange") == [(len(PAYLOADS),)]
    assert list(filled.verify()) == []
