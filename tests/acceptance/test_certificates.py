"""Certificates and keys as an operator meets them: refused, listed, tried, switched, suspended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.authority import DAY, Issued, generate, issue

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)


@pytest.fixture
def root(world: Any) -> Issued:
    """An authority that the hub believes."""
    made = issue("Root", authority=True, since=NOW - 900 * DAY, until=NOW + 900 * DAY)
    anchors = world.home / "config" / "anchors"
    anchors.mkdir()
    (anchors / "root.pem").write_bytes(made.pem)
    return made


def put(world: Any, name: str, certificate: bytes) -> str:
    """Write a partner's certificate; return how its sheet names it."""
    path: Path = world.home / "certificates" / f"{name}.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(certificate)
    return f'certificate = "certificates/{name}.pem"\n'


def lasting(name: str, root: Issued, days: float) -> Issued:
    """Issue a certificate that ends so many days from now."""
    return issue(name, root, since=NOW - 400 * DAY, until=NOW + timedelta(days=days))


def rewrite(world: Any, name: str, top: str = "", end: str = "", **changes: str) -> None:
    """Change a sheet: lines at its top, lines at its end, and words in it."""
    path = world.home / "config" / "connections" / f"{name}.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(f"{top}{text}{end}", encoding="utf-8")


def test_a_bad_key_or_certificate_refuses_its_sheet_alone(world: Any, root: Issued) -> None:
    """With the key of the sheet, the file and the reason; the others are put in force."""
    fresh = lasting("caterer", root, 200)
    rewrite(world, "caterer", put(world, "caterer", lasting("caterer", root, -1).pem))
    rewrite(world, "supplier", put(world, "supplier", fresh.pem + fresh.private_pem()))
    (world.home / "keys" / "ville-exemple").chmod(0o644)
    short = generate(world.home / "short", "-b", "1024", kind="rsa")
    rewrite(world, "hopital-exemple", **{world.host_key: short})
    rewrite(world, "imprimerie-exemple", put(world, "imprimerie", fresh.pem))

    ran = world.edi("apply", "--json")

    faults = "\n".join(ran.json["faults"])
    assert ran.code == 2
    assert "caterer: certificate: certificates/caterer.pem: EXPIRED" in faults
    assert "supplier: certificate: certificates/supplier.pem: UNREADABLE" in faults
    assert "clé privée" in faults
    assert "hopital-exemple: door.host_key: door.host_key: WEAK_KEY" in faults
    assert {change["subject"] for change in ran.json["changes"]} == {
        "connection imprimerie-exemple"
    }
    # of what is in force unchanged the mode of the key is told, and each login refused
    assert "ville-exemple: door.key: keys/ville-exemple: OPEN_TO_OTHERS" in faults


def test_what_ends_is_listed_first_and_shown_whole(world: Any, root: Issued) -> None:
    """By sheet, file or fingerprint; programs get what people do."""
    rewrite(world, "caterer", put(world, "caterer", lasting("caterer", root, 20.5).pem))
    assert world.edi("apply").code == 0

    every = world.edi("certificates", "list", "--json")
    soon = world.edi("certificates", "list", "--expiring", "30", "--json").json
    (by_file,) = world.edi("certificates", "show", "certificates/caterer.pem", "--json").json
    shown = world.edi("certificates", "show", by_file["fingerprint"][:12]).out
    unknown = world.edi("certificates", "show", "nobody")

    assert every.code == 0
    assert every.json[0] == by_file
    assert {one["kind"] for one in every.json} == {"certificate", "key", "host_key", "anchor"}
    assert soon == [by_file]
    assert (by_file["sheets"], by_file["days_left"], by_file["chain"]) == (
        ["caterer"],
        20,
        "trusted",
    )
    assert (by_file["subject"], by_file["issuer"], by_file["trouble"]) == (
        "CN=caterer",
        "CN=Root",
        [],
    )
    assert "empreinte / fingerprint : " + by_file["fingerprint"] in shown
    assert (unknown.code, "edi certificates list" in unknown.err) == (2, True)


def test_what_takes_over_is_tried_and_switched_to(world: Any, root: Issued) -> None:
    """The verb tells what was seen, and refuses what does not work."""
    after = (
        f'[next]\ncertificate = "certificates/new.pem"\nhost_key = "{generate(world.home / "n")}"'
    )
    rewrite(world, "caterer", put(world, "old", lasting("old", root, 5.5).pem), f"\n{after}\n")
    put(world, "new", lasting("new", root, 300).pem)
    assert world.edi("apply").code == 0

    tried = world.edi("certificates", "try", "caterer", "--json")
    refused = world.edi("certificates", "switch", "caterer")
    switched = world.edi("certificates", "switch", "caterer", "--part", "certificate")
    again = world.edi("apply", "--json").json
    used = world.edi("certificates", "show", "caterer", "--json").json

    works = {(one["part"], one["turn"]): one["works"] for one in tried.json["trials"]}
    assert tried.code == 1
    assert works == {
        ("certificate", "next"): True,
        ("host_key", "current"): True,
        ("host_key", "next"): False,
        ("key", "current"): True,
    }
    assert {one["connection"] for one in tried.json["stops"]} == set(world.folders)
    assert (refused.code, "rien n'est changé" in refused.err) == (2, True)
    assert switched.code == 0, switched.err
    assert again["changes"] == []
    assert used[0]["place"] in {"certificates/new.pem", "door.host_key"}
    assert "certificates/old.pem" not in {one["place"] for one in used}


def test_what_has_ended_is_said_everywhere(world: Any, root: Issued) -> None:
    """In the state of its sheet, in `status`, and in the story of the run that found it."""
    rewrite(world, "caterer", put(world, "caterer", lasting("caterer", root, 9).pem))
    assert world.edi("apply").code == 0
    put(world, "caterer", lasting("caterer", root, -9).pem)

    ran = world.edi("run", "--once")
    status = world.edi("status", "--json")
    sheets = {one["name"]: one for one in world.edi("connections", "list", "--json").json}
    told = world.edi("log").out

    assert "Traceback" not in ran.err
    assert sheets["caterer"]["state"] == "suspended"
    assert {one["state"] for name, one in sheets.items() if name != "caterer"} == {"production"}
    assert status.code == 1
    assert any("EXPIRED" in one["what"] for one in status.json["to_do"])
    (ended,) = [one for one in status.json["expiring"] if one["sheets"] == ["caterer"]]
    assert ended["days_left"] < 0
    assert "certificates/caterer.pem (certificate) prend fin" in told
