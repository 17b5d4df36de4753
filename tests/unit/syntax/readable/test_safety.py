"""A page made of hostile texts is inert, and still shows them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import html

from pipeline.model.invoice import Binary, Invoice, Line, Note, Party, Quantity, Support, Totals
from pipeline.model.labels import Language
from pipeline.syntax.readable.build import Source, build_view
from pipeline.syntax.readable.formats import LONGEST, text
from pipeline.syntax.readable.plain import write_text
from pipeline.syntax.readable.write import write_html, write_paper
from tests.unit.syntax.readable.examples import SOURCE, finding, report, usual

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "\u202efr.FA\u2066x",
    "\x00\x1b[31m\x9b\u2028\ud800",
    "&lt;b&gt; &#0; ]]>",
    "x" * 3000,
    "𝔘𝔫𝔦 ÅÄÖ 漢字 עברית",
]


def _hostile(value: str) -> Invoice:
    good = usual(1)
    return replace(
        good,
        number=value,
        type_code=value,
        currency=value,
        notes=(Note(subject=value, text=value),),
        seller=Party(name=value, legal_form=value),
        lines=(
            replace(
                good.lines[0], name=value, description=value, quantity=Quantity(Decimal(1), value)
            ),
        ),
        supports=(
            Support(reference=value, location=value, attachment=Binary(b"x", value, value)),
        ),
    )


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("write", [write_html, write_paper])
def test_no_text_becomes_part_of_the_page(write: object, value: str) -> None:
    """Whatever a partner writes, the page has the elements and attributes of its own alone."""
    assert callable(write)
    found = finding(value, None, f"/Invoice/{value}")
    source = Source(sha256="00", size=1, name=value, syntax="UBL")

    page = write(build_view(_hostile(value), source, Language.FRENCH, report(found)))

    parsed = html.document_fromstring(page)
    assert not parsed.xpath("//script | //img | //iframe | //object | //link | //form")
    assert not parsed.xpath("//@*[starts-with(name(), 'on')] | //@src | //@style")
    assert not parsed.xpath("//@href[not(starts-with(., '#'))]")
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b\x9b\u2028\ud800]", page)


def test_the_policy_of_the_page_lets_its_own_style_in_and_nothing_else() -> None:
    """As a browser checks it: by the digest of what stands between the tags."""
    page = write_html(build_view(usual(1), SOURCE, Language.FRENCH))

    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"sha256-{digest}" in policy
    assert policy.startswith("default-src 'none'")
    assert "url(" not in style
    assert "@import" not in style


def test_a_text_too_long_for_a_page_says_how_much_is_left_out() -> None:
    """Eight megabytes of note would be two thousand pages."""
    shown = text("é" * (LONGEST + 5))

    assert shown.startswith("é" * LONGEST)
    assert shown.endswith("… [+5]")


texts = st.text(max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(texts, texts, st.decimals(allow_nan=True))
def test_any_text_and_number_can_be_shown(one: str, other: str, number: Decimal) -> None:
    """A page is made of whatever could be read, in every form."""
    invoice = Invoice(
        number=one,
        seller=Party(name=other),
        lines=(
            Line(id=one, name=other, net=number, quantity=Quantity(number, one), price=number),
        ),
        totals=Totals(with_vat=number, vat=number),
    )
    view = build_view(invoice, SOURCE, Language.ENGLISH)

    assert write_html(view).encode()
    assert write_text(view).encode()


def test_the_same_invoice_gives_the_same_page() -> None:
    """To the byte: a page can be made again and compared."""
    pages = {write_html(build_view(usual(), SOURCE, Language.FRENCH)) for _ in range(3)}

    assert len(pages) == 1
