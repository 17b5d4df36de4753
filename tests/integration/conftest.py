"""What the tests of real rule packs share: to compile them takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.adapters.packs import PackShelf
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.report import Judged
from pipeline.ports.engine import Job

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def judge_job() -> Callable[[Job], Judged]:
    """Judge one document in this process with the real packs, in the packs' own words."""
    catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
    packs = Path(os.environ.get("EDI_PACKS") or Path(sys.prefix) / "share" / "edi" / "packs")
    PackShelf(catalogue, packs).install()
    return document_judge(WorkerSettings(catalogue=catalogue, packs=packs))
