"""When a manifest refuses its flow, and when nothing can be said yet."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pipeline.app.manifest import ManifestCheck, check_manifest
from pipeline.model.acknowledgement import Figure
from pipeline.model.connection import Connection, Door, ManifestRule, Role
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.interchange import Interchange
from pipeline.model.report import RoutingHeader

SHEET = Connection(name="acme", partner="ACME", role=Role.SENDER, door=Door())
STRICT = Connection(
    name="acme", partner="ACME", role=Role.SENDER, door=Door(), manifest=ManifestRule.REQUIRED
)
FLOW = Interchange(
    id=InterchangeId("F1"),
    connection="acme",
    partner="ACME",
    name="lot.zip",
    size=10,
    mtime=0,
    sha256="a" * 64,
    received_at=datetime(2026, 10, 5, tzinfo=UTC),
)


def a_document(seq: int, total: str | None) -> Document:
    """Build a document in euros, or one of which nothing could be read."""
    header = RoutingHeader(currency="EUR", total_with_vat=Decimal(total)) if total else None
    return Document(
        id=document_id(FLOW.id, seq),
        interchange=FLOW.id,
        seq=seq,
        name=f"{seq}.xml",
        size=10,
        sha256="a" * 64,
        header=header or RoutingHeader(),
    )


READ, UNREAD = a_document(1, "10.00"), a_document(2, None)


def announce(**parts: object) -> bytes:
    """Write a manifest."""
    return json.dumps(parts).encode()


@pytest.mark.parametrize(
    ("sheet", "code"), [pytest.param(SHEET, None), pytest.param(STRICT, "MANIFEST")]
)
def test_none_is_needed_unless_the_sheet_requires_it(sheet: Connection, code: str | None) -> None:
    """Then the reason says what was agreed."""
    check = check_manifest(sheet, FLOW, None, [READ], ())

    assert (check.figures, check.unclear) == ((), frozenset())
    assert (check.refused.code if check.refused else None) == code


def test_one_that_cannot_be_read_refuses_without_figures() -> None:
    """There is nothing to compare."""
    check = check_manifest(SHEET, FLOW, b"{", [READ], ())

    assert check.refused is not None
    assert (check.refused.code, check.refused.place) == ("MANIFEST", "manifest.json 1:2")
    assert check.figures == ()


def test_a_sum_that_hangs_on_a_check_of_ours_is_unclear() -> None:
    """The engine broke off: it is not the sender's fault that the amount is not known."""
    manifest = announce(count=2, sums={"EUR": "30.00"})
    figures = (Figure("count", "2", "2"), Figure("sum EUR", "30.00", "10.00 + ? (2.xml)"))

    ours = check_manifest(SHEET, FLOW, manifest, [READ, UNREAD], {UNREAD.id})
    theirs = check_manifest(SHEET, FLOW, manifest, [READ, UNREAD], ())

    assert ours == ManifestCheck(figures, unclear=frozenset({UNREAD.id}))
    assert theirs.refused is not None
    assert (theirs.figures, theirs.unclear) == (figures, frozenset())


def test_what_surely_differs_refuses_though_a_sum_is_unclear() -> None:
    """A file too many stays one, whatever it amounts to."""
    manifest = announce(count=3, sums={"EUR": "30.00"})

    check = check_manifest(SHEET, FLOW, manifest, [READ, UNREAD], {UNREAD.id})

    assert check.refused is not None
    assert check.unclear == frozenset()


def test_a_count_alone_does_not_wait_for_amounts() -> None:
    """Nothing that was announced depends on the document that could not be looked at."""
    check = check_manifest(SHEET, FLOW, announce(count=2), [READ, UNREAD], {UNREAD.id})

    assert check == ManifestCheck((Figure("count", "2", "2"),))
