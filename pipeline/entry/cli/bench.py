"""``edi bench``: figures for speed and memory, as measured here and now."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Annotated

import typer

from pipeline import bootstrap
from pipeline.entry import measure
from pipeline.entry.cli.output import AsJson, say, say_json
from pipeline.entry.measure_convert import measure_convert
from pipeline.entry.measure_fairness import measure_fairness
from pipeline.entry.measure_lifecycle import measure_lifecycle
from pipeline.entry.measure_receivers import measure_receivers
from pipeline.entry.measure_sftp import measure_sftp


class Bench(Enum):
    """What can be measured."""

    VALIDATE = "validate"
    PATH = "path"
    MEMORY = "memory"
    SFTP = "sftp"
    FAIRNESS = "fairness"
    CONVERT = "convert"
    RECEIVERS = "receivers"
    LIFECYCLE = "lifecycle"


def bench(
    name: Annotated[Bench, typer.Argument(help=" | ".join(one.value for one in Bench))],
    as_json: AsJson = False,
) -> None:
    """Mesurer / measure: CPU time of judging, the whole path over SFTP, memory, transfers."""
    place = bootstrap.workspace()
    bootstrap.shelf(place).install()
    measured = {
        Bench.VALIDATE: measure.measure_validate,
        Bench.PATH: measure.measure_path,
        Bench.MEMORY: measure.measure_memory,
        Bench.SFTP: measure_sftp,
        Bench.FAIRNESS: measure_fairness,
        Bench.CONVERT: measure_convert,
        Bench.RECEIVERS: measure_receivers,
        Bench.LIFECYCLE: measure_lifecycle,
    }[name](place)
    told = _plain(measured)
    if as_json:
        say_json(told)
        return
    for key, value in measured.items():
        say(f"{key}: {_plain(value)}")


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
