"""What a broken rule is about, in figures: what was found, and what it should have been.

Asked only about findings that are there; a valid document costs nothing.

Source:
    EN 16931-1, §6.4.3 and §6.4.4: the sums of BR-CO-10 to BR-CO-17 and of each VAT category,
    cross-read with the CEN/TC 434 artefacts 1.3.16, which round to two decimals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Context, Decimal
from functools import cache
from types import MappingProxyType

from pipeline.model.amount import exact_sum, is_usable
from pipeline.syntax import cii, ubl
from pipeline.syntax.characters import shorten
from pipeline.syntax.page import digits
from pipeline.syntax.recognise import family, recognise
from pipeline.syntax.terms import Element, TermReader, text
from pipeline.syntax.values import read_decimal

#: Values told of one rule that is no sum, and characters of each.
_VALUES, _TEXT = 5, 60

#: Exact for a product of usable amounts.
_EXACT = Context(prec=200)
_CENT = Decimal("0.01")

#: What the packs call a VAT category in rule names, where it is not its code (BT-118).
_CODES: Mapping[str, str] = MappingProxyType({"IC": "K", "AF": "L", "AG": "M"})
#: Categories with a rate of their own; in the others it is 0, or there is none.
_RATED = frozenset({"S", "AF", "AG"})

_BY_CATEGORY = re.compile(r"BR-(?P<category>S|Z|E|AE|IC|G|O|AF|AG)-(?P<number>0[5-9])")
_DECIMALS = re.compile(r"BR-DEC-[0-9]+")
#: What a rule on a code list looks at, where it is an attribute of the place.
_ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        "BR-CL-03": "currencyID",
        "BR-CL-10": "schemeID",
        "BR-CL-11": "schemeID",
        "BR-CL-13": "listID",
        "BR-CL-21": "schemeID",
        "BR-CL-23": "unitCode",
        "BR-CL-24": "mimeCode",
        "BR-CL-25": "schemeID",
        "BR-CL-26": "schemeID",
    }
)
_TERM = re.compile(r"\bBT-[0-9]+\b")
#: Rules that say what has no place, where a value would tell nothing, and the French ones, whose
#: packs tell values themselves.
_LEFT_ALONE = re.compile(r"(?:UBL-|CII-|FX-|BR-FR-).*")
#: Never told: a card number does not travel.
_SECRET = frozenset({"BT-87"})


@dataclass(frozen=True, slots=True)
class Figures:
    """What can be told of one broken rule.

    Attributes:
        fr: One sentence.
        en: The same in English.
        term: The term that is wrong, where it is known.
        node: The element that bears it, where there is one.
        value: What stands there, as written; None where that is for the place to say.
        expected: What should, as ``xs:decimal`` writes it.
    """

    fr: str
    en: str
    term: str | None = None
    node: Element | None = None
    value: str | None = None
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One operand: its sign, its term; `many` where all of its occurrences are added up."""

    sign: str
    term: str
    many: bool = False


#: Each total, and what it is the sum of. Of a term that is not there nothing is added; without
#: the first one nothing can be told.
_SUMS: Mapping[str, tuple[str, tuple[_Part, ...]]] = MappingProxyType(
    {
        "BR-CO-10": ("BT-106", (_Part("+", "BT-131", many=True),)),
        "BR-CO-11": ("BT-107", (_Part("+", "BT-92", many=True),)),
        "BR-CO-12": ("BT-108", (_Part("+", "BT-99", many=True),)),
        "BR-CO-13": (
            "BT-109",
            (_Part("+", "BT-106"), _Part("−", "BT-107"), _Part("+", "BT-108")),
        ),
        "BR-CO-14": ("BT-110", (_Part("+", "BT-117", many=True),)),
        "BR-CO-15": ("BT-112", (_Part("+", "BT-109"), _Part("+", "BT-110"))),
        "BR-CO-16": (
            "BT-115",
            (_Part("+", "BT-112"), _Part("−", "BT-113"), _Part("+", "BT-114")),
        ),
    }
)

#: What the taxable amount of a VAT category is the sum of: group, amount, category, rate.
_TAXABLE = (
    ("+", "BG-25", "BT-131", "BT-151", "BT-152"),
    ("−", "BG-20", "BT-92", "BT-95", "BT-96"),
    ("+", "BG-21", "BT-99", "BT-102", "BT-103"),
)
_RATES: Mapping[str, str] = MappingProxyType({"05": "BT-152", "06": "BT-96", "07": "BT-103"})

