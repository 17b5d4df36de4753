"""`edi validate`: hold files of one's own against a profile, without any ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from pipeline.app.open_flow import note_signature
from pipeline.ingest.unwrap import MANIFEST_SEQ, EnvelopeRefused, Kind, kind_of, unwrap
from pipeline.model.agreement import ReceiverSchemas
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.path_trouble import path_words
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, ValidationReport
from pipeline.ports.engine import Engine, Job
from pipeline.ports.outside import Scrap, Spool
from pipeline.syntax.recognise import guess_family

_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Source:
    """One file to check.

    Attributes:
        path: As the user named it.
        open: Opens it for reading; may raise OSError.
    """

    path: str
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one document of one file."""

    path: str
    document: str
    judged: Judged


@dataclass(frozen=True, slots=True)
class _Part:
    path: str
    name: str
    scrap: Scrap | None
    refused: Judged | None
    signed: bool = False


def check(
    sources: Iterable[Source],
    engine: Engine,
    spool: Spool,
    profile: Profile,
    layers: frozenset[Layer],
    receivers: tuple[ReceiverSchemas, ...] = (),
) -> Iterator[Checked]:
    """Judge every document of every file, in order.

    Args:
        sources: What to judge.
        engine: Judges it.
        spool: Scratch space.
        profile: What it is held against.
        layers: Which to run.
        receivers: XSDs of those who may receive it, asked beside the layers.

    A file that cannot be read is unclear; one that cannot be opened as a flow is
    invalid, with the control's code as the rule.
    """
    limits = Limits()
    parts: list[_Part] = []

    def jobs() -> Iterator[Job]:
        for part in _parts(sources, spool, limits):
            parts.append(part)
            if part.scrap is not None:
                yield Job(
                    path=part.scrap.path,
                    profile=profile,
                    limits=limits,
                    layers=layers,
                    affinity=guess_family(part.scrap.head),
                    receivers=receivers,
                )

    place = 0
    for judged in engine.judge(jobs()):
        while parts[place].scrap is None:
            yield _told(parts[place], parts[place].refused)
            place += 1
        yield _told(parts[place], judged)
        place += 1
    for part in parts[place:]:
        yield _told(part, part.refused)


def _told(part: _Part, judged: Judged | None) -> Checked:
    if judged is None:
        raise ValueError(f"{part.path}: neither refused nor judged")
    report = note_signature(judged.report, signed=part.signed)
    return Checked(part.path, part.name, replace(judged, report=report))


def _parts(sources: Iterable[Source], spool: Spool, limits: Limits) -> Iterator[_Part]:
    for number, source in enumerate(sources, 1):
        try:
            with source.open() as stream:
                yield from _take_apart(source.path, stream, spool, limits, number)
        except OSError as error:
            fr, en = path_words(error)
            message = {"fr": f"fichier illisible ({fr})", "en": f"unreadable file ({en})"}
            unreadable = Reason(code="UNREADABLE", place=source.path, message=message)
            yield _Part(source.path, source.path, None, _refused(unreadable, Outcome.UNCLEAR))


def _take_apart(
    path: str, stream: BinaryIO, spool: Spool, limits: Limits, number: int
) -> Iterator[_Part]:
    kind = kind_of(stream.read(_HEAD))
    stream.seek(0)
    if kind is Kind.UNKNOWN:
        # no flow would take it, but its author wants to hear what the parser says
        scrap = spool.write(f"{number:06d}/1.xml", iter(lambda: stream.read(1 << 20), b""))
        yield _Part(path, path, scrap, None)
        return
    try:
        for member in unwrap(stream, limits, path):
            if member.seq == MANIFEST_SEQ:
                continue
            if member.fault is not None:
                refused = _refused(member.fault, Outcome.INVALID)
                yield _Part(path, member.name, None, refused)
                continue
            scrap = spool.write(f"{number:06d}/{member.seq}.xml", member.chunks)
            yield _Part(path, member.name, scrap, None, member.signed)
    except EnvelopeRefused as refused:
        message = refused.message
        told = reason(refused.code, refused.place, message["fr"], message["en"])
        yield _Part(path, path, None, _refused(told, Outcome.INVALID))


def _refused(why: Reason, outcome: Outcome) -> Judged:
    finding = Finding(
        rule=why.code,
        severity=Severity.FATAL,
        term=None,
        xpath="",
        line=None,
        value=None,
        message=why.message,
    )
    first = LayerResult(Layer.SYNTAX, outcome, (finding,))
    rest = (LayerResult.skipped(layer) for layer in list(Layer)[1:])
    return Judged(ValidationReport(syntax=None, layers=(first, *rest)))
