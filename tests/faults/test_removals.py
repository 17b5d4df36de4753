"""What a crash left in an inbox may be another file by now."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.app.pull import pull
from pipeline.model.connection import Connection
from pipeline.ports.ledger import Query
from tests.hubs import MINUTE, World, invoice, opened

NAME = "facture.xml"
NOON_2026 = 1_780_000_000


class Died(BaseException):
    """The process ends: nothing catches this."""


def until_still(world: World, sender: Connection) -> None:
    """Look into the folder until a file there counts as whole."""
    for _ in range(3):
        pull(world.hub, sender)
        world.clock.move(MINUTE)


@pytest.fixture
def names() -> tuple[str, str]:
    """Two numbers of one length: the invoices are told apart by their bytes alone."""
    return "F26-001", "F26-002"


def test_another_file_of_the_same_name_size_and_second_is_pulled(
    tmp_path: Path, fail_at: Callable[..., None], names: tuple[str, str]
) -> None:
    """It would go to the sender's archive in the place of the first, and nobody would know."""
    first, second = (invoice(number) for number in names)
    assert len(first) == len(second)
    with opened(tmp_path) as world:
        sender = world.hub.ledger.sheets().connections["caterer"]
        world.drop("caterer", NAME, first, NOON_2026)
        fail_at("pull.record.after", Died())
        with pytest.raises(Died):
            until_still(world, sender)
        world.drop("caterer", NAME, second, NOON_2026)

        until_still(world, sender)

        taken = {one.sha256 for one in world.hub.ledger.interchanges(Query())}
        assert taken == {sha256(first).hexdigest(), sha256(second).hexdigest()}
        assert not list(world.folder("caterer", "in").iterdir())
        assert not world.hub.ledger.still_there("caterer")
