"""`edi convert`: one file of one's own in another form, without any ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.app.convert import Converter, Source, envelope_of
from pipeline.model.carriage import Recipe
from pipeline.model.conversion import Form, Lost
from pipeline.model.errors import NotCarried
from pipeline.model.finding import Layer, LayerResult, Outcome
from pipeline.model.limits import WIDE
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, ValidationReport
from pipeline.ports.engine import Job
from pipeline.ports.outside import Spool
from pipeline.syntax.recognise import guess_family

#: A flow that nobody sends.
_NOBODYS_FLOW = "FEN0036A_ESSAI0_{hub}0036000000000000000"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One file in another form.

    Attributes:
        source: What was found in the file itself.
        payload: The other form; None where the file could not be written in it.
        judged: What was found in that; of a pivot, that its schema holds.
        lost: What that form does not hold.
        why: Why there is none, French and then English; empty otherwise.
    """

    source: Judged
    payload: bytes | None = None
    judged: Judged | None = None
    lost: tuple[Lost, ...] = ()
    why: str = ""

    @property
    def outcome(self) -> Outcome:
        """Return what is to be said of both files.

        A form with few rules of its own, such as the pivot, makes nothing right: a result is
        as good as its source at most.
        """
        if self.judged is None:
            return Outcome.UNCLEAR
        found = {self.source.report.outcome, self.judged.report.outcome}
        if found == {Outcome.VALID}:
            return Outcome.VALID
        return Outcome.INVALID if found <= {Outcome.VALID, Outcome.INVALID} else Outcome.UNCLEAR


def rewrite(
    data: bytes,
    name: str,
    recipe: Recipe,
    converter: Converter,
    spool: Spool,
    profile: Profile,
    *,
    hub_code: str,
    at: datetime,
) -> Rewritten:
    """Judge a file, write it in another form, and judge that by the same rules.

    Args:
        data: The file's bytes.
        name: What it is called.
        recipe: What it is to become.
        converter: Writes and judges.
        spool: Scratch space.
        profile: What both are held against.
        hub_code: Who a pivot says it comes from.
        at: The only moment that the result may tell.
    """
    source = _judge(converter, spool, "source", data, profile)
    syntax = source.report.syntax
    if syntax is None or source.report.result(Layer.SYNTAX).outcome is not Outcome.VALID:
        return Rewritten(source, why="pas une facture lisible / no invoice that can be read")
    document = Source(data=data, syntax=syntax, name=name, received_on=at.date())
    try:
        if recipe.form is Form.PIVOT:
            made, lost = converter.prepare(document, recipe)
            envelope = envelope_of(_NOBODYS_FLOW.format(hub=hub_code), at, hub_code)
            payload = converter.write_pivot([made], envelope).payload
            schema = LayerResult.of(Layer.STRUCTURE, ())
            judged = Judged(ValidationReport(syntax=None, layers=(schema,)), source.header)
        else:
            converted = converter.convert(document, recipe, at)
            payload, lost = converted.payload, converted.lost
            judged = _judge(converter, spool, "result", payload, profile)
    except NotCarried as error:
        return Rewritten(source, why=str(error))
    return Rewritten(source, payload, judged, lost)


def _judge(converter: Converter, spool: Spool, name: str, data: bytes, profile: Profile) -> Judged:
    scrap = spool.write(f"{name}/1.xml", (data,))
    (judged,) = converter.engine.judge(
        [
            Job(
                path=scrap.path,
                profile=profile,
                limits=WIDE,
                affinity=guess_family(scrap.head),
            )
        ]
    )
    return judged
