"""Judges one document: parse, structure, semantics, profile, as one pure function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from lxml import etree

from pipeline.model.agreement import ReceiverSchemas
from pipeline.model.errors import PackMissing
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.invoice import Invoice
from pipeline.model.limits import Limits
from pipeline.model.profile import Base, Claim, Profile
from pipeline.model.report import (
    Judged,
    PackRun,
    RoutingHeader,
    SchemaRun,
    Syntax,
    Trouble,
    ValidationReport,
)
from pipeline.model.rule import RuleSet
from pipeline.model.sentences import Sentences
from pipeline.syntax import cii, ubl
from pipeline.syntax.attachments import Attachment, attachments_of
from pipeline.syntax.parse import XmlRefused, cut_attachments, parse
from pipeline.syntax.recognise import family, is_pdf, recognise
from pipeline.validate.attached import Scan, look_into
from pipeline.validate.own_rules import with_own_rules
from pipeline.validate.own_schemas import Shelf, ask_receivers, with_own_schemas
from pipeline.validate.pyramid import Checked, climb, ended, stopped
from pipeline.validate.rule_packs import RunPack, check_packs
from pipeline.validate.structure import SCHEMAS, check_structure, not_agreed, unknown_syntax

if TYPE_CHECKING:  # each costs 15 MB: loaded when there is something to explain, or a PDF to open
    import xmlschema

    from pipeline.syntax.facturx import PdfRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a document is to be held against.

    Attributes:
        profile: Rule packs and weights.
        limits: Caps of the safe parser.
        layers: Layers to run. The document is always parsed and recognised.
        syntaxes: Syntaxes that are allowed; empty for any.
        receivers: XSDs of receivers. What they say is a fact of the report, and no part of a
            layer: who receives is not known for certain here.
    """

    profile: Profile
    limits: Limits
    layers: frozenset[Layer] = frozenset(Layer)
    syntaxes: tuple[Syntax, ...] = ()
    receivers: tuple[ReceiverSchemas, ...] = ()


def _no_rule_set(name: str) -> tuple[RuleSet[Invoice], PackRun]:
    raise KeyError(name)


