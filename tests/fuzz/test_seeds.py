"""What the fuzzer starts from, and what it once found, goes through every reader."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _load() -> ModuleType:
    spec = spec_from_file_location("fuzz_targets", HERE / "targets.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


TARGETS = _load().TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed_is_read_or_refused_by_every_reader(target: str) -> None:
    """Also by those that it was not meant for: a partner may send anything as anything."""
    read, own = TARGETS[target]
    seeds = sorted(path for path in (HERE / "seeds").rglob("*") if path.is_file())

    assert [path for path in seeds if path.parent.name == own]
    for seed in seeds:
        read(seed.read_bytes())


def test_seeds_are_small() -> None:
    """A fuzzer tries thousands a second only where each is soon read."""
    assert not [
        path
        for path in (HERE / "seeds").rglob("*")
        if path.is_file() and path.stat().st_size > 10_000
    ]
