"""What the level of a log line means.

* *info*: normal progress.
* *warning*: it will be tried again, or a partner's fault that an operator may want to know.
* *error*: nothing but a person can mend it.
"""

from __future__ import annotations

from collections.abc import Mapping

from structlog.typing import FilteringBoundLogger

from pipeline.model.errors import LoginRefused, PipelineError


def needs_person(error: PipelineError) -> bool:
    """Tell whether trying again cannot help: an account that is refused stays refused."""
    return not error.transient or isinstance(error, LoginRefused)


def trouble(
    log: FilteringBoundLogger,
    event: str,
    error: PipelineError,
    facts: Mapping[str, object],
    *,
    final: bool = False,
) -> None:
    """Log that something failed, at the level it deserves, with its code and words.

    Args:
        log: Of the module that met it.
        event: Constant name.
        error: What failed.
        facts: Further fields.
        final: Whether it was the last try.
    """
    say = log.error if final or needs_person(error) else log.warning
    say(event, **facts, code=error.code, error=str(error))
