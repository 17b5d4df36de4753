"""The scenario of the B2B pilot: a receiver goes from a draft to production beside live traffic.

Everything is done by the hub's own use cases, by two persons, on a clock that is moved on by
days; what is told of files was read by the partners, through their own accounts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply, carry_out, fit
from pipeline.app.approve import approve, pending
from pipeline.app.directory import carry_out_import, plan_import
from pipeline.app.hub import Hub, sheet_of
from pipeline.app.rollover import try_out
from pipeline.app.run import Progress
from pipeline.app.standing import note_passed, promote
from pipeline.app.trial import STEPS, try_sheet
from pipeline.entry.scenario import Step, StoryClock, Told
from pipeline.entry.small_world import (
    Partners,
    all_agrees,
    make_anew,
    open_world,
    run_until_quiet,
    sheet_text,
    write_sheet,
)
from pipeline.model.conversion import Form
from pipeline.model.credential import Turn
from pipeline.model.directory import day_of
from pipeline.model.errors import ConfigError
from pipeline.model.limits import WIDE
from pipeline.model.settings import Encryption
from pipeline.syntax.parse import parse
from pipeline.syntax.recognise import family, recognise

_DAY = timedelta(days=1)
#: The day begins in the morning, so that no step crosses midnight in Paris.
_MORNING = time(8, tzinfo=UTC)

#: Who acts: one proposes, the other agrees.
_ANA, _BRUNO = "operator:ana", "operator:bruno"

#: The receiver that is led to production, and where its invoices go until then.
_NEW, _TODAY = "imprimerie-b2b", "imprimerie-exemple"
_SENDER, _SECOND, _OTHER = "papeterie", "papeterie-avoirs", "traiteur"
_TOWN = "ville-exemple"

_SIRETS = {
    _TOWN: "21000123600012",
    "hopital-exemple": "26000456900018",
    "musee-exemple": "18000457400018",
    "lycee-exemple": "19000791400012",
    _TODAY: "09100016600016",
}
#: The town wants a service named, this one; the other is open later.
_SERVICE, _NEW_SERVICE = "TECHNIQUE", "VOIRIE"

#: Our sample for each sender, and whom it bills. Of UBL the rules allow one number of a buyer, its
#: SIRET; so whoever names a service writes CII.
_INVOICES = {
    _SENDER: ("ubl-380-fournitures.xml", "21000123600012"),
    _OTHER: ("ubl-380-une-ligne.xml", "21000123600012"),
}
_NAMING = ("cii-380-fournitures.xml", "26000456900018")
_NUMBER = re.compile(r"F26-\d+")
_ID = '<ram:GlobalID schemeID="{scheme}">{value}</ram:GlobalID>'

_SENDS = 'role = "sender"\nscanner = "none"\nprofile = "en16931"\n'
_TAKES = 'role = "receiver"\nenvelope = "single"\n'
_SHEETS = {
    _SENDER: f"""{_SENDS}certificate = "certificates/papeterie.pem"

[next]
certificate = "certificates/papeterie-suivant.pem"
""",
    _SECOND: f'partner = "papeterie"\n{_SENDS}certificate = "certificates/papeterie-avoirs.pem"\n',
    _OTHER: _SENDS,
    _TOWN: f'{_TAKES}original = "none"\nformat = "cii"\n',
    "hopital-exemple": f'{_TAKES}original = "none"\nformat = "ubl"\n',
    "musee-exemple": f'{_TAKES}original = "none"\nformat = "factur-x"\n',
    "lycee-exemple": f'{_TAKES}format = "pivot"\napplication_code = "LYC001"\n',
    _TODAY: _TAKES,
    _NEW: f"""partner = "imprimerie-exemple"
{_TAKES}original = "none"
format = "cii"
structure = "{_SIRETS[_TODAY]}"
private = true

