"""The library's verdict is that of the published arithmetic, on numbers of chance."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pipeline.syntax.check_digits import is_french_vat, is_iban, is_siren, is_siret

#: So many that a wrong rule of one digit in ten has no chance.
MANY = 2000
LA_POSTE, SEAT = "356000000", "35600000000048"


def luhn(number: str) -> bool:
    """Return whether the sum of the digits, every second doubled, is a multiple of ten."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def siret_by_rule(number: str) -> bool:
    """Return the rule of INSEE; La Poste's have a sum that five divides, but for its seat."""
    if number.startswith(LA_POSTE) and number != SEAT:
        return sum(map(int, number)) % 5 == 0
    return luhn(number[:9]) and luhn(number)


def iban_by_rule(number: str) -> bool:
    """Return the rule of ISO 13616: letters as numbers, the whole is 1 modulo 97."""
    turned = number[4:] + number[:4]
    return int("".join(str(int(each, 36)) for each in turned)) % 97 == 1


def vat_by_rule(number: str) -> bool:
    """Return the rule of the tax administration: (12 + 3 × (SIREN mod 97)) mod 97."""
    key, siren = number[2:4], number[4:]
    return luhn(siren) and int(key) == (12 + 3 * (int(siren) % 97)) % 97


def digits(chance: random.Random, count: int) -> str:
    """Return so many digits."""
    return "".join(chance.choices("0123456789", k=count))


def a_siren(chance: random.Random) -> str:
    """Return nine digits, right ones one time in two."""
    bare = digits(chance, 8)
    right = next(each for each in "0123456789" if luhn(bare + each))
    return bare + chance.choice((right, digits(chance, 1)))


def a_siret(chance: random.Random) -> str:
    """Return fourteen digits, of La Poste one time in four."""
    siren = LA_POSTE if chance.random() < 0.25 else a_siren(chance)
    bare = siren + digits(chance, 4)
    right = next(each for each in "0123456789" if luhn(bare + each))
    return bare + chance.choice((right, digits(chance, 1)))


def a_vat(chance: random.Random) -> str:
    """Return a French VAT number with a numeric key, right or not."""
    siren = a_siren(chance)
    right = f"{(12 + 3 * (int(siren) % 97)) % 97:02}"
    return f"FR{chance.choice((right, digits(chance, 2)))}{siren}"


def an_iban(chance: random.Random) -> str:
    """Return a French IBAN, right or not."""
    account = digits(chance, 23)
    right = 98 - int("".join(str(int(each, 36)) for each in f"{account}FR00")) % 97
    return f"FR{chance.choice((f'{right:02}', digits(chance, 2)))}{account}"


@pytest.mark.parametrize(
    ("make", "ours", "by_rule"),
    [
        pytest.param(a_siren, is_siren, luhn, id="siren"),
        pytest.param(a_siret, is_siret, siret_by_rule, id="siret"),
        pytest.param(a_vat, is_french_vat, vat_by_rule, id="vat"),
        pytest.param(an_iban, is_iban, iban_by_rule, id="iban"),
    ],
)
def test_the_library_agrees_with_the_published_rule(
    make: Callable[[random.Random], str],
    ours: Callable[[str], bool],
    by_rule: Callable[[str], bool],
) -> None:
    """Right and wrong ones both come up often, so that neither side can be constant."""
    chance = random.Random(7)
    numbers = [make(chance) for _ in range(MANY)]

    verdicts = [by_rule(number) for number in numbers]

    assert MANY // 4 < sum(verdicts) < MANY - MANY // 10
    assert [n for n, right in zip(numbers, verdicts, strict=True) if ours(n) is not right] == []
