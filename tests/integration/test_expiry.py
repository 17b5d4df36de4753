"""What ends is told in time, once, to whom it concerns; then its sheet stops, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.adapters.mail import SmtpMail
from pipeline.app.credentials import inventory
from pipeline.app.expiry import look_after_ends
from pipeline.app.run import run_once
from pipeline.app.standing import move, resume
from pipeline.app.verify import verify
from pipeline.model.connection import Successors
from pipeline.model.credential import CredentialKind
from pipeline.model.outbox import OutboxKind, OutboxRow
from pipeline.model.standing import MoveCause, SheetState
from pipeline.model.status import OutboxState
from pipeline.ports.failpoint import PHASES
from tests.authority import DAY, Issued, issue
from tests.clocks import NOON
from tests.hubs import World, opened
from tests.mailbox import Mailbox, open_mailbox

FailAt = Any
#: Whom partners' letters go to.
CONTACTS = {"caterer": "edi@caterer.example", "ville": "edi@ville.example"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hub whose partners have an authority in common; nobody is written to yet."""
    with opened(tmp_path) as made:
        (made.home / "config" / "anchors").mkdir(parents=True)
        yield made


@pytest.fixture
def root(world: World) -> Issued:
    """The authority that is believed."""
    made = issue("Root", authority=True, until=NOON + 3650 * DAY)
    (world.home / "config" / "anchors" / "root.pem").write_bytes(made.pem)
    return made


@pytest.fixture
def mailbox(world: World) -> Iterator[Mailbox]:
    """A mail server that the hub writes to."""
    with open_mailbox() as box:
        connect(world, box)
        yield box


def connect(world: World, box: Mailbox) -> None:
    """Let the hub write to people through a mail server from now on."""
    world.mail = SmtpMail(box.settings(), world.home)
    settings = replace(world.hub.settings, mail=box.settings())
    world.hub = replace(world.hub, mail=world.mail, settings=settings)


def give(world: World, root: Issued, ends: Mapping[str, datetime], **more: Any) -> None:
    """Give partners a certificate each, which ends when `ends` says, and put that in force."""
    for name, end in ends.items():
        (world.home / f"{name}.pem").write_bytes(issue(name, root, until=end).pem)
        sheet = replace(world.connections[name], certificate=f"{name}.pem", **more)
        world.connections[name] = replace(sheet, contact=CONTACTS.get(name))
    world.apply("ville", "hopital")


def letters(world: World) -> list[OutboxRow]:
    """Return the letters that were ever written."""
    return list(world.hub.ledger.outbox(kind=OutboxKind.LETTER))


def states(world: World) -> dict[str, SheetState]:
    """Return where each sheet stands."""
    return {name: one.state for name, one in world.hub.ledger.sheets().standing.items()}


def test_each_threshold_is_told_once_to_operator_and_partner(
    world: World, root: Issued, mailbox: Mailbox
) -> None:
    """Ninety days are enough to renew a certificate, if somebody knows."""
    give(world, root, {"caterer": NOON + 91 * DAY})
    said = []
    for days in (91, 90, 89, 60, 30, 15, 7, 1, 0.5, 0, -1):
        world.clock.moment = NOON + timedelta(days=91 - days)
        look_after_ends(world.hub, world.hub.ledger.sheets())
        look_after_ends(world.hub, world.hub.ledger.sheets())
        said.append(len(letters(world)))

    run_once(world.hub, insist=False)

    assert said == [0, 2, 2, 4, 6, 8, 10, 12, 12, 14, 14]
    assert len(mailbox.taken) == 14
    assert verify(world.hub.ledger, world.hub.archive).sound


def test_a_letter_says_what_ends_when_and_what_to_do(
    world: World, root: Issued, mailbox: Mailbox
) -> None:
    """In French, then in English; the partner is asked for the public part alone."""
    give(world, root, {"caterer": NOON + 20 * DAY})

    run_once(world.hub, insist=False)

    to = {str(one["To"]): one for one in mailbox.taken}
    operator, partner = to["ops@hub.example"], to["edi@caterer.example"]
    assert operator["Subject"] == (
        "EDI caterer : certificat, prend fin dans 20 jour(s) / certificate, ends in 20 day(s)"
    )
    text = operator.get_content()
    assert "CN=caterer" in text
    assert "22/03/2026 à 12:00 UTC" in text
    assert "edi certificates switch FICHE" in text
    assert "jamais la clé privée" in partner.get_content()
    assert "edi certificates" not in partner.get_content()


