"""Compiling schemas: all of them or an error, and nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from pipeline.model.errors import PackMissing
from pipeline.syntax.parse import compile_schema

IMPORTED = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:b">'
    '<xs:element name="b" type="xs:date"/></xs:schema>'
)


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """Where a main schema goes; its sibling folder holds another, its cousin one too."""
    for folder in ("schémas du jour/main", "schémas du jour/common", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "b.xsd").write_text(IMPORTED)
    return tmp_path / "schémas du jour" / "main" / "a.xsd"


def _write(main: Path, load: str) -> str:
    main.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:b="urn:b">'
        f'{load}<xs:element name="a"><xs:complexType><xs:sequence>'
        '<xs:any namespace="urn:b"/></xs:sequence></xs:complexType></xs:element></xs:schema>'
    )
    return str(main)


@pytest.mark.parametrize("location", ["b.xsd", "../common/b.xsd"])
def test_schemas_of_the_folder_and_its_siblings_are_loaded(main: Path, location: str) -> None:
    """UBL's main schemas lie beside the folder of what they import."""
    path = _write(main, f'<xs:import namespace="urn:b" schemaLocation="{location}"/>')

    schema = compile_schema(path)

    assert schema.validate(etree.XML('<a><b xmlns="urn:b">2026-01-01</b></a>'))
    assert not schema.validate(etree.XML('<a><b xmlns="urn:b">demain</b></a>'))


@pytest.mark.parametrize(
    "load",
    [
        '<xs:import namespace="urn:b" schemaLocation="../common/absent.xsd"/>',
        '<xs:include schemaLocation="absent.xsd"/>',
        '<xs:import namespace="urn:b" schemaLocation="../../elsewhere/b.xsd"/>',
        '<xs:import namespace="urn:b" schemaLocation="http://127.0.0.1:9/b.xsd"/>',
        '<xs:import namespace="urn:b" schemaLocation="https://127.0.0.1:9/b.xsd"/>',
        '<xs:import namespace="urn:b" schemaLocation="file:///etc/passwd"/>',
        '<xs:element name="a" type="unknown"/>',
        "<xs:element",
    ],
)
def test_a_schema_that_lacks_something_is_no_schema(main: Path, load: str) -> None:
    """libxml2 alone leaves an import out that it cannot find, and then accepts more."""
    path = _write(main, load)

    with pytest.raises(PackMissing) as caught:
        compile_schema(path)

    assert caught.value.pack == path


def test_an_absent_schema_is_a_missing_pack(main: Path) -> None:
    """So that a document is unclear, never valid."""
    with pytest.raises(PackMissing):
        compile_schema(str(main))
