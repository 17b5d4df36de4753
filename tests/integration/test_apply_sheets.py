"""What of a proposed configuration is put in force: a bad sheet is refused, and it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.app.apply import apply, carry_out, fit
from pipeline.app.standing import suspend
from pipeline.model.api_sheet import Access, ApiSheet
from pipeline.model.connection import Connection, Door, Role
from pipeline.model.directory import Directory, Kind, Route, Structure, Validity, day_of
from pipeline.model.offered import Offered
from pipeline.model.settings import Settings
from pipeline.model.standing import MoveCause, SheetState
from pipeline.ports.ledger import Sheets
from tests.hubs import World, opened

#: Keys of no server: 32 zero bytes.
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SIRET, WRONG_SIRET = "21750001600019", "21750001600018"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub with its partners in force."""
    with opened(tmp_path) as made:
        yield made


def offer(world: World, **changed: Connection) -> Offered:
    """Offer what is in force, with other versions of some sheets."""
    known = world.hub.ledger.sheets()
    return Offered(connections={**known.connections, **changed}, directory=known.directory)


def put_in_force(world: World, offered: Offered) -> tuple[str, ...]:
    """Apply what fits; return what was said of the rest."""
    found = fit(world.hub, offered)
    apply(world.hub, found.sheets)
    return found.faults


def in_force(world: World) -> dict[str, Connection]:
    """Return the sheets in force."""
    return dict(world.hub.ledger.sheets().connections)


def a_receiver(**said: object) -> Connection:
    """Return a new receiver's sheet."""
    door = Door(host="sftp.example", user="u", key="keys/new", host_key=HOST_KEY)
    return replace(Connection(name="new", partner="New", role=Role.RECEIVER, door=door), **said)  # type: ignore[arg-type]  # as the caller names them


def test_a_bad_sheet_stays_as_it_was_and_the_others_go_on(world: World) -> None:
    """One slip of the pen for one partner stops no other, nor the partner's other sheets."""
    before = in_force(world)
    name, other = sorted(before)[:2]
    bad = replace(before[name], profile="no-such-profile")
    good = replace(before[other], inbox="drop")

    faults = put_in_force(world, offer(world, **{name: bad, other: good}))

    assert in_force(world) == {**before, other: good}
    assert faults[0].startswith(f"{name}: profile: « no-such-profile » inconnu / unknown (")
    assert faults[1:] == (f"{name}: la version en vigueur reste / the version in force stays",)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        pytest.param(
            {"structure": WRONG_SIRET},
            f"new: structure: « {WRONG_SIRET} » n'est pas un SIRET",
            id="wrong SIRET",
        ),
        pytest.param(
            {"interfaces": ("FSO9999A",)},
            "new: interfaces: « FSO9999A » inconnu / unknown",
            id="unknown interface",
        ),
        pytest.param(
            {"structure": SIRET, "private": True},
            f"new: structure: le SIREN {SIRET[:9]}, entreprise privée, n'est pas inscrit",
            id="not in the pilot",
        ),
    ],
)
def test_a_new_sheet_that_is_wrong_is_refused_with_its_field(
    world: World, said: dict[str, object], fault: str
) -> None:
    """It is told what was found, and what to do; nothing of it is in force."""
    before = in_force(world)

    faults = put_in_force(world, offer(world, new=a_receiver(**said)))

    assert in_force(world) == before
    assert faults[0].startswith(fault)
    assert faults[1:] == ("new: n'est pas mise en vigueur / is not put in force",)


def test_a_private_company_is_taken_while_it_is_registered(world: World) -> None:
    """The day that counts is the first day of the agreement, or today where that is past."""
    today = day_of(world.clock.now())
    sheet = a_receiver(structure=SIRET, private=True)
    since = replace(sheet, start_date=today.replace(year=today.year + 1))
    register = {SIRET[:9]: (Validity(None, today), Validity(since.start_date, None))}
    offered = {one: replace(offer(world, new=one), pilot=register) for one in (sheet, since)}

    assert [bool(fit(world.hub, one).faults) for one in offered.values()] == [True, False]


def test_whom_the_directory_calls_private_needs_no_word_of_the_sheet(world: World) -> None:
    """Leaving `private` out lets nobody around the register."""
    listed = Structure(siret=SIRET, name="Une", kind=Kind.PRIVATE)
    offered = offer(world, new=a_receiver(structure=SIRET))
    known = world.hub.ledger.sheets().directory
    directory = Directory({**known.structures, SIRET: listed}, known.routes)

    assert fit(world.hub, replace(offered, directory=directory)).faults
    assert not fit(world.hub, offered).faults