def test_a_late_start_tells_only_the_nearest(world: World, root: Issued, mailbox: Mailbox) -> None:
    """Whoever begins to use the hub is not told four times of one certificate."""
    give(world, root, {"caterer": NOON + 10 * DAY})

    run_once(world.hub, insist=False)

    assert {one["To"] for one in mailbox.taken} == {"ops@hub.example", "edi@caterer.example"}
    assert len(mailbox.taken) == 2
    assert list(world.hub.ledger.warned().values()) == [15]


def test_a_clock_that_is_set_back_repeats_nothing(world: World, root: Issued) -> None:
    """What was told of fewer days need not be told of more."""
    give(world, root, {"caterer": NOON + 10 * DAY})
    look_after_ends(world.hub, world.hub.ledger.sheets())
    world.clock.moment = NOON - 40 * DAY

    look_after_ends(world.hub, world.hub.ledger.sheets())

    assert list(world.hub.ledger.warned().values()) == [15]


def test_partners_who_share_a_key_are_not_told_of_each_other(
    world: World, root: Issued, mailbox: Mailbox
) -> None:
    """One letter an address, with the sheets of whom is written to; the operator sees all."""
    give(world, root, {"caterer": NOON + 10 * DAY})
    shared = replace(world.connections["ville"], certificate="caterer.pem")
    world.connections["ville"] = replace(shared, contact=CONTACTS["ville"])
    world.apply("ville", "hopital")

    run_once(world.hub, insist=False)

    named = {
        str(one["To"]): re.findall(r"Fiches : ([a-z, ]+)", one.get_content())
        for one in mailbox.taken
    }
    assert named == {
        "ops@hub.example": ["caterer, ville"],
        "edi@caterer.example": ["caterer"],
        "edi@ville.example": ["ville"],
    }


def test_a_mail_server_that_fails_delays_and_loses_nothing(
    world: World, root: Issued, mailbox: Mailbox
) -> None:
    """Letters wait in the outbox like any file, and the flows go on meanwhile."""
    give(world, root, {"caterer": NOON + 10 * DAY})
    mailbox.refuses = "451 later"
    failed = run_once(world.hub, insist=False).failed
    waiting = letters(world)

    mailbox.refuses = ""
    world.clock.move(timedelta(minutes=1))
    run_once(world.hub, insist=False)

    assert [(one.state, one.attempts) for one in waiting] == [(OutboxState.PENDING, 1)] * 2
    assert all("451 later" in said for said in failed.values())
    assert {one.state for one in letters(world)} == {OutboxState.SENT}
    assert len(mailbox.taken) == 2


def test_without_a_mail_server_it_stands_on_record(world: World, root: Issued) -> None:
    """Nobody is written to, and a server that is named later is not flooded with old news."""
    give(world, root, {"caterer": NOON + 10 * DAY})
    run_once(world.hub, insist=False)

    with open_mailbox() as box:
        connect(world, box)
        run_once(world.hub, insist=False)

    (event,) = [one for one in world.hub.ledger.events() if one.fact.what == "credential.expiring"]
    assert (event.fact.data["days"], event.fact.data["sheets"]) == (15, ["caterer"])
    assert (letters(world), box.taken) == ([], [])


