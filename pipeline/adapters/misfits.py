"""Say what is wrong with a value of a configuration file, in French first."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic_core import ErrorDetails

_TEXT, _NUMBER, _WHOLE = "un texte est attendu", "un nombre est attendu", "un entier est attendu"
_DAY, _TIME = "une date est attendue, comme 2026-09-01", "une heure est attendue, comme 16:00:00"
_BOOLEAN, _LIST, _TABLE = (
    "true ou false attendu",
    "une liste est attendue",
    "une table est attendue",
)

#: By the type of a fault; what stands in braces is its context.
_FRENCH: Mapping[str, str] = MappingProxyType(
    {
        "missing": "à renseigner",
        "extra_forbidden": "clé inconnue",
        "string_type": _TEXT,
        "string_pattern_mismatch": "n'a pas la forme attendue",
        "string_too_short": "au moins {min_length} caractère(s)",
        "string_too_long": "au plus {max_length} caractère(s)",
        "int_type": _WHOLE,
        "int_parsing": _WHOLE,
        "int_from_float": _WHOLE,
        "float_type": _NUMBER,
        "float_parsing": _NUMBER,
        "bool_type": _BOOLEAN,
        "bool_parsing": _BOOLEAN,
        "date_type": _DAY,
        "date_parsing": _DAY,
        "date_from_datetime_parsing": _DAY,
        "date_from_datetime_inexact": _DAY,
        "time_type": _TIME,
        "time_parsing": _TIME,
        "literal_error": "attendu {expected}",
        "enum": "attendu {expected}",
        "greater_than": "doit dépasser {gt}",
        "greater_than_equal": "{ge} au moins",
        "less_than": "doit être inférieur à {lt}",
        "less_than_equal": "{le} au plus",
        "tuple_type": _LIST,
        "list_type": _LIST,
        "too_short": "au moins {min_length} élément(s)",
        "too_long": "au plus {max_length} élément(s)",
        "dict_type": _TABLE,
        "model_type": _TABLE,
    }
)


def in_words(fault: ErrorDetails) -> str:
    """Return what is wrong, French then English.

    What a check of ours says is in both already; of a type of fault that is not listed the
    English stands alone.
    """
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    french = _FRENCH.get(fault["type"])
    if french is None:
        return fault["msg"]
    told = french.format_map(fault.get("ctx", {}))
    return f"{told.replace(' or ', ' ou ')} / {fault['msg']}"
