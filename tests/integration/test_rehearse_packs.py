"""A file of rules tried in place of a pack: by a worker that may read it, and no more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import bootstrap
from pipeline.app.rehearse import rehearse
from pipeline.app.run import run_once
from pipeline.model.decision import Verdict
from pipeline.model.errors import ConfigError
from pipeline.model.profile import Profile
from pipeline.model.status import Step
from pipeline.ports.ledger import Query
from tests.hubs import MINUTE, World, invoice, opened

PACK = "EN16931-UBL-validation.xslt"
#: Rules of a house that wants another number.
HOUSE = """<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
  xmlns:svrl="http://purl.oclc.org/dsdl/svrl">
<xsl:template match="/"><svrl:schematron-output>
  <xsl:if test="not(starts-with(normalize-space(string((//*:ID)[1])), 'HOUSE'))">
    <svrl:failed-assert id="HOUSE-1" flag="fatal" location="/*">
      <svrl:text>Numbers begin with HOUSE.</svrl:text>
    </svrl:failed-assert>
  </xsl:if>
</svrl:schematron-output></xsl:template></xsl:stylesheet>"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two invoices were judged by the official rules, and delivered."""
    with opened(tmp_path) as made:
        made.judge_by(Profile(name="light", packs={"ubl": ("en16931-ubl",)}))
        made.drop("caterer", "a.xml", invoice("A1"))
        made.drop("caterer", "b.xml", invoice("HOUSE-2"))
        for _ in range(2):
            made.clock.move(MINUTE)
            run_once(made.hub, insist=True)
        yield made


def place(world: World) -> bootstrap.Workspace:
    """Return the world's workspace, as the command line finds it."""
    packs = Path(sys.prefix) / "share" / "edi" / "packs"
    return bootstrap.Workspace(home=world.home, database=world.url, packs=packs)


@pytest.mark.slow
def test_a_file_of_rules_tells_what_it_would_refuse(world: World, tmp_path: Path) -> None:
    """By the name of its file it stands in for the pack; what was decided stays."""
    path = tmp_path / "next" / PACK
    path.parent.mkdir()
    path.write_text(HOUSE, encoding="utf-8")

    with bootstrap.proposed_change(place(world), world.hub, str(path), None) as change:
        done = rehearse(change, 10)

    told = [
        (one.document.header.number, one.before, one.after, one.rules) for one in done.differing
    ]
    assert told == [("A1", Verdict.ACCEPT, Verdict.REJECT, ("HOUSE-1 fatal",))]
    assert (change.name, done.documents) == ("en16931-ubl", 2)
    assert {one.step for one in world.hub.ledger.documents(Query())} == {Step.DELIVERED}


@pytest.mark.parametrize(
    ("name", "subject", "said"),
    [
        ("rules.xslt", "{path}", "NAME="),
        (PACK, "none-such={path}", "NAME="),
        (PACK, "pack:{path}x", "fichier absent"),
    ],
)
def test_a_file_that_no_pack_is_named_by_is_answered(
    tmp_path: Path, name: str, subject: str, said: str
) -> None:
    """With the names there are, or that there is no such file."""
    path = tmp_path / name
    path.write_text(HOUSE, encoding="utf-8")
    with (
        opened(tmp_path / "world") as world,
        pytest.raises(ConfigError, match=said),
        bootstrap.proposed_change(place(world), world.hub, subject.format(path=path), None),
    ):
        pass
