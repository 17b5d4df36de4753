"""What answers are written with, and how the flows that carry them are named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree

from pipeline.model.acknowledgement import AnswerFacts, ReasonCodes
from pipeline.model.names import flow_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What is the same for every answer of a hub.

    Attributes:
        statut: Compiled ``CPPStatut-V1_19.xsd``.
        cdar: Compiled CDAR D22B schema.
        reasons: Which published code stands for one of the control table.
        matricule: The four digits that name us among platforms.
        pack: Packs named payloads into one tar.gz, always the same bytes.
    """

    statut: etree.XMLSchema
    cdar: etree.XMLSchema
    reasons: ReasonCodes
    matricule: str
    pack: Callable[[Iterable[tuple[str, bytes]]], bytes]


@dataclass(frozen=True, slots=True)
class FlowName:
    """The name of one outbound flow, by the grammar.

    Attributes:
        name: As the file is called.
        application: The sender's six characters.
        identifier: Its last twenty-five characters.
    """

    name: str
    application: str
    identifier: str


def name_flow(facts: AnswerFacts, code: str, next_number: Callable[[str], int]) -> FlowName:
    """Name the next flow under interface `code`.

    Args:
        facts: Give our code and the sender's.
        code: Interface code, eight characters.
        next_number: Takes the next number of a series, from 1; the series is our code and
            the interface code, so that no name is ever given twice.

    Raises:
        ValueError: There is no application code to name the flow by: our bug.
    """
    application, hub = facts.application_code, facts.hub_code
    if application is None:
        raise ValueError("an answer of this family is named after an application code")
    name = flow_name(code, application, hub, next_number(f"{hub}:{code}"))
    return FlowName(name, application, name.rpartition("_")[2])
