"""Write documents in the form a receiver asked for, and judge what was written before it leaves.

A conversion is a pure function of the document: the same bytes and recipe always give the
same ones, so a delivery that is attempted twice carries the same file twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from threading import Lock

from pipeline.model.carriage import Original, Recipe
from pipeline.model.conversion import Form, Lost, Reading, Unwritable, Written
from pipeline.model.errors import NotCarried, ResultRefused, ResultUnjudged
from pipeline.model.facturx import FacturxProfile, Relationship
from pipeline.model.finding import Outcome, Severity
from pipeline.model.invoice import Binary, Support
from pipeline.model.limits import WIDE
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, Syntax, Trouble, ValidationReport
from pipeline.ports.engine import Engine, Job
from pipeline.ports.outside import Printer, Scrap
from pipeline.route.lisible import Lisible, Origin, lisible_of
from pipeline.syntax.cpp_parties import Envelope
from pipeline.syntax.forms import OWN_FORM, read_document, write_document
from pipeline.syntax.pivot import PivotInvoice
from pipeline.syntax.pivot import write_invoice as prepare_pivot
from pipeline.syntax.pivot_files import READABLE
from pipeline.syntax.pivot_subject import PivotContext, Resubmission
from pipeline.syntax.recognise import guess_family

#: Parts of a flow's name.
_GRAMMAR = ("interface", "application", "identifier")
#: Findings that an error names.
_NAMED = 3

#: Puts invoices that were made ready into one flow.
WritePivot = Callable[[Sequence[PivotInvoice], Envelope], Written]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One document that is to be written anew.

    Attributes:
        data: Its bytes, as received; they were judged.
        syntax: What it was recognised as.
        name: What it is called.
        received_on: When it came.
        origin: In which family of formats; without a flow, in one of AFNOR.
        resubmission: Whether its invoice was made available before.
    """

    data: bytes
    syntax: Syntax
    name: str
    received_on: date
    origin: Origin = Origin.AFNOR
    resubmission: Resubmission = Resubmission.NONE


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """Writes documents in other forms, and has the result judged.

    Attributes:
        engine: Judges what was written; it takes one call at a time.
        printer: Gives what prints pages; loaded when the first one is wanted.
        write_pivot: Puts invoices into one CPPFacturePivot, and holds it against its schema.
    """

    engine: Engine
    printer: Callable[[], Printer]
    write_pivot: WritePivot
    _judging: Lock = field(default_factory=Lock)
    _printing: Lock = field(default_factory=Lock)

    def convert(self, source: Source, recipe: Recipe, at: datetime) -> Converted:
        """Write one document in one of the norm's syntaxes, or as a Factur-X.

        Args:
            source: The document.
            recipe: What it is to become, but for a pivot: that may hold several.
            at: The only moment that the result may tell (aware).

        Returns:
            It is as received where it is in that form already, and needs no page.

        Raises:
            XmlRefused, PdfRefused: It cannot be read.
            ConfigError: Pages cannot be printed on this machine.
        """
        if OWN_FORM[source.syntax] is recipe.form and not recipe.readable:
            return Converted(source.data, Form.AS_RECEIVED)
        reading = read_document(source.data, source.syntax, WIDE)
        if recipe.form is Form.FACTURX:
            return self._facturx(source, reading, recipe, at)
        invoice = reading.invoice
        page = self._page_for(source, reading) if recipe.readable else None
        if OWN_FORM[source.syntax] is recipe.form and page is None:
            return Converted(source.data, Form.AS_RECEIVED)
        if page is not None:
            shown = Support(reference=READABLE, description=READABLE, attachment=page)
            invoice = replace(invoice, supports=(*invoice.supports, shown))
        written = write_document(invoice, recipe.form)
        return Converted(written.payload, recipe.form, (*reading.lost, *written.lost))

    def prepare(self, source: Source, recipe: Recipe) -> tuple[PivotInvoice, tuple[Lost, ...]]:
        """Make one document ready for a pivot; return with it what the pivot does not hold.

        Raises:
            XmlRefused, PdfRefused: It cannot be read.
            NotCarried: The pivot cannot hold it at all.
            ConfigError: Pages cannot be printed on this machine.
        """
        reading = read_document(source.data, source.syntax, WIDE)
        context = PivotContext(
            received_on=source.received_on,
            original=Binary(source.data, _type_of(source), None),
            readable=self._page_for(source, reading) if recipe.readable else None,
            resubmission=source.resubmission,
        )
        made = prepare_pivot(reading.invoice, context)
        if isinstance(made, Unwritable):
            raise NotCarried(told(made.reasons))
        return made, (*reading.lost, *made.lost)

    def judge(self, written: Iterable[tuple[Scrap, Profile]]) -> Iterator[Judged]:
        """Yield what the engine says of documents of ours, in order."""
        with self._judging:
            yield from self.engine.judge(
                Job(
                    path=scrap.path,
                    profile=profile,
                    limits=WIDE,
                    affinity=guess_family(scrap.head),
                )
                for scrap, profile in written
            )

    def _page_for(self, source: Source, reading: Reading) -> Binary | None:
        """Print a page of a document that needs one (DSE §3.3); a Factur-X is one itself."""
        becomes = lisible_of(source.syntax, source.origin, reading.invoice.supports)
        if becomes in {Lisible.NONE, Lisible.PASSED_ON}:
            return None
        kind = "duplicata" if becomes is Lisible.DUPLICATA else "lisible"
        name = f"{kind}_{reading.invoice.number or ''}.pdf"
        return Binary(self._print(source, reading), "application/pdf", name)

    def _facturx(
        self, source: Source, reading: Reading, recipe: Recipe, at: datetime
    ) -> Converted:
        # 15 MB: loaded when there is a PDF to make
        from pipeline.syntax.facturx_out import Enclosure, write_facturx

        original = Binary(source.data, _type_of(source), f"original_{source.name}")
        beside = [Enclosure(file=original, relationship=Relationship.SOURCE)]
        written = write_facturx(
            self._print(source, reading),
            reading.invoice,
            FacturxProfile(recipe.facturx_profile),
            at,
            beside if recipe.original is Original.BESIDE else (),
        )
        return Converted(written.payload, Form.FACTURX, (*reading.lost, *written.lost))

    def _print(self, source: Source, reading: Reading) -> bytes:
        """Print a document as people read it."""
        # Jinja2 and all words of a page: loaded where one is printed
        from pipeline.model.labels import Language
        from pipeline.syntax.readable.build import Source as Shown
        from pipeline.syntax.readable.build import build_view
        from pipeline.syntax.readable.write import write_paper

        shown = Shown(
            sha256=sha256(source.data).hexdigest(),
            size=len(source.data),
            name=source.name,
            syntax=source.syntax.value,
            duplicate=source.origin is Origin.MIXED,
        )
        page = write_paper(build_view(reading.invoice, shown, Language.FRENCH, None, reading.lost))
        with self._printing:
            return self.printer().print(page)