[trial]
shadow = "test"
folder = "test"
suppliers = ["091000018"]
documents_a_day = 10
clean_days = 2
""",
}
#: Days from the beginning on which certificates end; the last one follows the first.
_ENDS = {"papeterie": 10, "papeterie-avoirs": 10, "papeterie-suivant": 400}


#: What is done at each step, French and English, in order.
_SAYS: Mapping[str, tuple[str, str]] = {
    "not-registered": (
        "Fiche d'une entreprise non inscrite au pilote : refusée, et elle seule",
        "Sheet of a company that is not registered for the pilot: refused, and it alone",
    ),
    "draft": (
        "Inscrite : la fiche est un brouillon, sa route attend une autre personne",
        "Registered: the sheet is a draft, its route waits for another person",
    ),
    "tested": (
        "La porte et un flux d'exemple sont essayés, rien n'est pris ni laissé",
        "Door and sample flow are tried, nothing is taken or left behind",
    ),
    "approved": (
        "Qui a proposé ne peut approuver ; une autre personne approuve fiche et route",
        "Whoever proposed cannot approve; another person approves sheet and route",
    ),
    "four-formats": (
        "Quatre destinataires, quatre formats, tirés de factures UBL et CII",
        "Four receivers, four formats, made of invoices in UBL and CII",
    ),
    "service-missing": (
        "Code service absent, que la ville exige : le fournisseur lit le refus et son motif",
        "No service code, which the town demands: the supplier reads the refusal and why",
    ),
    "shadow": (
        "À blanc deux jours : copies en test/, remises par la voie d'avant",
        "Two days in shadow: copies in test/, deliveries the way they went before",
    ),
    "pilot": (
        "Pilote deux jours : le fournisseur nommé par la nouvelle voie, l'autre par l'autre",
        "Two days in pilot: the supplier named comes the new way, the other the old one",
    ),
    "production": ("En production : tout par la nouvelle voie", "In production: all the new way"),
    "directory-shown": (
        "Un service s'ouvre : l'import montre ce qui, refusé hier, passerait, et attend",
        "A service opens: the import shows what was refused and would pass, and waits",
    ),
    "directory-in-force": (
        "Une autre personne approuve : la facture suivante pour ce service est remise",
        "Another person approves: the next invoice for that service is delivered",
    ),
    "certificate-rolled-over": (
        "Le certificat prend fin : le suivant, essayé d'avance, a pris sa place",
        "The certificate ends: the next one, tried beforehand, has taken over",
    ),
    "certificate-expired": (
        "Sans suivant, l'autre fiche du partenaire est suspendue, seule ; rien n'est perdu",
        "Without a next one the partner's other sheet is suspended, alone; nothing is lost",
    ),
}


@dataclass(frozen=True, slots=True)
class _Bill:
    """An invoice that is to be sent.

    Attributes:
        sender: Who bills.
        buyer: Who is billed.
        service: Service of the buyer's that is named; empty for none.
        through: Sheet whose folder it is dropped in, where it is not the sender's first one.
    """

    sender: str
    buyer: str
    service: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class _Story:
    """What the steps of the story share.

    Attributes:
        place: The workspace.
        partners: Their side.
        hub: The hub, as the one who proposes has it.
        clock: The hub's.
        progress: Told of every step of a run.
        numbers: Of the invoices.
    """

    place: bootstrap.Workspace
    partners: Partners
    hub: Hub
    clock: StoryClock
    progress: Progress
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def second(self) -> Hub:
        """Return the hub as the second person has it."""
        return replace(self.hub, by=_BRUNO)

    def state(self, name: str) -> str:
        """Return where a sheet stands."""
        return self.hub.ledger.sheets().state(name).value

    def propose(self, name: str) -> None:
        """Write a sheet into ``config/``."""
        door = self.partners.sheets[name].door
        write_sheet(self.place, sheet_text(name, _SHEETS[name], door.port, door.host_key))

    def send(self, *bills: _Bill) -> list[str]:
        """Drop invoices as their senders, run the jobs; return the names of the files."""
        names = []
        for bill in bills:
            number = f"B2B-{next(self.numbers):03d}"
            names.append(f"{number}.xml")
            self.partners.drop(bill.through or bill.sender, [(names[-1], _written(bill, number))])
        run_until_quiet(self.hub, self.progress)
        return names

    def came(self, *bills: _Bill) -> dict[str, int]:
        """Send invoices; count what both ways to the new receiver's company find then."""
        folders = {"new": (_NEW, "out"), "test": (_NEW, "test"), "other_way": (_TODAY, "out")}
        before = {key: len(self.partners.read(*one)) for key, one in folders.items()}
        self.send(*bills)
        return {key: len(self.partners.read(*one)) - before[key] for key, one in folders.items()}

    def answer(self, sender: str, name: str) -> tuple[str, list[str]]:
        """Return what a sender reads of its file: the outcome, and the codes of why."""
        for file, payload in self.partners.read(sender).items():
            told = json.loads(payload) if file.endswith(".json") else {}
            if told and told["interchange"]["name"] == name:
                reasons = [one for each in told["documents"] for one in each["reasons"]]
                return told["outcome"], [one["code"] for one in reasons]
        return "", []


