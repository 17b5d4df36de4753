"""The lines of an invoice, as a table with what else there is of each below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.model.codes import NOTE_SUBJECTS, REASONS, TYPES, exemption
from pipeline.model.invoice import Adjustment, Attribute, Invoice, Line, LineKind, Preceding
from pipeline.model.recomputed import Recomputed
from pipeline.syntax.readable import formats
from pipeline.syntax.readable.marks import Place
from pipeline.syntax.readable.parties import party_details
from pipeline.syntax.readable.shower import Shower, present
from pipeline.syntax.readable.view import Column, Grid, Item, Row

#: Lines within lines deeper than this are set no further to the right.
_DEEPEST = 6


def lines_grid(invoice: Invoice, nets: Sequence[Recomputed], show: Shower) -> Grid:
    """Show every line, in the order of the invoice.

    Args:
        invoice: The invoice.
        nets: Its lines' net amounts, computed anew.
        show: What makes the items.
    """
    depths = _depths(invoice.lines)
    rows = tuple(
        _row(line, net, show, ("line", place), depth)
        for place, (line, net, depth) in enumerate(zip(invoice.lines, nets, depths, strict=True))
    )
    return Grid(
        title=show.label("BG-25"),
        term="BG-25",
        columns=_columns(show),
        rows=rows,
        marks=show.marks.take("BG-25"),
    )


def _columns(show: Shower) -> tuple[Column, ...]:
    label = show.label
    return (
        Column(label="N°" if show.language.value == "fr" else "No.", term="BT-126", width=6),
        Column(label=label("BT-153"), term="BT-153", width=42),
        Column(label=label("BT-129"), term="BT-129 BT-130", width=13, number=True),
        Column(label=label("BT-146"), term="BT-146", width=13, number=True),
        Column(label=show.words["vat"], term="BT-151 BT-152", width=10, number=True),
        Column(label=label("BT-131"), term="BT-131", width=16, number=True),
    )


def _depths(lines: Sequence[Line]) -> Iterator[int]:
    """Yield how deep each line lies within others; a circle of lines ends somewhere."""
    parents = {line.id: line.parent for line in lines if line.id}
    for line in lines:
        depth, parent = 0, line.parent
        while parent in parents and depth < _DEEPEST:
            depth, parent = depth + 1, parents[parent]
        yield depth


def _row(line: Line, net: Recomputed, show: Shower, place: Place, depth: int) -> Row:
    quantity, unit = show.quantity(line.quantity)
    category = line.vat_category.value if line.vat_category else ""
    cells = (
        show.cell("BT-126", formats.one_line(line.id or ""), place=place),
        show.cell(
            ("BT-153", "BG-31"), formats.one_line(line.name or ""), style="strong", place=place
        ),
        show.cell(("BT-129", "BT-130"), quantity, note=unit, style="number", place=place),
        show.cell("BT-146", show.amount(line.price), style="number", place=place),
        show.cell(
            ("BT-152", "BT-151", "BG-30"),
            show.percent(line.vat_rate) or category,
            note=category if line.vat_rate is not None else "",
            style="number",
            place=place,
        ),
        show.cell(
            "BT-131", show.amount(line.net), style="number", place=place, aside=show.aside(net)
        ),
    )
    details = present(_details(line, show, place))
    return Row(
        cells=cells,
        details=details,
        marks=show.marks.rest(place),
        kind=(line.kind or LineKind.DETAIL).name.lower(),
        depth=depth,
    )


def _details(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    yield show.text("BT-154", line.description, label="", place=place)
    yield from _kind(line, show, place)
    yield from _notes(line, show, place)
    yield show.period(("BT-134", "BT-135"), line.period, place)
    yield from _price(line, show, place)
    for each in line.allowances:
        yield _adjustment(("BT-136", "BT-137", "BT-138", "BT-139", "BT-140"), each, show, place)
    for each in line.charges:
        yield _adjustment(("BT-141", "BT-142", "BT-143", "BT-144", "BT-145"), each, show, place)
    yield from _tax(line, show, place)
    yield from _item(line, show, place)
    yield from _references(line, show, place)
    yield from party_details("lines.seller", line.seller, show, place)
    if line.delivery:
        yield show.item("EXT-FR-FE-158", show.written_day(line.delivery.on), place=place)
        yield from party_details("lines.delivery.to", line.delivery.to, show, place)
    if line.delivery_terms:
        yield show.line("EXT-FR-FE-193", line.delivery_terms.code, place=place)
        yield show.line("EXT-FR-FE-194", line.delivery_terms.place, place=place)


def _kind(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    kind = line.kind
    told = f"{show.words[kind.name.lower()]} ({kind.value})" if kind else None
    yield show.item("EXT-FR-FE-163", told, place=place)
    yield show.line("EXT-FR-FE-162", line.parent, place=place)


def _notes(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    yield show.code("EXT-FR-FE-183", line.note_subject, NOTE_SUBJECTS, place=place)
    yield show.text("BT-127", line.note, place=place)
    for note in line.further_notes:
        yield show.code("EXT-FR-FE-183/further", note.subject, NOTE_SUBJECTS, place=place)
        yield show.text("BT-127/further", note.text, place=place)


def _price(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    yield show.item("BT-148", show.amount(line.gross_price), place=place)
    yield show.item("BT-147", show.amount(line.price_discount), place=place)
    yield show.line("EXT-FR-FE-195", line.discount_reason, place=place)
    yield show.code("EXT-FR-FE-196", line.discount_reason_code, REASONS, place=place)
    base, unit = show.quantity(line.price_base)
    yield show.item(("BT-149", "BT-150"), base, note=unit, place=place)


def _adjustment(
    terms: tuple[str, ...], each: Adjustment, show: Shower, place: Place
) -> Item | None:
    """Show an allowance or charge of a line in one text: amount, of what, why."""
    of = f" {show.words['of']} " if each.percent is not None and each.base is not None else ""
    share = f"{show.percent(each.percent)}{of}{show.amount(each.base)}"
    name, code = show.named(each.reason_code, REASONS)
    why = f"{name} ({code})" if code else name
    parts = (show.amount(each.amount), share, formats.one_line(each.reason or ""), why)
    group = "BG-27" if terms[0] == "BT-136" else "BG-28"
    return show.item(
        (group, *terms),
        " · ".join(part for part in parts if part),
        label=show.label(group),
        place=place,
    )


def _tax(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    yield show.text("EXT-FR-FE-178", line.exemption, place=place)
    code = line.exemption_code
    yield show.code("EXT-FR-FE-179", code, exemption(code) if code else None, place=place)
    yield show.item("EXT-FR-FE-181", show.amount(line.vat), place=place)
    yield show.item("EXT-FR-FE-182", show.amount(line.vat_accounting), place=place)
    yield show.item("EXT-FR-FE-184", show.amount(line.with_vat), place=place)


def _item(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    yield show.line("BT-155", line.seller_item, place=place)
    yield show.line("BT-156", line.buyer_item, place=place)
    yield show.identifier(("BT-157", "BT-157-1"), line.standard_item, place=place)
    for each in line.classifications:
        yield show.identifier(("BT-158", "BT-158-1", "BT-158-2"), each, place=place)
    yield show.line("BT-159", line.origin, place=place)
    for attribute in line.attributes:
        yield _attribute(attribute, show, place)


def _attribute(attribute: Attribute, show: Shower, place: Place) -> Item | None:
    """Show a property as its own name says."""
    measure, code = show.quantity(attribute.measure)
    own = formats.one_line(attribute.code or "")
    parts = (formats.one_line(attribute.value or ""), measure)
    name = formats.one_line(attribute.name or "")
    told = " ".join(part for part in parts if part)
    return show.item(
        ("BG-32", "BT-160", "BT-161", "EXT-FR-FE-159", "EXT-FR-FE-160", "EXT-FR-FE-161"),
        told or name,
        label=name if told and name else show.label("BT-160"),
        note=" ".join(part for part in (code, own) if part),
        place=place,
    )


def _references(line: Line, show: Shower, place: Place) -> Iterator[Item | None]:
    yield show.identifier(("BT-128", "BT-128-1"), line.object, place=place)
    for each in line.further_objects:
        yield show.identifier(("BT-128/further", "BT-128-1/further"), each, place=place)
    yield show.line("BT-132", line.order_line, place=place)
    yield show.line("EXT-FR-FE-135", line.order, place=place)
    yield show.item("EXT-FR-FE-200", show.written_day(line.order_date), place=place)
    for term, value in (
        ("EXT-FR-FE-144", line.sales_order),
        ("EXT-FR-FE-145", line.sales_order_line),
        ("EXT-FR-FE-140", line.despatch_advice),
        ("EXT-FR-FE-141", line.despatch_advice_line),
        ("EXT-FR-FE-142", line.receiving_advice),
        ("EXT-FR-FE-143", line.receiving_advice_line),
        ("BT-133", line.accounting_reference),
    ):
        yield show.line(term, value, place=place)
    for earlier in line.preceding:
        yield preceding(earlier, _PRECEDING, show, place)


_PRECEDING = ("EXT-FR-FE-136", "EXT-FR-FE-137", "EXT-FR-FE-138", "EXT-FR-FE-139")


def preceding(
    each: Preceding, terms: tuple[str, ...], show: Shower, place: Place = None
) -> Item | None:
    """Show an earlier invoice in one text: number, day, type, line."""
    line = f"{show.label('BT-126')} {formats.one_line(each.line)}" if each.line else ""
    name, code = show.named(each.type_code, TYPES)
    kind = f"{name} ({code})" if code else name
    number = formats.one_line(each.number or "")
    parts = (number, show.written_day(each.issue_date), kind, line)
    return show.item(terms, " · ".join(part for part in parts if part), place=place)
