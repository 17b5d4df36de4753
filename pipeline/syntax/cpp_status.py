"""CPPStatut V1_19: life-cycle messages, written and read from one table.

Source:
    CPPStatutPivot V1_19, envelope, flow branch and invoice branch; our schema of it is
    ``schemas/CPPStatut-V1_19.xsd``. Numbers are compared by value there: they are
    written with two digits and read as integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from lxml import etree

from pipeline.syntax import cpp_parties
from pipeline.syntax.cpp_parties import ENVELOPES, Envelope
from pipeline.syntax.cpp_table import (
    DATE,
    MOMENT,
    NUMBER,
    TEXT,
    Form,
    Row,
    Series,
    Table,
    fill,
    take,
)

#: What the root's Version attribute says.
VERSION = "V1_19"
#: The root element; the format has no namespace.
ROOT = "CPPStatut"

#: Invoice status *Déposée*: the platform has taken the invoice.
DEPOSITED = 1


class FlowState(IntEnum):
    """IdStatut of the flow branch."""

    RECEIVED = 90
    IN_TRANSMISSION = 91
    RECEIVED_BY_RECIPIENT = 92
    RECEPTION_ERROR = 93
    RECIPIENT_RECEPTION_ERROR = 94
    TRANSMISSION_ERROR = 95
    PARTLY_INTEGRATED = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorLine:
    """One anomaly of a flow.

    Attributes:
        nature: TECHNIQUE, APPLICATIVE or FONCTIONNELLE, or the reference of an object.
        code: Of the control table, or a rule's identifier.
        label: What the code is called.
        description: Where, what was found, what to do.
    """

    nature: str
    code: str
    label: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FluxStatus:
    """One status of one flow.

    Attributes:
        status: A `FlowState` value.
        at: When the status was set (aware).
        flow_id: Identifier of the flow at its producer.
        complement: At most 40 characters.
        comment: For a person.
        note: Any text.
        producer: Eight characters.
        errors: What was wrong, in order.
    """

    status: int
    at: datetime
    flow_id: str
    complement: str | None = None
    comment: str | None = None
    note: str | None = None
    producer: str | None = None
    errors: tuple[ErrorLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Who issued the invoice.

    Attributes:
        id_type: A `SupplierId` value.
        id: Identifier of that type.
        name: Registered name.
        country: Two letters.
    """

    id_type: int
    id: str
    name: str
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debtor:
    """Who is billed.

    Attributes:
        siret: Fourteen characters.
        name: Name.
        service: Service code, at most 100 characters.
        service_name: Name of the service.
        id_type: Always 1, SIRET.
    """

    siret: str
    name: str | None = None
    service: str | None = None
    service_name: str | None = None
    id_type: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FactureStatus:
    """One status of one invoice.

    Attributes:
        supplier: Who issued it.
        debtor: Who is billed.
        status: 1 to 41; 1 to 12 have published labels.
        at: When the status was set (aware).
        number: Invoice number (BT-1).
        issue_date: Issue date (BT-2).
        complement: Any text.
        comment: For a person.
        producer: Who set the status.
        mandate_id: Identifier at the recipient.
    """

    supplier: Supplier
    debtor: Debtor
    status: int
    at: datetime
    number: str
    issue_date: date | None = None
    complement: str | None = None
    comment: str | None = None
    producer: str | None = None
    mandate_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """One CPPStatut: statuses of flows, or of invoices, never both.

    Attributes:
        envelopes: One a pair of partners; one at least.
        flows: Flow branch.
        invoices: Invoice branch.

    Raises:
        ValueError: Both branches, or neither.
    """

    envelopes: tuple[Envelope, ...]
    flows: tuple[FluxStatus, ...] = ()
    invoices: tuple[FactureStatus, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.flows) is bool(self.invoices):
            raise ValueError("a CPPStatut holds either flow statuses or invoice statuses")


_STATUS = Form("{:02d}".format, int)

_TABLE: Table = {
    **cpp_parties.TABLE,
    StatusMessage: (
        ENVELOPES,
        Row(
            "flows",
            "CPPFluxStatuts/CPPFluxStatutUnitaire",
            FluxStatus,
            Series("NumOrdre", count="compteur"),
        ),
        Row(
            "invoices",
            "CPPFactureStatuts/CPPFactureStatutUnitaire",
            FactureStatus,
            Series("NumOrdre", count="compteur"),
        ),
    ),
    FluxStatus: (
        Row("status", "DonneesStatut/IdStatut", _STATUS),
        Row("complement", "DonneesStatut/ComplementStatut", TEXT),
        Row("comment", "DonneesStatut/Commentaire", TEXT),
        Row("note", "DonneesStatut/Note", TEXT),
        Row("at", "DonneesStatut/Horodatage", MOMENT),
        Row("producer", "DonneesStatut/IdProducteur", TEXT),
        Row("flow_id", "DonneesStatut/IdFlux", TEXT),
        Row(
            "errors",
            "DonneesStatut/Details/LigneErreurDetail",
            ErrorLine,
            Series("IdLigne", count="NbLignesErreur"),
        ),
    ),
    ErrorLine: (
        Row("nature", "NatureErreur", TEXT),
        Row("code", "CodeErreur", TEXT),
        Row("label", "LibelleErreur", TEXT),
        Row("description", "DescriptionErreur", TEXT),
    ),
    FactureStatus: (
        Row("supplier", "Fournisseur", Supplier),
        Row("debtor", "Debiteur", Debtor),
        Row("status", "DonneesStatut/IdStatut", _STATUS),
        Row("complement", "DonneesStatut/ComplementStatut", TEXT),
        Row("comment", "DonneesStatut/Commentaire", TEXT),
        Row("at", "DonneesStatut/Horodatage", MOMENT),
        Row("producer", "DonneesStatut/Producteur/@Id", TEXT),
        Row("number", "DonneesStatut/IdFacture", TEXT),
        Row("issue_date", "DonneesStatut/DateFacture", DATE),
        Row("mandate_id", "DonneesStatut/IdMandatDP", TEXT),
    ),
    Supplier: (
        Row("id_type", "TypeIdentifiant", NUMBER),
        Row("id", "Identifiant", TEXT),
        Row("name", "RaisonSociale", TEXT),
        Row("country", "CodePays", TEXT),
    ),
    Debtor: (
        Row("id_type", "TypeIdentifiant", NUMBER),
        Row("siret", "Identifiant", TEXT),
        Row("name", "Nom", TEXT),
        Row("service", "CodeService", TEXT),
        Row("service_name", "NomService", TEXT),
    ),
}


def write(message: StatusMessage, schema: etree.XMLSchema) -> bytes:
    """Write a message as UTF-8 with an XML declaration; one message, one sequence of bytes.

    Characters that XML cannot carry are written as U+FFFD.

    Args:
        message: What to write.
        schema: Compiled ``CPPStatut-V1_19.xsd``; nothing leaves that it does not accept.

    Raises:
        ValueError: The message breaks the schema: our bug.
    """
    root = etree.Element(ROOT, Version=VERSION)
    fill(root, message, _TABLE)
    if not schema.validate(root):
        raise ValueError(f"CPPStatut breaks its own schema: {schema.error_log}")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def read(root: etree._Element) -> StatusMessage:
    """Read a message whose structure has been checked against the schema.

    Raises:
        ValueError: `root` is no CPPStatut, or lacks what every message has.
    """
    if root.tag != ROOT:
        raise ValueError(f"not a CPPStatut: {root.tag!s}")
    return take(StatusMessage, root, _TABLE)
