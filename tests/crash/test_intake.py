"""What may happen to files before they are taken, and to those that repeat others."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.ports import failpoint

#: Longer than a file must stay the same, and than one that looks half is waited for.
STABLE_S, PARTIAL_S = 31.0, 3601.0


@pytest.fixture(scope="session")
def make() -> ModuleType:
    """The makers of samples."""
    folder = str(Path(__file__).resolve().parents[2] / "samples")
    sys.path.insert(0, folder)
    try:
        import build
    finally:
        sys.path.remove(folder)
    return build


def bill(make: Any, number: str, key: str = "ubl-380-fournitures", **more: Any) -> bytes:
    """Return an invoice to the town."""
    payload: bytes = make.to_ubl(
        replace(make.billed_to(make.BY_KEY[key], make.VILLE, number), **more)
    )
    return payload


def answer(site: Any, supplier: str, name: str) -> Any:
    """Return the final answer to a file, as a program reads it."""
    (found,) = [
        payload
        for called, payload in site.out(supplier).items()
        if called.startswith(f"{name}.") and called.endswith(".ack.json")
    ]
    return json.loads(found)


def settled(site: Any) -> None:
    """Let files become stable, and work until all is done."""
    site.run()
    site.run(after=STABLE_S)


def test_a_file_that_grows_is_taken_once_it_is_still(site: Any, make: ModuleType) -> None:
    """Three listings see it grow; it is then taken whole, and once."""
    whole = bill(make, "A-1")
    growing = site.inbox("caterer") / "a.xml"
    for size in (100, 500, 1000):
        growing.write_bytes(whole[:size])
        site.run(after=STABLE_S)
        assert site.taken("caterer") == []

    site.drop("caterer", "a.xml", whole, "delivered")
    settled(site)
    settled(site)

    site.judge()
    assert site.taken("caterer") == ["a.xml"]


def test_a_file_that_changes_while_it_is_read_is_taken_later_whole(
    site: Any, make: ModuleType
) -> None:
    """What was read of it is dropped: nobody knows which file it was."""
    whole, growing = bill(make, "A-1") + b"\n\n", site.inbox("caterer") / "a.xml"
    growing.write_bytes(whole[:-1])
    site.run()

    def grow(name: str) -> None:
        if name == "pull.blob.half":
            failpoint.disarm()
            growing.write_bytes(whole)

    failpoint.arm(grow)
    site.run(after=STABLE_S)
    assert site.taken("caterer") == []
    site.history.note("caterer", "a.xml", whole, ("delivered",))
    settled(site)

    site.judge()


@pytest.mark.parametrize("name", ["a.xml.part", ".a.xml", "a.filepart", "a.tmp", "A.PART"])
def test_a_temporary_name_is_never_touched(site: Any, make: ModuleType, name: str) -> None:
    """Renamed, the file is taken once."""
    unfinished = site.inbox("caterer") / name
    unfinished.write_bytes(bill(make, "A-1"))
    settled(site)
    assert unfinished.exists()

    unfinished.unlink()
    site.drop("caterer", "a.xml", bill(make, "A-1"), "delivered")
    settled(site)

    site.judge()


def test_a_marker_says_that_a_file_is_whole(site: Any, make: ModuleType) -> None:
    """The file without it waits however long, and the marker alone is nothing."""
    inbox = site.inbox("printer")
    site.drop("printer", "a.xml", bill(make, "P-1"), "delivered")
    (inbox / "b.xml.done").touch()
    site.run(after=2 * PARTIAL_S)
    assert site.taken("printer") == []

    site.drop("printer", "b.xml", bill(make, "P-2"), "delivered")
    (inbox / "a.xml.done").touch()
    site.run()

    site.judge()
    assert site.taken("printer") == ["a.xml", "a.xml.done", "b.xml", "b.xml.done"]


def test_half_a_file_that_looks_stable_waits_before_it_is_refused(
    site: Any, make: ModuleType
) -> None:
    """Its sender may be slow; in the end it is answered for what it is."""
    half = bill(make, "A-1")[:1500]
    site.drop("caterer", "a.xml", half, "refused")
    settled(site)
    assert (site.taken("caterer"), site.out("caterer")) == ([], {})

    site.run(after=PARTIAL_S)

    site.judge()
    assert answer(site, "caterer", "a.xml")["outcome"] == "rejected"


def test_an_empty_file_is_refused_and_never_a_success(site: Any) -> None:
    """It waits like any that may not be whole; then its sender is told."""
    site.drop("caterer", "a.xml", b"")
    settled(site)
    assert site.out("caterer") == {}

    site.run(after=PARTIAL_S)

    site.judge()
    assert [one["code"] for one in answer(site, "caterer", "a.xml")["reasons"]] == ["IRR_VIDE"]


@pytest.mark.parametrize("mtime", [0, 4_070_908_800], ids=["1970", "2099"])
def test_the_time_of_a_file_does_not_matter(site: Any, make: ModuleType, mtime: int) -> None:
    """No cursor of times leaves old files behind, and none from the future waits."""
    site.drop("caterer", "a.xml", bill(make, "A-1"), "delivered")
    os.utime(site.inbox("caterer") / "a.xml", (mtime, mtime))
    settled(site)

    site.judge()


def test_a_name_that_comes_again_with_other_content_is_another_file(
    site: Any, make: ModuleType
) -> None:
    """Many senders call their file the same every day."""
    for number in ("A-1", "A-2"):
        site.drop("caterer", "invoice.xml", bill(make, number), "delivered")
        settled(site)

    site.judge()
    assert len(site.out("ville-exemple")) == 2


def test_content_that_comes_again_under_another_name_is_a_duplicate(
    site: Any, make: ModuleType
) -> None:
    """The answer names the first, and the recipient has it once."""
    site.drop("caterer", "a.xml", bill(make, "A-1"), "delivered")
    settled(site)
    site.drop("caterer", "b.xml", bill(make, "A-1"), "duplicate")
    settled(site)

    site.judge()
    said = answer(site, "caterer", "b.xml")
    assert said["outcome"] == "duplicate"
    assert "a.xml" in json.dumps(said["reasons"])


def test_a_number_that_comes_again_with_other_content_is_refused(
    site: Any, make: ModuleType
) -> None:
    """The answer names the first."""
    site.drop("caterer", "a.xml", bill(make, "A-1"), "delivered")
    settled(site)
    site.drop("caterer", "b.xml", bill(make, "A-1", order="other"), "refused")
    settled(site)

    site.judge()
    (refused,) = answer(site, "caterer", "b.xml")["documents"]
    assert refused["outcome"] == "rejected"
    assert [one["code"] for one in refused["reasons"]] == ["DOUBLON"]


def test_one_number_of_two_suppliers_is_two_invoices(site: Any, make: ModuleType) -> None:
    """Numbers belong to who gives them."""
    site.drop("caterer", "a.xml", bill(make, "1"), "delivered")
    site.drop("printer", "b.xml", bill(make, "1", "ubl-380-une-ligne"), "delivered")
    (site.inbox("printer") / "b.xml.done").touch()
    settled(site)

    site.judge()
    assert len(site.out("ville-exemple")) == 2


def test_a_refused_invoice_may_come_again_under_its_number(site: Any, make: ModuleType) -> None:
    """Only what is accepted holds a number."""
    wrong = make.to_ubl(make.billed_to(make.BY_KEY["ubl-380-fournitures"], make.INCONNUE, "A-1"))
    site.drop("caterer", "a.xml", wrong, "refused")
    settled(site)
    site.drop("caterer", "b.xml", bill(make, "A-1"), "delivered")
    settled(site)

    site.judge()
