"""Reads ``sentences.toml``: what broken rules mean, for people."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.model.errors import ConfigError
from pipeline.model.sentences import Advice, Pattern, Sentences

_TABLES = ("fr", "en", "categories", "terms")


def read_sentences(text: str) -> Sentences:
    """Read the table of sentences.

    Args:
        text: Of ``sentences.toml``; an empty one leaves the packs speaking alone.

    Raises:
        ConfigError: It is no TOML, a key is unknown, or an expression or a template is none.
    """
    try:
        return _sentences(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ConfigError(f"sentences.toml: {error}") from error


def _sentences(given: Mapping[str, Any]) -> Sentences:
    unknown = set(given) - {*_TABLES, "pattern", "advice"}
    if unknown:
        raise ValueError(f"clé inconnue / unknown key: {', '.join(sorted(unknown))}")
    tables = {name: dict(_texts(name, given.get(name, {}))) for name in _TABLES}
    return Sentences(
        **tables,
        patterns=tuple(_pattern(each) for each in given.get("pattern", ())),
        advice=tuple(_advice(each) for each in given.get("advice", ())),
    )


def _texts(name: str, table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{name}.{key}: un texte est attendu / a text is expected")
        yield key, value


def _pattern(given: Mapping[str, object]) -> Pattern:
    """Read one pattern, and try its expressions and templates out."""
    pattern = Pattern(**dict(_texts("pattern", given)))
    groups = {**_groups(pattern.rule), **_groups(pattern.text)}
    for template in (pattern.fr, pattern.en or ""):
        try:
            template.format_map(groups)
        except KeyError as error:
            raise ValueError(f"{pattern.rule}: {error}: no such group") from None
    return pattern


def _advice(given: Mapping[str, object]) -> Advice:
    advice = Advice(**dict(_texts("advice", given)))
    _groups(advice.rule)
    return advice


def _groups(expression: str) -> dict[str, str]:
    try:
        return dict.fromkeys(re.compile(expression).groupindex, "")
    except re.error as error:
        raise ValueError(f"{expression}: {error}") from None
