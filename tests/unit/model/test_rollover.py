"""What takes over on a sheet, and what a file that still names both says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipeline.model.connection import Connection, Door, Role, Successors
from pipeline.model.credential import CredentialKind
from pipeline.model.rollover import PARTS, kept, starts, taken_over, to_come

DAY = date(2027, 1, 15)
AFTER = Successors(
    certificate="new.pem",
    certificate_from=DAY,
    key="new",
    key_certificate="new-cert.pub",
    key_expires=date(2028, 1, 1),
    host_key="ssh-ed25519 NEW partner@night",
)
SHEET = Connection(
    name="acme",
    partner="Acme",
    role=Role.SENDER,
    door=Door(host="h", user="u", key="old", certificate="old-cert.pub", host_key="ssh-rsa OLD"),
    certificate="old.pem",
    next=AFTER,
)
ALL = taken_over(taken_over(taken_over(SHEET, PARTS[0]), PARTS[1]), PARTS[2])


def test_each_part_takes_over_by_itself() -> None:
    """A key brings its certificate and its end; the rest stays to come."""
    after = taken_over(SHEET, CredentialKind.KEY)

    assert (after.door.key, after.door.certificate) == ("new", "new-cert.pub")
    assert after.door.key_expires == date(2028, 1, 1)
    assert (after.door.host_key, after.certificate) == ("ssh-rsa OLD", "old.pem")
    assert to_come(after) == (CredentialKind.CERTIFICATE, CredentialKind.HOST_KEY)
    assert [starts(SHEET, part) for part in PARTS] == [DAY, None, None]


def test_when_all_took_over_nothing_is_to_come() -> None:
    """The sheet is as if it had been written so."""
    assert ALL.next is None
    assert to_come(ALL) == ()
    assert (ALL.certificate, ALL.door.host_key) == ("new.pem", "ssh-ed25519 NEW partner@night")


@pytest.mark.parametrize(
    ("proposed", "expected"),
    [
        pytest.param(SHEET, ALL, id="still-names-both"),
        pytest.param(ALL, ALL, id="names-the-new-one"),
        pytest.param(replace(SHEET, next=None), replace(SHEET, next=None), id="goes-back"),
        pytest.param(
            replace(SHEET, next=replace(AFTER, key="newer")),
            replace(
                taken_over(taken_over(SHEET, PARTS[0]), PARTS[2]),
                next=replace(Successors(), key="newer", key_certificate="new-cert.pub",
                             key_expires=date(2028, 1, 1)),
            ),
            id="another-is-to-come",
        ),
    ],
)  # fmt: skip
def test_what_took_over_is_not_taken_back_by_a_file_that_says_nothing_new(
    proposed: Connection, expected: Connection
) -> None:
    """A file that names the old one alone does say something new."""
    assert kept(ALL, proposed) == expected


def test_a_rollover_that_was_not_made_is_not_made_by_applying() -> None:
    """The same file, before the switch."""
    assert kept(SHEET, SHEET) == SHEET
