"""What the software is built from: listed, pinned, licensed, and looked up (`make audit`).

``python audit.py [--sbom FILE] [--locks-only]`` holds every requirement of the locks to a
version and to hashes, the installed environment to the locks, every licence to the list of
those allowed; writes a CycloneDX bill of materials; and asks pip-audit for known weaknesses.
Ends with 1 where one of them does not hold. Where pip-audit or its service cannot be had,
that is said in plain words: nothing was looked up then.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Every lock, and what it is made from. The first is all that an installation takes.
LOCKS = {
    "requirements.lock": "requirements.in",
    "requirements-dev.lock": "requirements-dev.in",
    "requirements-fuzz.lock": "requirements-fuzz.in",
    "requirements-audit.lock": "requirements-audit.in",
}
#: Licences under which a package may be a part of an installation: none binds who merely
#: installs it beside Apache-2.0 code, and weak copyleft stays with the package itself.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "EPL-2.0",
        "ISC",
        "LGPL-2.1",
        "LGPL-2.0-or-later",
        "LGPL-3.0-only",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "Public Domain",
        "Zlib",
    }
)
#: How classifiers and free texts name what SPDX names otherwise.
_SPDX = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
#: Packages whose metadata name no licence, or name it in a way of their own; read in the
#: licence files that they bring.
_READ = {
    "aiosmtpd": "Apache-2.0",
    "asyncssh": "EPL-2.0 OR GPL-2.0-or-later",
    "pyphen": "GPL-2.0-or-later OR LGPL-2.0-or-later OR MPL-1.1",
    "saxonche": "MPL-2.0",
}

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?")
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?![0-9a-f])")


@dataclass(frozen=True)
class Pinned:
    """One requirement of a lock.

    Attributes:
        name: As packages are compared: lower case, hyphens.
        version: The one version.
        hashes: SHA-256 of every file that may be installed, hexadecimal.
    """

    name: str
    version: str
    hashes: tuple[str, ...]


def normal(name: str) -> str:
    """Return a package's name as names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(text: str) -> dict[str, Pinned]:
    """Read a lock.

    Raises:
        ValueError: A requirement has no one version, or no hash.
    """
    found: dict[str, Pinned] = {}
    for entry in text.replace("\\\n", " ").splitlines():
        line = entry.strip()
        if not line or line.startswith("#"):
            continue
        pinned, hashes = _PINNED.match(line), tuple(_HASH.findall(line))
        if pinned is None:
            raise ValueError(f"no one version: {line[:60]}")
        if not hashes:
            raise ValueError(f"no hash: {line[:60]}")
        name = normal(pinned[1])
        found[name] = Pinned(name, pinned[2], hashes)
    return found


def locks(root: Path = ROOT) -> dict[str, dict[str, Pinned]]:
    """Return every lock of the project, read."""
    return {name: read_lock((root / name).read_text(encoding="utf-8")) for name in LOCKS}


def asked(name: str, root: Path = ROOT) -> Iterator[str]:
    """Yield what the source of a lock asks for, with what it includes."""
    for entry in (root / name).read_text(encoding="utf-8").splitlines():
        line = entry.strip()
        if line.startswith("-r "):
            yield from asked(line[3:].strip(), root)
        elif (found := _REQUIREMENT.match(line)) and not line.startswith("#"):
            yield normal(found[1])


def lock_faults() -> Iterator[str]:
    """Yield what is wrong with the locks."""
    try:
        known = locks()
    except ValueError as error:
        yield str(error)
        return
    for name, source in LOCKS.items():
        for wanted in asked(source):
            if wanted not in known[name]:
                yield f"{source} asks for {wanted}, {name} does not have it"
    for one in known["requirements.lock"].values():
        if known["requirements-dev.lock"].get(one.name) != one:
            yield f"requirements-dev.lock has another {one.name} than requirements.lock"


def _field(told: metadata.PackageMetadata, name: str) -> str:
    return told[name] if name in told else ""  # noqa: SIM401  it has no `get` for the type checker


