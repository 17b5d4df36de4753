"""What the environment may arm: end the process at a failpoint, or write down each one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from pipeline.model.errors import ConfigError
from pipeline.ports.failpoint import Hook, arm, names

#: Exit code of a process that ends at a failpoint: that of one that was killed.
KILLED = 137


def arm_from(place: str | None, trace: Path | None) -> None:
    """Arm what the environment asks for; nothing by default.

    Args:
        place: ``name:n``: end the process, at once and without any clean-up, when the
            failpoint `name` is reached for the n-th time (from 1).
        trace: File to which the name of each failpoint that is reached is added, one a line.

    Raises:
        ConfigError: There is no such failpoint, or the trace cannot be written.
    """
    hooks: list[Hook] = []
    if trace is not None:
        hooks.append(trace_to(trace))
    if place is not None:
        hooks.append(exit_at(*_read(place)))
    if hooks:
        arm(_all(hooks))


def exit_at(wanted: str, number: int) -> Hook:
    """Return a hook that ends the process when `wanted` is reached for the `number`-th time."""
    reached, lock = 0, Lock()

    def hook(name: str) -> None:
        nonlocal reached
        if name != wanted:
            return
        with lock:
            reached += 1
            if reached == number:
                os._exit(KILLED)

    return hook


def trace_to(path: Path) -> Hook:
    """Return a hook that adds each name to a file; what it wrote outlives the process.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error

    def hook(name: str) -> None:
        os.write(descriptor, f"{name}\n".encode())

    return hook


def _all(hooks: Sequence[Hook]) -> Hook:
    def hook(name: str) -> None:
        for one in hooks:
            one(name)

    return hook


def _read(place: str) -> tuple[str, int]:
    name, _, number = place.rpartition(":")
    if name not in names() or not number.isdecimal() or int(number) < 1:
        raise ConfigError(
            f"EDI_FAILPOINT={place}: point inconnu, ou pas de la forme nom:n"
            " / no such failpoint, or not of the form name:n"
        )
    return name, int(number)
