"""``edi log``: the log of one run, as a story."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from pipeline import bootstrap
from pipeline.app.story import Line, Sentence, Tally, closing, did_something, opening, tell
from pipeline.entry.cli.output import AsJson, say, say_json, shown, typed
from pipeline.model.errors import ConfigError
from pipeline.ports.ledger import Ledger

#: Runs named when a prefix fits several.
_NAMED = 10
#: Passes shown at the head of a story.
_PASSES = 1000

_MARKS = {"info": (" ", ""), "warning": ("!", "yellow"), "error": ("✗", "red")}

Run = Annotated[
    str | None,
    typer.Argument(
        parser=typed,
        metavar="RUN",
        help="Passage ou son début / a run, or the beginning of its id; default: the last one"
        " that did something.",
    ),
]


def log(
    run: Run = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Suivre jusqu'à la fin / follow until it ends.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Raconter un passage / tell one run as a story; ``--json``: its lines as logged."""
    place = bootstrap.workspace()
    with bootstrap.reading(place) as ledger:
        name = _named(place, ledger, run, follow=follow)
        if not as_json:
            for head in opening(name, ledger.runs(run=name, limit=_PASSES)):
                say(head)
        tally = Tally()
        try:
            for line in _lines(place, name, follow=follow):
                _tell(line, tally, as_json=as_json)
        except KeyboardInterrupt:
            if not follow:
                raise
        if not as_json:
            say("")
            for end in closing(ledger, name, tally):
                say(end)


def _lines(place: bootstrap.Workspace, run: str, *, follow: bool) -> Iterator[Line]:
    reader = bootstrap.log_reader(place)
    if not follow:
        return reader.lines(run)
    return reader.follow(run, lambda: bootstrap.is_running(place))


def _named(place: bootstrap.Workspace, ledger: Ledger, given: str | None, *, follow: bool) -> str:
    """Return the run that is meant.

    Raises:
        ConfigError: There is none, or more than one.
    """
    reader = bootstrap.log_reader(place)
    if given is None:
        # who follows wants what is going on, be it only a look at empty folders
        found = reader.last_run((lambda _line: True) if follow else did_something)
        if found is None:
            raise ConfigError("aucun passage au journal / no run in the log")
        return found
    wanted = given if given.startswith("run:") else f"run:{given}"
    runs = reader.runs(wanted)
    if wanted in runs or ledger.runs(run=wanted, limit=1):
        return wanted
    if not runs:
        raise ConfigError(f"{given}: aucun passage de ce nom / no such run")
    if len(runs) > 1:
        named = ", ".join(one.removeprefix("run:") for one in runs[-_NAMED:])
        raise ConfigError(f"{given}: {len(runs)} passages, précisez / say which: {named}")
    return runs[0]


def _tell(line: Line, tally: Tally, *, as_json: bool) -> None:
    tally.add(line)
    if as_json:
        say_json(line)
    else:
        _say(tell(line))


def _say(sentence: Sentence) -> None:
    mark, style = _MARKS.get(sentence.level, _MARKS["info"])
    text = f"{sentence.at:%H:%M:%S} {mark} {sentence.fr} / {sentence.en}"
    Console(soft_wrap=True, highlight=False).print(shown(text, style))
