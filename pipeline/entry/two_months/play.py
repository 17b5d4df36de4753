"""Plays the two months: partners drop files, days pass, and at the end everybody is asked.

No verb is used and nothing is declared: whatever a partner does is a file that it leaves
through its own account. What each side is said to know was read from its own folders.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.hub import Hub
from pipeline.app.run import Progress
from pipeline.entry.scenario import StoryClock
from pipeline.entry.small_world import (
    Partners,
    make_anew,
    open_world,
    run_until_quiet,
    sheet_text,
    write_sheet,
)
from pipeline.entry.two_months.look import Lived, look
from pipeline.entry.two_months.parties import PARTIES, UNKNOWN, VALIDATION, Party
from pipeline.entry.two_months.reading import Word, invoices_of
from pipeline.entry.two_months.story import STORY, Act, Row, check
from pipeline.entry.two_months.writing import Said, flow_name, invoice, statuses
from pipeline.model.life import Actor, Event
from pipeline.model.settings import Encryption
from pipeline.syntax.cdar import Cdar

#: The morning of day 1.
BEGINS = datetime(2026, 9, 1, 8, tzinfo=UTC)
_DAY = timedelta(days=1)
_TERM = 30 * _DAY


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the days share.

    Attributes:
        partners: Their side.
        hub: The hub.
        clock: The hub's.
        write: Writes a CDAR, for partners.
        progress: Told of every step of a run.
        flows: Files that each partner has dropped so far, by partner and interface.
        deposits: The flow that each row came in, and the partner that dropped it.
        known: What each partner knows of its own: what it said, and invoices that it found.
        found: Files that each recipient has looked at.
        holders: The recipient that has each invoice now, by number.
    """

    partners: Partners
    hub: Hub
    clock: StoryClock
    write: Callable[[Cdar], bytes]
    progress: Progress
    flows: Counter[tuple[str, str]] = field(default_factory=Counter)
    deposits: dict[Row, str] = field(default_factory=dict)
    known: dict[str, list[Word]] = field(default_factory=lambda: defaultdict(list))
    found: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    holders: dict[str, Party] = field(default_factory=dict)

    def next_flow(self, partner: str, code: str) -> int:
        """Return the place of a partner's next file under an interface, from 1."""
        self.flows[partner, code] += 1
        return self.flows[partner, code]


def tell(home: Path, progress: Progress, rows: Sequence[Row] = STORY) -> Lived:
    """Play the two months in a workspace of its own, made anew at every call.

    Args:
        home: Its folder.
        progress: Told of every step of a run.
        rows: What happens.

    Raises:
        ConfigError: `home` holds something that no demonstration made, or a connection of the
            story's own could not be used.
        ValueError: A row cannot be played; the message names it.
    """
    check(rows)
    make_anew(home)
    place = bootstrap.workspace(home)
    sheets = {name: party.sheet for name, party in PARTIES.items()}
    with open_world(home, sheets) as partners, _opened(place, partners, progress) as stage:
        days = {row.day for row in rows} | {act.day for row in rows for act in row.acts}
        for day in sorted(days):
            _play_day(stage, day, rows)
        return look(stage.hub, partners, rows, stage.deposits, stage.known, stage.holders)


@contextmanager
def _opened(
    place: bootstrap.Workspace, partners: Partners, progress: Progress
) -> Iterator[_Stage]:
    """Open a hub whose partners are all in production.

    Yields:
        The stage before the first day.
    """
    bootstrap.initialise(place, Encryption.NONE)  # its invoices are a sample of the project
    door = next(iter(partners.sheets.values())).door
    for name, party in PARTIES.items():
        # partners drop a file under its name only once it is whole
        write_sheet(place, sheet_text(name, party.sheet, door.port, door.host_key, stable_s=0))
    _write_directory(place)
    with (place.config / "pipeline.toml").open("a", encoding="utf-8") as settings:
        settings.write(VALIDATION)
    with bootstrap.alone(place), bootstrap.open_hub(place, by="run:demo", log_to_file=True) as hub:
        clock = StoryClock(hub.clock, BEGINS)
        own = replace(hub, clock=clock)
        apply(own, bootstrap.proposed_sheets(place))
        yield _Stage(partners, own, clock, bootstrap.cdar_writer(place), progress)


