"""Makes the view of an invoice: everything that it holds, once, and what was found about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pipeline.model.codes import TYPES, VAT_POINTS, frame
from pipeline.model.conversion import Lost
from pipeline.model.finding import Outcome
from pipeline.model.invoice import Invoice, Support
from pipeline.model.labels import Language
from pipeline.model.recomputed import recompute
from pipeline.model.report import ValidationReport
from pipeline.syntax.readable import formats
from pipeline.syntax.readable.lines import lines_grid, preceding
from pipeline.syntax.readable.marks import Marks
from pipeline.syntax.readable.money import money_grids, note_cards, settlement, totals
from pipeline.syntax.readable.parties import party_cards
from pipeline.syntax.readable.shower import Shower, present
from pipeline.syntax.readable.view import Beyond, Card, Column, Grid, Item, Row, View

#: Things told that the model does not hold; of more, the page says how many.
_BEYOND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The document that a page shows, as it was received.

    Attributes:
        sha256: Of its bytes.
        size: Bytes.
        name: What it is called.
        syntax: How it is written down, in words.
        duplicate: Whether the page is a second one, of what the supplier's own shows.
    """

    sha256: str
    size: int
    name: str
    syntax: str
    duplicate: bool = False


def build_view(
    invoice: Invoice,
    source: Source,
    language: Language,
    report: ValidationReport | None = None,
    lost: Sequence[Lost] = (),
) -> View:
    """Make the view of an invoice.

    Args:
        invoice: What was read.
        source: What it was read from.
        language: Of every fixed text, number and day.
        report: What the checks found, or None where none were made.
        lost: What the original holds and the model does not.
    """
    marks = Marks(list(report.findings) if report else [], language)
    show = Shower(language, marks, invoice.currency)
    sums = recompute(invoice)
    kind = _kind(invoice, source, show)
    legal, notes = note_cards(invoice, show)
    number = formats.one_line(invoice.number or "")
    return View(
        language=language,
        title=f"{kind} {number}".strip(),
        kind=kind,
        words=show.words,
        headline=_headline(invoice, show),
        verdict=_verdict(report, show),
        parties=party_cards(invoice, show),
        cards=_cards(invoice, show),
        lines=lines_grid(invoice, sums.lines, show),
        grids=money_grids(invoice, sums, show),
        totals=totals(invoice, sums, show),
        totals_marks=marks.take("BG-22"),
        settlement=settlement(invoice, show),
        legal=legal,
        notes=notes,
        supports=_supports(invoice, show),
        marks=marks.all,
        unlisted=marks.unlisted,
        beyond=tuple(_beyond(lost, show)),
        source=_source(source, show),
        packs=_packs(report),
    )


def _kind(invoice: Invoice, source: Source, show: Shower) -> str:
    name = TYPES.get(invoice.type_code or "")
    kind = name.in_(show.language) if name else show.words["document"]
    return f"{kind} ({show.words['duplicate']})" if source.duplicate else kind


def _verdict(report: ValidationReport | None, show: Shower) -> tuple[str, str]:
    if report is None:
        return "", ""
    key = {Outcome.VALID: "valid", Outcome.INVALID: "invalid"}.get(report.outcome, "unclear")
    return show.words[key], key


def _headline(invoice: Invoice, show: Shower) -> tuple[Item, ...]:
    return present(
        (
            show.line("BT-1", invoice.number, style="strong"),
            show.day("BT-2", invoice.issue_date),
            show.day("BT-9", invoice.due_date),
            show.code("BT-3", invoice.type_code, TYPES),
            show.line("BT-5", invoice.currency),
        )
    )


def _cards(invoice: Invoice, show: Shower) -> tuple[Card, ...]:
    references = Card(title=show.words["references"], items=_references(invoice, show))
    process = Card(
        title=show.words["process"],
        term="BG-2",
        items=_process(invoice, show),
        marks=show.marks.take("BG-2", "BG-14"),
    )
    earlier = Card(
        title=show.label("BG-3"),
        term="BG-3",
        items=present(
            preceding(each, ("BT-25", "BT-26", "EXT-FR-FE-02"), show) for each in invoice.preceding
        ),
        marks=show.marks.take("BG-3", "BT-25", "BT-26", "EXT-FR-FE-02"),
    )
    return tuple(card for card in (references, process, earlier) if card.items or card.marks)


