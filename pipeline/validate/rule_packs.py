"""The two upper layers: official rule packs, those of EN 16931 and those of the profile."""

from __future__ import annotations

from collections.abc import Callable, Collection

from lxml import etree

from pipeline.model.errors import EngineError, PackMissing
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import PackRun, Trouble
from pipeline.model.sentences import Sentences
from pipeline.syntax.parse import XmlRefused, parse
from pipeline.validate.pyramid import Checked, layer_result
from pipeline.validate.svrl import MARKS, ROOT, read_svrl

#: Findings listed for one layer of one document.
MOST_FINDINGS = 1000

#: A rule pack's output is ours, not a partner's: it may be as large as it is.
_UNLIMITED = Limits(
    file_bytes=2**31, text_bytes=2**31, depth=1000, elements=2**31, attributes=1000
)

#: Runs the pack of that name on a document given as text. Returns its SVRL and
#: which pack that was.
RunPack = Callable[[str, str], tuple[str, PackRun]]


def check_packs(
    layer: Layer,
    root: etree._Element,
    write: Callable[[], str],
    packs: Collection[str],
    run_pack: RunPack,
    profile: Profile,
    sentences: Callable[[], Sentences],
) -> Checked:
    """Hold one document against every rule pack that a layer asks for.

    Args:
        layer: Whose packs they are.
        root: The document, as our parser read it.
        write: Returns the same, written out again for the rule engine, attachments cut.
        packs: Names of the packs, in order; none asked for is a layer skipped.
        run_pack: Runs one. Raises `PackMissing` or `EngineError`.
        profile: Gives each rule its weight.
        sentences: Gives what broken rules are told with; asked only if one is.

    Returns:
        Valid or invalid when every pack ran to its end. When one did not, the layer is
        unclear, unless what the others found is fatal already.
    """
    if not packs:
        return Checked(LayerResult.skipped(layer))
    findings: list[Finding] = []
    runs: list[PackRun] = []
    trouble: tuple[Trouble, str] | None = None
    for pack in packs:
        try:
            svrl, run = run_pack(pack, write())
            findings += _findings(svrl, root, profile, sentences)
        except PackMissing as error:
            trouble = (Trouble.PACK_MISSING, str(error))
        except (EngineError, XmlRefused) as error:
            trouble = (Trouble.PACK_ERROR, f"{pack}: {error}")
        else:
            runs.append(run)
    result = layer_result(layer, findings, MOST_FINDINGS)
    if trouble is None:
        return Checked(result, tuple(runs))
    if result.outcome is not Outcome.INVALID:
        result = LayerResult(layer, Outcome.UNCLEAR, result.findings)
    return Checked(result, tuple(runs), *trouble)


def _findings(
    svrl: str, root: etree._Element, profile: Profile, sentences: Callable[[], Sentences]
) -> list[Finding]:
    """Read one output; one without any mark of a finding needs no second look."""
    head = svrl[:4096]
    if "schematron-output" not in head:
        raise EngineError("the pack's output is no SVRL")
    if not any(mark in svrl for mark in MARKS):
        return []
    output = parse(svrl.encode(), _UNLIMITED)
    if output.tag != ROOT:
        raise EngineError("the pack's output is no SVRL")
    return list(read_svrl(output, root, profile, sentences()))
