"""A profile that changes: which version judges a document, and what it is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pipeline.model.profile import Profile

WINTER = Profile(name="p", packs={}, valid_from=date(2027, 1, 1))
SUMMER = Profile(name="p", packs={}, valid_from=date(2027, 7, 1))
FIRST = Profile(name="p", packs={}, later=(WINTER, SUMMER))


@pytest.mark.parametrize(
    ("moment", "version"),
    [
        ("2026-12-31T22:59:59", "p"),
        ("2026-12-31T23:00:00", "p@2027-01-01"),
        ("2027-06-30T21:59:59", "p@2027-01-01"),
        ("2027-06-30T22:00:00", "p@2027-07-01"),
        ("2030-01-01T00:00:00", "p@2027-07-01"),
    ],
)
def test_a_profile_changes_at_midnight_in_paris(moment: str, version: str) -> None:
    """An hour before midnight of UTC in winter, two in summer."""
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert FIRST.at(at).version == version


def test_one_version_is_one_value() -> None:
    """Jobs that bear the very same profile are written for workers once."""
    at = datetime(2027, 3, 1, tzinfo=UTC)

    assert FIRST.at(at) is FIRST.at(at) is WINTER


def test_a_profile_that_never_changes_is_itself() -> None:
    """Most do."""
    plain = replace(FIRST, later=())

    assert plain.at(datetime(2050, 1, 1, tzinfo=UTC)) is plain
