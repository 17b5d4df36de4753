"""Gives the pens: answers, statuses, other forms, pages, reports, figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.places import Workspace, shelf, table_of
from pipeline.model.acknowledgement import AnswerFacts, AnswerFile
from pipeline.model.errors import ConfigError
from pipeline.model.figures import Figures, Table
from pipeline.model.gauge import Gauge
from pipeline.model.path_trouble import path_told
from pipeline.model.settings import Settings
from pipeline.model.telling import StatusNews
from pipeline.ports.engine import Engine
from pipeline.ports.outside import Printer

if TYPE_CHECKING:
    from lxml import etree

    from pipeline.acknowledge.means import Means
    from pipeline.app.convert import Converter
    from pipeline.model.conversion import Written
    from pipeline.syntax.cdar import Cdar
    from pipeline.syntax.cpp_parties import Envelope
    from pipeline.syntax.cpp_status import StatusMessage
    from pipeline.syntax.pivot import PivotInvoice

#: Pack that our own answers are held against as they are written.
_CDAR_SCHEMA = "cdar-d22b-xsd"


def printer(settings: Settings) -> Printer:
    """Return what prints pages; its process starts with the first page, and is kept."""
    return _printer(settings.print_limit_s, settings.memory_limit_mb)


@cache
def _printer(limit_s: float, memory_mb: int) -> Printer:
    from pipeline.adapters.confined_printer import ConfinedPrinter, PrintLimits

    limits = PrintLimits(time_s=limit_s, memory_bytes=memory_mb * 1_000_000)
    return ConfinedPrinter(limits)


def converter(engine: Engine, settings: Settings) -> Converter:
    """Return what writes documents in other forms; `engine` judges what was written."""
    from pipeline.app.convert import Converter

    return Converter(engine=engine, printer=partial(printer, settings), write_pivot=_write_pivot)


def _write_pivot(invoices: Sequence[PivotInvoice], envelope: Envelope) -> Written:
    from pipeline.syntax.pivot import write_pivot

    return write_pivot(invoices, envelope, _pivot_schema())


@cache
def _pivot_schema() -> etree.XMLSchema:
    from pipeline.adapters.resources import data_folder
    from pipeline.syntax.parse import compile_schema

    return compile_schema(str(data_folder("schemas") / "CPPFacturePivot-V2_02.xsd"))


def answer_means(place: Workspace, settings: Settings) -> Means:
    """Return what answers are written with.

    Raises:
        PackMissing: The CDAR schema is not the one that was pinned: the installation is
            broken, and no hub may start.
    """
    from pipeline.acknowledge.means import Means
    from pipeline.adapters.configuration import read_reasons
    from pipeline.adapters.resources import data_folder
    from pipeline.route.pack import pack_tar_gz
    from pipeline.syntax.parse import compile_schema

    return Means(
        statut=compile_schema(str(data_folder("schemas") / "CPPStatut-V1_19.xsd")),
        cdar=_cdar_schema(place),
        reasons=read_reasons(table_of(place, "reasons.toml")),
        matricule=settings.matricule,
        pack=pack_tar_gz,
    )


def compose_answers(
    means: Means, facts: AnswerFacts, next_number: Callable[[str], int]
) -> tuple[AnswerFile, ...]:
    """Write answers with these means."""
    from pipeline.acknowledge.compose import compose

    return compose(facts, next_number=next_number, means=means)


def tell_statuses(
    means: Means, news: StatusNews, next_number: Callable[[str], int]
) -> tuple[AnswerFile, ...]:
    """Write statuses with the same pens as answers."""
    from pipeline.lifecycle.outbound import Pens, write_news

    pens = Pens(statut=means.statut, cdar=means.cdar, matricule=means.matricule, pack=means.pack)
    return write_news(news, next_number=next_number, pens=pens)


def status_bytes(message: StatusMessage) -> bytes:
    """Write a CPPStatut as a partner would; it is held against our schema of it."""
    from pipeline.adapters.resources import data_folder
    from pipeline.syntax.cpp_status import write
    from pipeline.syntax.parse import compile_schema

    return write(message, compile_schema(str(data_folder("schemas") / "CPPStatut-V1_19.xsd")))


def cdar_writer(place: Workspace) -> Callable[[Cdar], bytes]:
    """Return what writes a CDAR as a partner would, held against the official schema."""
    from pipeline.syntax.cdar import write

    return partial(write, schema=_cdar_schema(place))


def _cdar_schema(place: Workspace) -> etree.XMLSchema:
    from pipeline.syntax.parse import compile_schema

    return compile_schema(str(shelf(place).path(_CDAR_SCHEMA)))


def export_rows(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write rows as a CSV file that spreadsheets open and never execute.

    Raises:
        ConfigError: The file cannot be written.
    """
    from pipeline.adapters.spreadsheet import write_rows

    try:
        write_rows(rows, path)
    except OSError as error:
        raise ConfigError(f"{path}: {path_told(error)}") from error


def report_tables(figures: Figures) -> tuple[Table, ...]:
    """Sum the figures of a report up."""
    from pipeline.adapters.spreadsheet import tabulate

    return tabulate(figures)


def report_csv(tables: Sequence[Table]) -> bytes:
    """Write the tables of a report as one CSV file."""
    from pipeline.adapters.spreadsheet import long_csv

    return long_csv(tables)


def report_workbook(tables: Sequence[Table], timezone: str) -> bytes:
    """Write the tables of a report as an Excel workbook."""
    from pipeline.adapters.spreadsheet import workbook

    return workbook(tables, timezone)


def write_metrics(place: Workspace, gauges: Sequence[Gauge]) -> None:
    """Write the figures that a running hub is watched by."""
    from pipeline.adapters.metrics import write_metrics as write

    write(gauges, place.home / "metrics" / "edi.prom")