def envelope_of(flow: str, planned: datetime, hub: str) -> Envelope:
    """Return the envelope of a pivot flow, by its name and the moment it was planned at.

    >>> envelope = envelope_of("FEN0036A_VIL750_CPP0010036000000000000007",
    ...     datetime.fromisoformat("2026-10-05T08:00:00+00:00"), "CPP001")
    >>> envelope.receiver.id, envelope.parameters[1].value
    ('VIL750', 'CPP0010036000000000000007')

    Raises:
        NotCarried: It has no name of the grammar.
    """
    parts = flow.split("_")
    if len(parts) != len(_GRAMMAR):
        raise NotCarried(
            f"{flow}: la fiche du destinataire n'avait plus de application_code, un pivot en porte"
            " le nom / the receiver's sheet had no application_code left, a pivot is named by it"
        )
    _, application, identifier = parts
    return Envelope.of(identifier, planned, receiver=application, sender=hub)


def fault_of(report: ValidationReport) -> ResultRefused | ResultUnjudged | None:
    """Return what keeps a converted document from leaving; None where it is clean.

    Rules are named and the document is not quoted: this is on record for ever.
    """
    if report.outcome is Outcome.VALID:
        return None
    if report.outcome is Outcome.UNCLEAR:
        return ResultUnjudged(_trouble_of(report))
    fatal = [one for one in report.findings if one.severity is Severity.FATAL]
    named = [f"{one.rule} ({one.term})" if one.term else one.rule for one in fatal]
    more = f" (+{len(named) - _NAMED})" if len(named) > _NAMED else ""
    return ResultRefused("; ".join(named[:_NAMED]) + more)


def _trouble_of(report: ValidationReport) -> str:
    if report.trouble is None:
        return ""
    detail = report.trouble_detail if report.trouble is Trouble.PACK_MISSING else ""
    return f"{report.trouble.value}: {detail}" if detail else report.trouble.value


def told(lost: Sequence[Lost]) -> str:
    """Name the first things that a form does not hold, for an error or a line on a screen."""
    named = ", ".join(one.term or one.place for one in lost[:_NAMED])
    more = f" (+{len(lost) - _NAMED})" if len(lost) > _NAMED else ""
    why = lost[0].why
    return f"{named}{more}: {why['fr']} / {why['en']}"


def _type_of(source: Source) -> str:
    return "application/pdf" if source.syntax is Syntax.FACTURX else "application/xml"
