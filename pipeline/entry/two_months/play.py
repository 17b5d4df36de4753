"""Plays the two months: partners drop files, days pass, and at the end everybody is asked.

No verb is used and nothing is declared: whatever a partner does is a file that it leaves
through its own account. What each side is said to know was read from its own folders.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
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
from pipeline.entry.two_months.parties import PARTIES, UNKNOWN, Party, Speech
from pipeline.entry.two_months.reading import Word, invoices_of, leads_to
from pipeline.entry.two_months.story import (
    BEGINS,
    MANDATED,
    OWNED,
    STORY,
    SUPERVISED,
    Act,
    Row,
    check,
)
from pipeline.entry.two_months.writing import Bill, Said, flow_name, invoice, statuses
from pipeline.model.life import Actor, Circuit, Event
from pipeline.model.settings import Encryption
from pipeline.syntax.cdar import Cdar

_DAY = timedelta(days=1)
_TERM = 30 * _DAY
_Drop = tuple[str, bytes]


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
        for day in _days(rows):
            _play_day(stage, day, rows)
        return look(stage.hub, partners, rows, stage.deposits, stage.known)


def _days(rows: Sequence[Row]) -> list[int]:
    """Return the days on which something happens; a last day to answer ends with the night."""
    acts = {act for row in rows for act in row.acts}
    silent = {act.day + 1 for act in acts if act.actor is Actor.CLOCK}
    said = {act.day for act in acts if act.actor is not Actor.CLOCK}
    return sorted({row.day for row in rows} | said | silent)


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
        # nobody drops while the hub works: what lies there is whole
        write_sheet(place, sheet_text(name, party.sheet, door.port, door.host_key, stable_s=0))
    _write_directory(place)
    _name_validators(place)
    with bootstrap.alone(place), bootstrap.open_hub(place, by="run:demo", log_to_file=True) as hub:
        clock = StoryClock(hub.clock, BEGINS)
        own = replace(hub, clock=clock)
        apply(own, bootstrap.proposed_sheets(place))
        yield _Stage(partners, own, clock, bootstrap.cdar_writer(place), progress)


def _write_directory(place: bootstrap.Workspace) -> None:
    folder = place.config / "directory"
    billed = [party for party in PARTIES.values() if not party.vat]
    lines = ["siret,name,active", *(f"{one.siret},{one.title},true" for one in billed)]
    (folder / "structures.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    routes = (
        f'[[route]]\nconnection = "{one.name}"\nbuyer_siret = "{one.siret}"\n' for one in billed
    )
    (folder / "routes.toml").write_text("\n".join(routes), encoding="utf-8")


def _name_validators(place: bootstrap.Workspace) -> None:
    """Tell the hub who validates where no invoice says it: by contract."""
    batisseur, mandataire = PARTIES["batisseur"], PARTIES["mandataire"]
    ville, moe, moa = (PARTIES[name] for name in ("ville", "architecte", "amenageur"))
    mandate = {
        "contractor": batisseur.siret,
        "mandataire": mandataire.siret,
        "contract": MANDATED,
    }
    works = {"recipient": ville.siret, "moe": moe.siret}
    tables = (
        ("mandate", mandate),
        ("works", {**works, "contract": SUPERVISED}),
        ("works", {**works, "moa": moa.siret, "contract": OWNED}),
    )
    path = place.config / "pipeline.toml"
    lines = [path.read_text(encoding="utf-8")]
    for name, values in tables:
        lines += [f"[[validation.{name}]]", *(f'{key} = "{one}"' for key, one in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# -- one day
def _play_day(stage: _Stage, day: int, rows: Sequence[Row]) -> None:
    """Let a morning come, partners drop what they have to say, and the hub work."""
    stage.clock.move(BEGINS + (day - 1) * _DAY - stage.clock.now())
    drops: dict[str, list[_Drop]] = defaultdict(list)
    said: dict[str, list[Said]] = defaultdict(list)
    for row in rows:
        if row.day == day:
            name, payload = _deposit(stage, row)
            drops[row.supplier].append((name, payload))
            stage.deposits[row] = name
        for act in (one for one in row.acts if one.day == day):
            _act(stage, row, act, drops, said)
    for speaker, words in said.items():
        party = PARTIES[speaker]
        place = stage.next_flow(speaker, party.says)
        drops[speaker].append(statuses(stage.write, party, words, place))
    for name, files in drops.items():
        stage.partners.drop(name, files)
    run_until_quiet(stage.hub, stage.progress)
    for name in sorted({row.holder(day) for row in rows if not row.refused}):
        _look_in(stage, name)


def _deposit(stage: _Stage, row: Row) -> tuple[str, bytes]:
    """Write the first deposit of a row."""
    recipient = PARTIES.get(row.recipient, UNKNOWN)
    return _named(stage, row), invoice(_bill(row, recipient))


def _bill(row: Row, recipient: Party, *, paper: bool = False) -> Bill:
    """Return what the invoice of a row says, for whoever is its recipient now."""
    supplier, way = PARTIES[row.supplier], row.way
    issued = _issued(row)
    return Bill(
        number=row.number,
        supplier=supplier,
        recipient=recipient,
        named=PARTIES.get(row.recipient, UNKNOWN),
        issued=issued,
        due=issued + _TERM,
        frame=way.frame if way else supplier.frame,
        contract=way.contract if way else "",
        agent=PARTIES[way.validators[0]] if way and not way.is_works else None,
        replaces=row.replaces,
        paper=paper,
        flaw=row.flaw,
    )


def _issued(row: Row) -> date:
    return (BEGINS + (row.day - 1) * _DAY).date()


def _named(stage: _Stage, row: Row) -> str:
    """Return the name of the next file in which a row's invoice is deposited."""
    supplier, way = PARTIES[row.supplier], row.way
    code = supplier.works if way and way.is_works else supplier.deposits
    place = stage.next_flow(supplier.name, code)
    if not code:
        return f"{row.number}-{place:03d}.xml"
    return flow_name(code, supplier.application, place)


