"""The options that every verb on many things takes alike: which things, and in which way."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, TypeVar, get_type_hints

import typer

from pipeline.entry.cli.output import typed
from pipeline.model.calendar import moment
from pipeline.model.errors import ConfigError
from pipeline.model.status import InterchangeStep, Step
from pipeline.ports.ledger import Query

#: Whose midnights a day on the command line is read by.
_ZONE = "Europe/Paris"


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Way:
    """How far a verb on many things goes.

    Attributes:
        plan: File to write the list to; nothing is done then.
        list: A list that was frozen before, to be carried out; or None.
        yes: True to carry out at once what matches, without a question.
    """

    plan: Path | None = None
    list: str | None = None
    yes: bool = False


def _known_step(text: str) -> str:
    steps: list[type[Enum]] = [InterchangeStep, Step]
    known = list(dict.fromkeys(str(one.value) for each in steps for one in each))
    if text not in known:
        raise ConfigError(f"étape inconnue / unknown step: « {text} » ({', '.join(known)})")
    return text


def _from(text: str) -> datetime:
    return _moment(text, timedelta())


def _to(text: str) -> datetime:
    return _moment(text, timedelta(days=1))


def _moment(text: str, shift: timedelta) -> datetime:
    """Read a day, or a moment with its zone; a day that ends something ends it."""
    try:
        if len(text) == len("YYYY-MM-DD"):
            return moment(date.fromisoformat(text) + shift, time(), _ZONE)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigError(
            f"« {text} »: jour AAAA-MM-JJ, ou instant ISO 8601 avec fuseau"
            " / day YYYY-MM-DD, or ISO 8601 moment with its zone"
        )
    return found.astimezone(UTC)


def filters(
    partner: Annotated[str | None, typer.Option(help="Émetteur / sender.", parser=typed)] = None,
    step: Annotated[
        list[str] | None, typer.Option(help="Étape / step.", parser=_known_step, metavar="STEP")
    ] = None,
    reason_code: Annotated[
        str | None, typer.Option(help="Code exact du motif / whole reason code.", parser=typed)
    ] = None,
    received_from: Annotated[
        datetime | None, typer.Option(help="Reçu depuis / from.", parser=_from, metavar="DAY")
    ] = None,
    received_to: Annotated[
        datetime | None,
        typer.Option(help="Reçu jusqu'à / to, that day too.", parser=_to, metavar="DAY"),
    ] = None,
    interface: Annotated[
        str | None, typer.Option(help="Code interface / interface code.", parser=typed)
    ] = None,
    recipient: Annotated[
        str | None, typer.Option(help="Connexion du destinataire / recipient's.", parser=typed)
    ] = None,
    connection: Annotated[
        str | None, typer.Option(help="Connexion de l'émetteur / sender's.", parser=typed)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Nom, numéro, empreinte / any text.", parser=typed)
    ] = None,
) -> Query:
    """Return which things are meant."""
    return Query(
        partner=partner,
        steps=tuple(step or ()),
        reason=reason_code,
        received_from=received_from,
        received_before=received_to,
        interface=interface,
        route=recipient,
        connection=connection,
        text=text,
    )


def way(
    plan: Annotated[
        Path | None,
        typer.Option(help="Figer la liste dans ce fichier CSV / only write the list."),
    ] = None,
    list_: Annotated[
        str | None,
        typer.Option("--list", help="Exécuter une liste figée / carry out.", metavar="LIST"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sans question / do not ask.")] = False,
) -> Way:
    """Return how far the verb goes."""
    return Way(plan, list_, yes)


def spread(
    **makers: Callable[..., object],
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a verb have some parameters made from options of their own.

    Args:
        makers: By parameter: a function whose parameters become options of the verb, and
            whose value becomes the argument; it may itself be spread.
    """

    def wrap(verb: Callable[..., R]) -> Callable[..., R]:
        own = {k: v for k, v in _parameters(verb).items() if k not in makers}
        made = {name: _parameters(maker) for name, maker in makers.items()}

        def run(**given: object) -> R:
            arguments = {
                name: makers[name](**{key: given[key] for key in options})
                for name, options in made.items()
            }
            return verb(**{key: given[key] for key in own}, **arguments)

        every = [*own.values(), *(one for options in made.values() for one in options.values())]
        run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in every}
        run.__name__, run.__doc__ = verb.__name__, verb.__doc__
        return run

    return wrap


def _parameters(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Return parameters by name, as keywords, their annotations as objects."""
    hints = get_type_hints(function, include_extras=True)
    return {
        name: one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, one in inspect.signature(function).parameters.items()
    }
