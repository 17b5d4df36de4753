"""Hostile XML from drop to answer (S1, S3, S5); S2 and S4 are measured in test_cost.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from pipeline.model.limits import Limits
from pipeline.syntax import ubl
from pipeline.syntax.parse import XmlRefused, parse


def test_a_document_type_is_refused_in_every_encoding_and_nothing_is_fetched(day: Any) -> None:
    """Twelve payloads by five encodings: one answer for all, no request, no file read."""
    names = [name for name in day.dropped if name.startswith("dtd-")]

    assert len(names) == 60
    assert {day.code(name) for name in names} == {"IRR_SYNTAX"}
    assert {rule for name in names for rule in day.rules(name)} == {"XML-DTD"}
    assert day.hits == []


def test_a_document_type_inside_a_pdf_is_refused_too(day: Any) -> None:
    """An envelope is no way around the parser."""
    assert day.rules("pdf-dtd.pdf") == {"XML-DTD"}


def test_what_a_file_of_ours_holds_is_told_to_nobody(day: Any, canary: Any) -> None:
    """Nowhere in answers, deliveries, logs, ledger, archive or scratch space."""
    secret = canary.path.read_bytes()
    places = [*day.home.rglob("*"), *day.caterer.rglob("*"), *day.city.rglob("*")]

    found = [path for path in places if path.is_file() and secret in _bytes(path)]

    assert found == [day.caterer / "in" / "lien.xml"]  # the partner's own link, left alone


def _bytes(path: Any) -> bytes:
    data: bytes = path.read_bytes()
    return data


@pytest.mark.parametrize("hint", ["schema", "no-schema", "style"])
def test_a_good_invoice_that_points_elsewhere_is_taken_and_nothing_is_looked_at(
    day: Any, hint: str
) -> None:
    """Such hints are legal: the document is judged by our schema only."""
    assert day.answers[f"hint-{hint}.xml"]["outcome"] == "accepted"
    assert day.hits == []


def test_an_inclusion_is_an_element_that_no_schema_knows(day: Any) -> None:
    """Nothing is included: the element itself is judged, and refused."""
    assert day.code("xinclude.xml") == "IRR_SYNTAX"
    assert not any(rule.startswith("XML") for rule in day.rules("xinclude.xml"))
    assert "TOP-SECRET" not in json.dumps(day.answers["xinclude.xml"])


#: Encodings that are taken: what is declared, the bytes before, the codec.
TAKEN = {
    "UTF-8": (b"", "utf-8"),
    "utf-8": (b"\xef\xbb\xbf", "utf-8"),
    "UTF-16": (b"\xff\xfe", "utf-16-le"),
    "utf-16": (b"\xfe\xff", "utf-16-be"),
    "UTF-16LE": (b"", "utf-16-le"),
    "UTF-16BE": (b"", "utf-16-be"),
    "ISO-8859-1": (b"", "latin-1"),
    "ISO-8859-15": (b"", "iso-8859-15"),
    "windows-1252": (b"", "cp1252"),
}
#: Encodings that are not.
REFUSED = {
    "UTF-32": "utf-32",
    "UTF-32LE": "utf-32-le",
    "UTF-7": "utf-7",
    "cp037": "cp037",
    "windows-1250": "cp1250",
    "Shift_JIS": "shift_jis",
    "KOI8-R": "koi8-r",
}


def declaring(text: str, encoding: str) -> str:
    """Return a document that says it is in an encoding."""
    return f'<?xml version="1.0" encoding="{encoding}"?>' + text.split("?>", 1)[1]


@pytest.mark.parametrize("declared", TAKEN)
def test_every_encoding_taken_gives_one_and_the_same_invoice(
    bill: Callable[..., bytes], declared: str
) -> None:
    """Two readers must not see two amounts in one invoice."""
    mark, codec = TAKEN[declared]
    text = bill("ENC-1").decode()
    written = declaring(text, declared)

    read = parse(mark + written.encode(codec, "xmlcharrefreplace"), Limits())

    plain = parse(text.encode(), Limits())
    assert ubl.read_header(read) == ubl.read_header(plain)
    assert etree.tostring(read, encoding="unicode") == etree.tostring(plain, encoding="unicode")


@pytest.mark.parametrize("declared", REFUSED)
def test_every_other_encoding_is_refused_by_name(
    bill: Callable[..., bytes], declared: str
) -> None:
    """Whether it says so or not."""
    text = declaring(bill("ENC-2").decode(), declared)

    with pytest.raises(XmlRefused) as caught:
        parse(text.encode(REFUSED[declared], "xmlcharrefreplace"), Limits())

    assert caught.value.code == "XML-ENC"
