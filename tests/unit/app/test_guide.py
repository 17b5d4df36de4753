"""What the implementation guide of one partner tells, and what it must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.guide import guide_for
from pipeline.app.guide_page import guide_page
from pipeline.model.carriage import Carriage
from pipeline.model.connection import (
    Connection,
    Door,
    Envelope,
    Naming,
    ReplyForm,
    Role,
    Secret,
    SecretKind,
)
from pipeline.model.conversion import Form
from pipeline.model.guide import Guide
from pipeline.model.handover import Filter, Handover, Pickup
from pipeline.model.interface import Direction, Interface
from pipeline.model.labels import Name

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
DOOR = Door(
    host="sftp.example.org",
    user="edi-ville",
    key="keys/secret-path",
    password=Secret(SecretKind.ENV, "SECRET_VARIABLE"),
    host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000AA",
)
CITY = Connection(
    name="ville",
    partner="Ville <d'Exemple>",
    role=Role.RECEIVER,
    door=DOOR,
    replies=(ReplyForm.CSV,),
    handover=Handover(
        done=".done",
        sums=".sha256",
        filters=(Filter(folder="out/eau", service="EAU"),),
        pickup=Pickup(purge_after=timedelta(days=7)),
    ),
)
SUPPLIER = Connection(
    name="papeterie",
    partner="Papeterie",
    role=Role.SENDER,
    door=DOOR,
    naming=Naming.GRAMMAR,
    application_code="PAP001",
    interfaces=("FSO1100A",),
)
INTERFACES = {
    "FSO1100A": Interface(
        code="FSO1100A", title="E1", source="", syntaxes=("ubl-invoice",), brings=("FEN1200A",)
    ),
    "FEN1200A": Interface(code="FEN1200A", title="statuts", source="", direction=Direction.OUT),
}


def sample(name: str) -> bytes:
    return (ROOT / "samples" / "invoices" / name).read_bytes()


def guide(sheet: Connection) -> Guide:
    return guide_for(sheet, INTERFACES, "CPP042", sample)


def codes(made: Guide) -> set[object]:
    return {row[0] for row in made.tables[-1].rows}


def test_a_receiver_reads_where_its_invoices_lie_and_for_how_long() -> None:
    """Folders with their filters, what stands beside a file, the day of removal."""
    page = guide_page(guide(CITY), NOON).decode()

    told = ("out/eau", "service EAU", "NAME.done", "NAME.sha256", "7 jour(s)", "SHA256:")
    assert [one for one in told if one not in page] == []


def test_no_secret_and_no_markup_of_a_partner_gets_into_a_guide() -> None:
    """It is sent to somebody; a name is a text there."""
    page = guide_page(guide(CITY), NOON).decode()

    assert "secret-path" not in page
    assert "SECRET_VARIABLE" not in page
    assert "Ville &lt;d'Exemple&gt;" in page


def test_a_receivers_files_to_try_have_a_right_sum_and_a_wrong_one() -> None:
    """Its program must take the first and refuse the second."""
    files = {one.name: one for one in guide(CITY).samples}

    for name, right in (("essai-1.xml", True), ("essai-2.xml", False)):
        digest, told = files[f"{name}.sha256"].payload.decode().split()
        assert (digest == sha256(files[name].payload).hexdigest()) is right
        assert (told, files[name].passes) == (name, right)
        assert files[f"{name}.done"].payload == b""


def test_a_suppliers_files_to_try_bear_names_of_the_grammar() -> None:
    """And one that does not, since that is refused too."""
    names = [(one.name, one.passes) for one in guide(SUPPLIER).samples]

    assert names == [
        ("FSO1100A_PAP001_PAP0011100999000000000001", True),
        ("FSO1100A_PAP001_PAP0011100999000000000002", False),
        ("FSO1100A_PAP001_PAP0011100999000000000003", False),
        ("facture.xml", False),
    ]


def test_the_names_of_answers_are_those_that_will_come() -> None:
    """A partner's program filters by them: the hub's own code is in them."""
    page = guide_page(guide(SUPPLIER), NOON).decode()

    assert "FEN1200A_PAP001_CPP0421200nnnnnnnnnnnnnnn" in page


@pytest.mark.parametrize(
    ("sheet", "met", "never"),
    [
        pytest.param(SUPPLIER, {"IRR_FORM", "DEST_INC", "DOUBLON"}, {"NO_ROUTE"}, id="grammar"),
        pytest.param(
            replace(SUPPLIER, naming=Naming.FREE, interfaces=()),
            {"DEST_INC"},
            {"IRR_FORM", "ACK_EARLY"},
            id="free",
        ),
        pytest.param(CITY, {"ACK_UNKNOWN"}, {"DEST_INC", "IRR_FORM"}, id="receiver"),
    ],
)
def test_only_codes_that_a_partner_can_meet_are_listed(
    sheet: Connection, met: set[str], never: set[str]
) -> None:
    """A table of all codes would be read by nobody."""
    found = codes(guide(sheet))

    assert met <= found
    assert not never & found


def test_nothing_is_to_be_tried_in_a_form_of_which_no_sample_is_ours() -> None:
    """A UBL file is no example of what a receiver of pivots finds."""
    sheet = replace(CITY, carriage=replace(CITY.carriage, form=Form.PIVOT))

    assert guide(sheet).samples == ()


@pytest.mark.parametrize(
    ("said", "name"),
    [
        pytest.param(
            {"application_code": "VIL750", "carriage": Carriage(form=Form.PIVOT)},
            "FEN0036A_VIL750_CPP0420036nnnnnnnnnnnnnnn",
            id="numbered",
        ),
        pytest.param({"envelope": Envelope.TAR_GZ}, "ends in .tar.gz", id="in-lots"),
        pytest.param({}, "begins with the invoice's number", id="alone"),
    ],
)
def test_a_receiver_is_told_what_its_files_are_called(said: dict[str, Any], name: str) -> None:
    """It filters its folder by it, also where no interface is on its sheet."""
    tables = {one.title.en: one for one in guide(replace(CITY, **said)).tables}

    told = {row[0].en: row[1] for row in tables["Delivery"].rows if isinstance(row[0], Name)}

    found = told["Name of the files"]
    assert (found.en if isinstance(found, Name) else found) == name
