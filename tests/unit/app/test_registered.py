"""A document that nobody sent yet: what directory and receiver say is shown, or why nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipeline.app.agreed import Agreed
from pipeline.app.registered import Register, channel_of
from pipeline.model.agreement import Agreement, Takes
from pipeline.model.connection import AnswerFamily, Atomicity, Connection, Door, Role
from pipeline.model.directory import Directory, Flags, Kind, Route, Structure
from pipeline.model.finding import Layer, LayerResult, Outcome
from pipeline.model.interface import Interface
from pipeline.model.report import Judged, RoutingHeader, Syntax, ValidationReport
from pipeline.ports.ledger import Sheets
from pipeline.validate.render import Judgement, report_object, report_page

SIRET = "21000123600012"
VILLE = Connection(name="ville", partner="Ville", role=Role.RECEIVER, door=Door(), takes="ville")
DIRECTORY = Directory(
    {SIRET: Structure(siret=SIRET, name="Ville", flags=Flags(service=True))},
    (Route(connection="ville", buyer_siret=SIRET),),
)
REGISTER = Register(
    sheets=Sheets({"ville": VILLE}, DIRECTORY),
    agreed=Agreed(
        moment=datetime(2026, 3, 2, 12, tzinfo=UTC),
        profile="fr-b2g",
        takes={"ville": Takes(name="ville", currencies=("EUR",))},
    ),
    missing={"fr": "vide", "en": "empty"},
)
SOUND = ValidationReport(
    syntax=Syntax.UBL_INVOICE,
    layers=tuple(LayerResult(layer, Outcome.VALID) for layer in Layer),
)
HEADER = RoutingHeader(currency="EUR", buyer_siret=SIRET, buyer_service="S1")


def judged(**changed: Any) -> Judged:
    """Return a sound document of this header, with some of it changed."""
    return Judged(SOUND, replace(HEADER, **changed))


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        pytest.param(judged(buyer_siret="1"), ["DEST_INC"], id="unknown-recipient"),
        pytest.param(judged(buyer_service=None), ["REJ_CONT_B2G"], id="no-service"),
        pytest.param(judged(), ["DEST_INC"], id="unknown-service"),
    ],
)
def test_what_would_refuse_a_document_is_told(document: Judged, codes: list[str]) -> None:
    """By the codes under which the hub would."""
    found = REGISTER.look_up("a.xml", document)

    assert (found.outcome, [why.code for why in found.reasons]) == (Outcome.INVALID, codes)


def test_what_its_receiver_does_not_take_is_told_with_the_agreement() -> None:
    """The directory leads to the receiver, whose side is named."""
    asks_nothing = Directory({SIRET: Structure(siret=SIRET, name="V")}, DIRECTORY.routes)
    register = replace(REGISTER, sheets=Sheets({"ville": VILLE}, asks_nothing))
    agreement = Agreement(day=date(2026, 3, 2), profile="fr-b2g", receiver="ville", takes="ville")

    good = register.look_up("a.xml", judged(buyer_service=None))
    bad = register.look_up("a.xml", judged(buyer_service=None, currency="USD"))

    assert (good.outcome, good.reasons, good.agreement) == (Outcome.VALID, (), agreement)
    assert (bad.outcome, [why.code for why in bad.reasons], bad.agreement) == (
        Outcome.INVALID,
        ["NOT_TAKEN"],
        agreement,
    )


def test_where_there_is_no_directory_it_says_so() -> None:
    """What was not asked is never silently absent."""
    found = replace(REGISTER, sheets=None).look_up("a.xml", judged())

    assert (found.outcome, found.skipped) == (Outcome.SKIPPED, {"fr": "vide", "en": "empty"})


def test_a_document_of_broken_structure_is_not_looked_up_and_says_so() -> None:
    """What it says of its recipient cannot be relied on."""
    layers = tuple(LayerResult(layer, Outcome.INVALID) for layer in Layer)

    found = REGISTER.look_up("a.xml", Judged(replace(SOUND, layers=layers), HEADER))

    assert found.outcome is Outcome.SKIPPED
    assert "structure non valide" in found.skipped["fr"]


def test_it_is_shown_beside_and_counts_where_that_was_asked() -> None:
    """In the object for programs, and on the page for people."""
    document = judged(buyer_siret="1")
    found = REGISTER.look_up("a.xml", document)

    beside = report_object("a.xml", None, document, found)
    counted = report_object("a.xml", None, document, found, counts=True)
    page = report_page([Judgement("a.xml", "a.xml", document, found, counts=True)], "fr-b2g")

    assert (beside["outcome"], counted["outcome"]) == ("valid", "invalid")
    assert beside["registration"]["outcome"] == "invalid"
    assert [why["code"] for why in beside["registration"]["reasons"]] == ["DEST_INC"]
    assert beside["agreement"] == {
        "day": "2026-03-02",
        "profile": "fr-b2g",
        "receiver": None,
        "takes": None,
    }
    text = page.decode()
    assert "DEST_INC" in text
    assert "À corriger" in text
    assert "fr-b2g, 2026-03-02" in text


def test_the_channel_is_that_of_the_interface_whose_profile_it_is() -> None:
    """Rules of a channel are asked where the profile is one of it."""
    interface = Interface(
        code="FSO1100A", title="", syntaxes=(), refused_by="", taken_by="",
        atomicity=Atomicity.FLOW, profile="fr-b2g", source="", answers=AnswerFamily.AFNOR,
    )  # fmt: skip
    private = Structure(siret=SIRET, name="V", kind=Kind.PRIVATE)
    sheets = Sheets({}, Directory({SIRET: private}))

    channel = channel_of("fr-b2g", [interface])
    found = replace(REGISTER, sheets=sheets, channel=channel).look_up(
        "a.xml", judged(buyer_service=None)
    )

    assert channel_of("mine", [interface]) is None
    assert [why.message["fr"].split(" ")[0] for why in found.reasons] == ["CP-03"]
