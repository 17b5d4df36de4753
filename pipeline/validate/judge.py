"""Judges one document: parse, structure, semantics, profile, as one pure function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from pipeline.model.errors import PackMissing
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, Syntax, Trouble, ValidationReport
from pipeline.syntax import cii, ubl
from pipeline.syntax.parse import XmlRefused, cut_attachments, parse
from pipeline.syntax.recognise import family, recognise
from pipeline.validate.pyramid import Checked, climb, stopped
from pipeline.validate.semantics import RunPack, check_semantics
from pipeline.validate.structure import check_structure, not_agreed, unknown_syntax

if TYPE_CHECKING:  # costs 20 MB and 0.3 s: loaded when there is something to explain
    import xmlschema


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a document is to be held against.

    Attributes:
        profile: Rule packs and weights.
        limits: Caps of the safe parser.
        layers: Layers to run. The document is always parsed and recognised.
        syntaxes: Syntaxes that are allowed; empty for any.
    """

    profile: Profile
    limits: Limits
    layers: frozenset[Layer] = frozenset(Layer)
    syntaxes: tuple[Syntax, ...] = ()


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Where the official artefacts come from. Each may raise `PackMissing`.

    Attributes:
        schema: The compiled XSD of a syntax.
        explainer: The same XSD as xmlschema builds it.
        run_pack: Runs one rule pack.
    """

    schema: Callable[[Syntax], etree.XMLSchema]
    explainer: Callable[[Syntax], xmlschema.XMLSchema]
    run_pack: RunPack


def judge_document(data: bytes, question: Question, artefacts: Artefacts) -> Judged:
    """Say everything that can be said of one document.

    Args:
        data: Its bytes, as received.
        question: What it is held against.
        artefacts: Official artefacts, opened on first use.

    Returns:
        The report and, where the syntax was recognised, the routing header. The same
        bytes and question give the same value, whatever was judged before.

    Raises:
        Nothing for a fault of the document: that is a finding.
    """
    try:
        root = parse(data, question.limits)
    except XmlRefused as refusal:
        return Judged(_report(None, stopped(Layer.SYNTAX, _refused(refusal)), question))
    syntax = recognise(root)
    if syntax is None:
        return Judged(_report(None, stopped(Layer.STRUCTURE, unknown_syntax(root)), question))
    refused = not_agreed(root, syntax, question.syntaxes)
    checked = (
        stopped(Layer.STRUCTURE, refused)
        if refused is not None
        else _climb(root, syntax, question, artefacts)
    )
    header = cii.read_header(root) if syntax is Syntax.CII else ubl.read_header(root)
    return Judged(_report(syntax, checked, question), header)


def _climb(
    root: etree._Element, syntax: Syntax, question: Question, artefacts: Artefacts
) -> tuple[Checked, ...]:
    """Run every layer that is asked for on a document of a known, agreed syntax."""
    return climb(
        (
            (Layer.SYNTAX, lambda: Checked(LayerResult.of(Layer.SYNTAX, ()))),
            (Layer.STRUCTURE, lambda: _structure(root, syntax, artefacts)),
            (Layer.SEMANTICS, lambda: _semantics(root, syntax, question, artefacts)),
            # no profile pack exists yet: nothing is asked, so nothing is seen to pass
            (Layer.PROFILE, lambda: Checked(LayerResult.skipped(Layer.PROFILE))),
        ),
        question.layers | {Layer.SYNTAX},
    )


def _structure(root: etree._Element, syntax: Syntax, artefacts: Artefacts) -> Checked:
    try:
        schema = artefacts.schema(syntax)
        return Checked(check_structure(root, schema, lambda: artefacts.explainer(syntax)))
    except PackMissing as error:
        unclear = LayerResult(Layer.STRUCTURE, Outcome.UNCLEAR)
        return Checked(unclear, trouble=Trouble.PACK_MISSING, detail=str(error))


def _semantics(
    root: etree._Element, syntax: Syntax, question: Question, artefacts: Artefacts
) -> Checked:
    packs = question.profile.packs.get(family(syntax), ())
    light = cut_attachments(root)
    text = etree.tostring(root if light is None else light, encoding="unicode")
    return check_semantics(root, text, packs, artefacts.run_pack, question.profile)


def _report(
    syntax: Syntax | None, checked: tuple[Checked, ...], question: Question
) -> ValidationReport:
    failed = next((each for each in checked if each.trouble is not None), None)
    return ValidationReport(
        syntax=syntax,
        layers=tuple(each.result for each in checked),
        packs=tuple(run for each in checked for run in each.packs),
        partial=question.layers != frozenset(Layer),
        trouble=failed.trouble if failed else None,
        trouble_detail=failed.detail if failed else "",
    )


def _refused(refusal: XmlRefused) -> Finding:
    return Finding(
        rule=refusal.code,
        severity=Severity.FATAL,
        term=None,
        xpath="",
        line=refusal.line,
        value=None,
        message=refusal.message,
    )
