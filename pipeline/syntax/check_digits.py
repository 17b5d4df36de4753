"""Numbers that carry a check of their own: SIREN, SIRET, French VAT numbers, IBAN, RIB.

The one door of python-stdnum. What is none for its length or its letters fails too.
"""

from __future__ import annotations

import re

from stdnum.fr import siren, siret, tva
from stdnum.iso7064 import mod_97_10

_SIREN = re.compile(r"[0-9]{9}")
_SIRET = re.compile(r"[0-9]{14}")
_VAT = re.compile(r"FR[0-9A-Z]{2}[0-9]{9}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}")
_RIB = re.compile(r"([0-9]{5})([0-9]{5})([0-9A-Z]{11})([0-9]{2})")
#: What the letters of an account stand for in the key of a RIB.
_RIB_LETTERS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "12345678912345678923456789")


def is_siren(number: str) -> bool:
    """Tell whether a text is nine digits, the last of which is their Luhn key.

    >>> is_siren("732829320"), is_siren("732829321"), is_siren("732 829 320")
    (True, False, False)
    """
    return bool(_SIREN.fullmatch(number)) and siren.is_valid(number)


def is_siret(number: str) -> bool:
    """Tell whether a text is fourteen digits with the keys of SIRET and SIREN.

    The establishments of La Poste have a check of their own.

    >>> is_siret("73282932000074"), is_siret("73282932000075"), is_siret("35600000049837")
    (True, False, True)
    """
    return bool(_SIRET.fullmatch(number)) and siret.is_valid(number)


def is_french_vat(number: str) -> bool:
    """Tell whether a text is ``FR``, a key and a SIREN, each right for the other.

    Of Monaco, whose numbers have three zeros for a SIREN's first digits, the key alone counts.

    >>> is_french_vat("FR44732829320"), is_french_vat("FR45732829320"), is_french_vat("732829320")
    (True, False, False)
    """
    return bool(_VAT.fullmatch(number)) and tva.is_valid(number)


def is_iban(number: str) -> bool:
    """Tell whether a text, spaces left out, is an IBAN with the right key (ISO 13616).

    >>> is_iban("FR76 9999 9000 0100 0000 0000 115"), is_iban("FR77 9999 9000 0100 0000 0000 115")
    (True, False)
    """
    bare = compact(number)
    return bool(_IBAN.fullmatch(bare)) and mod_97_10.is_valid(bare[4:] + bare[:4])


def is_rib(number: str) -> bool:
    """Tell whether a text, spaces left out, is a French RIB with the right key.

    >>> is_rib("99999 00001 00000000001 15"), is_rib("99999 00001 00000000001 16")
    (True, False)
    """
    found = _RIB.fullmatch(compact(number))
    if found is None:
        return False
    bank, branch, account, key = (int(part.translate(_RIB_LETTERS)) for part in found.groups())
    return 97 - (89 * bank + 15 * branch + 3 * account) % 97 == key


def compact(number: str) -> str:
    """Return a bank account number without spaces, in capitals."""
    return "".join(number.split()).upper()