#: The same operand in figures: sign, name, amount.
_Told = tuple[str, str, Decimal]


def figurer(root: Element) -> Figurer | None:
    """Return what tells figures of a document; None where it is of no invoice syntax."""
    syntax = recognise(root)
    if syntax is None:
        return None
    return Figurer(TermReader({"ubl": ubl.TABLE, "cii": cii.TABLE}[family(syntax)], root))


class Figurer:
    """Tells figures of one document; what it reads of it is read once."""

    def __init__(self, reader: TermReader) -> None:
        """Tell of the document that `reader` reads."""
        self._read = reader
        self._shares: Callable[[int], Sequence[_Share] | None] = cache(self._share)

    def tell(self, rule: str, words: str, at: Element) -> Figures | None:
        """Return what can be told of a broken rule.

        Args:
            rule: Its name, e.g. ``BR-CO-15``.
            words: The pack's own words, which name terms.
            at: The place that the pack names.
        """
        if _LEFT_ALONE.fullmatch(rule):
            return None
        return self._computed(rule, words, at) or self._values(words, at)

    def _computed(self, rule: str, words: str, at: Element) -> Figures | None:
        if rule in _ATTRIBUTES:
            return _attribute(_ATTRIBUTES[rule], at)
        if rule in _SUMS:
            return self._sum(*_SUMS[rule], at)
        if rule == "BR-CO-17":
            return self._tax(at)
        if _DECIMALS.fullmatch(rule):
            return self._rounded(words, at)
        category = _BY_CATEGORY.fullmatch(rule)
        return (
            self._of_category(category["category"], category["number"], at) if category else None
        )

    def _sum(self, total: str, parts: Iterable[_Part], at: Element) -> Figures | None:
        """Compare a total with what it is the sum of."""
        told: list[_Told] = []
        for part in parts:
            amounts = self._amounts(part.term, at)
            unread = len(amounts) < len(self._read.texts(part.term, at))
            if unread or (len(amounts) > 1 and not part.many):
                return None
            if amounts:
                name = f"Σ {part.term}" if part.many else part.term
                told.append((part.sign, name, exact_sum(amounts)))
            elif not told and not part.many:
                return None
        none = next(part.term for part in parts)
        return self._compared(total, _sum_of(told), _workings(told, none), at)

    def _tax(self, at: Element) -> Figures | None:
        """Compare the tax of a VAT breakdown with its taxable amount times its rate."""
        base, rate = self._amounts("BT-116", at), self._amounts("BT-119", at)
        if len(base) != 1 or len(rate) != 1:
            return None
        product = _EXACT.multiply(base[0], rate[0])
        expected = _EXACT.divide(product, Decimal(100))
        shown = (
            f"BT-116 {digits(base[0])} × BT-119 {_plain(rate[0]).replace('.', ',')} %",
            f"BT-116 {_plain(base[0])} × BT-119 {_plain(rate[0])} %",
        )
        return self._compared("BT-117", expected, shown, at)

    def _rounded(self, words: str, at: Element) -> Figures | None:
        """Tell an amount with too many decimals, rounded."""
        term = _TERM.search(words)
        amounts = self._amounts(term.group(), at) if term else []
        if term is None or len(amounts) != 1:
            return None
        return self._compared(term.group(), amounts[0], None, at)

    def _of_category(self, category: str, number: str, at: Element) -> Figures | None:
        if number in _RATES:
            return self._rate(_RATES[number], category, at)
        if number == "09":
            rated = category in _RATED
            return self._tax(at) if rated else self._compared("BT-117", Decimal(0), None, at)
        return self._taxable(category, at)

    def _rate(self, term: str, category: str, at: Element) -> Figures | None:
        """Tell a rate that does not go with its category."""
        found = self._single(term, at)
        if found is None or category == "O":
            return None
        node, value = found
        expected = {"S": "> 0", "AF": ">= 0", "AG": ">= 0"}.get(category, "0")
        return Figures(
            fr=f"{term} trouvé {_in_french(value)} ; attendu {expected}.",
            en=f"{term} found {value}; expected {expected}.",
            term=term,
            node=node,
            value=value,
            expected=expected,
        )

    def _taxable(self, category: str, at: Element) -> Figures | None:
        """Compare a taxable amount with the lines, allowances and charges it is made of."""
        code = _CODES.get(category, category)
        rates = self._amounts("BT-119", at) if category in _RATED else [None]
        if len(rates) != 1:
            return None
        told: list[_Told] = []
        for place, (sign, _, amount, _, _) in enumerate(_TAXABLE):
            shares = self._shares(place)
            if shares is None:
                return None
            fitting = [
                share.amount
                for share in shares
                if share.code == code and (rates[0] is None or share.rate == rates[0])
            ]
            if fitting:
                told.append((sign, f"Σ {amount}", exact_sum(fitting)))
        return self._compared("BT-116", _sum_of(told), _workings(told, "BT-131"), at)

    def _share(self, place: int) -> Sequence[_Share] | None:
        """Return what every element of a group brings; None where one cannot be told."""
        _, group, amount, code, rate = _TAXABLE[place]
        shares: list[_Share] = []
        for member in self._read.group(group):
            amounts, codes = self._amounts(amount, member), self._read.texts(code, member)
            rates = self._amounts(rate, member)
            if len(amounts) != 1 or len(codes) > 1 or len(rates) > 1:
                return None
            shares += [_Share(each, rates[0] if rates else None, amounts[0]) for each in codes]
        return shares

    def _compared(
        self, term: str, exact: Decimal, workings: tuple[str, str] | None, at: Element
    ) -> Figures | None:
        """Tell what was found of a term and what was expected; nothing where they agree."""
        half = ROUND_HALF_DOWN if exact.is_signed() else ROUND_HALF_UP  # as XPath's round()
        expected = exact.quantize(_CENT, half, _EXACT)
        found = self._single(term, at)
        if found is None:
            if self._amounts(term, at):
                return None
            node, value, fr, en = None, None, f"{term} absent", f"{term} missing"
        else:
            node, value = found
            amount = read_decimal(value)
            if amount is None or not is_usable(amount) or amount == expected:
                return None
            fr, en = f"{term} trouvé {digits(amount)}", f"{term} found {_plain(amount)}"
        shown = [f" ({each})" for each in workings] if workings else ["", ""]
        return Figures(
            fr=f"{fr} ; attendu {digits(expected)}{shown[0]}.",
            en=f"{en}; expected {_plain(expected)}{shown[1]}.",
            term=term,
            node=node,
            value=value,
            expected=_plain(expected),
        )

    def _values(self, words: str, at: Element) -> Figures | None:
        """Tell what stands in the terms that a rule names, of each that occurs once."""
        told: list[str] = []
        for term in dict.fromkeys(_TERM.findall(words)):
            found = None if term in _SECRET else self._single(term, at)
            if found is not None and found[0] is not at:
                told.append(f"{term} {shorten(' '.join(found[1].split()), _TEXT)}")
        if not told:
            return None
        listed = ", ".join(told[:_VALUES])
        return Figures(fr=f"Trouvé : {listed}.", en=f"Found: {listed}.")

    def _single(self, term: str, at: Element) -> tuple[Element | None, str] | None:
        """Return where the one occurrence of a term stands and what it holds."""
        nodes = self._read.nodes(term, at)
        if len(nodes) != 1:
            return None
        node = nodes[0]
        return (None if isinstance(node, str) else node), text(node)

    def _amounts(self, term: str, at: Element) -> list[Decimal]:
        read = (read_decimal(each) for each in self._read.texts(term, at))
        return [amount for amount in read if amount is not None and is_usable(amount)]


