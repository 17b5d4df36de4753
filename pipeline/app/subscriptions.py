"""Whether the interfaces that a sheet names are there, served, and fit the rest of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.model.connection import Connection, Naming, Role
from pipeline.model.interface import Interface
from pipeline.route.plan import DIFFUSION


def subscription_faults(one: Connection, interfaces: Mapping[str, Interface]) -> Iterator[str]:
    """Yield what is wrong with the interfaces of a sheet: sheet, field, value, what to do."""
    names_flows = one.naming is Naming.GRAMMAR  # else they are noted, and govern nothing
    for code in one.interfaces:
        if not names_flows and code in interfaces:
            continue
        if fault := _fault_of_code(one, code, interfaces):
            yield f"{one.name}: interfaces: « {code} » {fault}"
    if names_flows:
        yield from _fault_of_form(one)


def _fault_of_code(one: Connection, code: str, interfaces: Mapping[str, Interface]) -> str:
    """Say why a sheet may not name an interface; empty where it may."""
    interface = interfaces.get(code)
    if interface is None:
        known = ", ".join(sorted(key for key, row in interfaces.items() if row.is_principal))
        return f"inconnu / unknown ({known})"
    if interface.unserved:
        return f"non traité / not served: {interface.unserved}"
    if not interface.is_principal:
        brought = {brings for named in one.interfaces for brings in _brought(named, interfaces)}
        principals = sorted(key for key, row in interfaces.items() if code in row.brings)
        if code in brought:
            return ""
        return (
            "secondaire, vient avec une principale de cette liste"
            f" / secondary, comes with a principal one of: {', '.join(principals)}"
        )
    if interface.opens_to is not one.role:
        return f'd\'une fiche / of a sheet with role = "{interface.opens_to.value}"'
    return ""


def _brought(code: str, interfaces: Mapping[str, Interface]) -> tuple[str, ...]:
    return interfaces[code].brings if code in interfaces else ()


def _fault_of_form(one: Connection) -> Iterator[str]:
    """Say that a receiver gets what it has not subscribed, or has subscribed what it gets not."""
    if one.role is not Role.RECEIVER or not one.interfaces:
        return
    code = DIFFUSION.get(one.carriage.form)
    if code not in one.interfaces:
        asked = code or "ubl, factur-x, pivot"
        yield (
            f"{one.name}: format: « {one.carriage.form.value} » ne va pas avec / does not go with"
            f" interfaces = {list(one.interfaces)} (attendu / expected: {asked})"
        )
