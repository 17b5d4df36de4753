"""The benchmark of conversions: each path by itself, in CPU time of one core, and memory."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from pipeline import bootstrap
from pipeline.app.convert import Converter, Source, envelope_of
from pipeline.entry.measure import REPEATS, Spread, children, cpu_of
from pipeline.model.carriage import Original, Recipe
from pipeline.model.conversion import Form
from pipeline.model.facturx import FacturxProfile
from pipeline.model.report import Syntax
from pipeline.model.settings import Settings

#: Invoices a repeat.
_COUNT = 200
_PRINTED = 10
_LARGE = 5
_LINES = 1000
#: Documents over which memory must stay flat, and those after which it is first looked at.
_LONG, _WARM = 10_000, 500
_AT = datetime(2026, 10, 5, 8, tzinfo=UTC)
_FLOW = "FEN0036A_BEN001_CPP0010036000000000000001"
#: About 10 kB each, the UBL one with so many lines.
_SOME = 5
_LONG_UBL = "ubl-380-longue.xml"
_UBL, _CII = "ubl-380-toutes-references.xml", "cii-380-toutes-references.xml"


def measure_convert(_place: bootstrap.Workspace) -> Mapping[str, object]:
    """Measure how many invoices are parsed, read and written in another form each second.

    All is CPU time, of this process and, for the page of a Factur-X, of the one that prints.
    What is written is not judged. The XML of each is about 10 kB.

    Returns:
        ``ubl_to_cii_per_s``, ``cii_to_ubl_per_s``, ``ubl_to_pivot_per_s`` (the original
        inside), ``facturx_per_s`` (page printed, EN 16931), ``lines_1000_ms`` (UBL to CII);
        medians, with the spreads beside them; ``peak_mb`` after 500 and after 10,000
        documents from UBL to CII, and the size of what was converted.
    """
    with bootstrap.checking(workers=1) as (engine, _):
        converter = bootstrap.converter(engine, Settings())
        short, cii = _source(_UBL, Syntax.UBL_INVOICE), _source(_CII, Syntax.CII)
        ubl = _with_lines(short, _SOME)
        long = _with_lines(_source(_LONG_UBL, Syntax.UBL_INVOICE), _LINES)
        tasks: Mapping[str, tuple[Callable[[], object], int]] = {
            "ubl_to_cii_per_s": (_to(converter, ubl, Form.CII), _COUNT),
            "cii_to_ubl_per_s": (_to(converter, cii, Form.UBL), _COUNT),
            "ubl_to_pivot_per_s": (partial(_pivot, converter, ubl), _COUNT),
        }
        rates = {name: _rates(task, count) for name, (task, count) in tasks.items()}
        facturx = _to(converter, ubl, Form.FACTURX)
        rates["facturx_per_s"] = _rates(facturx, _PRINTED, _cpu_of_all)
        large = [1000 / one for one in _rates(_to(converter, long, Form.CII), _LARGE)]
        peaks = _peaks(_to(converter, ubl, Form.CII))
    return {
        **{name: Spread.of(found).mid for name, found in rates.items()},
        "lines_1000_ms": Spread.of(large).mid,
        "repeats": REPEATS,
        "bytes": {"ubl": len(ubl.data), "cii": len(cii.data), "lines_1000": len(long.data)},
        "spread": {
            **{name: Spread.of(found) for name, found in rates.items()},
            "lines_1000_ms": Spread.of(large),
        },
        "peak_mb": peaks,
    }


def _source(name: str, syntax: Syntax) -> Source:
    data = (bootstrap.samples() / "invoices" / name).read_bytes()
    return Source(data=data, syntax=syntax, name=name, received_on=_AT.date())


def _to(converter: Converter, source: Source, form: Form) -> Callable[[], object]:
    profile = FacturxProfile.EN16931.value if form is Form.FACTURX else ""
    recipe = Recipe(form=form, facturx_profile=profile, original=Original.NONE)
    return partial(converter.convert, source, recipe, _AT)


def _pivot(converter: Converter, source: Source) -> object:
    made, _ = converter.prepare(source, Recipe(form=Form.PIVOT))
    return converter.write_pivot([made], envelope_of(_FLOW, _AT, "CPP001"))


def _with_lines(source: Source, count: int) -> Source:
    """Repeat the first line of a UBL invoice, each with a number of its own."""
    start = source.data.index(b"<cac:InvoiceLine>")
    end = source.data.index(b"</cac:InvoiceLine>", start) + len(b"</cac:InvoiceLine>")
    line, tail = source.data[start:end], source.data[source.data.rindex(b"</cac:InvoiceLine>") :]
    before, _, after = line.partition(b"</cbc:ID>")
    named = before[: before.index(b"<cbc:ID>") + len(b"<cbc:ID>")]
    lines = [named + str(number).encode() + b"</cbc:ID>" + after for number in range(1, count + 1)]
    data = source.data[:start] + b"".join(lines) + tail.removeprefix(b"</cac:InvoiceLine>")
    return Source(data=data, syntax=source.syntax, name=source.name, received_on=_AT.date())


def _rates(
    task: Callable[[], object], count: int, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Return how often a second of a clock is enough for a task, once a repeat."""
    task()
    found: list[float] = []
    for _ in range(REPEATS):
        start = clock()
        for _ in range(count):
            task()
        found.append(count / (clock() - start))
    return found


def _cpu_of_all() -> float:
    """Return the CPU time of this process and of those it started, in seconds."""
    return time.process_time() + sum(map(cpu_of, children(os.getpid())))


def _peaks(task: Callable[[], object]) -> Mapping[str, int]:
    """Return this process's peak of memory, early and late, in MB."""
    found: dict[str, int] = {}
    for done in range(1, _LONG + 1):
        task()
        if done in {_WARM, _LONG}:
            found[f"after_{done}"] = _peak_mb()
    return found


def _peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1_000_000 if sys.platform == "darwin" else 1000))