def _references(invoice: Invoice, show: Shower) -> tuple[Item, ...]:
    return present(
        (
            show.line("BT-10", invoice.buyer_reference),
            show.line("BT-13", invoice.order),
            show.day("EXT-FR-FE-197", invoice.order_date),
            show.line("BT-12", invoice.contract),
            show.line("EXT-FR-FE-01", invoice.contract_type),
            show.day("EXT-FR-FE-199", invoice.contract_date),
            show.line("BT-11", invoice.project),
            show.line("BT-14", invoice.sales_order),
            show.line("BT-15", invoice.receiving_advice),
            show.line("BT-16", invoice.despatch_advice),
            show.day("EXT-FR-FE-198", invoice.despatch_advice_date),
            show.line("BT-17", invoice.tender),
            show.identifier(("BT-18", "BT-18-1"), invoice.object),
            *(
                show.identifier(("BT-18/further", "BT-18-1/further"), each)
                for each in invoice.further_objects or (None,)
            ),
            show.text("BT-19", invoice.accounting_reference),
        )
    )


def _process(invoice: Invoice, show: Shower) -> tuple[Item, ...]:
    code = invoice.frame
    point = invoice.vat_point
    return present(
        (
            show.period(("BT-73", "BT-74"), invoice.period),
            show.code("BT-23", code, frame(code) if code else None),
            show.line("BT-24", invoice.specification),
            show.line("BT-6", invoice.tax_currency),
            show.day("BT-7", invoice.tax_point),
            show.code("BT-8", point.value if point else None, VAT_POINTS),
        )
    )


def _supports(invoice: Invoice, show: Shower) -> Grid | None:
    words, label = show.words, show.label
    marks = show.marks.take(
        "BG-24", *(f"BT-12{number}" for number in range(2, 6)), "BT-125-1", "BT-125-2"
    )
    if not invoice.supports and not marks:
        return None
    return Grid(
        title=label("BG-24"),
        term="BG-24",
        columns=(
            Column(label=words["reference"], term="BT-122", width=20),
            Column(label=words["kind"], term="BT-123", width=24),
            Column(label=words["file"], term="BT-125", width=40),
            Column(label=words["size"], width=16, number=True),
        ),
        rows=tuple(_support(each, show) for each in invoice.supports),
        marks=marks,
    )


def _support(each: Support, show: Shower) -> Row:
    file = each.attachment
    name = (formats.one_line(file.filename or "") or show.words["unnamed"]) if file else ""
    cells = (
        show.cell((), formats.one_line(each.reference or "")),
        show.cell((), formats.text(each.description or "")),
        show.cell((), name, note=formats.one_line(file.mime or "") if file else ""),
        show.cell(
            (), formats.size(len(file.content), show.language) if file else "", style="number"
        ),
    )
    digest = sha256(file.content).hexdigest() if file else None
    details = present(
        (
            show.item("BT-125", digest, label="SHA-256", style="mono"),
            show.line("BT-124", each.location, label=show.words["outside"]),
        )
    )
    return Row(cells=cells, details=details)


def _beyond(lost: Sequence[Lost], show: Shower) -> Iterable[Beyond]:
    for each in lost[:_BEYOND]:
        line = f" ({each.line})" if each.line else ""
        yield Beyond(
            place=formats.one_line(f"{each.place}{line}"),
            value=formats.text(each.value),
            why=formats.text(each.why[show.language.value]),
        )
    if len(lost) > _BEYOND:
        yield Beyond(place="…", value=f"+ {len(lost) - _BEYOND}", why="")


def _source(source: Source, show: Shower) -> tuple[Item, ...]:
    words = show.words
    return present(
        (
            show.item((), formats.one_line(source.name), label=words["file"]),
            show.item((), source.syntax, label=words["syntax"]),
            show.item((), formats.size(source.size, show.language), label=words["size"]),
            show.item((), source.sha256, label=words["sha256"], style="mono"),
        )
    )


def _packs(report: ValidationReport | None) -> tuple[str, ...]:
    return tuple(f"{run.name} {run.version}" for run in report.packs) if report else ()
