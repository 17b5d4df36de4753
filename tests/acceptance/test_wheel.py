"""The built wheel works in an empty environment, away from the clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_wheel_does_init_and_demo_outside_the_clone(tmp_path: Path) -> None:
    """Data, schemas and samples travel inside it."""
    clone = tmp_path / "clone"
    shutil.copytree(
        ROOT, clone, ignore=shutil.ignore_patterns(".git", ".venv", "var", "*.egg-info", "build")
    )
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    subprocess.run(build, cwd=clone, check=True, capture_output=True)
    shutil.rmtree(clone)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = ["--require-hashes", "-r", str(ROOT / "requirements.lock")]
    subprocess.run([*pip, *lock], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    edi = str(python.parent / "edi")
    home = tmp_path / "home"
    environment = {**os.environ, "EDI_HOME": str(home / "var")}
    environment.pop("EDI_PACKS", None)
    home.mkdir()

    subprocess.run([edi, "init"], cwd=home, env=environment, check=True)
    demo = subprocess.run(
        [edi, "demo", "--json"], cwd=home, env=environment, check=True, capture_output=True
    )

    invoice = ROOT / "samples" / "invoices" / "ubl-380-une-ligne.xml"
    page = subprocess.run(
        [edi, "show", str(invoice), "--html"],
        cwd=home,
        env=environment,
        check=True,
        capture_output=True,
    )

    assert b"<style>@page" in page.stdout
    told = json.loads(demo.stdout)
    assert told["acknowledged"] == len(told["interchanges"]) >= 13
    assert told["delivered"] == told["documents"]["accepted"] > 200