def tell(home: Path, progress: Progress) -> Told:
    """Play the scenario in a workspace of its own, made anew at every call.

    Args:
        home: Its folder.
        progress: Told of every step of a run.

    Raises:
        ConfigError: `home` holds something that no demonstration made, or a connection of the
            story's own could not be used.
    """
    make_anew(home)
    place = bootstrap.workspace(home)
    with open_world(home, _SHEETS) as partners, _opened(place, partners, progress) as story:
        steps = tuple(step for act in _ACTS for step in act(story))
        return Told(steps, all_agrees(story.hub.ledger, partners))


# -- what there is before the story begins
@contextmanager
def _opened(
    place: bootstrap.Workspace, partners: Partners, progress: Progress
) -> Iterator[_Story]:
    """Open a hub whose older partners are in production, and which asks for four eyes from now on.

    Yields:
        The story before its first step.
    """
    bootstrap.initialise(place, Encryption.NONE)  # its invoices are the samples of the project
    begins = datetime.combine(bootstrap.now().date() + _DAY, _MORNING)
    _issue(place, begins)
    _write_directory(place)
    (place.home / "sftp" / _NEW / "test").mkdir()
    with bootstrap.alone(place):
        with bootstrap.open_hub(place, by=_ANA) as hub:
            story = _Story(place, partners, hub, StoryClock(hub.clock, begins), progress)
            for name in partners.sheets.keys() - {_NEW}:
                story.propose(name)
            apply(replace(hub, clock=story.clock), bootstrap.proposed_sheets(place))
        _demand_four_eyes(place)
        with bootstrap.open_hub(place, by=_ANA, log_to_file=True) as hub:
            clock = StoryClock(hub.clock, begins)
            yield _Story(place, partners, replace(hub, clock=clock), clock, progress)


def _issue(place: bootstrap.Workspace, begins: datetime) -> None:
    """Write the partners' certificates, and that of the authority behind them."""
    since = begins - 30 * _DAY
    authority = bootstrap.own_authority("Autorité d'Exemple", since)
    anchors, folder = place.config / "anchors", place.home / "certificates"
    for path in (anchors, folder):
        path.mkdir()
    (anchors / "exemple.pem").write_bytes(authority.pem)
    for name, days in _ENDS.items():
        made = authority.issue(name, since, begins + days * _DAY)
        (folder / f"{name}.pem").write_bytes(made)


def _write_directory(place: bootstrap.Workspace) -> None:
    """Fill in who can be billed; of the town alone a service has to be named."""
    folder = place.config / "directory"
    demands = {name: "true" if name == _TOWN else "false" for name in _SIRETS}
    rows = [f"{siret},{name},true,{demands[name]}" for name, siret in _SIRETS.items()]
    text = "\n".join(("siret,name,active,service", *rows))
    (folder / "structures.csv").write_text(f"{text}\n", encoding="utf-8")
    _write_service(folder / "services.csv", _SERVICE)
    _write_routes(place, _SIRETS)


def _write_service(path: Path, code: str) -> None:
    text = f"siret,code,name,active\n{_SIRETS[_TOWN]},{code},{code.capitalize()},true\n"
    path.write_text(text, encoding="utf-8")


def _write_routes(place: bootstrap.Workspace, names: Iterable[str]) -> None:
    """Write a route to each receiver; of two for one company the first counts."""
    routes = [
        f'[[route]]\nconnection = "{name}"\nbuyer_siret = "{_SIRETS.get(name, _SIRETS[_TODAY])}"\n'
        for name in names
    ]
    path = place.config / "directory" / "routes.toml"
    path.write_text("\n".join(routes), encoding="utf-8")


def _demand_four_eyes(place: bootstrap.Workspace) -> None:
    path = place.config / "pipeline.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('approval = "none"', 'approval = "four-eyes"'), encoding="utf-8")


