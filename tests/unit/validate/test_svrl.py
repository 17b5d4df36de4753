"""Findings out of a compiled Schematron's report."""

from __future__ import annotations

import pytest
from lxml import etree

from pipeline.model.finding import Finding, Severity
from pipeline.model.profile import Profile
from pipeline.model.sentences import Advice, Pattern, Sentences
from pipeline.validate.svrl import read_svrl

PLAIN = Profile(name="plain", packs={})
NONE = Sentences()
SAID = Sentences(
    fr={"BR-02": "Le numéro (BT-1) manque."},
    en={"BR-FR-01": "At most 35 characters."},
    patterns=(
        Pattern(rule="UBL-CR-.*", text="include the (?P<what>.+)$", fr="« {what} » : à retirer."),
        Pattern(rule="BR-FREXT-CO-.*", fr="Le total est faux.", en="The total is wrong."),
    ),
    advice=(Advice(rule="BR-FREXT-.*", fr="Recalculez.", en="Compute it again."),),
)
UBL = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
ROOT = f"/*:Invoice[namespace-uri()='{UBL}'][1]"
INVOICE = etree.fromstring(f'<Invoice xmlns="{UBL}" xmlns:c="{CBC}">\n<c:ID> F1 </c:ID></Invoice>')


def output(entry: str) -> etree._Element:
    return etree.fromstring(
        '<s:schematron-output xmlns:s="http://purl.oclc.org/dsdl/svrl">'
        f'<s:fired-rule context="/"/>{entry}</s:schematron-output>'
    )


def failed(rule: str, text: str, flag: str = 'flag="fatal"', location: str = ROOT) -> str:
    return (
        f'<s:failed-assert id="{rule}" {flag} location="{location}" test="t">'
        f"<s:text>{text}</s:text></s:failed-assert>"
    )


def test_a_failed_assertion_becomes_a_finding_with_place_term_and_both_languages() -> None:
    """The pack's own words, without their label; French says that they are English."""
    place = f"{ROOT}/*:ID[namespace-uri()='{CBC}'][1]"
    entry = failed("BR-02", "[BR-02]-An Invoice shall\n have a number (BT-1).", location=place)

    assert list(read_svrl(output(entry), INVOICE, PLAIN, NONE)) == [
        Finding(
            rule="BR-02",
            severity=Severity.FATAL,
            term="BT-1",
            xpath="/ubl:Invoice/cbc:ID",
            line=2,
            value="F1",
            message={
                "fr": "[en] An Invoice shall have a number (BT-1).",
                "en": "An Invoice shall have a number (BT-1).",
            },
        )
    ]


@pytest.mark.parametrize(
    ("entry", "severity"),
    [
        (failed("R", "x", 'flag="fatal"'), Severity.FATAL),
        (failed("R", "x", 'flag="error"'), Severity.FATAL),
        (failed("R", "x", 'flag="warning"'), Severity.WARNING),
        (failed("R", "x", ""), Severity.FATAL),
        (failed("R", "x", "").replace("failed-assert", "successful-report"), Severity.WARNING),
        (failed("R", "x").replace("failed-assert", "successful-report"), Severity.FATAL),
    ],
)
def test_the_weight_is_the_packs_flag(entry: str, severity: Severity) -> None:
    """A pack that says nothing means it: an assertion refuses, a report warns."""
    assert [f.severity for f in read_svrl(output(entry), INVOICE, PLAIN, NONE)] == [severity]


def test_a_profile_weighs_rules_anew() -> None:
    """One rule by name, all others together."""
    profile = Profile(
        name="soft",
        packs={},
        weigh_all=Severity.WARNING,
        reweighed={"BR-02": Severity.FATAL},
    )
    entries = output(failed("BR-02", "x") + failed("BR-03", "x"))

    found = read_svrl(entries, INVOICE, profile, NONE)

    assert [(f.rule, f.severity.value) for f in found] == [
        ("BR-02", "fatal"),
        ("BR-03", "warning"),
    ]


