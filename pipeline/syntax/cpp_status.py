"""CPPStatut V1_19: life-cycle messages, written and read from one table.

`_TABLE` says for each value which of its attributes stands under which path, in the
order that the format fixes. `write` and `read` both walk it, so they cannot disagree.

Source:
    CPPStatutPivot V1_19, envelope, flow branch and invoice branch; our schema of it is
    ``schemas/CPPStatut-V1_19.xsd``. Numbers are compared by value there: they are
    written with two digits and read as integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Any, TypeVar

from lxml import etree

from pipeline.syntax.characters import carriable

#: What the root's Version attribute says.
VERSION = "V1_19"

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


class SupplierId(IntEnum):
    """TypeIdentifiant of a supplier: what its identifier is."""

    SIRET = 1
    EU_VAT = 2
    OUTSIDE_EU = 3
    RIDET = 4
    TAHITI = 5
    BEING_REGISTERED = 6
    NATURAL_PERSON = 7


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


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of text is written and read back."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class _Series:
    """How repeated elements are numbered, and where they are counted.

    Attributes:
        number: Attribute that carries each one's place, from 1.
        digits: Least number of digits of that place.
        count: Attribute of the parent that carries how many there are, or None.
    """

    number: str
    digits: int = 1
    count: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the table.

    Attributes:
        term: Attribute of the value.
        path: Where it stands, below the value's own element; ``@`` marks an XML attribute.
        form: How it is written; a class stands for a value with rows of its own.
        series: Given where `term` is a tuple.
    """

    term: str
    path: str
    form: _Form | type
    series: _Series | None = None


def _write_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_moment(text: str) -> datetime:
    """Read a moment; one without an offset is taken as UTC, for none is published."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_TEXT = _Form(carriable, str)
_NUMBER = _Form(str, int)
_STATUS = _Form("{:02d}".format, int)
_MOMENT = _Form(_write_moment, _read_moment)
#: A date may carry an offset, which says nothing about an invoice.
_DATE = _Form(date.isoformat, lambda text: date.fromisoformat(text.strip()[:10]))

_TABLE: Mapping[type, tuple[_Row, ...]] = {
    StatusMessage: (
        _Row("envelopes", "Enveloppe/EnveloppeUnitaire", Envelope, _Series("NumOrdre")),
        _Row(
            "flows",
            "CPPFluxStatuts/CPPFluxStatutUnitaire",
            FluxStatus,
            _Series("NumOrdre", count="compteur"),
        ),
        _Row(
            "invoices",
            "CPPFactureStatuts/CPPFactureStatutUnitaire",
            FactureStatus,
            _Series("NumOrdre", count="compteur"),
        ),
    ),
    Envelope: (
        _Row("parameters", "Parametres/ParametreIndiv", Parameter, _Series("NumOrdre", digits=4)),
        _Row("receiver", "Partenaires/Recepteur", Partner),
        _Row("sender", "Partenaires/Emetteur", Partner),
    ),
    Parameter: (
        _Row("code", "Code", _TEXT),
        _Row("value", "Valeurparametre", _TEXT),
        _Row("note", "Note", _TEXT),
    ),
    Partner: (
        _Row("id", "Id", _TEXT),
        _Row("label", "Libelle", _TEXT),
        _Row("note", "Note", _TEXT),
    ),
    FluxStatus: (
        _Row("status", "DonneesStatut/IdStatut", _STATUS),
        _Row("complement", "DonneesStatut/ComplementStatut", _TEXT),
        _Row("comment", "DonneesStatut/Commentaire", _TEXT),
        _Row("note", "DonneesStatut/Note", _TEXT),
        _Row("at", "DonneesStatut/Horodatage", _MOMENT),
        _Row("producer", "DonneesStatut/IdProducteur", _TEXT),
        _Row("flow_id", "DonneesStatut/IdFlux", _TEXT),
        _Row(
            "errors",
            "DonneesStatut/Details/LigneErreurDetail",
            ErrorLine,
            _Series("IdLigne", count="NbLignesErreur"),
        ),
    ),
    ErrorLine: (
        _Row("nature", "NatureErreur", _TEXT),
        _Row("code", "CodeErreur", _TEXT),
        _Row("label", "LibelleErreur", _TEXT),
        _Row("description", "DescriptionErreur", _TEXT),
    ),
    FactureStatus: (
        _Row("supplier", "Fournisseur", Supplier),
        _Row("debtor", "Debiteur", Debtor),
        _Row("status", "DonneesStatut/IdStatut", _STATUS),
        _Row("complement", "DonneesStatut/ComplementStatut", _TEXT),
        _Row("comment", "DonneesStatut/Commentaire", _TEXT),
        _Row("at", "DonneesStatut/Horodatage", _MOMENT),
        _Row("producer", "DonneesStatut/Producteur/@Id", _TEXT),
        _Row("number", "DonneesStatut/IdFacture", _TEXT),
        _Row("issue_date", "DonneesStatut/DateFacture", _DATE),
        _Row("mandate_id", "DonneesStatut/IdMandatDP", _TEXT),
    ),
    Supplier: (
        _Row("id_type", "TypeIdentifiant", _NUMBER),
        _Row("id", "Identifiant", _TEXT),
        _Row("name", "RaisonSociale", _TEXT),
        _Row("country", "CodePays", _TEXT),
    ),
    Debtor: (
        _Row("id_type", "TypeIdentifiant", _NUMBER),
        _Row("siret", "Identifiant", _TEXT),
        _Row("name", "Nom", _TEXT),
        _Row("service", "CodeService", _TEXT),
        _Row("service_name", "NomService", _TEXT),
    ),
}

V = TypeVar("V")


def write(message: StatusMessage, schema: etree.XMLSchema) -> bytes:
    """Write a message as UTF-8 with an XML declaration; one message, one sequence of bytes.

    Characters that XML cannot carry are written as U+FFFD.

    Args:
        message: What to write.
        schema: Compiled ``CPPStatut-V1_19.xsd``; nothing leaves that it does not accept.

    Raises:
        ValueError: The message breaks the schema: our bug.
    """
    root = etree.Element("CPPStatut", Version=VERSION)
    _fill(root, message)
    if not schema.validate(root):
        raise ValueError(f"CPPStatut breaks its own schema: {schema.error_log}")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def read(root: etree._Element) -> StatusMessage:
    """Read a message whose structure has been checked against the schema.

    Raises:
        ValueError: `root` is no CPPStatut, or lacks what every message has.
    """
    if root.tag != "CPPStatut":
        raise ValueError(f"not a CPPStatut: {root.tag!s}")
    return _take(StatusMessage, root)


def _fill(element: etree._Element, value: object) -> None:
    """Write each attribute of `value` that is there under its path, in the table's order."""
    for row in _TABLE[type(value)]:
        held = getattr(value, row.term)
        if held is None or held == ():
            continue
        *steps, last = row.path.split("/")
        holder = _holder(element, steps)
        if row.series is not None:
            _fill_series(holder, last, row.series, held)
        elif isinstance(row.form, type):
            _fill(etree.SubElement(holder, last), held)
        elif last.startswith("@"):
            holder.set(last[1:], row.form.write(held))
        else:
            etree.SubElement(holder, last).text = row.form.write(held)