def _written(bill: _Bill, number: str) -> bytes:
    """Return a sample of the sender's with another number, buyer and service."""
    name, billed = _NAMING if bill.buyer == _TOWN else _INVOICES[bill.sender]
    text = (bootstrap.samples() / "invoices" / name).read_text(encoding="utf-8")
    text = _NUMBER.sub(number, text, count=1)
    siret, service = _SIRETS[bill.buyer], _ID.format(scheme="0224", value=bill.service)
    if bill.service:
        party = _ID.format(scheme="0009", value=billed)
        text = text.replace(party, party + service)
    return text.replace(billed, siret).replace(billed[:9], siret[:9]).encode()


# -- the story
def _begin(story: _Story) -> Iterator[Step]:
    """A company is registered for the pilot before its sheet may be a draft."""
    hub, place = story.hub, story.place
    story.propose(_NEW)
    refused = fit(hub, bootstrap.offered(place))
    yield _step(
        "not-registered",
        refused=([_NEW], sorted({fault.partition(":")[0] for fault in refused.faults})),
        in_force=(False, _NEW in refused.sheets.connections),
    )
    line = f"siren,since,until\n{_SIRETS[_TODAY][:9]},,\n"
    (place.config / "directory" / "pilot.csv").write_text(line, encoding="utf-8")
    _write_routes(place, (_NEW, *_SIRETS))
    carry_out(hub, fit(hub, bootstrap.offered(place)).sheets)
    yield _step(
        "draft",
        state=("draft", story.state(_NEW)),
        proposed=(1, len(pending(hub))),
    )


def _agree(story: _Story) -> Iterator[Step]:
    """The sheet is tested, and a second person approves it and its route."""
    hub = story.hub
    sheets = hub.ledger.sheets()
    sheet = sheet_of(sheets, _NEW)
    tried = list(try_sheet(hub, sheet, bootstrap.sample_flow(sheet, hub.interfaces, None)))
    if all(one.passed for one in tried):
        note_passed(hub, sheets.standing[_NEW])
    yield _step(
        "tested",
        passed=(list(STEPS), [one.step for one in tried if one.passed]),
        left_behind=(0, len(story.partners.read(_NEW))),
        state=("tested", story.state(_NEW)),
    )
    alone = _refused(lambda: approve(hub, _NEW))
    approve(story.second, _NEW)
    for one in pending(hub):
        approve(story.second, one.proposal.id)
    standing = hub.ledger.sheets().standing[_NEW]
    yield _step(
        "approved",
        author_refused=(True, alone),
        state=("approved", standing.state.value),
        by=(_BRUNO, standing.by),
        proposed=(0, len(pending(hub))),
    )


def _deliver(story: _Story) -> Iterator[Step]:
    """One invoice each to four receivers, and one without the service that the town wants."""
    forms = {
        name: sheet.carriage.form
        for name, sheet in story.partners.sheets.items()
        if name in _SIRETS and name != _TODAY
    }
    story.send(*(_Bill(_SENDER, name, _SERVICE if name == _TOWN else "") for name in forms))
    found = {name: [_form(one) for one in story.partners.read(name).values()] for name in forms}
    yield _step(
        "four-formats", **{name: ([form.value], found[name]) for name, form in forms.items()}
    )
    (name,) = story.send(_Bill(_SENDER, _TOWN))
    outcome, codes = story.answer(_SENDER, name)
    yield _step(
        "service-missing",
        outcome=("rejected", outcome),
        codes=(["REJ_CONT_B2G"], codes),
        delivered=(1, len(story.partners.read(_TOWN))),
    )


def _rehearse(story: _Story) -> Iterator[Step]:
    """In shadow: copies in the test folder, deliveries where they went before."""
    bill = _Bill(_SENDER, _TODAY)
    promote(story.hub, _NEW, "début à blanc")
    first = story.came(bill)
    early = _refused(lambda: promote(story.hub, _NEW, "trop tôt"))
    story.clock.move(_DAY)
    second = story.came(bill)
    yield _step(
        "shadow",
        state=("shadow", story.state(_NEW)),
        copies=([1, 1], [first["test"], second["test"]]),
        out=(0, first["new"] + second["new"]),
        before=(2, first["other_way"] + second["other_way"]),
        early=(True, early),
    )


