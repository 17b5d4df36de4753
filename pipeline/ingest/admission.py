"""Whether a file as a whole may be opened: steps 1 to 6 of the control table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.ingest.naming import read_flow_name
from pipeline.ingest.unwrap import FLOWS, Kind, wrong_type
from pipeline.model.acknowledgement import FlowOutcome
from pipeline.model.connection import Connection, Naming, Role
from pipeline.model.controls import reason
from pipeline.model.decision import Decision, Reason, Verdict
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Carries, Interface, may_send

#: How the free name of a file begins that tells statuses.
_STATUS_NAMES = ("statut", "status")

_TAKEN = {FlowOutcome.ACCEPTED, FlowOutcome.PARTLY_ACCEPTED, FlowOutcome.HELD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Another interchange of the same sender that resembles this one.

    Attributes:
        interchange: The other one.
        outcome: What became of it.
    """

    interchange: Interchange
    outcome: FlowOutcome


@dataclass(frozen=True, slots=True)
class Admission:
    """What steps 1 to 6 say of a file.

    Attributes:
        decision: Accept: open it; reject or duplicate: with its reason.
        interface: The interface it is answered under; None with free names.
        first: The interchange it repeats, if any.
        about: What it is about.
    """

    decision: Decision
    interface: Interface | None = None
    first: Interchange | None = None
    about: Carries = Carries.INVOICES


def admit(
    interchange: Interchange,
    connection: Connection,
    kind: Kind,
    interfaces: Mapping[str, Interface],
    earlier: Sequence[Earlier],
) -> Admission:
    """Hold a received file against what was agreed, before it is opened.

    Args:
        interchange: The file.
        connection: The sheet it came through.
        kind: What its first bytes say it is.
        interfaces: The interface table, by code.
        earlier: Interchanges of the same sender with the same bytes, or of the
            same connection with the same name; oldest first.

    Returns:
        The first failing control only, in the table's order.
    """
    interface = interface_of(interchange, connection, interfaces)
    about = kind_of_flow(interchange, connection, interface)
    fault = _name_fault(interchange, connection, interfaces) or _body_fault(
        interchange, connection, kind, about
    )
    if fault is not None:
        return Admission(Decision(Verdict.REJECT, (fault,)), interface, about=about)
    return replace(_unicity(interchange, connection, interface, earlier), about=about)


def interface_of(
    interchange: Interchange, connection: Connection, interfaces: Mapping[str, Interface]
) -> Interface | None:
    """Return the interface named, else the sheet's first: every file gets an answer."""
    if connection.naming is Naming.FREE:
        return None
    agreed = may_send(connection, interfaces)
    flow = read_flow_name(interchange.name)
    named = (one for one in agreed if flow is not None and one.code == flow.code)
    return next(named, agreed[0])


def kind_of_flow(
    interchange: Interchange, connection: Connection, interface: Interface | None
) -> Carries:
    """Return what a flow is about: as its interface says, else its sheet and name.

    With free names, what begins with ``statut`` or ``status`` tells statuses; of a sender only
    where that was agreed (`replies`). Anything else of a sender is invoices, of a receiver
    acknowledges deliveries.
    """
    if interface is not None:
        return interface.carries
    tells_statuses = interchange.name.lower().startswith(_STATUS_NAMES)
    if connection.role is Role.SENDER:
        return Carries.STATUSES if tells_statuses and connection.replies else Carries.INVOICES
    return Carries.STATUSES if tells_statuses else Carries.ACKNOWLEDGEMENTS


def _name_fault(
    interchange: Interchange, connection: Connection, interfaces: Mapping[str, Interface]
) -> Reason | None:
    if connection.naming is Naming.FREE:
        return None
    name = interchange.name
    flow = read_flow_name(name)
    if flow is None:
        return reason(
            "IRR_FORM",
            name,
            f"nom de flux « {name} » non conforme ; attendu : code interface (8) _ code "
            "application (6) _ code application + 4 chiffres de l'interface + 15 chiffres, "
            "sans extension",
            f"flow name '{name}' does not follow the grammar: interface code (8) _ application "
            "code (6) _ application code + the interface's 4 digits + 15 digits, no extension",
        )
    if flow.application != connection.application_code:
        return reason(
            "IRR_CODE_APP",
            name,
            f"code application {flow.application} ; attendu : {connection.application_code}",
            f"application code {flow.application}; expected {connection.application_code}",
        )
    codes = [one.code for one in may_send(connection, interfaces)]
    if flow.code not in codes:
        agreed = ", ".join(codes)
        if (known := interfaces.get(flow.code)) is not None and known.unserved:
            fr, _, en = known.unserved.partition(" / ")
            return reason(
                "IRR_CODE_INTER",
                name,
                f"code interface {flow.code} non traité : {fr} ; souscrits : {agreed}",
                f"interface code {flow.code} not served: {en}; subscribed: {agreed}",
            )
        return reason(
            "IRR_CODE_INTER",
            name,
            f"code interface {flow.code} inconnu ou non souscrit ; souscrits : {agreed}",
            f"interface code {flow.code} unknown or not subscribed; subscribed: {agreed}",
        )
    return None


def _body_fault(
    interchange: Interchange, connection: Connection, kind: Kind, about: Carries
) -> Reason | None:
    name, size, most = interchange.name, interchange.size, connection.limits.flow_bytes
    if size == 0:
        return reason("IRR_VIDE", name, "fichier de 0 octet", "file of 0 bytes")
    if size > most:
        return reason(
            "IRR_TAILLE",
            name,
            f"flux de {size} octets ; limite : {most}",
            f"flow of {size} bytes; limit: {most}",
        )
    if kind not in FLOWS and not (kind is Kind.UNKNOWN and may_be_text(connection, about)):
        return reason("IRR_TYPE", name, *wrong_type(kind))
    return None


def may_be_text(connection: Connection, about: Carries) -> bool:
    """Tell whether a flow may be plain text: what a partner says in CSV or JSON."""
    return about is not Carries.INVOICES and bool(connection.replies)


def _unicity(
    interchange: Interchange,
    connection: Connection,
    interface: Interface | None,
    earlier: Sequence[Earlier],
) -> Admission:
    same_name = [one for one in earlier if one.interchange.name == interchange.name]
    if connection.naming is Naming.GRAMMAR and same_name:
        first = same_name[0].interchange
        fault = _repeats(interchange, first, "nom de flux déjà reçu", "flow name already received")
        return Admission(Decision(Verdict.REJECT, (fault,)), interface, first)
    same_bytes = [
        one
        for one in earlier
        if one.interchange.sha256 == interchange.sha256 and one.outcome in _TAKEN
    ]
    if same_bytes:
        first = same_bytes[0].interchange
        fault = _repeats(interchange, first, "contenu déjà reçu", "content already received")
        return Admission(Decision(Verdict.DUPLICATE, (fault,)), interface, first)
    return Admission(Decision(Verdict.ACCEPT), interface)


def _repeats(interchange: Interchange, first: Interchange, fr: str, en: str) -> Reason:
    moment = first.received_at.strftime("%Y-%m-%d %H:%M:%SZ")
    return reason(
        "IRR_UNICITE",
        interchange.name,
        f"{fr} : « {first.name} » du {moment} (flux {first.id})",
        f"{en}: '{first.name}' of {moment} (flow {first.id})",
    )
