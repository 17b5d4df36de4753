"""What the software is built from is pinned, hashed, licensed and listed (S23).

`audit.py` is what `make audit` runs; it also asks for known weaknesses, which needs a
service, and says so where it cannot.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _load() -> ModuleType:
    spec = spec_from_file_location("attack_audit", Path(__file__).with_name("audit.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


audit = _load()


def test_every_requirement_has_one_version_and_hashes() -> None:
    """Whoever takes a package index over installs nothing here."""
    assert list(audit.lock_faults()) == []
    assert {name: len(lock) > 0 for name, lock in audit.locks().items()} == dict.fromkeys(
        audit.LOCKS, True
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("lxml==6.1.3", "no hash"),
        ("lxml>=6.1 --hash=sha256:" + "0" * 64, "no one version"),
        ("lxml==6.1.3 --hash=sha256:1234", "no hash"),
        ("lxml==6.1.3 --hash=md5:" + "0" * 64, "no hash"),
        ("git+https://example.org/lxml", "no one version"),
        ("./lxml", "no one version"),
    ],
)
def test_a_lock_that_pins_less_is_seen(line: str, fault: str) -> None:
    """A check that nothing can fail would be none."""
    with pytest.raises(ValueError, match=fault):
        audit.read_lock(f"# a lock\n{line}\n")


def test_a_lock_is_read_over_several_lines() -> None:
    """As the tools write it."""
    lines = (f"--hash=sha256:{digit * 64}" for digit in "01")
    text = " \\\n    ".join(("A_b[c]==1.0", *lines)) + "\n    # via x\n"

    (one,) = audit.read_lock(text).values()

    assert (one.name, one.version, one.hashes) == ("a-b", "1.0", ("0" * 64, "1" * 64))


def test_what_is_installed_is_what_is_locked_under_licences_allowed() -> None:
    """A package that changes its licence is noticed before it is shipped."""
    lock = audit.locks()["requirements-dev.lock"]

    assert list(audit.environment_faults(lock)) == []


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("AGPL-3.0-only", False),
        ("(BSD-3-Clause AND Zlib) OR Proprietary", True),
        ("", False),
    ],
)
def test_a_licence_is_weighed_as_it_is_written(expression: str, allowed: bool) -> None:
    """Of those to choose from one is enough; of those that bind together all count."""
    assert audit.is_allowed(expression) is allowed


def test_the_bill_of_materials_names_every_package_once() -> None:
    """The same bytes for the same lock, so that two can be compared."""
    lock = audit.locks()["requirements.lock"]

    bill = audit.bill(lock)

    assert bill == json.loads(json.dumps(audit.bill(lock)))
    components: Any = bill["components"]
    assert [one["name"] for one in components] == sorted(lock)
    assert all(one["hashes"] and one["licenses"][0]["license"]["name"] for one in components)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], True),
        ([{"name": "a", "version": "1", "vulns": [{"id": "X-1"}]}], False),
        ([{"name": "a", "skip_reason": "not found"}], None),
        (
            [
                {"name": "a", "version": "1", "vulns": []},
                {"name": "b", "skip_reason": "not found"},
            ],
            None,
        ),
        ([], None),
    ],
)
def test_what_was_not_looked_up_is_not_said_to_be_sound(
    found: list[dict[str, Any]], holds: bool | None
) -> None:
    """Not checked is neither good nor bad."""
    said = audit.heard(found)

    assert said[0] is holds
    assert ("NOT CHECKED" in said[1]) is (holds is None)


def test_installing_demands_hashes() -> None:
    """A lock that nobody holds pip to is a wish."""
    commands = [
        line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line
    ]

    assert commands
    assert not [
        line for line in commands if "--require-hashes" not in line and "--no-deps" not in line
    ]


def test_the_one_download_of_the_product_is_pinned() -> None:
    """`edi packs install` takes one wheel, by its hash."""
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")

    wheels = re.findall(r"^\[packs\..*wheel\]\n((?:[^\[\n].*\n)+)", catalogue, re.MULTILINE)

    assert wheels
    assert all(re.search(r'^sha256 = "[0-9a-f]{64}"$', wheel, re.MULTILINE) for wheel in wheels)
    assert all(re.search(r'^requirement = "[^"]+==[^"]+"$', w, re.MULTILINE) for w in wheels)
