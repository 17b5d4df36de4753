"""Sheets by the installed command: searched, tried on a real server, moved, put in force."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.adapters.embedded_sftp import generate_key

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow


def listed(world: Any, *search: str) -> list[str]:
    """Return the names of the sheets that a search finds."""
    return [one["name"] for one in world.edi("connections", "list", *search, "--json").json]


def steps(tried: Any) -> list[tuple[str, bool]]:
    """Return what steps a test took, and which went well."""
    return [(one["step"], one["passed"]) for one in tried.json["steps"]]


def test_a_sheet_is_tried_on_the_real_server_and_leaves_nothing_there(world: Any) -> None:
    """Door, host key, folders, a probe, a sample: what would fail at night fails now."""
    tried = world.edi("connections", "test", "caterer", "--json")

    assert tried.code == 0, tried.err
    assert steps(tried) == [
        (step, True)
        for step in ("connect", "host_key", "login", "list", "write", "remove", "sample")
    ]
    assert tried.json["state"] == "production", "a sheet that is in the traffic stays there"
    assert list((world.folders["caterer"] / "out").iterdir()) == []


def test_the_step_that_fails_says_what_to_do(world: Any) -> None:
    """A changed host key is no reason to send our password to whoever it is."""
    path = world.home / "config" / "connections" / "caterer.toml"
    other = generate_key(world.home / "other_host_key")
    path.write_text(path.read_text().replace(world.host_key, other))
    assert world.edi("apply").code == 0

    tried = world.edi("connections", "test", "caterer", "--json")
    told = world.edi("connections", "test", "caterer")

    assert tried.code == told.code == 1
    assert steps(tried) == [("connect", True), ("host_key", False)]
    assert "another channel" in tried.json["steps"][-1]["to_do"]["en"]
    assert "✗ vérifier la clé du serveur / check the server's key" in told.out
    assert "→ faites confirmer la nouvelle clé" in told.out


def test_a_sheet_is_moved_with_a_reason_and_its_history_tells(world: Any) -> None:
    """Suspended, applied again, resumed, closed: by whom, when and why."""
    refused = world.edi("connections", "suspend", "caterer")
    suspended = world.edi("connections", "suspend", "caterer", "--reason", "audit", "--json")
    again = world.edi("connections", "suspend", "caterer", "--reason", "audit", "--json")
    world.edi("apply")
    found = listed(world, "--state", "suspended")
    resumed = world.edi("connections", "resume", "caterer", "--reason", "done", "--json")
    closed = world.edi("connections", "close", "caterer", "--reason", "end", "--json")
    reopened = world.edi("connections", "resume", "caterer", "--reason", "oops")
    shown = world.edi("connections", "show", "caterer", "--json").json

    assert (refused.code, "--reason" in refused.err) == (2, True)
    assert (suspended.json["state"], suspended.json["resumes"]) == ("suspended", "production")
    assert (suspended.json["changed"], again.json["changed"]) == (True, False)
    assert found == ["caterer"]
    assert (resumed.json["state"], closed.json["state"]) == ("production", "closed")
    assert (reopened.code, "it is closed" in reopened.err) == (2, True)
    assert [(one["from"], one["to"], one["reason"]) for one in shown["moves"]] == [
        ("production", "suspended", "audit"),
        ("suspended", "production", "done"),
        ("production", "closed", "end"),
    ]
    assert shown["fields"]["door.user"] == "caterer"
    assert len(shown["versions"]) == 1


def test_sheets_are_found_by_each_column(world: Any) -> None:
    """As the portal looks for them."""
    path = world.home / "config" / "connections" / "ville-exemple.toml"
    said = (
        'structure = "21750001600019"\napplication_code = "VIL750"\nstart_date = 2026-09-01\n'
        'environment = "qualification"\n'
    )
    (path.parent / "editor.toml").write_text('name = "editor"\npartner = "E"\nrole = "api"\n')
    path.write_text(
        said + path.read_text().replace("\nkey =", "\nkey_expires = 2030-01-31\nkey =")
    )
    assert world.edi("apply").code == 0

    everybody = listed(world)
    searches = (
        ("--kind", "receiver", "--structure", "217500016"),
        ("--application-code", "VIL750"),
        ("--environment", "qualification"),
        ("--expires-before", "2030-03-01"),
        ("--days-left", "20000"),
        ("--partner", "VILLE-EX"),
    )
    found = {search: listed(world, *search) for search in searches}
    unknown = world.edi("connections", "list", "--state", "gone")

    assert all(names == ["ville-exemple"] for names in found.values()), found
    assert listed(world, "--agreed-on", "2026-08-31") == [
        one for one in everybody if one != "ville-exemple"
    ]
    assert listed(world, "--interface", "FSO1100A") == ["supplier"]
    assert listed(world, "--kind", "api", "--protocol", "oauth2") == ["editor"]
    assert (unknown.code, "draft" in unknown.err) == (2, True)
    assert "(qualification)" in world.edi("connections", "list").out


def test_one_bad_sheet_costs_the_others_nothing(world: Any) -> None:
    """It is named with what to do, the exit code says that something is left to do."""
    folder = world.home / "config" / "connections"
    bad, good = folder / "caterer.toml", folder / "ville-exemple.toml"
    bad.write_text(bad.read_text() + "colour = 1\n")
    good.write_text('contact = "edi@ville.example"\n' + good.read_text())

    applied = world.edi("apply", "--json")

    assert applied.code == 2
    assert [one["key"] for one in applied.json["changes"]] == ["contact"]
    assert "completeness.colour: clé inconnue / Extra inputs" in applied.err
    assert "caterer: la version en vigueur reste" in applied.err
    assert listed(world, "--partner", "caterer") == ["caterer"]


def test_two_people_change_a_hub_that_asks_for_four_eyes(world: Any) -> None:
    """By their names, whatever account they share: sheet, routes and directory."""
    settings = world.home / "config" / "pipeline.toml"
    settings.write_text(
        settings.read_text().replace('approval = "none"', 'approval = "four-eyes"')
    )
    path = world.home / "config" / "connections" / "caterer.toml"
    path.write_text('contact = "edi@caterer.example"\n' + path.read_text())
    structures = world.home / "config" / "directory" / "structures.csv"
    structures.write_text(structures.read_text().replace("Ville d'Exemple", "Ville nouvelle"))

    applied = world.edi("apply", "--json", EDI_OPERATOR="ana")
    listed = world.edi("approve", "--json", EDI_OPERATOR="bob").json["proposals"]
    ids = {one["subject"]: one["id"] for one in listed}
    own = world.edi("approve", ids["connection caterer"], EDI_OPERATOR="ana")
    agreed = world.edi("approve", ids["connection caterer"], "--json", EDI_OPERATOR="bob")
    refused = world.edi(
        "approve", ids["directory"], "--refuse", "--reason", "wrong name", EDI_OPERATOR="bob"
    )
    shown = world.edi("connections", "show", "caterer", "--json").json
    nameless = world.edi("approve", EDI_OPERATOR="ana bob")

    assert applied.json["applied"] is False
    assert {one["by"] for one in applied.json["proposals"]} == {"operator:ana"}
    assert (own.code, "another person has to approve" in own.err) == (2, True)
    assert (agreed.code, agreed.json["effect"], refused.code) == (0, "approved", 0)
    assert shown["fields"]["contact"] == "edi@caterer.example"
    assert [one["by"] for one in shown["versions"]][1:] == ["operator:bob"]
    assert world.edi("approve", "--json").json == {"proposals": [], "tested": []}
    assert (nameless.code, nameless.err.startswith("EDI_OPERATOR: ")) == (2, True)
