"""The command line: one module a verb, or a small family of them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from pipeline import __version__
from pipeline.entry.cli.output import complain, say
from pipeline.model.errors import PipelineError
from pipeline.model.path_trouble import path_told

#: Exit code when something could not be done, as opposed to done with a bad result.
CANNOT = 2

#: Every verb, in the order of the help, and the module that holds the function of its name.
VERBS = {
    "init": "init",
    "apply": "apply",
    "approve": "approve",
    "connections": "connections",
    "directory": "directory",
    "run": "run_verb",
    "work": "work",
    "up": "up",
    "status": "passes",
    "runs": "passes",
    "pause": "passes",
    "resume": "passes",
    "drain": "passes",
    "validate": "validate",
    "convert": "convert",
    "interchanges": "read",
    "documents": "read",
    "life": "life",
    "declare": "life",
    "correct": "correct",
    "log": "log",
    "report": "report",
    "show": "show",
    "trace": "read",
    "why": "read",
    "hold": "operate",
    "release": "operate",
    "reject": "operate",
    "withdraw": "operate",
    "redeliver": "operate",
    "guide": "guide",
    "resend": "pickups",
    "pickups": "pickups",
    "replay": "operate",
    "lists": "operate",
    "original": "original",
    "erase": "erase",
    "retention": "retention",
    "legal-hold": "retention",
    "seal": "seal",
    "verify": "verify",
    "evidence": "evidence",
    "conservation": "conservation",
    "reconcile": "reconcile",
    "demo": "demo",
    "bench": "bench",
    "packs": "packs",
    "keys": "keys",
    "certificates": "certificates",
}


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line, with the one verb that `arguments` begin with, or with all.

    What the other verbs need is not loaded: that would be most of the time a short one takes.
    """
    app = typer.Typer(
        name="edi",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    wanted = arguments[:1] if arguments and arguments[0] in VERBS else VERBS
    for name in wanted:
        module = import_module(f"{__name__}.{VERBS[name]}")
        verb = getattr(module, name.replace("-", "_"))
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name)
        else:
            app.command(name)(verb)
    return app


def _tell_version(asked: bool) -> None:  # as typer calls it
    if asked:
        say(__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Concentrateur de factures EDI / invoice exchange hub for EDI partners."""


def run() -> None:
    """Run `edi`; trouble in the world is one clear message, never a traceback."""
    _occupy_standard_descriptors()
    # whatever is made is for this account alone, unless its maker says otherwise
    os.umask(0o077)
    if sys.stdout is None:
        complain("sortie standard fermée / standard output is closed")
        sys.exit(CANNOT)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # whatever the locale, and whatever bytes a name was typed with
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        command_line(sys.argv[1:])()
    except PipelineError as error:
        complain(str(error))
        sys.exit(CANNOT)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        complain(f"{place}{path_told(error)}")
        sys.exit(CANNOT)


def _occupy_standard_descriptors() -> None:
    """Lead closed ones (``<&-``) to nowhere.

    Else the next file that is opened, perhaps the ledger, gets the number that native
    code and child processes read from or write to.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # the lowest free number is taken: this one
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
