"""The command line: one module a verb, or a small family of them."""

from __future__ import annotations

import io
import os
import sys

import typer

from pipeline.entry.cli import (
    apply,
    bench,
    demo,
    erase,
    init,
    keys,
    log,
    operate,
    original,
    packs,
    passes,
    read,
    report,
    retention,
    run_verb,
    seal,
    up,
    validate,
    verify,
)
from pipeline.entry.cli.output import complain
from pipeline.model.errors import PipelineError

#: Exit code when something could not be done, as opposed to done with a bad result.
CANNOT = 2

app = typer.Typer(
    name="edi",
    help="Concentrateur de factures EDI / invoice exchange hub for EDI partners.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("init")(init.init)
app.command("apply")(apply.apply)
app.command("run")(run_verb.run)
app.command("up")(up.up)
app.command("status")(passes.status)
app.command("runs")(passes.runs)
app.command("pause")(passes.pause)
app.command("resume")(passes.resume)
app.command("drain")(passes.drain)
app.command("validate")(validate.validate)
app.command("interchanges")(read.interchanges)
app.command("documents")(read.documents)
app.command("log")(log.log)
app.command("report")(report.report)
app.command("show")(read.show)
app.command("trace")(read.trace)
app.command("why")(read.why)
app.command("release")(operate.release)
app.command("reject")(operate.reject)
app.command("redeliver")(operate.redeliver)
app.command("original")(original.original)
app.command("erase")(erase.erase)
app.command("retention")(retention.retention)
app.command("legal-hold")(retention.legal_hold)
app.command("seal")(seal.seal)
app.command("verify")(verify.verify)
app.command("demo")(demo.demo)
app.command("bench")(bench.bench)
app.add_typer(packs.app, name="packs")
app.add_typer(keys.app, name="keys")


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
        app()
    except PipelineError as error:
        complain(str(error))
        sys.exit(CANNOT)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        complain(f"{place}{error.strerror or error}")
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
