"""How values are written for people: amounts, numbers, days, identifiers, in one language."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from itertools import pairwise

from pipeline.model.amount import is_usable
from pipeline.model.labels import Language
from pipeline.syntax.characters import carriable, undirected

#: Longest text shown whole, in characters; of a longer one the page tells how much is left out.
LONGEST = 20_000

#: Controls and separators that a page would swallow, but for line break and tab.
_SWALLOWED = re.compile("[\x0b\x0c\x7f-\x9f\u2028\u2029]")
_LINE_ENDS = re.compile("\r\n?")
_BLANKS = re.compile(r"\s+")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Groups of the French business identifiers, by how many digits they have.
_GROUPS = {9: (3, 3, 3), 14: (3, 3, 3, 5)}
_KIB = 1024
_THIN = "\u202f"


def text(value: str) -> str:
    r"""Return a partner's text fit to be shown: whole up to `LONGEST`, its lines kept.

    >>> text("a\u202eb\r\nc\x00") == "a\ufffdb\nc\ufffd"
    True
    """
    if value.isascii() and value.isprintable() and len(value) <= LONGEST:
        return value
    more = len(value) - LONGEST
    cut = f"{value[:LONGEST]}… [+{more}]" if more > 0 else value
    return _SWALLOWED.sub("\ufffd", undirected(carriable(_LINE_ENDS.sub("\n", cut))))


def one_line(value: str) -> str:
    """Return a partner's text on one line."""
    return _BLANKS.sub(" ", text(value)).strip()


def amount(value: Decimal, language: Language) -> str:
    r"""Write an amount: two decimals, or as many as there are.

    >>> amount(Decimal("-1234567.5"), Language.FRENCH).replace("\u202f", " ")
    '-1 234 567,50'
    >>> amount(Decimal("1234.125"), Language.ENGLISH)
    '1,234.125'
    """
    return _written(value, language, least=2)


def number(value: Decimal, language: Language) -> str:
    """Write a quantity or a percentage without the zeros at its end.

    >>> number(Decimal("20.00"), Language.FRENCH), number(Decimal("5.50"), Language.FRENCH)
    ('20', '5,5')
    """
    return _written(value, language, least=0)


def _written(value: Decimal, language: Language, least: int) -> str:
    if not is_usable(value):
        return str(value)
    whole, _, decimals = format(abs(value), "f").partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    french = language is Language.FRENCH
    grouped = f"{int(whole):,}".replace(",", _THIN) if french else f"{int(whole):,}"
    sign = "-" if value < 0 else ""
    point = "," if french else "."
    return f"{sign}{grouped}{point}{decimals}" if decimals else f"{sign}{grouped}"


def day(value: date, language: Language) -> str:
    """Write a day, so that nobody takes its month for its day.

    >>> day(date(2026, 3, 9), Language.FRENCH), day(date(2026, 3, 9), Language.ENGLISH)
    ('09/03/2026', '9 Mar 2026')
    """
    if language is Language.FRENCH:
        return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year:04d}"


def account(value: str) -> str:
    """Write an IBAN in groups of four; another account number as it is.

    >>> account("FR7630006000011234567890189"), account("12345")
    ('FR76 3000 6000 0112 3456 7890 189', '12345')
    """
    plain = value.replace(" ", "")
    if not _IBAN.fullmatch(plain):
        return one_line(value)
    return " ".join(plain[place : place + 4] for place in range(0, len(plain), 4))


def identifier(value: str, scheme: str | None) -> str:
    """Write a SIREN or SIRET in groups; another identifier as it is.

    >>> identifier("73282932000074", "0009"), identifier("ABC", "0009")
    ('732 829 320 00074', 'ABC')
    """
    shown = one_line(value)
    groups = _GROUPS.get(len(shown))
    if scheme not in {"0002", "0009"} or groups is None or not shown.isdecimal():
        return shown
    places = [sum(groups[:count]) for count in range(len(groups) + 1)]
    return " ".join(shown[start:end] for start, end in pairwise(places))


def size(count: int, language: Language) -> str:
    """Write a number of bytes.

    >>> size(812, Language.FRENCH), size(2_411_724, Language.ENGLISH)
    ('812 o', '2.3 MiB')
    """
    french = language is Language.FRENCH
    unit = "o" if french else "B"
    value = Decimal(count)
    for prefix in ("", "Ki", "Mi", "Gi"):
        if value < _KIB or prefix == "Gi":
            break
        value /= _KIB
    rounded = value.quantize(Decimal("0.1") if prefix else Decimal(1))
    return f"{number(rounded, language)} {prefix}{unit}"
