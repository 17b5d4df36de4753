"""Whatever an invoice holds is shown: closed against the model, field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from html import unescape

import pytest

from pipeline.model.conversion import Lost
from pipeline.model.invoice import Binary, Identifier, Invoice, Quantity
from pipeline.model.labels import LABELS, Language
from pipeline.model.terms import TERMS, Kind, fields_of
from pipeline.syntax.readable.build import build_view
from pipeline.syntax.readable.plain import write_text
from pipeline.syntax.readable.write import write_html, write_paper
from tests.unit.syntax.readable.examples import SOURCE
from tests.unit.syntax.readable.filling import filled

_TAGS = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)
_BLANKS = re.compile(r"\s+")


def _squeezed(text: str) -> str:
    """Leave out blanks: values are wrapped and grouped."""
    return _BLANKS.sub("", text)


def _texts(page: str) -> str:
    return _squeezed(unescape(_TAGS.sub("\n", page)))


#: Where terms stand; a party, say, has fields that bear none in the part it takes.
_PATHS = {term.path for term in TERMS.values() if term.kind is not Kind.GROUP}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if is_dataclass(value):
        for name in fields_of(type(value)):
            yield from _leaves(getattr(value, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for each in value:
            yield from _leaves(each, path)
    elif value is not None and path in _PATHS:
        yield path, value


def _written(value: object, language: Language) -> str:
    """Write a value as a person would look for it; by other means than the page's own."""
    french = language is Language.FRENCH
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return str(value).replace(".", ",") if french else f"{value:,}"
    if isinstance(value, date):
        months = "JanFebMarAprMayJunJulAugSepOctNovDec"
        month = months[3 * value.month - 3 : 3 * value.month]
        return f"{value:%d/%m/%Y}" if french else f"{value.day}{month}{value.year}"
    if isinstance(value, bytes):
        return sha256(value).hexdigest()
    return str(value)


@pytest.mark.parametrize("language", Language, ids=lambda each: each.value)
@pytest.mark.parametrize("write", [write_html, write_paper, write_text])
def test_every_value_of_a_full_invoice_is_shown(write: object, language: Language) -> None:
    """A bookkeeper who holds only the page has all that the document says."""
    assert callable(write)
    invoice = filled()

    shown = _texts(write(build_view(invoice, SOURCE, language)))

    missing = [path for path, value in _leaves(invoice) if _written(value, language) not in shown]
    assert missing == []


def test_the_full_invoice_is_full() -> None:
    """The test above would pass on an empty one."""
    assert {path for path, _ in _leaves(filled())} == _PATHS


def test_a_value_that_stands_alone_is_shown() -> None:
    """No field waits for another one to be there: an invoice may lack whatever it likes."""
    full = filled(1)
    missing = []
    for path in sorted(_PATHS):
        alone = _only(full, path.split("."))
        assert isinstance(alone, Invoice)
        shown = _texts(write_html(build_view(alone, SOURCE, Language.FRENCH)))
        left = [value for _, value in _leaves(alone)]
        assert left
        if any(_written(value, Language.FRENCH) not in shown for value in left):
            missing.append(path)

    assert missing == []


def _only(value: object, path: list[str]) -> object:
    """Return a value with nothing in it but what lies at a path, and what its type demands."""
    if not path:
        return value
    if isinstance(value, tuple):
        return tuple(_only(each, path) for each in value)
    kept = {path[0]: _only(getattr(value, path[0]), path[1:])}
    demanded = [name for name in ("value", "content") if type(value) in _DEMANDING]
    needed = {name: getattr(value, name) for name in demanded if hasattr(value, name)}
    return type(value)(**{**needed, **kept})


_DEMANDING = (Identifier, Quantity, Binary)


def test_every_term_has_a_name() -> None:
    """In both languages: on a page ``BT-112`` alone says nothing to a bookkeeper."""
    assert set(LABELS) == set(TERMS)
    unnamed = [term for term, name in LABELS.items() if term in {name.fr, name.en}]
    assert unnamed == []
    assert all(name.fr and name.en for name in LABELS.values())


def test_what_the_model_does_not_hold_is_shown_too() -> None:
    """The page says of what it cannot place that it is there, and where."""
    lost = Lost(
        term=None,
        place="/Invoice/Extra[1]",
        line=12,
        value="extra",
        why={"fr": "hors", "en": "out"},
    )

    shown = write_html(build_view(filled(1), SOURCE, Language.FRENCH, lost=(lost,)))

    assert "extra" in shown
    assert "/Invoice/Extra[1]" in shown
    assert "hors" in shown