def _holder(element: etree._Element, steps: list[str]) -> etree._Element:
    """Go down `steps`, making what is missing; the table keeps one parent's rows together."""
    for step in steps:
        last = element[-1] if len(element) else None
        element = (
            last if last is not None and last.tag == step else etree.SubElement(element, step)
        )
    return element


def _fill_series(
    holder: etree._Element, tag: str, series: _Series, values: tuple[object, ...]
) -> None:
    if series.count is not None:
        holder.set(series.count, str(len(values)))
    for place, value in enumerate(values, start=1):
        item = etree.SubElement(holder, tag, {series.number: f"{place:0{series.digits}d}"})
        _fill(item, value)


def _take(kind: type[V], element: etree._Element) -> V:
    """Build a value from the element that holds it."""
    found = dict(_terms(kind, element))
    missing = [
        field.name
        for field in fields(kind)  # type: ignore[arg-type]  # every class of the table is a dataclass
        if field.default is MISSING and field.name not in found
    ]
    if missing:
        raise ValueError(f"{element.tag!s} lacks {', '.join(missing)}")
    return kind(**found)


def _terms(kind: type, element: etree._Element) -> Iterator[tuple[str, object]]:
    """Yield each attribute of `kind` that `element` holds."""
    for row in _TABLE[kind]:
        path, _, attribute = row.path.partition("/@")
        items = element.findall(path)
        if row.series is not None and isinstance(row.form, type):
            yield row.term, tuple(_take(row.form, item) for item in items)
        elif items and isinstance(row.form, type):
            yield row.term, _take(row.form, items[0])
        elif items and isinstance(row.form, _Form):
            text = items[0].get(attribute) if attribute else "".join(map(str, items[0].itertext()))
            if text is not None:
                yield row.term, row.form.read(text)
