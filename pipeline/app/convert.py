"""Write documents in the form a receiver asked for, and judge what was written before it leaves.

A conversion is a pure function of the document: the same bytes and recipe always give the
same ones, so a delivery that is attempted twice carries the same file twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from pipeline.model.carriage import Recipe
from pipeline.model.conversion import Form, Lost
from pipeline.model.errors import ResultRefused, ResultUnjudged
from pipeline.model.finding import Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, Syntax, ValidationReport
from pipeline.ports.engine import Engine, Job
from pipeline.ports.outside import Scrap
from pipeline.syntax.forms import OWN_FORM, read_document, write_document
from pipeline.syntax.recognise import guess_family

#: Documents that were judged, and our own words: no partner's limits hold for them.
WIDE = Limits(file_bytes=2**31, text_bytes=2**31, attachment_bytes=2**31)
#: Findings that an error names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Converted:
    """One document in the form that was asked for.

    Attributes:
        payload: Its bytes.
        form: What they are: as received where that is the form asked for.
        lost: What the form does not hold.
    """

    payload: bytes
    form: Form
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Converter:
    """Writes documents in other forms, and has the result judged.

    Attributes:
        engine: Judges what was written; it takes one call at a time.
    """

    engine: Engine
    _turn: Lock = field(default_factory=Lock)

    def convert(self, data: bytes, syntax: Syntax, recipe: Recipe) -> Converted:
        """Write one document, as received where it is in the form already.

        Args:
            data: Its bytes, as received; they were judged.
            syntax: What it was recognised as.
            recipe: What it is to become.

        Raises:
            XmlRefused, PdfRefused: It cannot be read.
        """
        if OWN_FORM[syntax] is recipe.form:
            return Converted(data, Form.AS_RECEIVED)
        reading = read_document(data, syntax, WIDE)
        written = write_document(reading.invoice, recipe.form)
        return Converted(written.payload, recipe.form, (*reading.lost, *written.lost))

    def judge(self, written: Iterable[tuple[Scrap, Profile]]) -> Iterator[Judged]:
        """Yield what the engine says of documents of ours, in order."""
        with self._turn:
            yield from self.engine.judge(
                Job(
                    path=scrap.path,
                    profile=profile,
                    limits=WIDE,
                    affinity=guess_family(scrap.head),
                )
                for scrap, profile in written
            )


def fault_of(report: ValidationReport) -> ResultRefused | ResultUnjudged | None:
    """Return what keeps a converted document from leaving; None where it is clean."""
    if report.outcome is Outcome.VALID:
        return None
    if report.outcome is Outcome.UNCLEAR:
        trouble = report.trouble.value if report.trouble else ""
        return ResultUnjudged(f"{trouble} {report.trouble_detail}".strip())
    fatal = [one for one in report.findings if one.severity is Severity.FATAL]
    return ResultRefused("; ".join(f"{one.rule}: {one.message['fr']}" for one in fatal[:_NAMED]))


def told(lost: Sequence[Lost]) -> str:
    """Name the first things that a form does not hold, for an error or a line on a screen."""
    named = ", ".join(one.term or one.place for one in lost[:_NAMED])
    more = f" (+{len(lost) - _NAMED})" if len(lost) > _NAMED else ""
    why = lost[0].why
    return f"{named}{more}: {why['fr']} / {why['en']}"
