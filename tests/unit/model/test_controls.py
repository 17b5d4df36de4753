"""The control table: complete, in order, and saying what to do."""

from __future__ import annotations

import pytest

from pipeline.model.controls import (
    CONTROL,
    CONTROLS,
    OURS,
    Actor,
    Control,
    first_by_step,
    found,
    reason,
)
from pipeline.model.decision import Reason
from pipeline.model.report import Trouble

PUBLISHED = [
    (1, "IRR_CODE_APP"),
    (2, "IRR_FORM"),
    (3, "IRR_CODE_INTER"),
    (4, "IRR_ANTIVIRUS"),
    (5, "IRR_VIDE"),
    (5, "IRR_TAILLE"),
    (5, "IRR_TYPE"),
    (6, "IRR_UNICITE"),
    (7, "IRR_EXTRAC"),
    (8, "IRR_VIDE_F"),
    (8, "IRR_NOM_F"),
    (8, "IRR_TYPE_F"),
    (8, "IRR_TAILLE_F"),
    (9, "IRR_VID_PJ"),
    (9, "IRR_NOM_PJ"),
    (9, "IRR_EXT_DOC"),
    (9, "IRR_TAILLE_PJ"),
    (10, "IRR_SYNTAX"),
    (11, "REJ_SEMAN"),
    (12, "REJ_CONT_B2G"),
    (13, "REJ_COH"),
    (14, "DEST_INC"),
    (14, "ADR_ERR"),
    (15, "REJ_CONT_B2G"),
    (16, "DOUBLON"),
    (16, "REJ_UNI"),
    (17, "REJ_ADR"),
]


def test_the_published_controls_are_all_there_in_their_order() -> None:
    """An answer lists reasons in the order in which partners know the controls."""
    assert [(one.step, one.code) for one in CONTROLS if one not in OURS] == PUBLISHED


def test_our_own_codes_stand_where_they_happen() -> None:
    """A hold is told at the step whose check it stopped; a person has the last word."""
    assert {one.code: one.step for one in OURS} == {
        "SCANNER_SILENT": 4,
        "ARCHIVE_LOST": 7,
        "MANIFEST": 10,
        "FLOW_IRR": 10,
        "ENGINE_CRASH": 11,
        "ENGINE_TIMEOUT": 11,
        "ENGINE_MEMORY": 11,
        "PACK_MISSING": 11,
        "PACK_ERROR": 11,
        "NO_ROUTE": 14,
        "NOT_LIVE": 14,
        "TRIED_ONLY": 14,
        "ACK_UNKNOWN": 14,
        "ACK_EARLY": 14,
        "ST_UNKNOWN": 14,
        "ST_EARLY": 14,
        "ST_FORBIDDEN": 14,
        "ST_INCOMPLETE": 14,
        "ST_UNREADABLE": 14,
        "NOT_TAKEN": 15,
        "RETURN_CHANGED": 16,
        "RETURN_REJECTED": 16,
        "RETURN_LOST": 16,
        "OPERATOR": 18,
        "OPERATOR_HOLD": 18,
        "WITHDRAWN": 18,
        "VALIDATOR_REFUSED": 18,
    }


def test_the_first_control_of_a_code_names_it() -> None:
    """REJ_CONT_B2G stands at two steps; a look-up by code is deterministic."""
    assert {code: control.step for code, control in CONTROL.items()} == {
        control.code: control.step for control in reversed(CONTROLS)
    }


@pytest.mark.parametrize("control", CONTROLS, ids=lambda one: f"{one.step}-{one.code}")
def test_a_control_is_told_in_both_languages(control: Control) -> None:
    """Labels go into titles, actions end messages: both languages, always."""
    assert set(control.label) == set(control.action) == {"fr", "en"}
    assert all(text and not text.endswith(".") for text in control.label.values())
    assert all(text.endswith(".") for text in control.action.values())


@pytest.mark.parametrize(
    "code",
    [
        *(one.value for one in Trouble),
        "ARCHIVE_LOST",
        "RETURN_LOST",
        "NO_ROUTE",
        "NOT_LIVE",
        "TRIED_ONLY",
    ],
)
def test_what_is_our_own_trouble_is_for_an_operator(code: str) -> None:
    """A sender is never asked to act on a fault of ours, and is told not to resend."""
    control = CONTROL[code]

    assert control.acts is Actor.OPERATOR
    assert control.action["fr"].startswith("Ne renvoyez rien")


def test_everything_else_is_for_the_sender() -> None:
    """Only holds wait for us, and trials that nobody takes."""
    ours = {"ARCHIVE_LOST", "RETURN_LOST", "NO_ROUTE", "NOT_LIVE", "TRIED_ONLY", "OPERATOR_HOLD"}
    held = {trouble.value for trouble in Trouble} | ours

    assert {one.code for one in CONTROLS if one.acts is Actor.OPERATOR} == held


def test_a_reason_ends_by_saying_what_to_do() -> None:
    """Nobody reads a manual to learn what a code wants of him."""
    assert reason("DEST_INC", "a.xml BT-46", "SIRET inconnu : 1", "unknown SIRET: 1") == Reason(
        code="DEST_INC",
        place="a.xml BT-46",
        message={
            "fr": "SIRET inconnu : 1. Vérifiez l'identifiant du destinataire auprès de lui, "
            "corrigez et renvoyez la facture.",
            "en": "unknown SIRET: 1. Check the recipient's identifier with them, correct the "
            "invoice and send it again.",
        },
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("vide", "vide. ", id="bare"),
        pytest.param("vide. ", "vide. ", id="sentence"),
        pytest.param("vide !", "vide ! ", id="exclamation"),
        pytest.param("", "", id="nothing-to-add"),
    ],
)
def test_what_was_found_is_one_sentence_before_the_action(text: str, sentence: str) -> None:
    """Texts come from packs and from us, with or without their full stop."""
    told = reason("FLOW_IRR", "", text, text)

    assert told.message["fr"] == sentence + CONTROL["FLOW_IRR"].action["fr"]
    assert found(told) == {"fr": sentence.rstrip(), "en": sentence.rstrip()}


def test_an_unknown_code_is_our_bug() -> None:
    """A code without label or action would leave a sender without help."""
    with pytest.raises(KeyError):
        reason("IRR_NOTHING", "", "", "")


def test_reasons_come_by_step_then_place_with_numbers_by_value() -> None:
    """Line 9 stands before line 10, whatever the order in which checks ended."""
    reasons = [
        reason("DOUBLON", "a.xml", "", ""),
        reason("IRR_SYNTAX", "b.xml ligne 10", "", ""),
        reason("IRR_SYNTAX", "b.xml ligne 9", "", ""),
        reason("IRR_SYNTAX", "a.xml ligne 010", "", ""),
        reason("IRR_SYNTAX", "9.xml", "", ""),
        reason("IRR_VIDE_F", "z.xml", "", ""),
        reason("IRR_SYNTAX", "a.xml ligne " + "1" * 5_000, "", ""),
    ]

    ordered = [(one.code, one.place[:15]) for one in first_by_step(reasons)]

    assert ordered == [
        ("IRR_VIDE_F", "z.xml"),
        ("IRR_SYNTAX", "9.xml"),
        ("IRR_SYNTAX", "a.xml ligne 010"),
        ("IRR_SYNTAX", "a.xml ligne 111"),
        ("IRR_SYNTAX", "b.xml ligne 9"),
        ("IRR_SYNTAX", "b.xml ligne 10"),
        ("DOUBLON", "a.xml"),
    ]
