"""What every verb prints with: JSON for machines, tables for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.model.names import shown_name

#: ``--json`` of every verb.
AsJson = Annotated[bool, typer.Option("--json", help="JSON, pour machines / for machines.")]


def typed(text: str) -> str:
    """Return a name or id as typed in the form that the ledger knows it by."""
    return shown_name(os.fsencode(text)) if not text.isprintable() else text


#: An id, or a file's name, as an operator types it.
Subject = Annotated[str, typer.Argument(parser=typed, metavar="ID")]


def say(text: str) -> None:
    """Print one line for a person."""
    Console(soft_wrap=True, highlight=False).print(Text(text))


def complain(text: str) -> None:
    """Print what went wrong, for a person, on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(text, style="red"))


def say_json(value: object) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def say_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; names and texts of partners are shown as they are, never as markup."""
    table = Table(*columns, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
