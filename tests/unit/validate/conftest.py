"""A small schema of our own, so that each way to break one can be tried on one line."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
import xmlschema
from lxml import etree

from pipeline.model.finding import Finding, LayerResult, Severity
from pipeline.validate.structure import check_structure

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:simpleType name="code"><xs:restriction base="xs:string">
  <xs:enumeration value="A"/><xs:enumeration value="B"/></xs:restriction></xs:simpleType>
<xs:element name="r"><xs:complexType>
  <xs:sequence>
    <xs:element name="id" type="xs:integer"/>
    <xs:element name="day" type="xs:date" minOccurs="0"/>
    <xs:element name="code" type="code" minOccurs="0"/>
    <xs:element name="digits" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
      <xs:pattern value="[0-9]{3}"/></xs:restriction></xs:simpleType></xs:element>
    <xs:element name="short" minOccurs="0"><xs:simpleType><xs:restriction base="xs:string">
      <xs:minLength value="2"/><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
    </xs:element>
    <xs:element name="amount" minOccurs="0"><xs:simpleType><xs:restriction base="xs:decimal">
      <xs:maxInclusive value="9"/><xs:fractionDigits value="2"/></xs:restriction>
      </xs:simpleType></xs:element>
    <xs:element name="many" minOccurs="0" maxOccurs="2"/>
  </xs:sequence>
  <xs:attribute name="unit" type="code" use="required"/>
</xs:complexType></xs:element></xs:schema>"""


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """The schema as the validator of record compiles it."""
    return etree.XMLSchema(etree.fromstring(SCHEMA))


@pytest.fixture(scope="session")
def explainer() -> xmlschema.XMLSchema:
    """The same schema as xmlschema builds it."""
    return xmlschema.XMLSchema(StringIO(SCHEMA))


@pytest.fixture
def check(schema: etree.XMLSchema, explainer: xmlschema.XMLSchema) -> Callable[[str], LayerResult]:
    """Hold one document, given as text, against the schema."""
    return lambda text: check_structure(etree.fromstring(text), schema, lambda: explainer)


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    """Make a finding of which only a few things matter."""

    def make(rule: str, severity: Severity = Severity.FATAL, line: int | None = 1) -> Finding:
        return Finding(
            rule=rule,
            severity=severity,
            term=None,
            xpath="/r",
            line=line,
            value=None,
            message={"fr": rule, "en": rule},
        )

    return make
