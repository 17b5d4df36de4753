"""CDAR: one table writes and reads it, in the order of the official schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from lxml import etree

from pipeline.bootstrap import shelf, workspace
from pipeline.syntax.cdar import NAMESPACES, ROOT, TABLE, Cdar, Detail, Party, read, write
from pipeline.syntax.parse import compile_schema

AT = datetime(2026, 10, 5, 8, 31, 7, tzinfo=UTC)

#: Every attribute filled.
FULL = Cdar(
    id="EDIHUB1214000000000000057-0001",
    name="CDV-213 Rejetée",
    issued_at=AT,
    sender=Party("WK", "9999", "0238", "Notre plateforme", "adresse-1"),
    issuer=Party("WK", "9999", "0238", "Notre plateforme"),
    recipients=(
        Party("WK", "0417", "0238", "PA Exemple"),
        Party("SE", "732829320", "0002", "Papeterie", "732829320"),
    ),
    set_at=AT,
    reference="FA-2026-0187",
    transmission="8",
    type_code="380",
    flow="FSO1150A_PAX417_PAX4171150000000000000042",
    received_at=AT,
    issue_date=date(2026, 10, 2),
    status=213,
    label="Rejetée",
    seller=Party("SE", "732829320", "0002"),
    buyer=Party("BY", "21750001600019", "0009", "Ville exemple"),
    details=(
        Detail(
            sequence=1,
            reason="REJ_SEMAN",
            text="REJ_SEMAN : Règle de gestion non respectée",
            action="NIN",
            rule="BR-CO-15",
            note="Le total TTC est faux.",
            subject="BT-112 ligne 42",
        ),
        Detail(sequence=2, note="Autre constat."),
    ),
)
#: Nothing but what must be there.
BARE = Cdar(
    id="X",
    issued_at=AT,
    sender=Party("WK"),
    issuer=Party("WK"),
    recipients=(Party("WK"),),
    reference="FSO",
    status=500,
)


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """The official schema."""
    return compile_schema(str(shelf(workspace()).path("cdar-d22b-xsd")))


@pytest.mark.parametrize("message", [FULL, BARE], ids=["full", "bare"])
def test_what_is_written_is_read_back(schema: etree.XMLSchema, message: Cdar) -> None:
    """One table does both; the schema accepts it, the bytes are always the same."""
    written = write(message, schema)

    assert read(etree.fromstring(written)) == message
    assert written == write(message, schema)


def test_values_stand_where_the_terms_say(schema: etree.XMLSchema) -> None:
    """Spot checks by path, so that a slip in the table is not hidden by reading with it."""
    root = etree.fromstring(write(FULL, schema))
    at = "/rsm:*/rsm:AcknowledgementDocument/ram:ReferenceReferencedDocument"
    head = "/rsm:*/rsm:ExchangedDocument"
    expected = {
        "/rsm:*/rsm:ExchangedDocumentContext/ram:BusinessProcessSpecifiedDocumentContextParameter"
        "/ram:ID": "REGULATED",
        "/rsm:*/rsm:ExchangedDocumentContext/ram:GuidelineSpecifiedDocumentContextParameter"
        "/ram:ID": "urn.cpro.gouv.fr:1p0:CDV:invoice",
        f"{head}/ram:IssueDateTime/udt:DateTimeString[@format='204']": "20261005083107",
        f"{head}/ram:SenderTradeParty/ram:GlobalID[@schemeID='0238']": "9999",
        f"{head}/ram:RecipientTradeParty[2]/ram:URIUniversalCommunication"
        "/ram:URIID[@schemeID='0225']": "732829320",
        "/rsm:*/rsm:AcknowledgementDocument/ram:MultipleReferencesIndicator"
        "/udt:Indicator": "false",
        "/rsm:*/rsm:AcknowledgementDocument/ram:TypeCode": "305",
        f"{at}/ram:IssuerAssignedID": "FA-2026-0187",
        f"{at}/ram:StatusCode": "8",
        f"{at}/ram:FormattedIssueDateTime/qdt:DateTimeString[@format='102']": "20261002",
        f"{at}/ram:ProcessConditionCode": "213",
        f"{at}/ram:IssuerTradeParty/ram:GlobalID[@schemeID='0002']": "732829320",
        f"{at}/ram:SpecifiedDocumentStatus[1]/ram:ReasonCode": "REJ_SEMAN",
        f"{at}/ram:SpecifiedDocumentStatus[1]/ram:IncludedNote/ram:SubjectCode": "BT-112 ligne 42",
        f"{at}/ram:SpecifiedDocumentStatus[2]/ram:SequenceNumeric": "2",
    }

    found = {path: root.xpath(f"string({path})", namespaces=dict(NAMESPACES)) for path in expected}

    assert found == expected


def test_every_attribute_has_one_term() -> None:
    """A field that the table forgot would be dropped in silence; a term stands for one thing."""

    def rows(table: tuple[Any, ...]) -> Iterator[tuple[str, type, str]]:
        for row in table:
            kind = getattr(row.form, "kind", None)
            yield row.mdt, kind or str, row.term
            if kind is not None:
                yield from rows(row.form.rows)

    listed = list(rows(TABLE))
    terms = [mdt for mdt, _, _ in listed]
    names = {name for _, _, name in listed}

    assert len(terms) == len(set(terms))
    assert names >= {one.name for kind in (Cdar, Party, Detail) for one in fields(kind)}


def test_moments_are_written_in_utc_and_hostile_text_is_shown(schema: etree.XMLSchema) -> None:
    """Format 204 has no offset; XML has no NUL."""
    paris = timezone(timedelta(hours=2))
    told = replace(BARE, issued_at=AT.astimezone(paris), reference="a\x00]]>&<b")

    again = read(etree.fromstring(write(told, schema)))

    assert (again.issued_at, again.reference) == (AT, "a\ufffd]]>&<b")


def test_what_breaks_the_schema_is_our_bug(schema: etree.XMLSchema) -> None:
    """Nothing is written that the official schema does not accept."""
    broken = replace(FULL, multiple="maybe")  # type: ignore[arg-type]  # on purpose

    with pytest.raises(ValueError, match="breaks its schema"):
        write(broken, schema)


@pytest.mark.parametrize(
    ("root", "fault"),
    [
        ("<CPPStatut/>", "not a CDAR"),
        (f"<x:{ROOT.partition('}')[2]} xmlns:x='{ROOT[1:].partition('}')[0]}'/>", "lacks id"),
    ],
    ids=["another", "empty"],
)
def test_what_is_no_message_is_refused(root: str, fault: str) -> None:
    """A reader is told what is missing."""
    with pytest.raises(ValueError, match=fault):
        read(etree.fromstring(root))
