"""The profiles of Factur-X: what each is called, and which business terms it holds.

Which XSD and which rules bind a profile is said once, by its URN, in ``config/profiles.toml``.

Source:
    Factur-X 1.09 §5 (profiles), §6.2 (relationship of the embedded file), §6.3 (levels of
    the metadata); what each holds is what its XSD and its rules admit, and is held against
    both by a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Relationship(Enum):
    """What an embedded file is to the page that a person reads (ISO 19005-3 annex E)."""

    DATA = "Data"  #: says less than the page
    ALTERNATIVE = "Alternative"  #: says the same as the page
    SOURCE = "Source"  #: what the page was made from
    SUPPLEMENT = "Supplement"  #: says more


class FacturxProfile(Enum):
    """How much of an invoice the embedded XML holds, from least to most."""

    MINIMUM = "minimum"
    BASIC_WL = "basic-wl"
    BASIC = "basic"
    EN16931 = "en16931"
    EXTENDED = "extended"

    @property
    def urn(self) -> str:
        """Return what its invoices claim to follow (BT-24)."""
        return _FACTS[self].urn

    @property
    def level(self) -> str:
        """Return its name in the metadata of the PDF."""
        return _FACTS[self].level

    @property
    def relationship(self) -> Relationship:
        """Return what the XML is to the page."""
        return _FACTS[self].relationship

    def holds(self, term: str) -> bool:
        """Tell whether a business term has a place in this profile.

        Args:
            term: As `pipeline.model.terms` names it, no group; an attribute of a term
                (``BT-34-1``) has its place where the term itself has.

        >>> FacturxProfile.BASIC_WL.holds("BT-34-1"), FacturxProfile.BASIC_WL.holds("BT-131")
        (True, False)
        """
        number = _NUMBER.fullmatch(term)
        if number is None:
            return self is FacturxProfile.EXTENDED and term not in _DEPARTMENTS
        return int(number[1]) in _FACTS[self].terms


@dataclass(frozen=True, slots=True)
class _Facts:
    urn: str
    level: str
    relationship: Relationship
    terms: frozenset[int]


_NUMBER = re.compile(r"BT-([0-9]+)(?:-[0-9]+)?")

_MINIMUM = frozenset({1, 2, 3, 5, 10, 13, 23, 24, 27, 30, 31, 32, 40, 44, 47, 109, 110, 112, 115})
#: No lines, contacts, attachments, and none of the references that few invoices have.
_BASIC_WL = _MINIMUM | {
    *(6, 8, 9, 12, 16, 19, 20, 21, 22, 25, 26, 28, 29),
    *range(34, 40),
    *(46, 48, 49, 50, 51, 52, 53, 54, 55),
    *range(59, 82),
    *(83, 84),
    *range(89, 109),
    *(111, 113),
    *range(116, 122),
    *range(162, 166),
}
_BASIC = _BASIC_WL | {
    *(126, 127, 129, 130, 131, 134, 135, 136),
    *(139, 140, 141, 144, 145),
    *range(146, 154),
    157,
}
#: All of the norm; the extension is for EXTENDED alone.
_EN16931 = frozenset(range(1, 166))
#: Departments of the seller's and the buyer's contacts: the XSDs have an element for them, the
#: rules of every profile allow it only instead of a name (CII-SR-465, CII-SR-466).
_DEPARTMENTS = frozenset({"BG-6/department", "BG-9/department"})

_NORM = "urn:cen.eu:en16931:2017"
_FACTS: Mapping[FacturxProfile, _Facts] = MappingProxyType(
    {
        FacturxProfile.MINIMUM: _Facts(
            "urn:factur-x.eu:1p0:minimum", "MINIMUM", Relationship.DATA, _MINIMUM
        ),
        FacturxProfile.BASIC_WL: _Facts(
            "urn:factur-x.eu:1p0:basicwl", "BASIC WL", Relationship.DATA, _BASIC_WL
        ),
        FacturxProfile.BASIC: _Facts(
            f"{_NORM}#compliant#urn:factur-x.eu:1p0:basic",
            "BASIC",
            Relationship.ALTERNATIVE,
            _BASIC,
        ),
        FacturxProfile.EN16931: _Facts(_NORM, "EN 16931", Relationship.ALTERNATIVE, _EN16931),
        FacturxProfile.EXTENDED: _Facts(
            f"{_NORM}#conformant#urn:factur-x.eu:1p0:extended",
            "EXTENDED",
            Relationship.ALTERNATIVE,
            _EN16931,
        ),
    }
)
