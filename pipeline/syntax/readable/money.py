"""What an invoice calculates and how it is paid: allowances, charges, VAT, totals, payment."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.codes import (
    LEGAL_NOTES,
    NOTE_SUBJECTS,
    PAYMENT_MEANS,
    REASONS,
    VAT_CATEGORIES,
    exemption,
)
from pipeline.model.invoice import Account, Adjustment, Card, Invoice, Note, Payment, VatBreakdown
from pipeline.model.recomputed import Recomputed, Sums
from pipeline.syntax.readable import formats, view
from pipeline.syntax.readable.shower import Shower, present
from pipeline.syntax.readable.view import Column, Grid, Item, Row, Total

#: Terms of an allowance and of a charge, in the order of the columns; the group first.
_ALLOWANCE = ("BG-20", "BT-97", "BT-98", "BT-93", "BT-94", "BT-95", "BT-96", "BT-92")
_CHARGE = ("BG-21", "BT-104", "BT-105", "BT-100", "BT-101", "BT-102", "BT-103", "BT-99")
_ALLOWANCE_EXEMPT = ("EXT-FR-FE-187", "EXT-FR-FE-188")
_CHARGE_EXEMPT = ("EXT-FR-FE-189", "EXT-FR-FE-190")

#: Totals in the order of the calculation: term, field, whether it is one that people look for.
_TOTALS = (
    ("BT-106", "lines", False),
    ("BT-107", "allowances", False),
    ("BT-108", "charges", False),
    ("BT-109", "without_vat", True),
    ("BT-110", "vat", False),
    ("BT-111", "vat_accounting", False),
    ("BT-112", "with_vat", True),
    ("BT-113", "paid", False),
    ("BT-114", "rounding", False),
    ("BT-115", "due", True),
)


def money_grids(invoice: Invoice, sums: Sums, show: Shower) -> tuple[Grid, ...]:
    """Show allowances, charges and the VAT breakdown, as far as there are any."""
    grids = (
        _adjustments(invoice.allowances, _ALLOWANCE, _ALLOWANCE_EXEMPT, show),
        _adjustments(invoice.charges, _CHARGE, _CHARGE_EXEMPT, show),
        _breakdown(invoice, sums, show),
    )
    return tuple(grid for grid in grids if grid.rows or grid.marks)


def _adjustments(
    several: tuple[Adjustment, ...], terms: tuple[str, ...], exempt: tuple[str, str], show: Shower
) -> Grid:
    group, reason, code, base, percent, category, rate, amount = terms
    words = show.words
    return Grid(
        title=show.label(group),
        term=group,
        columns=(
            Column(label=words["reason"], term=f"{reason} {code}", width=44),
            Column(label=words["base"], term=base, width=14, number=True),
            Column(label=words["percent"], term=percent, width=12, number=True),
            Column(label=words["vat"], term=f"{category} {rate}", width=14, number=True),
            Column(label=words["amount"], term=amount, width=16, number=True),
        ),
        rows=tuple(_adjustment(each, exempt, show) for each in several),
        # which of several a finding speaks of is not to be told from its place
        marks=show.marks.take(*terms, *exempt),
    )


def _adjustment(each: Adjustment, exempt: tuple[str, str], show: Shower) -> Row:
    name, code = show.named(each.reason_code, REASONS)
    reason = formats.text(each.reason or "")
    category = each.vat_category.value if each.vat_category else ""
    why = each.exemption_code
    cells = (
        show.cell((), reason or name, note=f"{name} {code}".strip() if reason else code),
        show.cell((), show.amount(each.base), style="number"),
        show.cell((), show.percent(each.percent), style="number"),
        show.cell(
            (),
            show.percent(each.vat_rate) or category,
            note=category if each.vat_rate is not None else "",
            style="number",
        ),
        show.cell((), show.amount(each.amount), style="number"),
    )
    details = present(
        (
            show.text(exempt[0], each.exemption),
            show.code(exempt[1], why, exemption(why) if why else None),
        )
    )
    return Row(cells=cells, details=details)


def _breakdown(invoice: Invoice, sums: Sums, show: Shower) -> Grid:
    label = show.label
    columns = (
        Column(label=label("BT-118"), term="BT-118", width=40),
        Column(label=label("BT-119"), term="BT-119", width=14, number=True),
        Column(label=label("BT-116"), term="BT-116", width=23, number=True),
        Column(label=label("BT-117"), term="BT-117", width=23, number=True),
    )
    rows = tuple(
        _taxed(each, base, tax, show, place)
        for place, (each, base, tax) in enumerate(
            zip(invoice.vat, sums.bases, sums.taxes, strict=True)
        )
    )
    return Grid(
        title=label("BG-23"),
        term="BG-23",
        columns=columns,
        rows=rows,
        marks=show.marks.take("BG-23", "BT-116", "BT-117", "BT-118", "BT-119", "BT-120", "BT-121"),
    )


def _taxed(
    each: VatBreakdown, base: Recomputed, tax: Recomputed, show: Shower, number: int
) -> Row:
    place = ("vat", number)
    category, code = show.named(each.category.value if each.category else None, VAT_CATEGORIES)
    why = each.exemption_code
    cells = (
        show.cell("BT-118", category, note=code, place=place),
        show.cell("BT-119", show.percent(each.rate), style="number", place=place),
        show.cell(
            "BT-116", show.amount(each.base), style="number", place=place, aside=show.aside(base)
        ),
        show.cell(
            "BT-117", show.amount(each.amount), style="number", place=place, aside=show.aside(tax)
        ),
    )
    details = present(
        (
            show.text("BT-120", each.exemption, place=place),
            show.code("BT-121", why, exemption(why) if why else None, place=place),
        )
    )
    return Row(cells=cells, details=details, marks=show.marks.rest(place))


def totals(invoice: Invoice, sums: Sums, show: Shower) -> tuple[Total, ...]:
    """Show every total that is stated or amiss, and what comes out for it."""
    shown = (_total(invoice, sums, show, row) for row in _TOTALS)
    return tuple(total for total in shown if total is not None)


def _total(invoice: Invoice, sums: Sums, show: Shower, row: tuple[str, str, bool]) -> Total | None:
    term, field, main = row
    value = getattr(invoice.totals, field)
    accounting = term == "BT-111"
    currency = formats.one_line(invoice.tax_currency or "") if accounting else show.currency
    stated = "" if value is None else f"{show.amount(value)} {currency}".strip()
    item = show.item(term, stated, style="strong" if main else "number")
    found = sums.totals.get(field)
    computed = found.computed if found else None
    if item is None and (not computed or not main):
        return None
    return Total(
        item=item or Item(term=term, label=show.label(term)),
        computed=show.amount(computed),
        agrees=found.agrees if found else None,
        main=main,
    )


def settlement(invoice: Invoice, show: Shower) -> tuple[view.Card, ...]:
    """Show how the invoice is to be paid, or was: terms first, then each means."""
    terms = view.Card(
        title=show.words["terms"],
        items=present((show.text("BT-20", invoice.payment_terms, label=""),)),
    )
    cards = [terms, *(_payment(each, show) for each in invoice.payments)]
    if not invoice.payments:
        cards.append(_payment(Payment(), show))
    return tuple(card for card in cards if card.items or card.marks)


def _payment(payment: Payment, show: Shower) -> view.Card:
    items = (
        show.code("BT-81", payment.means, PAYMENT_MEANS),
        show.line("BT-82", payment.means_text),
        show.line("BT-83", payment.reference),
        *(item for each in payment.accounts or (Account(),) for item in _account(each, show)),
        *_card(payment.card or Card(), show),
        show.line("BT-89", payment.mandate),
        show.line("BT-90", payment.creditor),
        _iban("BT-91", payment.debited, show),
    )
    return view.Card(
        title=show.label("BG-16"),
        term="BG-16",
        items=present(items),
        marks=show.marks.take("BG-16", "BG-17", "BG-18", "BG-19"),
    )


def _account(account: Account, show: Shower) -> Iterator[Item | None]:
    yield _iban("BT-84", account.number, show)
    yield show.line("BT-85", account.name)
    yield show.line("BT-86", account.provider)


def _iban(term: str, number: str | None, show: Shower) -> Item | None:
    return show.item(term, formats.account(number) if number else None, style="strong")


def _card(card: Card, show: Shower) -> Iterator[Item | None]:
    yield show.line("BT-87", card.number)
    yield show.line("BT-88", card.holder)


def note_cards(invoice: Invoice, show: Shower) -> tuple[view.Card | None, view.Card | None]:
    """Show the notes: those that the law asks for, in its order, and the others."""
    legal = sorted(
        (note for note in invoice.notes if note.subject in LEGAL_NOTES),
        key=lambda note: LEGAL_NOTES.index(note.subject or ""),
    )
    others = [note for note in invoice.notes if note.subject not in LEGAL_NOTES]
    marks = show.marks.take("BG-1", "BT-21", "BT-22")
    first = view.Card(
        title=show.words["legal"],
        term="BG-1",
        items=present(_note(note, show) for note in legal),
        marks=marks,
    )
    second = view.Card(
        title=show.label("BG-1"), term="BG-1", items=present(_note(note, show) for note in others)
    )
    return (
        first if first.items or first.marks else None,
        second if second.items else None,
    )


def _note(note: Note, show: Shower) -> Item | None:
    subject, code = show.named(note.subject, NOTE_SUBJECTS)
    text = formats.text(note.text or "").strip("\n")
    if not text and not subject:
        return None
    return Item(term="BT-22", label=subject, note=code, value=text, style="long")
