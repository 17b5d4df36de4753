"""Who takes part in a CPP message: both ends of its envelope, and how suppliers are identified.

The same in CPPStatut and CPPFacturePivot; our schema of it is ``schemas/CPP-Common.xsd``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Self

from pipeline.syntax.cpp_table import TEXT, Row, Series, Table, write_moment

#: Where a supplier is known by its VAT number; Greece has two codes.
EU = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905  # one line, not 28
)

#: How much of its name a supplier from outside the EU is identified by, in characters.
_NAME_IN_ID = 16


class SupplierId(IntEnum):
    """TypeIdentifiant of a supplier: what its identifier is."""

    SIRET = 1
    EU_VAT = 2
    OUTSIDE_EU = 3
    RIDET = 4
    TAHITI = 5
    BEING_REGISTERED = 6
    NATURAL_PERSON = 7


def foreign_id(country: str, name: str) -> str:
    """Return what identifies a supplier outside the EU: its country and how its name starts.

    >>> foreign_id("CH", "Papeterie du Léman SA")
    'CHPapeterie du Lém'
    """
    return f"{country}{name[:_NAME_IN_ID]}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an envelope; ``DtPrd`` and ``IdFlx`` are always there.

    Attributes:
        code: Five characters.
        value: Any text.
        note: Any text.
    """

    code: str
    value: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Partner:
    """One end of an exchange.

    Attributes:
        id: Application code, 3 to 8 characters.
        label: Any text.
        note: Any text.
    """

    id: str
    label: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who sends what to whom.

    Attributes:
        parameters: Two at least.
        receiver: Who is to read the message.
        sender: Who wrote it.
    """

    parameters: tuple[Parameter, ...]
    receiver: Partner
    sender: Partner

    @classmethod
    def of(cls, flow_id: str, produced: datetime, *, receiver: str, sender: str) -> Self:
        """Make the envelope of one flow between two partners.

        Args:
            flow_id: The 25 characters that identify the flow.
            produced: When it was made (aware); written in UTC, to the second.
            receiver: Application code.
            sender: Application code.
        """
        moment = write_moment(produced.replace(microsecond=0))
        return cls(
            parameters=(Parameter("DtPrd", moment), Parameter("IdFlx", flow_id)),
            receiver=Partner(receiver),
            sender=Partner(sender),
        )


#: Where a message writes its envelopes, for the table of each format.
ENVELOPES = Row("envelopes", "Enveloppe/EnveloppeUnitaire", Envelope, Series("NumOrdre"))

#: The rows of an envelope.
TABLE: Table = {
    Envelope: (
        Row("parameters", "Parametres/ParametreIndiv", Parameter, Series("NumOrdre", digits=4)),
        Row("receiver", "Partenaires/Recepteur", Partner),
        Row("sender", "Partenaires/Emetteur", Partner),
    ),
    Parameter: (
        Row("code", "Code", TEXT),
        Row("value", "Valeurparametre", TEXT),
        Row("note", "Note", TEXT),
    ),
    Partner: (
        Row("id", "Id", TEXT),
        Row("label", "Libelle", TEXT),
        Row("note", "Note", TEXT),
    ),
}
