"""How a value of the model is written as text, and what text is read as one.

What is none is None: whoever reads says where it stood.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

#: ``2026-09-01``, with or without a time zone, and ``20260901``.
_DATE = re.compile(
    r"(?P<y>[0-9]{4})(?P<dash>-?)(?P<m>[0-9]{2})(?P=dash)(?P<d>[0-9]{2})"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)
#: As ``xs:decimal`` writes it, and short enough for any database.
_DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,20}(?:\.[0-9]{0,20})?")
#: The same, as long as a price per unit may get that somebody divided.
_MOST_DIGITS, _MOST_DECIMALS = 30, 60
_LONG_DECIMAL = re.compile(
    rf"[+-]?(?=\.?[0-9])[0-9]{{0,{_MOST_DIGITS}}}(?:\.[0-9]{{0,{_MOST_DECIMALS}}})?"
)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")


@dataclass(frozen=True, slots=True)
class Form:
    """One way of writing values.

    Attributes:
        read: Takes a text, stripped and not empty; returns its value, or None.
        write: Takes a value; returns its text.
        fr: What a text should have been, e.g. ``une date``.
        en: The same in English.
        safe: What is written has nothing in it that markup would have to escape.
        empty: An empty text is a value too.
        writable: Tells whether a value can be written at all; None if every one can.
        faithful: Tells whether a value is read again as it was written; None if every one is.
        left: Returns what of a text is no part of its value, or nothing; None if nothing can be.
    """

    read: Callable[[str], object | None]
    write: Callable[[Any], str]
    fr: str
    en: str
    safe: bool = True
    empty: bool = False
    writable: Callable[[Any], bool] | None = None
    faithful: Callable[[Any], bool] | None = None
    left: Callable[[str], str] | None = None


def read_date(text: str) -> date | None:
    """Read a day, written with dashes or without; a time zone is not part of it.

    >>> read_date("2026-09-01"), read_date("20260901"), read_date("2026-02-30")
    (datetime.date(2026, 9, 1), datetime.date(2026, 9, 1), None)
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:  # no such day
        return None


def _zone(text: str) -> str:
    """Return the time zone of a day; empty for none."""
    found = _DATE.fullmatch(text)
    return (found["zone"] or "") if found else ""


def read_decimal(text: str) -> Decimal | None:
    """Read an amount as ``xs:decimal`` writes it; None where it is none, or too long."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def _read_number(text: str) -> Decimal | None:
    return Decimal(text) if _LONG_DECIMAL.fullmatch(text) else None


def _write_number(value: Decimal) -> str:
    return format(value, "f")


def _is_writable(value: Decimal) -> bool:
    """Tell a number from one made to exhaust whoever writes it out (1E+999999)."""
    if not value.is_finite() or value.adjusted() >= _MOST_DIGITS:
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MOST_DECIMALS


def _same(text: str) -> str:
    return text


def _basic(value: date) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _strict_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None


def decode(text: str) -> bytes:
    r"""Return what base 64 stands for; what is none in it is passed over.

    The structure layer is there to complain: this is for those who must look at the bytes
    whatever the letters around them are.

    >>> decode("Zm9v YmE=\n"), decode("Zm9vY"), decode("Zm é8")
    (b'fooba', b'foo', b'fo')
    """
    try:
        return base64.b64decode(text)
    except ValueError:
        letters = _NOT_BASE64.sub("", text)
    whole = letters[:-1] if len(letters) % 4 == 1 else letters  # six bits alone are no byte
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def codes(values: Mapping[str, Enum], fr: str, en: str) -> Form:
    """Return the form of a closed list of codes, by the text each is written as."""
    texts = {value: text for text, value in values.items()}
    return Form(values.get, texts.__getitem__, fr, en)


def codes_of(kind: type[Enum], fr: str, en: str) -> Form:
    """Return the form of a closed list whose codes the model keeps as they are written."""
    return codes({str(each.value): each for each in kind}, fr, en)


TEXT = Form(_same, _same, "un texte", "a text", safe=False)
NUMBER = Form(
    _read_number,
    _write_number,
    f"un nombre décimal d'au plus {_MOST_DIGITS} chiffres et {_MOST_DECIMALS} décimales",
    f"a decimal number of at most {_MOST_DIGITS} digits and {_MOST_DECIMALS} decimals",
    writable=_is_writable,
)
#: A day as ``xs:date`` writes it.
DATE = Form(read_date, date.isoformat, "une date du calendrier", "a calendar date", left=_zone)
#: A day in the format 102 of UN/EDIFACT 2379.
DATE_102 = Form(read_date, _basic, DATE.fr, DATE.en, left=_zone)
BASE64 = Form(_strict_base64, _base64, "du base 64", "base 64", empty=True)
