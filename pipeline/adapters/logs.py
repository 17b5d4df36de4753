"""How log lines look: one JSON object a line, constant event names, facts as fields."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import structlog


@contextmanager
def logging_to(path: Path | None, *, by: str) -> Iterator[None]:
    """Send every log line to a file, or warnings and worse to standard error, while inside.

    Args:
        path: File to append to (made 0600), or None for standard error.
        by: The run or operator that every line names.
    """
    if path is None:
        _configure(sys.stderr, logging.WARNING, by)
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("a", encoding="utf-8", buffering=1) as stream:
        _configure(stream, logging.INFO, by)
        try:
            yield
        finally:
            structlog.reset_defaults()


def _configure(stream: TextIO, level: int, by: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _by(by),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            # all ASCII: C1 controls, line separators and lone surrogates are escaped as well
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )


def _by(by: str) -> structlog.typing.Processor:
    def add(
        _logger: object, _method: str, fields: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        fields["by"] = by
        return fields

    return add
