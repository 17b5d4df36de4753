"""Holds a document against XSDs of ours: what a profile lets senders write, what receivers take.

The official XSD was asked before, in the structure layer: these are stricter, never laxer. A
sender's is part of the profile layer, so that one invoice is refused and no flow. What those of
receivers say is kept beside the layers, since it is not known yet who receives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lxml import etree

from pipeline.model.errors import PackMissing
from pipeline.model.finding import Finding, Outcome
from pipeline.model.report import PackRun, SchemaRun, Trouble
from pipeline.validate.pyramid import Checked, layer_result
from pipeline.validate.rule_packs import MOST_FINDINGS
from pipeline.validate.structure import check_structure

if TYPE_CHECKING:  # costs 20 MB and 0.3 s: loaded when there is something to explain
    import xmlschema

#: Faults kept of one receiver's XSD: a refusal shows no more.
MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where XSDs of ours come from; each function may raise `PackMissing`.

    Attributes:
        schema: A compiled XSD.
        explainer: The same XSD as xmlschema builds it.
        run: What reports say of it.
    """

    schema: Callable[[str], etree.XMLSchema]
    explainer: Callable[[str], xmlschema.XMLSchema]
    run: Callable[[str], PackRun]


def with_own_schemas(
    checked: Checked, names: Sequence[str], root: etree._Element, shelf: Shelf
) -> Checked:
    """Add what XSDs of a sender's profile find to what packs and rules found.

    Args:
        checked: What else the profile layer says; skipped where there was none.
        names: Of the XSDs.
        root: The document, valid under its official XSD.
        shelf: Where they come from.

    Returns:
        The layer with all findings; unclear where an XSD is missing and nothing fatal was found.
    """
    findings, runs = list(checked.result.findings), list(checked.packs)
    trouble = checked.trouble and (checked.trouble, checked.detail)
    for name in names:
        try:
            findings += _findings(name, root, shelf)
            runs.append(shelf.run(name))
        except PackMissing as error:
            trouble = (Trouble.PACK_MISSING, str(error))
    result = layer_result(checked.result.layer, findings, MOST_FINDINGS)
    if trouble and result.outcome is not Outcome.INVALID:
        result = replace(result, outcome=Outcome.UNCLEAR)
    kind, detail = trouble or (None, "")
    return Checked(result, tuple(runs), kind, detail)


def ask_receivers(
    names: Sequence[str], root: etree._Element, shelf: Shelf
) -> tuple[SchemaRun, ...]:
    """Return the receivers' XSDs that a document breaks, or that could not be asked."""
    told: list[SchemaRun] = []
    for name in names:
        try:
            found = tuple(_findings(name, root, shelf)[:MOST_KEPT])
        except PackMissing as error:
            told.append(SchemaRun(name, unclear=str(error)))
        else:
            told += [SchemaRun(name, found)] if found else []
    return tuple(told)


def _findings(name: str, root: etree._Element, shelf: Shelf) -> list[Finding]:
    """Ask one XSD; each finding says whose it is, so that nobody looks in the official one."""
    result = check_structure(root, shelf.schema(name), lambda: shelf.explainer(name))
    return [
        replace(
            one,
            message={
                "fr": f"Profil {name} : {one.message['fr']}",
                "en": f"Profile {name}: {one.message['en']}",
            },
        )
        for one in result.findings
    ]