def _write_directory(place: bootstrap.Workspace) -> None:
    folder = place.config / "directory"
    billed = [party for party in PARTIES.values() if party.is_billed]
    lines = ["siret,name,active", *(f"{one.siret},{one.title},true" for one in billed)]
    (folder / "structures.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    routes = (
        f'[[route]]\nconnection = "{one.name}"\nbuyer_siret = "{one.siret}"\n' for one in billed
    )
    (folder / "routes.toml").write_text("\n".join(routes), encoding="utf-8")


# -- one day
def _play_day(stage: _Stage, day: int, rows: Sequence[Row]) -> None:
    """Let a morning come, partners drop what they have to say, and the hub work."""
    stage.clock.move(BEGINS + (day - 1) * _DAY - stage.clock.now())
    drops: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    said: dict[str, list[Said]] = defaultdict(list)
    for row in rows:
        if row.day == day:
            name, payload = _deposit(stage, row)
            drops[row.supplier].append((name, payload))
            stage.deposits[row] = name
        for act in (one for one in row.acts if one.day == day):
            if again := _act(stage, row, act, said):
                drops[row.supplier].append(again)
    for speaker, words in said.items():
        party = PARTIES[speaker]
        place = stage.next_flow(speaker, party.says)
        drops[speaker].append(statuses(stage.write, party, words, place))
    for name, files in drops.items():
        stage.partners.drop(name, files)
    run_until_quiet(stage.hub, stage.progress)
    for name in {one.name for one in stage.holders.values()}:
        _look_in(stage, name)


def _deposit(stage: _Stage, row: Row) -> tuple[str, bytes]:
    """Write the first deposit of a row, and note who will have it."""
    supplier = PARTIES[row.supplier]
    recipient = PARTIES.get(row.recipient, UNKNOWN)
    issued = stage.clock.now().date()
    if not row.refused:
        stage.holders[row.number] = recipient
    payload = invoice(row.number, supplier, recipient, issued, due=issued + _TERM, row=row)
    return _named(stage, supplier, row.number), payload


def _deposit_again(stage: _Stage, row: Row, act: Act) -> tuple[str, bytes]:
    """Write the deposit that puts an invoice right, or completes it, as of its first day."""
    supplier, issued = PARTIES[row.supplier], (BEGINS + (row.day - 1) * _DAY).date()
    if act.event is Event.RESEND:
        stage.holders[row.number] = PARTIES[act.partner]
    # who is billed changes by its SIRET alone: its name is a term that may not
    billed = replace(stage.holders[row.number], title=PARTIES[row.recipient].title)
    payload = invoice(
        row.number,
        supplier,
        billed,
        issued,
        due=issued + _TERM,
        row=row,
        paper=act.event is Event.COMPLETE,
    )
    return _named(stage, supplier, row.number), payload


def _named(stage: _Stage, supplier: Party, number: str) -> str:
    place = stage.next_flow(supplier.name, supplier.deposits)
    if not supplier.deposits:
        return f"{number}-{place:03d}.xml"
    return flow_name(supplier.deposits, supplier.application, place)


def _act(
    stage: _Stage,
    row: Row,
    act: Act,
    said: dict[str, list[Said]],
) -> tuple[str, bytes] | None:
    """Add what a partner does on this day to what it says, and to what it knows.

    Returns:
        A deposit where that is how it is done, else None.
    """
    supplier, recipient = PARTIES[row.supplier], stage.holders[row.number]
    speaker = supplier if act.actor is Actor.SUPPLIER else recipient
    if act.actor is Actor.VALIDATOR:
        speaker = PARTIES[act.partner]
    now = stage.clock.now().replace(microsecond=0)
    one = Said(
        number=row.number,
        issued=(BEGINS + (row.day - 1) * _DAY).date(),
        supplier=supplier,
        recipient=recipient,
        act=act,
        at=now,
    )
    word = Word(number=row.number, event=act.event, at=now, reasons=one.reasons)
    stage.known[speaker.name].append(word)
    if act.event is Event.RESEND or (act.event is Event.COMPLETE and not speaker.says):
        return _deposit_again(stage, row, act)
    said[speaker.name].append(one)
    return None


def _look_in(stage: _Stage, name: str) -> None:
    """Have a recipient read the invoices that are new in its folder."""
    known = stage.found[name]
    fresh = {
        file: payload for file, payload in stage.partners.read(name).items() if file not in known
    }
    known.update(fresh)
    for number, event in invoices_of(fresh):
        word = Word(number=number, event=event, at=stage.clock.now())
        stage.known[name].append(word)