def licence(name: str) -> str:
    """Return the licence of an installed package as an SPDX expression, as far as it says."""
    told = metadata.metadata(name)
    classifiers = [
        line.rpartition("::")[2].strip()
        for line in told.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    words = _READ.get(name) or _field(told, "License-Expression") or " AND ".join(classifiers)
    words = words or _field(told, "License").strip().partition("\n")[0]
    return " AND ".join(_SPDX.get(part, part) for part in words.split(" AND "))


def is_allowed(expression: str) -> bool:
    """Tell whether a licence is allowed: all that bind together, one of those to choose from."""
    parts = expression.replace("(", "").replace(")", "").split(" AND ")
    return all(any(one in ALLOWED for one in part.split(" OR ")) for part in parts)


def environment_faults(lock: Mapping[str, Pinned]) -> Iterator[str]:
    """Yield what is wrong with what is installed."""
    for one in lock.values():
        try:
            there = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            yield f"{one.name} {one.version} is locked and not installed"
            continue
        if there != one.version:
            yield f"{one.name} {there} is installed, {one.version} is locked"
        if not is_allowed(licence(one.name)):
            yield f"{one.name}: licence {licence(one.name)!r} is not among those allowed"


def bill(lock: Mapping[str, Pinned]) -> dict[str, object]:
    """Return the CycloneDX bill of materials of an installation; the same for the same lock."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "edi-pipeline",
                "name": "edi-pipeline",
                "version": metadata.version("edi-pipeline"),
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{one.name}@{one.version}",
                "name": one.name,
                "version": one.version,
                "purl": f"pkg:pypi/{one.name}@{one.version}",
                "licenses": [{"license": {"name": licence(one.name)}}],
                "hashes": [{"alg": "SHA-256", "content": each} for each in one.hashes],
            }
            for one in sorted(lock.values(), key=lambda one: one.name)
        ],
        "dependencies": [
            {
                "ref": "edi-pipeline",
                "dependsOn": [f"pkg:pypi/{one.name}@{one.version}" for one in lock.values()],
            }
        ],
    }


def known_weaknesses(python: str, lock: Path) -> tuple[bool | None, str]:
    """Ask pip-audit about a lock.

    Returns:
        Whether nothing is known, None where nobody could be asked; and the words for it.
    """
    command = [python, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(lock)]
    ran = subprocess.run(
        [*command, "--progress-spinner", "off", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    try:
        found = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = (ran.stderr.strip().splitlines() or ["no word"])[-1]
        return None, f"NOT CHECKED, pip-audit or its service cannot be had: {why}"
    return heard(found)


def heard(found: list[dict[str, Any]]) -> tuple[bool | None, str]:
    """Return what an answer of pip-audit means: what it passed over, it did not look up."""
    passed = [one for one in found if "skip_reason" in one]
    bad = [
        f"{one['name']} {one['version']}: {', '.join(each['id'] for each in one['vulns'])}"
        for one in found
        if one.get("vulns")
    ]
    if bad:
        return False, "; ".join(bad)
    if passed or not found:
        why = passed[0]["skip_reason"] if passed else "no package was looked at"
        return None, f"NOT CHECKED for {len(passed)} of {len(found)} packages: {why}"
    return True, f"none known in {len(found)} packages"


def main(arguments: list[str]) -> int:
    """Run as the docstring of this file says; return the exit code."""
    faults = [*lock_faults()]
    sys.stdout.write(f"locks: {len(LOCKS)} files, {len(faults)} faults\n")
    if "--locks-only" not in arguments:
        known = locks()
        installed = known["requirements.lock"]
        wrong = [*environment_faults(known["requirements-dev.lock"])]
        sys.stdout.write(f"environment and licences: {len(wrong)} faults\n")
        faults += wrong
        if "--sbom" in arguments:
            file = Path(arguments[arguments.index("--sbom") + 1])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(bill(installed), indent=1) + "\n", encoding="utf-8")
            sys.stdout.write(f"bill of materials: {len(installed)} components, {file}\n")
        python = next((one for one in arguments if one.endswith("/python")), sys.executable)
        holds, words = known_weaknesses(python, ROOT / "requirements.lock")
        sys.stdout.write(f"known weaknesses: {words}\n")
        if holds is False:
            faults.append(words)
    sys.stdout.writelines(f"! {fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