def test_routes_that_lead_nowhere_are_refused_whole(world: World) -> None:
    """Without the first of two routes, what is for it would go where the second leads."""
    before = world.hub.ledger.sheets()
    (receiver, *_) = (one for one in before.connections.values() if one.role is Role.RECEIVER)
    routes = (Route(connection="new", buyer_siret=SIRET), Route(connection=receiver.name))
    bad = a_receiver(structure=WRONG_SIRET)
    offered = replace(offer(world, new=bad), directory=replace(before.directory, routes=routes))

    faults = put_in_force(world, offered)

    assert world.hub.ledger.sheets().directory.routes == before.directory.routes
    assert "routes.toml: route 1: connection: « new » n'existe pas / does not exist" in faults
    assert faults[-1].startswith("les routes en vigueur restent")


def test_a_sheet_that_routes_in_force_need_stays_with_them(world: World) -> None:
    """Else what is routed there would wait for a door that nobody has."""
    before = world.hub.ledger.sheets()
    needed = {route.connection for route in before.directory.routes}
    others = {name: one for name, one in before.connections.items() if name not in needed}
    routes = (Route(connection="nobody"),)

    put_in_force(
        world,
        Offered(connections=others, directory=replace(before.directory, routes=routes)),
    )

    assert in_force(world) == before.connections


def test_nothing_is_withdrawn_while_a_file_cannot_be_read(world: World) -> None:
    """It may be the sheet of anybody: closing it would stop a partner for a missing quote."""
    before = in_force(world)
    name, *others = sorted(before)
    kept = {one: before[one] for one in others}
    directory = replace(world.hub.ledger.sheets().directory, routes=())
    strayed = Offered(connections=kept, strays=("a.toml: no TOML",), directory=directory)

    faults = put_in_force(world, strayed)
    with_stray = in_force(world)
    put_in_force(world, replace(strayed, strays=()))

    assert with_stray == before
    assert faults[0] == "a.toml: no TOML"
    assert "no sheet is withdrawn" in faults[1]
    assert in_force(world) == kept, f"{name} is gone once every file can be read"


def test_a_directory_that_cannot_be_read_stays_and_sheets_go_on(world: World) -> None:
    """A bad line of structures.csv is no reason to keep a new host key from being put in force."""
    before = world.hub.ledger.sheets()
    name, *_ = sorted(before.connections)
    changed = replace(before.connections[name], out="answers")
    offered = replace(
        offer(world, **{name: changed}), directory=None, directory_faults=("s.csv:2: siret: x",)
    )

    faults = put_in_force(world, offered)

    assert in_force(world)[name] == changed
    assert world.hub.ledger.sheets().directory == before.directory
    assert faults == (
        "s.csv:2: siret: x",
        "l'annuaire en vigueur reste / the directory in force stays",
    )


def test_a_suspended_sheet_that_is_applied_again_stays_suspended(world: World) -> None:
    """`config/` proposes what a sheet says, never whether it may carry traffic."""
    ledger = world.hub.ledger
    name = min(ledger.sheets().connections)
    before = ledger.sheets().standing[name]
    moved = replace(
        before,
        state=SheetState.SUSPENDED,
        since=world.clock.now(),
        cause=MoveCause.OPERATOR,
        reason="r",
        resumes=before.state,
    )
    ledger.move_sheet(before, moved)

    put_in_force(world, offer(world, **{name: replace(in_force(world)[name], out="answers")}))

    assert ledger.sheets().standing[name] == moved


# -- what is read of files

DOOR = '[door]\nhost = "sftp.example"\nuser = "u"\nkey = "keys/{name}"\nhost_key = "{host_key}"\n'


