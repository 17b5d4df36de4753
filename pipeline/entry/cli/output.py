"""What every verb prints with: JSON for machines, tables for people."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO
from unicodedata import category

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.model.errors import ConfigError
from pipeline.model.names import shown_name

#: ``--json`` of every verb.
AsJson = Annotated[bool, typer.Option("--json", help="JSON, pour machines / for machines.")]

#: Unicode categories of what a terminal obeys and does not show: control and format
#: characters (those that turn the writing direction among them), halves of surrogate
#: pairs, line and paragraph separators.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


@contextmanager
def whole_file(output: Path) -> Iterator[BinaryIO]:
    """Give what a new file is written to: it is there whole in the end, or not at all.

    Raises:
        FileExistsError: Something is there, if only a link that leads nowhere.
        OSError: It cannot be written; `filename` is `output`.
    """
    if os.path.lexists(output):
        raise FileExistsError(errno.EEXIST, "existe déjà / exists already", str(output))
    # no name that another may use: whoever was killed leaves its part behind
    part = output.with_name(f".edi-{os.getpid()}.part")
    try:
        descriptor = os.open(part, _NEW, 0o600)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(output)) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(output)
    finally:
        part.unlink(missing_ok=True)


def typed(text: str) -> str:
    """Return a name or id as typed in the form that the ledger knows it by."""
    return shown_name(os.fsencode(text)) if not text.isprintable() else text


def prose(text: str) -> str:
    r"""Return a sentence as typed; bytes that are no text are escaped, nothing else is.

    >>> prose("Motif\u202f: caf\udce9") == "Motif\u202f: caf\\xe9"
    True
    """
    return os.fsencode(text).decode("utf-8", errors="backslashreplace")


def typed_subject(text: str) -> str:
    """Return what a verb is to act on or to look for, as `typed`.

    Raises:
        ConfigError: There is none: an empty text would be found everywhere.
    """
    if not text.strip():
        raise ConfigError("identifiant ou texte vide / empty id or text")
    return typed(text)


#: An id, or a file's name, as an operator types it.
Subject = Annotated[str, typer.Argument(parser=typed_subject, metavar="ID")]


def shown(text: str, style: str = "") -> Text:
    r"""Return text for a terminal: nothing in it is obeyed, as markup or as a control.

    Line breaks and tabs stay; other characters that are obeyed and not shown are escaped.

    >>> shown("[b]Été\u202fx\u202e\x9b1m\n").plain
    '[b]Été\u202fx\\u202e\\x9b1m\n'
    """
    return Text("".join(map(_shown_character, text)), style=style)


def _shown_character(char: str) -> str:
    if char in "\n\t" or category(char) not in _OBEYED:
        return char
    return char.encode("unicode_escape").decode("ascii")


def value(found: object) -> str:
    r"""Return a value as one line: a line break in it is none of ours, and makes none.

    >>> value("FA-1\nstep: delivered"), value(None)
    ('FA-1\\nstep: delivered', '')
    """
    text = "" if found is None else str(found)
    return text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")


def say(text: str) -> None:
    """Print one line for a person."""
    Console(soft_wrap=True, highlight=False).print(shown(text))


def complain(text: str) -> None:
    """Print what went wrong, for a person, on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(shown(text, "red"))


def say_json(found: object) -> None:
    """Print one JSON value on one line; it may go to a terminal, so that holds nothing obeyed."""
    text = json.dumps(found, ensure_ascii=False, default=str)
    if not text.isprintable():
        text = "".join(map(_json_character, text))
    sys.stdout.write(text + "\n")


def _json_character(char: str) -> str:
    return json.dumps(char)[1:-1] if category(char) in _OBEYED else char


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, or in one line that nothing is in it.

    Names and texts of partners are `shown` as values, never obeyed.
    """
    listed = list(rows)
    if not listed:
        say(f"{title} : rien / nothing" if title else "Rien / nothing")
        return
    table = Table(*columns, title=title or None, title_justify="left")
    for row in listed:
        table.add_row(*(shown(value(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