def _act(
    stage: _Stage, row: Row, act: Act, drops: dict[str, list[_Drop]], said: dict[str, list[Said]]
) -> None:
    """Add what somebody does on this day to what it drops or says, and to what it knows."""
    name = row.whose(act)
    if not name:
        return
    speaker, recipient = PARTIES[name], PARTIES[row.holder(act.day)]
    now = stage.clock.now().replace(microsecond=0)
    one = Said(
        number=row.number,
        issued=_issued(row),
        supplier=PARTIES[row.supplier],
        recipient=recipient,
        act=act,
        at=now,
        leads_to=row.leads_to(act),
        circuit=row.way.circuit if row.way else Circuit.DIRECT,
    )
    if act.event is Event.RESEND or (act.event is Event.COMPLETE and not speaker.says):
        completes = act.event is Event.COMPLETE
        drop = _named(stage, row), invoice(_bill(row, recipient, paper=completes))
        drops[speaker.name].append(drop)
    else:
        said[speaker.name].append(one)
    status = one.leads_to or leads_to(act.event, one.reasons)
    if status:
        stage.known[speaker.name].append(Word(number=row.number, status=status, at=now))


def _look_in(stage: _Stage, name: str) -> None:
    """Have a recipient read the invoices that are new in its folder.

    A pivot says itself why it comes again; whoever reads another form hears that in words.
    """
    known, mine = stage.found[name], stage.known[name]
    reads_pivots = PARTIES[name].speech in {Speech.N1, Speech.N2}
    fresh = {
        file: payload for file, payload in stage.partners.read(name).items() if file not in known
    }
    known.update(fresh)
    for number, status in invoices_of(fresh):
        if reads_pivots or all(one.number != number for one in mine):
            mine.append(Word(number=number, status=status, at=stage.clock.now()))
