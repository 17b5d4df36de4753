"""The structure layer: what an XSD refuses, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import xmlschema
from lxml import etree

from pipeline.model.finding import LayerResult, Outcome
from pipeline.validate.structure import MOST_FINDINGS, check_structure

Check = Callable[[str], LayerResult]


@pytest.mark.parametrize(
    ("text", "rule", "xpath", "value", "fr"),
    [
        pytest.param(
            '<r unit="A"><day>2026-01-01</day></r>',
            "XSD-MISSING",
            "/r",
            None,
            "Il manque id dans r.",
            id="a missing child",
        ),
        pytest.param(
            '<r unit="A"/>',
            "XSD-MISSING",
            "/r",
            None,
            "Il manque id dans r.",
            id="an empty parent",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><foo>x</foo></r>',
            "XSD-UNEXPECTED",
            "/r/foo",
            "x",
            "foo n'est pas prévu dans r.",
            id="an unknown child",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><code>A</code><day>2026-01-01</day></r>',
            "XSD-ORDER",
            "/r/day",
            "2026-01-01",
            "day n'est pas à sa place, ou figure trop souvent, dans r.",
            id="a child too late",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><many/><many/><many/></r>',
            "XSD-ORDER",
            "/r/many[3]",
            "",
            "many n'est pas à sa place, ou figure trop souvent, dans r.",
            id="a child too often",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><day>03/04/2026</day></r>',
            "XSD-VALUE",
            "/r/day",
            "03/04/2026",
            "La valeur « 03/04/2026 » de day n'est pas acceptée ; attendu : une date AAAA-MM-JJ.",
            id="a value of another type",
        ),
        pytest.param(
            '<r unit="A"><id/></r>',
            "XSD-VALUE",
            "/r/id",
            "",
            "La valeur vide de id n'est pas acceptée ; attendu : un nombre entier.",
            id="no value at all",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><code>C</code></r>',
            "XSD-VALUE",
            "/r/code",
            "C",
            "La valeur « C » de code n'est pas acceptée ; attendu : une valeur parmi A, B.",
            id="a value not in the list",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><digits>12</digits></r>',
            "XSD-VALUE",
            "/r/digits",
            "12",
            "La valeur « 12 » de digits n'est pas acceptée ; attendu : le modèle [0-9]{3}.",
            id="a value off the pattern",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><short>abcd</short></r>',
            "XSD-VALUE",
            "/r/short",
            "abcd",
            "La valeur « abcd » de short n'est pas acceptée ; attendu : au plus 3 caractères.",
            id="a value too long",
        ),
        pytest.param(
            '<r unit="A"><id>1</id><amount>1.234</amount></r>',
            "XSD-VALUE",
            "/r/amount",
            "1.234",
            "La valeur « 1.234 » de amount n'est pas acceptée ; attendu : au plus 2 décimales.",
            id="too many decimals",
        ),
        pytest.param(
            "<r><id>1</id></r>",
            "XSD-ATTRIBUTE",
            "/r",
            None,
            "L'attribut unit manque sur r.",
            id="a missing attribute",
        ),
        pytest.param(
            '<r unit="A" foo="x"><id>1</id></r>',
            "XSD-ATTRIBUTE",
            "/r",
            None,
            "L'attribut foo n'est pas prévu sur r.",
            id="an unknown attribute",
        ),
        pytest.param(
            '<r unit="Z"><id>1</id></r>',
            "XSD-VALUE",
            "/r/@unit",
            "Z",
            "La valeur « Z » de @unit de r n'est pas acceptée ; attendu : une valeur parmi A, B.",
            id="a wrong attribute value",
        ),
        pytest.param(
            '<r unit="A">oops<id>1</id></r>',
            "XSD-CONTENT",
            "/r",
            "oops",
            "r ne peut contenir que des éléments, pas le texte « oops ».",
            id="text among elements",
        ),
        pytest.param(
            "<q/>",
            "XSD-INVALID",
            "/q",
            "",
            "q n'est pas conforme au schéma : 'q' is not an element of the schema.",
            id="another root",
        ),
    ],
)
def test_each_way_to_break_a_schema_is_told_in_words(
    check: Check, text: str, rule: str, xpath: str, value: str | None, fr: str
) -> None:
    """A supplier reads where it is, what was found and what was expected."""
    result = check(text)

    assert result.outcome is Outcome.INVALID
    assert [(f.rule, f.xpath, f.value, f.message["fr"]) for f in result.findings] == [
        (rule, xpath, value, fr)
    ]
    assert result.findings[0].message["en"] not in {"", fr}


def test_the_line_is_the_documents_own(check: Check) -> None:
    """Of a missing child: the line before which it belongs."""
    result = check('<r unit="A">\n\n<day>2026-01-01</day></r>')

    assert [finding.line for finding in result.findings] == [3]


def test_a_valid_document_never_wakes_the_explainer(schema: etree.XMLSchema) -> None:
    """Building it takes seconds."""

    def never() -> xmlschema.XMLSchema:
        pytest.fail("asked to explain a valid document")

    result = check_structure(etree.fromstring('<r unit="A"><id>1</id></r>'), schema, never)

    assert result.outcome is Outcome.VALID


def test_where_the_explainer_finds_nothing_the_validator_of_record_speaks(
    schema: etree.XMLSchema,
) -> None:
    """The two disagree on some values; an invalid document always has a finding."""
    anything = xmlschema.XMLSchema(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="r"/></xs:schema>'
    )
    document = etree.fromstring('<r unit="A"><id>1</id><day>no</day></r>')

    result = check_structure(document, schema, lambda: anything)

    assert result.outcome is Outcome.INVALID
    assert [(f.rule, f.xpath, f.value, f.message["fr"]) for f in result.findings] == [
        (
            "XSD-INVALID",
            "/r/day",
            "no",
            (
                "Non conforme au schéma : Element 'day': 'no' is not a valid value of the "
                "atomic type 'xs:date'."
            ),
        )
    ]


def test_a_comment_inside_a_value_does_not_break_its_explanation(check: Check) -> None:
    """The value is what stands around the comment."""
    result = check('<r unit="A"><id>1<!-- one -->2</id><day>no</day></r>')

    assert [(f.xpath, f.value) for f in result.findings] == [("/r/day", "no")]


def test_no_more_findings_than_a_person_reads(
    schema: etree.XMLSchema, explainer: xmlschema.XMLSchema
) -> None:
    """A thousand wrong lines are a hundred findings, and a word that there are more."""
    wrong = "".join(f"<foo{number}/>" for number in range(5))
    many = etree.fromstring(f'<r unit="A">{wrong}</r>')
    flat = xmlschema.XMLSchema(
        """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="r">
        <xs:complexType><xs:sequence><xs:element name="i" type="xs:integer"
        maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element></xs:schema>"""
    )
    thousand = etree.fromstring(f"<r>{'<i>x</i>' * 1000}</r>")

    few = check_structure(many, schema, lambda: explainer)
    result = check_structure(thousand, schema, lambda: flat)

    assert len(few.findings) < MOST_FINDINGS
    assert len(result.findings) == MOST_FINDINGS + 1
    assert result.findings[-1].rule == "MORE-FINDINGS"


def test_the_document_never_chooses_what_is_read(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema location in the document is looked at by neither validator."""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("went to the network"))
    hint = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    location = 'xsi:noNamespaceSchemaLocation="http://127.0.0.1:9/x.xsd"'

    valid = check(f'<r unit="A" {hint} {location}><id>1</id></r>')
    invalid = check(f'<r unit="A" {hint} {location}><id>x</id></r>')

    assert valid.outcome is Outcome.VALID
    assert [finding.rule for finding in invalid.findings] == ["XSD-VALUE"]
