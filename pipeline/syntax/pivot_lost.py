"""What of an invoice a CPPFacturePivot does not hold.

`LOSSES` is the closed list: a term of the model stands in a row of `pivot_table.TABLE` or here
with a reason. Beside it `lost_of` tells what the pivot holds of its kind but not this time: a
second one where it takes one, a code that it renders by another, a name that it cuts.

Source:
    DSE FE – Chorus Pro v1.0 §4.1.1.2, §6.7, §6.10, §6.11, §6.20–6.26 for the losses that are
    published: factor, addressed to, buyer's agent, discount, retention clause, deposit or final.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

from pipeline.model.conversion import Lost
from pipeline.model.fitting import shown
from pipeline.model.invoice import Invoice, Line, Note, Support
from pipeline.model.leaves import Field, fields_below
from pipeline.syntax.pivot_files import MOST, category_of, file_name
from pipeline.syntax.pivot_subject import Subject
from pipeline.syntax.pivot_table import CARRIED, frame_of, means_of, type_of

#: A sentence by language.
Why: TypeAlias = Mapping[str, str]

#: Types and frames that tell a deposit or a final invoice from any other.
_DEPOSITS = frozenset({"386", "500", "503"})
_FINALS = frozenset({"B4", "S4", "M4"})
#: Subject of a note on discount (BT-21).
_DISCOUNT_NOTE = "AAB"


def _why(fr: str, en: str) -> Why:
    return {"fr": f"{fr} ; voir l'original joint.", "en": f"{en}; see the attached original."}


_FACTOR = _why("Le pivot n'a pas les données de l'affactureur", "The pivot has no factor's data")
_ADDRESSED = _why("Le pivot n'a pas de bloc « adressé à »", "The pivot has no 'addressed to'")
_AGENT = _why("Le pivot n'a pas d'agent d'acheteur", "The pivot has no buyer's agent")
_DISCOUNT = _why(
    "Le pivot n'a ni conditions de paiement ni escompte",
    "The pivot has neither payment terms nor discount",
)
_NOTES = _why(
    "Le pivot n'a pas de notes, clause de réserve comprise",
    "The pivot has no notes, a retention clause included",
)
_PLACELESS = _why("Le pivot n'a pas de place pour ce terme", "The pivot has no place for it")

_DEPOSIT = _why(
    "Le pivot ne distingue ni acompte ni facture définitive",
    "The pivot tells neither a deposit nor a final invoice from another",
)
_ONE_ONLY = _why("Le pivot n'en tient qu'un", "The pivot holds only one of them")
_NO_DETAIL = _why("Le pivot n'a que les lignes de détail", "The pivot has lines of detail only")
_NO_CREDIT = _why(
    "Le pivot ne nomme une facture d'origine que pour un avoir",
    "The pivot names an original invoice for credit notes only",
)
_RENUMBERED = _why("Le pivot numérote les lignes lui-même", "The pivot numbers lines itself")
_UNIT_PRICE = _why(
    "Le pivot donne le prix d'une unité, calculé", "The pivot has the price of one unit, computed"
)
_NO_FILE = _why("Le pivot n'a que les pièces jointes elles-mêmes", "The pivot has files only")
_UNSAVABLE = _why(
    "Rendu tel qu'un fichier puisse le porter", "Rendered so that a file can bear it"
)
_CUT = _why(f"Coupé à {MOST} caractères", f"Cut at {MOST} characters")

#: Every term that the pivot has no place for, by reason; a prefix, then what follows it.
LOSSES: tuple[tuple[Why, str, str], ...] = (
    (_FACTOR, "EXT-FR-FE-", "26 27 29 30 32 33 34 35 36 37 38 39/department 40 41 42"),
    (
        _ADDRESSED,
        "EXT-FR-FE-",
        """89 90 91 92 93 94 95 96 98 99 101 102 103 104 105 106 107 108/department 109 110
        111""",
    ),
    (
        _AGENT,
        "EXT-FR-FE-",
        "03 04 05 06 07 08 09 10 12 13 15 16 17 18 19 20 21 22/department 23 24 25",
    ),
    (_DISCOUNT, "BT-", "20"),
    (_NOTES, "BT-", "21 22"),
    (
        _PLACELESS,
        "BT-",
        """6 7 8 9 10 11 14 15 16 17 18 18-1 18/further 18-1/further 19 24 26 28 30 30-1 31 32
        33 34 34-1 35 36 37 38 39 41 42 43 45 47 47-1 48 49 49-1 50 51 52 53 54 55 56 57 58 60
        60-1 61 61-1 62 63 64 65 66 67 68 69 70 71 71-1 73 74 75 76 77 78 79 80 83 87 88 89 90
        91 92 93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 110 111 113 114 118 120
        121 122 124 126 127 127/further 128 128-1 128/further 128-1/further 130 132 133 134
        135 136 137 138 139 140 141 142 143 144 145 147 148 150 151 153 154 156 157 157-1 158
        158-1 158-2 159 160 161 162 163 164 165""",
    ),
    (_PLACELESS, "BG-", "6/department 9/department"),
    (
        _PLACELESS,
        "EXT-FR-FE-",
        """01 02 43 44 45 46 47 48 49 50 52 53 55 56 57 58 59 60 61 62/department 63 64 65 66
        67 68 69 70 71 72 73 75 76 78 79 80 81 82 83 84 85/department 86 87 88 112 113 114 115
        116 117 118 119 121 122 124 125 126 127 128 129 130 131/department 132 133 134 135 136
        137 138 139 140 141 142 143 144 145 146 148 149 151 152 153 154 155 156 157 158 159
        160 161 162 163 164 167 177 178 179 181 182 183 183/further 184 185 186 187 188 189
        190 193 194 195 196 197 198 199 200""",
    ),
    (
        _PLACELESS,
        "EXT-FR-FE-BG-12/",
        """legal_id.scheme identifiers.value identifiers.scheme vat_id endpoint.value
        endpoint.scheme trading_name address.line_1 address.line_2 address.line_3 address.city
        address.postcode address.subdivision""",
    ),
)

_WHY: Mapping[str, Why] = {
    prefix + rest: why for why, prefix, terms in LOSSES for rest in terms.split()
}


def _recoded(text: str) -> Why:
    return _why(f"Rendu par {text}", f"Rendered as {text}")


def _type(code: str, _holder: object, _number: int) -> Why | None:
    if type_of(code) == code:
        return None
    return _DEPOSIT if code in _DEPOSITS else _recoded(type_of(code))


def _frame(code: str, _holder: object, _number: int) -> Why | None:
    text = frame_of(code)
    if text is None or text == code:  # None: it is not written at all
        return None
    return _DEPOSIT if code in _FINALS else _recoded(text)


def _means(code: str, _holder: object, _number: int) -> Why | None:
    text = means_of(code)
    return None if text is None or text == code else _recoded(text)


def _note(_value: str, holder: Note, _number: int) -> Why:
    return _DISCOUNT if holder.subject == _DISCOUNT_NOTE else _NOTES


def _description(text: str, holder: Support, _number: int) -> Why | None:
    if holder.attachment is None:
        return _NO_FILE
    return None if category_of(text) == text else _CUT


def _filename(name: str, _holder: object, _number: int) -> Why | None:
    if file_name(name) == name:
        return None
    return _CUT if len(name) > MOST else _UNSAVABLE


def _line_id(value: str, _holder: Line, number: int) -> Why | None:
    return None if value == str(number) else _RENUMBERED


def _kept_kind(_value: Enum, _holder: Line, _number: int) -> Why | None:
    """Pass over the kind of a line that is written: it is a detail."""


def _price_base(value: Decimal, _holder: object, _number: int) -> Why | None:
    return None if value == 1 else _UNIT_PRICE


#: What is only held under a condition: why it is not, given the value, what holds it, and its
#: number among those that are written.
_CHECKS: Mapping[str, Callable[[Any, Any, int], Why | None]] = {
    "type_code": _type,
    "frame": _frame,
    "payments.means": _means,
    "notes.subject": _note,
    "notes.text": _note,
    "supports.description": _description,
    "supports.attachment.filename": _filename,
    "lines.id": _line_id,
    "lines.kind": _kept_kind,
    "lines.price_base.value": _price_base,
}


def lost_of(subject: Subject) -> tuple[Lost, ...]:
    """Tell what the pivot of one invoice does not hold, in the order of the model.

    Args:
        subject: As it is written.

    Returns:
        One a value. A place names the groups that lead to it, with their numbers from 1, and
        its term: ``BG-25[3]/BT-153``.
    """
    return tuple(_below(subject, subject.invoice, fields_below(Invoice), "", None, 0))


def _below(
    subject: Subject,
    holder: object,
    inner: tuple[Field, ...],
    place: str,
    why: Why | None,
    number: int,
) -> Iterator[Lost]:
    """Yield what is lost of a value; all of it where `why` says so."""
    for field in inner:
        held = getattr(holder, field.step.name)
        if held is None:
            continue
        if field.step.many:
            yield from _items(subject, field, held, place, why)
        elif field.inner:
            yield from _below(subject, held, field.inner, place, why, number)
        else:
            reason = why or _reason(subject, field, held, holder, number)
            if reason is not None:
                yield Lost(
                    term=field.term or None,
                    place=place + (field.term or field.path),
                    value=shown(held),
                    why=reason,
                )


def _items(
    subject: Subject, field: Field, items: tuple[object, ...], place: str, why: Why | None
) -> Iterator[Lost]:
    """Yield what is lost of each of several values, and all of those that were left out."""
    number = 0
    for at, item in enumerate(items):
        left_out = (field.path, at) in subject.left_out
        number += not left_out
        inside = why or (_not_chosen(subject, field.path) if left_out else None)
        inner_place = f"{place}{field.name}[{at + 1}]/"
        yield from _below(subject, item, field.inner, inner_place, inside, number)


def _not_chosen(subject: Subject, path: str) -> Why:
    """Return why an item was left out of those at a path."""
    if path == "lines":
        return _NO_DETAIL
    return _NO_CREDIT if path == "preceding" and not subject.origin else _ONE_ONLY


def _reason(
    subject: Subject, field: Field, value: object, holder: object, number: int
) -> Why | None:
    """Return why one value is lost, or None if it is held."""
    if field.path in subject.moved:
        return None if subject.moved[field.path] else _ONE_ONLY
    check = _CHECKS.get(field.path)
    if check is not None:
        return check(value, holder, number)
    return None if field.term in CARRIED else _WHY.get(field.term, _PLACELESS)