@dataclass(frozen=True, slots=True)
class _Share:
    """What one line, allowance or charge brings to a VAT category, and at which rate."""

    code: str
    rate: Decimal | None
    amount: Decimal


def _attribute(name: str, at: Element) -> Figures | None:
    """Tell the attribute that a rule on a code list looks at."""
    code = at.get(name)
    if code is None:
        return None
    told = f"{name} {shorten(code, _TEXT)}"
    return Figures(fr=f"Trouvé : {told}.", en=f"Found: {told}.", value=code)


def _sum_of(told: Iterable[_Told]) -> Decimal:
    return exact_sum(amount if sign == "+" else amount.copy_negate() for sign, _, amount in told)


def _workings(told: Sequence[_Told], none: str) -> tuple[str, str]:
    """Write a sum in French and in English."""
    if not told:
        return f"aucun {none}", f"no {none}"
    return _written(told, digits), _written(told, _plain)


def _written(told: Iterable[_Told], write: Callable[[Decimal], str]) -> str:
    parts = (f"{sign} {name} {write(amount)}" for sign, name, amount in told)
    return " ".join(parts).removeprefix("+ ")


def _plain(amount: Decimal) -> str:
    return format(amount, "f")


def _in_french(value: str) -> str:
    return value.replace(".", ",")
