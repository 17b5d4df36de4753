"""A hub that dies at a failpoint inside the test's process, and is started again."""

from __future__ import annotations

from pipeline.ports.failpoint import arm


class Died(BaseException):
    """The process is gone: nothing of ours may catch it."""


def die_at(point: str) -> list[str]:
    """Let the hub die the first time that it gets there; return where it did."""
    died: list[str] = []

    def hook(reached: str) -> None:
        if reached == point and not died:
            died.append(reached)
            raise Died

    arm(hook)
    return died
