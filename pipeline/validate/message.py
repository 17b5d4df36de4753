"""Judges one message about flows or invoices: a CPPStatut or a CDAR."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from lxml import etree

from pipeline.model.finding import Layer, LayerResult, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, ValidationReport
from pipeline.syntax import cdar, cpp_status
from pipeline.syntax.parse import XmlRefused, parse
from pipeline.validate.judge import Artefacts, Question, report_of, structure_of, told_refusal
from pipeline.validate.place import Place, line_of, path_of, structure_finding
from pipeline.validate.pyramid import Checked, climb, stopped
from pipeline.validate.rule_packs import check_packs

#: The schema, and the rule packs, of each root element.
_HELD_AGAINST: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        cdar.ROOT: ("cdar-d22b-xsd", ("br-fr-cdv",)),
        cpp_status.ROOT: ("CPPStatut-V1_19", ()),
    }
)
#: The rules as they are published, re-weighed by nobody.
_PROFILE = Profile(name="messages", packs={})
#: MDT-3 of messages in the dialect of the public portal: about flows, about messages.
_PORTAL = frozenset(f"urn.cpro.gouv.fr:1p0:CDV:{about}" for about in ("flux", "messageCDV"))
#: That dialect leaves MDT-2 out, has an MDT-3 and type codes (303, 305) of its own: three rules
#: of the other dialect, which are told and refuse nothing.
_PORTAL_PROFILE = Profile(
    name="messages-portal",
    packs={},
    reweighed={
        "BR-FR-04_MDT-91": Severity.WARNING,
        "BR-FR-CDV-02_MDT-3": Severity.WARNING,
        "BR-FR-CDV-CL-01_MDT-2": Severity.WARNING,
    },
)


def judge_message(
    data: bytes, limits: Limits, layers: Collection[Layer], artefacts: Artefacts
) -> Judged:
    """Say everything that can be said of one message.

    Args:
        data: Its bytes.
        limits: Caps of the safe parser.
        layers: Layers to run.
        artefacts: Official artefacts, opened on first use.

    Returns:
        The report; of a CPPStatut, for which no rules are published, the layers above the
        structure are skipped.

    Raises:
        Nothing for a fault of the message: that is a finding.
    """
    question = Question(profile=_PROFILE, limits=limits, layers=frozenset(layers))
    return Judged(_report(data, question, artefacts))


def _report(data: bytes, question: Question, artefacts: Artefacts) -> ValidationReport:
    try:
        root = parse(data, question.limits)
    except XmlRefused as refusal:
        return report_of(None, stopped(Layer.SYNTAX, told_refusal(refusal)), question)
    known = _HELD_AGAINST.get(str(root.tag))
    if known is None:
        place = Place(path_of(root), line_of(root), None)
        unknown = structure_finding(
            "SYNTAX-UNKNOWN",
            place,
            f"L'élément racine {root.tag} n'est ni un CPPStatut ni un CDAR.",
            f"The root element {root.tag} is neither a CPPStatut nor a CDAR.",
        )
        return report_of(None, stopped(Layer.STRUCTURE, unknown), question)
    return report_of(None, _climb(root, *known, question, artefacts), question)


def _climb(
    root: etree._Element,
    schema: str,
    packs: tuple[str, ...],
    question: Question,
    artefacts: Artefacts,
) -> tuple[Checked, ...]:
    def by_rules() -> Checked:
        return check_packs(
            Layer.SEMANTICS,
            root,
            lambda: etree.tostring(root, encoding="unicode"),
            packs,
            artefacts.run_pack,
            _PORTAL_PROFILE if cdar.guideline_of(root) in _PORTAL else _PROFILE,
            artefacts.sentences,
        )

    return climb(
        (
            (Layer.SYNTAX, lambda: Checked(LayerResult.of(Layer.SYNTAX, ()))),
            (Layer.STRUCTURE, lambda: structure_of(root, schema, artefacts)),
            (Layer.SEMANTICS, by_rules),
            (Layer.PROFILE, lambda: Checked(LayerResult.skipped(Layer.PROFILE))),
        ),
        question.layers,
    )