def write(place: bootstrap.Workspace, name: str, top: str = "", host_key: str = HOST_KEY) -> None:
    """Write a receiver's sheet."""
    text = f'name = "{name}"\npartner = "P"\nrole = "receiver"\n{top}\n'
    path = place.config / "connections" / f"{name}.toml"
    path.write_text(text + DOOR.format(name=name, host_key=host_key), encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> bootstrap.Workspace:
    """A workspace of which only the configuration is there."""
    made = bootstrap.workspace(tmp_path)
    (made.config / "connections").mkdir(parents=True)
    (made.config / "directory").mkdir()
    (made.home / "keys").mkdir()
    return made


@pytest.mark.parametrize("name", ["Good", "../good", ""])
def test_a_name_that_can_be_none_withdraws_nobodys_sheet(
    place: bootstrap.Workspace, name: str
) -> None:
    """A slip in the line of the name is no end of an agreement: the file may be anybody's."""
    write(place, "good")
    path = place.config / "connections" / "good.toml"
    path.write_text(path.read_text().replace('name = "good"', f'name = "{name}"'))

    read = bootstrap.offered(place)

    assert (read.connections, read.faults) == ({}, {})
    assert "good.toml: name: n'a pas la forme attendue" in read.strays[0]


def test_one_bad_file_hides_no_other(place: bootstrap.Workspace) -> None:
    """Each is told of by the name that it gives itself; of what is no TOML nobody knows whose."""
    write(place, "good")
    write(place, "unknown-key", "role2 = 1")
    (place.config / "connections" / "broken.toml").write_text("name = \n")

    read = bootstrap.offered(place)

    assert set(read.connections) == {"good"}
    ((name, (fault,)),) = read.faults.items()
    assert name == "unknown-key"
    assert "unknown-key.toml: role2: clé inconnue / Extra inputs" in fault
    assert len(read.strays) == 1
    assert "broken.toml" in read.strays[0]


def test_a_bad_register_registers_nobody_and_is_told(place: bootstrap.Workspace) -> None:
    """Each row with its line: a SIREN with a wrong key is somebody else's, or nobody's."""
    write(place, "city")
    register = place.config / "directory" / "pilot.csv"
    register.write_text("siren,since,until\n217500016,2026-09-01,\n217500016,,2026-01-01\n")
    good = bootstrap.offered(place).pilot
    register.write_text("siren,since,until\n217500017,,\n217500016,2026-09-02,2026-09-01\n")

    bad = bootstrap.offered(place)

    assert [one.since is None for one in good["217500016"]] == [False, True]
    assert (bad.pilot, bad.directory) == ({}, None)
    assert [fault.split("pilot.csv")[1][:9] for fault in bad.directory_faults] == [
        ":2: siren",
        ":3: since",
    ]


# -- sheets of the API

OAUTH = ApiSheet(name="editor", partner="Editor")
BY_CERTIFICATE = ApiSheet(
    name="editor",
    partner="Editor",
    access=Access.CERTIFICATE,
    certificate="editor.pem",
    start_date=date(2024, 1, 1),
)


def with_api(world: World, sheet: ApiSheet) -> Offered:
    """Offer what is in force with one sheet of the API."""
    return replace(offer(world), apis={sheet.name: sheet})


def test_access_by_certificate_is_renewed_and_never_made_anew(world: World) -> None:
    """The refusal points to OAuth2; an agreement that began elsewhere may be brought in."""
    made_anew = fit(world.hub, with_api(world, BY_CERTIFICATE))
    brought = replace(world.hub, settings=Settings(api_certificates_until=date(2025, 1, 1)))
    world.hub.ledger.apply(
        Sheets(in_force(world), made_anew.sheets.directory, {"editor": BY_CERTIFICATE}),
        "operator:ana",
        world.clock.now(),
    )
    other_key = replace(BY_CERTIFICATE, certificate="next.pem", start_date=None)
    faults = {
        "anew": made_anew.faults,
        "brought": fit(brought, with_api(world, BY_CERTIFICATE)).faults,
        "renewed": fit(world.hub, with_api(world, other_key)).faults,
        "other's": fit(world.hub, with_api(world, replace(other_key, partner="Q"))).faults,
    }

    oauth = {why: [one for one in told if "oauth2" in one] for why, told in faults.items()}
    assert {why: len(told) for why, told in oauth.items()} == {
        "anew": 1,
        "brought": 0,
        "renewed": 0,
        "other's": 1,
    }
    assert "use access = 'oauth2'" in oauth["anew"][0]


def test_an_api_sheet_is_kept_by_version_and_stands_like_any_other(world: World) -> None:
    """It is suspended and closed by name; no pass is made for it, since it has no door."""
    ledger = world.hub.ledger
    found = fit(world.hub, with_api(world, OAUTH))
    done = carry_out(world.hub, found.sheets)
    again = carry_out(world.hub, fit(world.hub, with_api(world, OAUTH)).sheets)
    ana = replace(world.hub, by="operator:ana")
    suspend(ana, "editor", "audit")
    kept = fit(world.hub, replace(offer(world), strays=("x.toml: no TOML",)))

    assert (found.faults, again.changes) == ((), ())
    assert [(one.subject, one.after) for one in done.changes] == [
        ("api editor", "présent / present")
    ]
    assert ledger.sheets().apis == {"editor": OAUTH}
    assert ledger.sheets().state("editor") is SheetState.SUSPENDED
    assert [one.connection for one in ledger.versions("editor")] == [OAUTH]
    assert kept.sheets.apis == {"editor": OAUTH}, "nothing is withdrawn while a file is unread"
