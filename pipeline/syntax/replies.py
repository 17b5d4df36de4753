"""Tables of partners that write neither CPPStatut nor CDAR: CSV or JSON, in one shape.

Every value is a text. What a column means is not known here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.model.connection import ReplyForm
from pipeline.syntax.characters import carriable, shorten

#: Largest table, in bytes.
MOST_BYTES = 5_000_000
_TEXT, _SHOWN = 2_000, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a table looks like.

    Attributes:
        columns: All that it may have.
        needed: Those that it must have.
        schema: Name and version of its JSON form.
        key: Key of the list of lines in that form.
    """

    columns: tuple[str, ...]
    needed: frozenset[str]
    schema: str
    key: str


class TableUnreadable(Exception):
    """A table that cannot be read: which control fails, what was found and expected.

    Attributes:
        code: Of the control table.
        told: French and English.
    """

    def __init__(self, fr: str, en: str, code: str = "IRR_SYNTAX") -> None:
        super().__init__(en)
        self.code = code
        self.told = fr, en


def read_table(
    payload: bytes, shape: Shape, forms: Collection[ReplyForm], most: int
) -> Sequence[Mapping[str, str]]:
    """Return the lines of a table, each by column.

    Args:
        payload: The file.
        shape: What it has to look like.
        forms: Those that were agreed.
        most: Most lines that it may have.

    Raises:
        TableUnreadable: It is too large, of another form or shape, or empty.
    """
    if len(payload) > MOST_BYTES:
        fr, en = f"{len(payload)} octets ; limite", f"{len(payload)} bytes; limit"
        raise TableUnreadable(f"{fr} : {MOST_BYTES}", f"{en}: {MOST_BYTES}", "IRR_TAILLE_F")
    try:
        lines = _lines(payload.decode("utf-8-sig"), shape, forms)
    except UnicodeDecodeError as found:
        fr, en = f"octet {found.start} : attendu UTF-8", f"byte {found.start}: expected UTF-8"
        raise TableUnreadable(fr, en) from found
    if not lines or len(lines) > most:
        raise TableUnreadable(
            f"{len(lines)} lignes ; attendu : de 1 à {most}",
            f"{len(lines)} lines; expected: 1 to {most}",
        )
    for number, line in enumerate(lines, 1):
        _check_characters(line, number)
    return lines


def _check_characters(line: Mapping[str, str], number: int) -> None:
    """Refuse what no text holds: a number is not to be looked up by something else."""
    for name, value in line.items():
        if carriable(value) != value:
            shown = shorten(value, _SHOWN)
            raise TableUnreadable(
                f"n° {number}, {name} : « {shown} » ; caractère de contrôle ou incomplet",
                f"n° {number}, {name}: '{shown}'; a control or incomplete character",
            )


def _lines(text: str, shape: Shape, forms: Collection[ReplyForm]) -> Sequence[Mapping[str, str]]:
    form = ReplyForm.JSON if text.lstrip().startswith(("{", "[")) else ReplyForm.CSV
    if form not in forms:
        agreed = ", ".join(one.value for one in forms)
        raise TableUnreadable(
            f"{form.value} ; convenu : {agreed}", f"{form.value}; agreed: {agreed}"
        )
    return _of_json(text, shape) if form is ReplyForm.JSON else _of_csv(text, shape)


def _of_csv(text: str, shape: Shape) -> Sequence[Mapping[str, str]]:
    """Read a CSV table; its first line names the columns and shows what parts them."""
    head = text.partition("\n")[0]
    mark = ";" if ";" in head else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
    except csv.Error as error:
        fr, en = f"CSV illisible : {error}", f"CSV cannot be read: {error}"
        raise TableUnreadable(fr, en) from error
    names, *lines = [[cell.strip() for cell in row] for row in rows if any(row)] or [[]]
    _check_columns(names, shape)
    for number, line in enumerate(lines, 2):
        if len(line) != len(names):
            count = f"{len(line)} / {len(names)}"
            raise TableUnreadable(
                f"ligne {number} : nombre de colonnes {count}",
                f"line {number}: number of columns {count}",
            )
    return [dict(zip(names, line, strict=True)) for line in lines]


def _of_json(text: str, shape: Shape) -> Sequence[Mapping[str, str]]:
    """Read a JSON table: ``{"schema": …, key: [{…}, …]}``."""
    schema, key = shape.schema, shape.key
    try:
        found = json.loads(text, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        fr, en = f"JSON illisible : {error}", f"JSON cannot be read: {error}"
        raise TableUnreadable(fr, en) from error
    lines = found.get(key) if isinstance(found, dict) else None
    if not isinstance(lines, list) or found.get("schema") != schema:
        raise TableUnreadable(
            f"attendu : un objet avec schema = {schema} et la liste {key}",
            f"expected: an object with schema = {schema} and the list {key}",
        )
    for line in lines:
        if not isinstance(line, dict) or not all(isinstance(one, str) for one in line.values()):
            raise TableUnreadable(
                f"{key} : attendu, des objets dont chaque valeur est un texte",
                f"{key}: expected objects whose every value is a text",
            )
        _check_columns(list(line), shape)
    return [{name: one.strip() for name, one in line.items()} for line in lines]


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _check_columns(names: Sequence[str], shape: Shape) -> None:
    known, needed = ", ".join(shape.columns), ", ".join(sorted(shape.needed))
    given = ", ".join(shorten(name, _SHOWN) for name in names)
    if len(set(names)) < len(names) or not shape.needed <= set(names) <= set(shape.columns):
        raise TableUnreadable(
            f"colonnes : {shorten(given, _TEXT)} ; attendu : {needed}, et parmi {known}",
            f"columns: {shorten(given, _TEXT)}; expected: {needed}, and of {known}",
        )


def read_moment(text: str) -> datetime | None:
    """Read a moment; one without an offset is taken as UTC. None where there is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