def _pilot(story: _Story) -> Iterator[Step]:
    """In pilot the supplier that is named comes the new way, everybody once in production."""
    bills = (_Bill(_SENDER, _TODAY), _Bill(_OTHER, _TODAY))
    promote(story.hub, _NEW, "deux jours sans faute")
    days = []
    for _ in range(2):
        story.clock.move(_DAY)
        days.append(story.came(*bills))
    split = {"new": 1, "test": 0, "other_way": 1}
    yield _step(
        "pilot",
        state=("pilot", story.state(_NEW)),
        days=([split, split], days),
    )
    promote(story.hub, _NEW, "pilote concluant")
    story.clock.move(_DAY)
    yield _step(
        "production",
        state=("production", story.state(_NEW)),
        came=({"new": 2, "test": 0, "other_way": 0}, story.came(*bills)),
    )


def _redirect(story: _Story) -> Iterator[Step]:
    """A service is opened: what that changes is shown, approved, and then in force."""
    hub, bill = story.hub, _Bill(_SENDER, _TOWN, _NEW_SERVICE)
    (name,) = story.send(bill)
    path = story.place.home / "service-voirie.csv"
    _write_service(path, _NEW_SERVICE)
    update = bootstrap.directory_update(path, full=False)
    plan = plan_import(hub, update, days=30, on=day_of(hub.clock.now()))
    carry_out_import(hub, plan, path.name, update)
    yield _step(
        "directory-shown",
        refused=(("rejected", ["DEST_INC"]), story.answer(_SENDER, name)),
        shown=(
            [("DEST_INC", f"→ {_TOWN}", 1)],
            [(str(one.before), str(one.after), one.documents) for one in plan.redirected],
        ),
        proposed=(1, len(pending(hub))),
        in_force=(False, _is_open(hub, _NEW_SERVICE)),
    )
    for one in pending(hub):
        approve(story.second, one.proposal.id)
    (name,) = story.send(bill)
    yield _step(
        "directory-in-force",
        in_force=(True, _is_open(hub, _NEW_SERVICE)),
        answer=(("accepted", []), story.answer(_SENDER, name)),
        delivered=(2, len(story.partners.read(_TOWN))),
    )


def _is_open(hub: Hub, service: str) -> bool:
    return service in hub.ledger.sheets().directory.structures[_SIRETS[_TOWN]].services


def _outlive(story: _Story) -> Iterator[Step]:
    """Two certificates of one partner end: one has a successor, the other has none."""
    sheet = sheet_of(story.hub.ledger.sheets(), _SENDER)
    ready = [one.works for one in try_out(story.hub, sheet) if one.turn is Turn.NEXT]
    story.clock.move(_ENDS[_SENDER] * _DAY)
    names = story.send(_Bill(_SENDER, _TODAY), _Bill(_SENDER, _TODAY, through=_SECOND))
    sheet = sheet_of(story.hub.ledger.sheets(), _SENDER)
    yield _step(
        "certificate-rolled-over",
        next_works=([True], ready),
        in_use=("certificates/papeterie-suivant.pem", sheet.certificate),
        state=("production", story.state(_SENDER)),
        answer=(("accepted", []), story.answer(_SENDER, names[0])),
    )
    standing = story.hub.ledger.sheets().standing
    yield _step(
        "certificate-expired",
        suspended=([_SECOND], [n for n in sorted(standing) if story.state(n) == "suspended"]),
        cause=("certificate", standing[_SECOND].cause.value),
        still_there=([names[1]], sorted(story.partners.read(_SECOND, "in"))),
    )


_ACTS: tuple[Callable[[_Story], Iterator[Step]], ...] = (
    _begin,
    _agree,
    _deliver,
    _rehearse,
    _pilot,
    _redirect,
    _outlive,
)


# -- what is looked at
def _step(name: str, **facts: tuple[object, object]) -> Step:
    """Return a step, with what was expected and seen of each fact."""
    return Step(
        name=name,
        says=_SAYS[name],
        expected={key: expected for key, (expected, _) in facts.items()},
        seen={key: seen for key, (_, seen) in facts.items()},
    )


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except ConfigError:
        return True
    return False


def _form(payload: bytes) -> str:
    """Return which form a file has, as its reader finds out."""
    if payload.startswith(b"%PDF"):
        return Form.FACTURX.value
    root = parse(payload, WIDE)
    syntax = recognise(root)
    if syntax is None:
        return Form.PIVOT.value if root.tag == "CPPFacturePivot" else str(root.tag)
    return family(syntax)