@pytest.mark.parametrize(
    ("rule", "text", "french", "english"),
    [
        pytest.param(
            "BR-02",
            "[BR-02]-An Invoice shall have a number.",
            "Le numéro (BT-1) manque.",
            "An Invoice shall have a number.",
            id="english-pack",
        ),
        pytest.param(
            "BR-FR-01_BT-25-1",
            "[BR-FR-01/BT-25] : Pas plus de 35 caractères.",
            "Pas plus de 35 caractères.",
            "At most 35 characters.",
            id="french-pack",
        ),
        pytest.param(
            "UBL-CR-024",
            "[UBL-CR-024]-A UBL invoice should not include the UUID",
            "« UUID » : à retirer.",
            "A UBL invoice should not include the UUID",
            id="pattern",
        ),
        pytest.param(
            "BR-FREXT-CO-10",
            "Somme : 3, Total : 4 - [BR-FREXT-CO-10] - Écart trop grand",
            "Le total est faux. Recalculez.",
            "The total is wrong. Compute it again.",
            id="pack-of-two-languages",
        ),
    ],
)
def test_a_rule_is_said_in_the_language_its_pack_does_not_speak(
    rule: str, text: str, french: str, english: str
) -> None:
    """Whoever reads it finds a sentence in a language of theirs, and what to do behind it."""
    (finding,) = read_svrl(output(failed(rule, text)), INVOICE, PLAIN, SAID)

    assert finding.message == {"fr": french, "en": english}


@pytest.mark.parametrize(
    ("entry", "rule", "term", "french", "english"),
    [
        pytest.param(
            failed("BR-FR-01_BT-1-1", "[BR-FR-01/BT-1] : Pas plus de 35 caractères."),
            "BR-FR-01_BT-1-1",
            "BT-1",
            "Pas plus de 35 caractères.",
            "[fr] Pas plus de 35 caractères.",
            id="french-ubl",
        ),
        pytest.param(
            failed("BR-FR-09", "BR-FR-09/EXT-FR-FE-69 : Le SIRET est faux."),
            "BR-FR-09",
            "EXT-FR-FE-69",
            "Le SIRET est faux.",
            "[fr] Le SIRET est faux.",
            id="french-cii",
        ),
        pytest.param(
            failed("BR-FREXT-04", "[BR-FREXT-04]-An invoice (BT-1) shall."),
            "BR-FREXT-04",
            "BT-1",
            "[en] An invoice (BT-1) shall. Trouvé : BT-1 F1.",
            "An invoice (BT-1) shall. Found: BT-1 F1.",
            id="extended-speaks-english",
        ),
        pytest.param(
            failed("", "[BR-FXEXT-04]-Only listed values.").replace('id=""', ""),
            "BR-FXEXT-04",
            None,
            "[en] Only listed values.",
            "Only listed values.",
            id="named-by-its-label",
        ),
        pytest.param(
            failed("FX-SCH-A-000012", "[BR-O-05]-A line shall not contain a rate (BT-152)."),
            "BR-O-05",
            "BT-152",
            "[en] A line shall not contain a rate (BT-152).",
            "A line shall not contain a rate (BT-152).",
            id="numbered-but-named",
        ),
        pytest.param(
            failed("", "Element 'ram:PostcodeCode' is marked as not used in the given context."),
            "FX-NOT-USED",
            None,
            "[en] Element 'ram:PostcodeCode' is marked as not used in the given context.",
            "Element 'ram:PostcodeCode' is marked as not used in the given context.",
            id="factur-x-element",
        ),
        pytest.param(
            failed("", "Attribute @currencyID' marked as not used in the given context."),
            "FX-NOT-USED",
            None,
            "[en] Attribute @currencyID' marked as not used in the given context.",
            "Attribute @currencyID' marked as not used in the given context.",
            id="factur-x-attribute",
        ),
    ],
)
def test_each_pack_names_its_rules_in_its_own_way(
    entry: str, rule: str, term: str | None, french: str, english: str
) -> None:
    """Every finding has a stable name, a term where one is told, and both languages."""
    (finding,) = read_svrl(output(entry), INVOICE, PLAIN, NONE)

    assert (finding.rule, finding.term) == (rule, term)
    assert finding.message == {"fr": french, "en": english}