@pytest.mark.parametrize("phase", PHASES)
def test_a_crash_while_warning_neither_loses_nor_repeats_it(
    world: World, root: Issued, mailbox: Mailbox, fail_at: FailAt, phase: str
) -> None:
    """Note and letters are one change."""
    give(world, root, {"caterer": NOON + 10 * DAY})
    fail_at(f"credential.warn.{phase}", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_once(world.hub, insist=False)

    world.start()
    connect(world, mailbox)
    run_once(world.hub, insist=False)

    assert len(mailbox.taken) == 2


def test_a_letter_sent_once_more_after_a_crash_is_known_as_the_same(
    world: World, root: Issued, mailbox: Mailbox, fail_at: FailAt
) -> None:
    """Between the server's yes and our note nobody can close the window: mailboxes can."""
    give(world, root, {"hopital": NOON + 10 * DAY})
    fail_at("letter.sent", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_once(world.hub, insist=False)
    world.start()
    connect(world, mailbox)
    run_once(world.hub, insist=False)

    first, second = mailbox.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


def test_what_has_ended_stops_its_sheet_alone_before_anything_moves(
    world: World, root: Issued, mailbox: Mailbox
) -> None:
    """The partner's other sheets go on; what stopped, why and what to do is told."""
    give(world, root, {"caterer": NOON + 10 * DAY, "ville": NOON + 100 * DAY})
    world.clock.moment = NOON + 10 * DAY

    run_once(world.hub, insist=False)

    moved = world.hub.ledger.sheets().standing["caterer"]
    stopped = [name for name, state in states(world).items() if state is SheetState.SUSPENDED]
    assert stopped == ["caterer"]
    assert (moved.cause, moved.resumes) == (MoveCause.CERTIFICATE, SheetState.PRODUCTION)
    assert "caterer.pem: EXPIRED: expiré le 2026-03-12 12:00 UTC" in moved.reason
    assert {str(one["Subject"]) for one in mailbox.taken if "caterer" in str(one["Subject"])} == {
        "EDI caterer : certificat, a pris fin / certificate, has ended"
    }


def test_a_sheet_goes_on_when_it_is_renewed_and_resumed(world: World, root: Issued) -> None:
    """Resuming alone does not help; the reason is told again."""
    give(world, root, {"caterer": NOON + DAY})
    world.clock.moment = NOON + 2 * DAY
    look_after_ends(world.hub, world.hub.ledger.sheets())
    resume(world.hub, "caterer", "on verra")
    look_after_ends(world.hub, world.hub.ledger.sheets())
    again = states(world)["caterer"]

    give(world, root, {"caterer": NOON + 300 * DAY})
    resume(world.hub, "caterer", "renouvelé")
    look_after_ends(world.hub, world.hub.ledger.sheets())

    assert (again, states(world)["caterer"]) == (SheetState.SUSPENDED, SheetState.PRODUCTION)


def test_the_end_of_an_agreement_is_warned_of_and_stops_its_sheet(
    world: World, mailbox: Mailbox
) -> None:
    """The end date is the first day on which nothing moves, as it begins in Paris."""
    caterer = replace(world.connections["caterer"], end_date=date(2026, 3, 9))
    world.connections["caterer"] = replace(caterer, contact=CONTACTS["caterer"])
    world.apply("ville", "hopital")
    run_once(world.hub, insist=False)
    subject = str(mailbox.taken[0]["Subject"]).strip()
    world.clock.moment = datetime(2026, 3, 8, 22, 59, tzinfo=NOON.tzinfo)
    look_after_ends(world.hub, world.hub.ledger.sheets())
    before = states(world)["caterer"]
    world.clock.move(timedelta(minutes=1))

    look_after_ends(world.hub, world.hub.ledger.sheets())

    assert subject.startswith("EDI caterer : accord, prend fin dans 6 jour(s)")
    assert (before, states(world)["caterer"]) == (SheetState.PRODUCTION, SheetState.SUSPENDED)
    assert world.hub.ledger.sheets().standing["caterer"].cause is MoveCause.DATES


def test_a_certificate_gives_way_to_the_next_when_it_ends(world: World, root: Issued) -> None:
    """With a valid one beside it nothing stops, and nobody has to be there at that hour."""
    (world.home / "next.pem").write_bytes(issue("next", root, until=NOON + 300 * DAY).pem)
    give(world, root, {"caterer": NOON + DAY}, next=Successors(certificate="next.pem"))
    world.clock.moment = NOON + DAY

    look_after_ends(world.hub, world.hub.ledger.sheets())
    world.apply("ville", "hopital")  # the file still names both

    sheets = world.hub.ledger.sheets()
    used = {
        entry.credential.place
        for entry in inventory(world.hub, sheets, world.clock.now())
        if entry.credential.kind is CredentialKind.CERTIFICATE
    }
    assert "next.pem" in used
    assert states(world)["caterer"] is SheetState.PRODUCTION


@pytest.mark.parametrize("state", [SheetState.DRAFT, SheetState.CLOSED])
def test_what_carries_no_traffic_is_not_rolled_over_by_the_clock(
    world: World, root: Issued, state: SheetState
) -> None:
    """No login is tried at a partner's before a person did, nor once the agreement is over."""
    (world.home / "next.pem").write_bytes(issue("next", root, until=NOON + 300 * DAY).pem)
    new = replace(
        world.connections["caterer"],
        name="new",
        next=Successors(certificate="next.pem", certificate_from=NOON.date()),
    )
    known = world.hub.ledger.sheets()
    sheets = replace(known, connections={**known.connections, "new": new})
    world.hub.ledger.apply(sheets, "operator:test", NOON, begin=SheetState.DRAFT)
    if state is not SheetState.DRAFT:
        move(world.hub, "new", state)

    look_after_ends(world.hub, world.hub.ledger.sheets())

    assert world.hub.ledger.sheets().connections["new"] == new
    assert world.hub.ledger.upkeep.pulses() == {}


def test_nothing_is_suspended_for_what_has_not_ended(world: World) -> None:
    """A sheet without certificate and without dates is none of the desk's business."""
    world.clock.moment = NOON + 3000 * DAY

    look_after_ends(world.hub, world.hub.ledger.sheets())

    assert set(states(world).values()) == {SheetState.PRODUCTION}
    assert world.hub.ledger.warned() == {}