def _no_schema(name: str) -> PackRun:
    raise PackMissing(name, "absent du catalogue / not in the catalogue")


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Where the official artefacts come from, each by its name in the catalogue.

    All but the last four may raise `PackMissing`.

    Attributes:
        schema: A compiled XSD.
        schema_run: What reports say of an XSD of ours that was asked.
        explainer: The same XSD as xmlschema builds it.
        run_pack: Runs one rule pack.
        scan: Looks for malware in an attachment; None where nobody looks.
        sentences: Gives what broken rules are told with.
        rule_set: Gives a set of rules of our own, and what reports say of it; by default
            there is none.
    """

    schema: Callable[[str], etree.XMLSchema]
    explainer: Callable[[str], xmlschema.XMLSchema]
    run_pack: RunPack
    scan: Scan | None = None
    sentences: Callable[[], Sentences] = Sentences
    rule_set: Callable[[str], tuple[RuleSet[Invoice], PackRun]] = _no_rule_set
    schema_run: Callable[[str], PackRun] = _no_schema

    @property
    def shelf(self) -> Shelf:
        """Return where XSDs of ours come from."""
        return Shelf(self.schema, self.explainer, self.schema_run)


@dataclass(frozen=True, slots=True)
class _Invoice:
    """A document that could be read.

    Attributes:
        root: The invoice; of a PDF, the one embedded.
        syntax: What it was recognised as, or None.
        attachments: Every file inside, also beside the invoice in a PDF.
        header: What routing needs, as far as it is there.
    """

    root: etree._Element
    syntax: Syntax | None
    attachments: tuple[Attachment, ...]
    header: RoutingHeader


def judge_document(data: bytes, question: Question, artefacts: Artefacts) -> Judged:
    """Say everything that can be said of one document.

    Args:
        data: Its bytes, as received: XML, or a PDF with one invoice inside.
        question: What it is held against.
        artefacts: Official artefacts, opened on first use.

    Returns:
        The report and, where the syntax was recognised, the routing header. The same
        bytes and question give the same value, whatever was judged before. Lines and
        paths of a PDF are those of the embedded XML.

    Raises:
        Nothing for a fault of the document: that is a finding.
    """
    pdf = is_pdf(data)
    invoice = _read_pdf(data, question.limits) if pdf else _read(data, question.limits)
    if isinstance(invoice, Finding):
        refused_as = Syntax.FACTURX if pdf else None
        return Judged(report_of(refused_as, stopped(Layer.SYNTAX, invoice), question))
    looked = look_into(invoice.attachments, question.profile.attachments, artefacts.scan)
    root, syntax = invoice.root, invoice.syntax
    if looked.checked.result.outcome is not Outcome.VALID:
        checked = ended(looked.checked)
    elif syntax is None:
        checked = stopped(Layer.STRUCTURE, unknown_syntax(root, in_pdf=pdf))
    elif (refused := not_agreed(root, syntax, question.syntaxes)) is not None:
        checked = stopped(Layer.STRUCTURE, refused)
    else:
        checked = _climb(invoice, syntax, question, artefacts)
    report = report_of(Syntax.FACTURX if pdf else syntax, checked, question)
    receivers = _receivers(invoice, checked, question, artefacts)
    report = replace(
        report, attached=looked.attached, attached_more=looked.more, receivers=receivers
    )
    return Judged(report, invoice.header, looked.infected)


def _receivers(
    invoice: _Invoice,
    checked: tuple[Checked, ...],
    question: Question,
    artefacts: Artefacts,
) -> tuple[SchemaRun, ...]:
    """Ask the XSDs of those who may receive a document that the official one lets pass."""
    root, syntax, header = invoice.root, invoice.syntax, invoice.header
    sound = any(
        one.result.layer is Layer.STRUCTURE and one.result.outcome is Outcome.VALID
        for one in checked
    )
    if syntax is None or not sound:
        return ()
    numbers = header.buyer_siret, header.buyer_siren, (header.buyer_endpoint or "")[:9]
    names = dict.fromkeys(
        name for one in question.receivers for name in one.names(syntax.value, *numbers)
    )
    return ask_receivers(tuple(names), root, artefacts.shelf)


def _read(data: bytes, limits: Limits) -> _Invoice | Finding:
    """Read an XML document, or say why not."""
    try:
        return _read_xml(data, limits)
    except XmlRefused as refusal:
        return told_refusal(refusal)


def _read_pdf(data: bytes, limits: Limits) -> _Invoice | Finding:
    """Read the invoice inside a PDF, or say why not."""
    from pipeline.syntax.facturx import PdfRefused, open_facturx

    try:
        opened = open_facturx(data, limits)
        inner = _read_xml(opened.invoice, limits)
    except (PdfRefused, XmlRefused) as refusal:
        return told_refusal(refusal)
    syntax = Syntax.FACTURX if inner.syntax is Syntax.CII else None
    return replace(inner, syntax=syntax, attachments=(*inner.attachments, *opened.others))


def _read_xml(data: bytes, limits: Limits) -> _Invoice:
    root = parse(data, limits)
    syntax = recognise(root)
    header = RoutingHeader()
    if syntax is not None:
        header = (cii if syntax is Syntax.CII else ubl).read_header(root)
    return _Invoice(root, syntax, tuple(attachments_of(root)), header)


def _climb(
    invoice: _Invoice, syntax: Syntax, question: Question, artefacts: Artefacts
) -> tuple[Checked, ...]:
    """Run every layer that is asked for on a document of a known, agreed syntax."""
    root, profile = invoice.root, question.profile
    claim = profile.claim(invoice.header.customization, syntax.value) or Claim(urn="", syntaxes=())
    kind = family(syntax)
    base = () if claim.base is Base.SKIPPED else profile.packs.get(kind, ())
    further = (*claim.packs, *profile.further.get(kind, ()))
    norm = profile
    if claim.base is Base.WARNS:
        norm = replace(profile, weigh_all=Severity.WARNING, reweighed={})

    @cache
    def light() -> etree._Element:
        cut = cut_attachments(root)
        return root if cut is None else cut

    @cache
    def write() -> str:
        return etree.tostring(light(), encoding="unicode")

    def packs(layer: Layer, names: tuple[str, ...], weights: Profile) -> Checked:
        run, sentences = artefacts.run_pack, artefacts.sentences
        return check_packs(layer, root, write, names, run, weights, sentences)

    def by_profile() -> Checked:
        checked = packs(Layer.PROFILE, further, profile)
        sets = [artefacts.rule_set(name) for name in profile.rules]
        if sets:
            checked = with_own_rules(checked, sets, root, light, kind, profile)
        schemas = profile.schemas.get(syntax.value, ())
        return with_own_schemas(checked, schemas, root, artefacts.shelf) if schemas else checked

    return climb(
        (
            (Layer.SYNTAX, lambda: Checked(LayerResult.of(Layer.SYNTAX, ()))),
            (
                Layer.STRUCTURE,
                lambda: structure_of(root, claim.schema or SCHEMAS[syntax], artefacts),
            ),
            (Layer.SEMANTICS, lambda: packs(Layer.SEMANTICS, base, norm)),
            (Layer.PROFILE, by_profile),
        ),
        question.layers | {Layer.SYNTAX},
    )


def structure_of(root: etree._Element, name: str, artefacts: Artefacts) -> Checked:
    """Hold a document against the schema of this name."""
    try:
        schema = artefacts.schema(name)
        return Checked(check_structure(root, schema, lambda: artefacts.explainer(name)))
    except PackMissing as error:
        unclear = LayerResult(Layer.STRUCTURE, Outcome.UNCLEAR)
        return Checked(unclear, trouble=Trouble.PACK_MISSING, detail=str(error))


def report_of(
    syntax: Syntax | None, checked: tuple[Checked, ...], question: Question
) -> ValidationReport:
    """Put what the layers have to say together."""
    failed = next((each for each in checked if each.trouble is not None), None)
    return ValidationReport(
        syntax=syntax,
        layers=tuple(each.result for each in checked),
        packs=tuple(run for each in checked for run in each.packs),
        profile=question.profile.version,
        partial=question.layers != frozenset(Layer),
        trouble=failed.trouble if failed else None,
        trouble_detail=failed.detail if failed else "",
    )


def told_refusal(refusal: PdfRefused | XmlRefused) -> Finding:
    """Say why a document is not to be read."""
    return Finding(
        rule=refusal.code,
        severity=Severity.FATAL,
        term=None,
        xpath="",
        line=refusal.line if isinstance(refusal, XmlRefused) else None,
        value=None,
        message=refusal.message,
    )
