"""What a profile holds is what its XSD and its rules admit: no term less, and no term more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from pipeline.adapters.packs import PackShelf
from pipeline.model.facturx import FacturxProfile
from pipeline.model.fitting import fit
from pipeline.model.invoice import Invoice
from pipeline.model.terms import TERM_AT, TERMS, Kind, fields_of, is_value
from pipeline.syntax import cii
from pipeline.syntax.parse import compile_schema

ROOT = Path(__file__).parents[2]
NAMES = [name for name, term in TERMS.items() if term.kind is not Kind.GROUP]
#: What a value has to be, for the schema to admit it or for CII to write it there.
VALUES = {"BT-84": "FR7630006000011234567890189", "BT-91": "FR7630006000011234567890189"}
#: What an identifier, a quantity and a file are never without.
NEEDED = frozenset({"value", "content"})
#: What a rule refuses that counts: an invoice of the norm is about one object (CII-SR-474).
COUNTED = frozenset({"BT-18/further", "BT-18-1/further"})
XSLT = "{http://www.w3.org/1999/XSL/Transform}"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"

Admits = Callable[[Invoice], str]


def filled(kind: type, keep: set[str], path: str = "") -> Any:
    """Return a value of the model that holds these terms and nothing else."""
    found: dict[str, object] = {}
    for name, step in fields_of(kind).items():
        inner = f"{path}.{name}" if path else name
        if is_value(step.kind):
            if any(at.startswith(f"{inner}.") and term in keep for at, term in TERM_AT.items()):
                made = filled(step.kind, keep, inner)
                found[name] = (made,) if step.many else made
        elif TERM_AT.get(inner) in keep or (kind is not Invoice and name in NEEDED):
            found[name] = VALUES.get(TERM_AT[inner]) or a_value(step.kind)
    return kind(**found)


def a_value(kind: type) -> object:
    if issubclass(kind, Enum):
        return next(iter(kind))
    return {str: "1", Decimal: Decimal(1), date: date(2026, 9, 1), bytes: b"x"}[kind]


@pytest.fixture(scope="module")
def shelf() -> PackShelf:
    """Every pack that is installed."""
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
    packs = Path(os.environ.get("EDI_PACKS") or Path(sys.prefix) / "share" / "edi" / "packs")
    return PackShelf(catalogue, packs)


@pytest.fixture
def admits(shelf: PackShelf, profile: FacturxProfile) -> Admits:
    """Say why the official artefacts of a profile do not admit an invoice; empty if they do."""
    name = f"factur-x-{profile.value.replace('-', '')}"
    schema = compile_schema(str(shelf.path(f"{name}-xsd")))
    unused = [
        etree.XPath(context, namespaces=dict(cii.NAMESPACES))
        for context in contexts(etree.parse(shelf.path(name)))
    ]
    assert unused

    def admits(invoice: Invoice) -> str:
        written = cii.write_invoice(invoice)
        root = etree.fromstring(written.payload)
        if written.lost:
            return f"not written without others: {written.lost}"
        if not schema.validate(root):
            return str(schema.error_log)
        return next((str(context) for context in unused if context(root)), "")

    return admits


def contexts(rules: etree._ElementTree) -> list[str]:
    """Return where the rules of a profile say that an element has no use."""
    return [
        template.get("match", "")
        for template in rules.iter(f"{XSLT}template")
        for text in template.iter(f"{SVRL}text")
        if (words := " ".join(str(text.xpath("string()")).split())).startswith("Element ")
        if "is marked as not used in the given context" in words
    ]


@pytest.mark.parametrize("profile", FacturxProfile, ids=lambda profile: profile.value)
def test_what_a_profile_holds_is_admitted(profile: FacturxProfile, admits: Admits) -> None:
    """All of it at once: each term stands where the profile's own artefacts want it."""
    held = {name for name in NAMES if profile.holds(name)}
    full = filled(Invoice, held)

    left, lost = fit(full, profile)

    assert lost == ()
    assert admits(left) == ""


@pytest.mark.parametrize(
    ("profile", "larger"), [*pairwise(FacturxProfile)], ids=lambda profile: profile.value
)
def test_what_only_the_next_profile_holds_is_refused(
    profile: FacturxProfile, larger: FacturxProfile, admits: Admits
) -> None:
    """Each term by itself, on top of all that is held: nothing is lost that need not be.

    A smaller profile admits nothing that a larger one does not, so this is all of them.
    """
    held = {name for name in NAMES if profile.holds(name)}
    more = [name for name in NAMES if larger.holds(name) and name not in {*held, *COUNTED}]

    admitted = [name for name in more if not admits(filled(Invoice, {*held, name}))]

    assert more
    assert admitted == []
