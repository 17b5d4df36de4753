"""Reads F14, the flow by which the French directory is published: full (C) or differential (D).

No schema of it is published here, only the names of its blocks and of their main elements
(Annexe 3, DT-0 to DT-7). So blocks are found by name wherever they stand, in any namespace;
what else is in them is passed over; what is needed and is missing or wrong is a fault, with its
line. Deduced, not published:

* which header element tells C from D: one outside every block whose whole text is the letter;
* ``MotifPresence`` S takes a line out; ``TypeEntite`` P is public, A is not;
* ``Nature`` M hides an address;
* the last day of an address: an element named ``DateFin…``, inside ``DateEffet`` or beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from pipeline.model.directory import (
    RESERVED_PLATFORMS,
    Address,
    Flags,
    Kind,
    Service,
    Structure,
    Validity,
)
from pipeline.model.directory_update import Table, Unit, Update
from pipeline.syntax.check_digits import is_siren, is_siret
from pipeline.syntax.parse import whole_text
from pipeline.syntax.terms import Element

_UNIT, _STRUCTURE, _ROUTING, _LINE = "UniteLegale", "Etablissement", "CodeRoutage", "LigneAnnuaire"
_BLOCKS = frozenset({_UNIT, _STRUCTURE, _ROUTING, _LINE})
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})
_KINDS = {"P": Kind.PUBLIC, "A": Kind.PRIVATE}
_DAY = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_MATRICULE = re.compile("[0-9]{4}")
_FLAGS = {
    "engagement": "EngagementJuridique",
    "service": "Service",
    "engagement_or_service": "EngJurServ",
    "works": "MOA",
    "works_only": "MOAunique",
    "payment_status": "StatutMiseEnPaiement",
}
_LONGEST_CODE = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one place of the flow.

    Attributes:
        line: Of the block.
        name: Element that is meant.
        fr: What is wrong, in French.
        en: The same in English.
        found: What stands there.
    """

    line: int
    name: str
    fr: str
    en: str
    found: str


@dataclass(frozen=True, slots=True)
class F14:
    """What a flow says.

    Attributes:
        update: As far as it could be read.
        faults: Everything that could not.
        letter: ``C``, ``D``, or empty where no header element says it.
    """

    update: Update
    faults: tuple[Fault, ...]
    letter: str


class _Refused(Exception):
    """One block cannot be read."""

    def __init__(self, name: str, fr: str, en: str, found: str) -> None:
        super().__init__(en)
        self.name, self.fr, self.en, self.found = name, fr, en, found


@dataclass(slots=True)
class _Said:
    """What is read so far."""

    structures: dict[str, Structure] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    services: dict[str, dict[str, Service]] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    removed_services: set[tuple[str, str]] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)


def read(root: Element, *, full: bool = False) -> F14:
    """Read a flow.

    Args:
        root: As `parse.parse` gives it.
        full: Whether it holds every line, where its header does not say.
    """
    said, faults = _Said(), []
    for block in _blocks(root):
        name = _name(block)
        try:
            _READERS[name](block, said)
        except _Refused as refused:
            place = f"{name}/{refused.name}"
            faults.append(Fault(_line_of(block), place, refused.fr, refused.en, refused.found))
    letter = _letter(root)
    is_full = letter == "C" or (full and not letter)
    update = Update(
        structures=said.structures,
        units=said.units,
        services=said.services,
        addresses=tuple(said.addresses),
        removed=frozenset(said.removed),
        removed_services=frozenset(said.removed_services),
        full=frozenset(Table) - {Table.PLATFORMS} if is_full else frozenset(),
        apart=True,
        places=said.places,
    )
    return F14(update, tuple(faults), letter)


def _blocks(root: Element) -> Iterator[Element]:
    return (one for one in root.iter("{*}*") if _name(one) in _BLOCKS)


def _line_of(block: Element) -> int:
    line: int | None = block.sourceline  # type: ignore[assignment]  # the stubs are vague
    return line or 0


def _letter(root: Element) -> str:
    """Return what the header says of the flow: C or D; empty where it says neither, or both."""
    found = set()
    stack = [root]
    while stack:
        one = stack.pop()
        children = [child for child in one.iterchildren("{*}*") if _name(child) not in _BLOCKS]
        if not len(one) and whole_text(one).strip() in {"C", "D"}:
            found.add(whole_text(one).strip())
        stack.extend(children)
    return found.pop() if len(found) == 1 else ""


def _read_unit(block: Element, said: _Said) -> None:
    siren = _siren(block, "IdSIREN")
    letter = _text(block, "TypeEntite")
    if letter and letter not in _KINDS:
        raise _Refused("TypeEntite", "attendu : P ou A", "expected: P or A", letter)
    active = _is_active(block) and not _is_removed(block)
    said.units[siren] = Unit(_KINDS.get(letter), active)


def _read_structure(block: Element, said: _Said) -> None:
    siret = _siret(block, "IdSIRET")
    if _is_removed(block):
        said.removed.add(siret)
        return
    said.structures[siret] = Structure(
        siret=siret,
        name=_text(block, "Nom"),
        active=_is_active(block),
        flags=Flags(**{key: _is_true(block, name) for key, name in _FLAGS.items()}),
    )


def _read_routing(block: Element, said: _Said) -> None:
    siret, code = _siret(block, "IdSIRET"), _text(block, "IdRoutage")
    if not 0 < len(code) <= _LONGEST_CODE:
        raise _Refused(
            "IdRoutage",
            f"attendu : 1 à {_LONGEST_CODE} caractères",
            f"expected: 1 to {_LONGEST_CODE} characters",
            code,
        )
    if _is_removed(block):
        said.removed_services.add((siret, code))
        return
    service = Service(name=_text(block, "Nom"), active=_is_active(block))
    said.services.setdefault(siret, {})[code] = service
    said.places.setdefault(siret, str(_line_of(block)))


def _read_line(block: Element, said: _Said) -> None:
    parts = [_siren(block, "IdLinSIREN")]
    siret, routing = _text(block, "IdLinSIRET"), _text(block, "IdLinRoutage")
    suffix = _text(block, "Suffixe")
    if siret:
        parts.append(_siret(block, "IdLinSIRET"))
    if siret and not siret.startswith(parts[0]):
        raise _Refused("IdLinSIRET", "SIRET d'un autre SIREN", "SIRET of another SIREN", siret)
    if (routing and not siret) or (suffix and siret):
        raise _Refused(
            "Suffixe" if suffix else "IdLinRoutage",
            "code routage sans SIRET, ou suffixe avec un SIRET",
            "routing code without a SIRET, or suffix with one",
            suffix or routing,
        )
    said.addresses.append(
        Address(
            identifier="_".join([*parts, *filter(None, (routing, suffix))]),
            platform=_platform(block),
            masked=_text(block, "Nature") == "M",
            validity=_validity(block),
        )
    )


_READERS = {
    _UNIT: _read_unit,
    _STRUCTURE: _read_structure,
    _ROUTING: _read_routing,
    _LINE: _read_line,
}


def _platform(block: Element) -> str | None:
    matricule = _text(block, "IdPlateforme")
    if matricule in RESERVED_PLATFORMS or (matricule and not _MATRICULE.fullmatch(matricule)):
        raise _Refused(
            "IdPlateforme",
            "attendu : quatre chiffres, hors matricules réservés",
            "expected: four digits, but no reserved matricule",
            matricule,
        )
    return matricule or None


def _validity(block: Element) -> Validity:
    """Return the days of a line: the first included, the last excluded."""
    first = last = None
    effect = next(_named(block, "DateEffet"), None)
    if effect is not None and not len(effect):
        first = _day("DateEffet", whole_text(effect))
    for one in block.iter("{*}*"):
        if _name(one).startswith("DateDebut"):
            first = _day(_name(one), whole_text(one))
        elif _name(one).startswith("DateFin"):
            last = _day(_name(one), whole_text(one))
    if first and last and last <= first:
        raise _Refused("DateEffet", "finit avant de commencer", "ends before it begins", str(last))
    return Validity(first, last)


def _day(name: str, text: str) -> date | None:
    found = _DAY.fullmatch(text.strip())
    try:
        day = date(*map(int, found.groups())) if found else None
    except ValueError:
        day = None
    if day is None and text.strip():
        raise _Refused(name, "attendu : AAAAMMJJ", "expected: YYYYMMDD", text.strip())
    return day


def _siren(block: Element, name: str) -> str:
    found = _text(block, name)
    if not is_siren(found):
        raise _Refused(name, "SIREN absent ou faux", "SIREN missing or wrong", found)
    return found


def _siret(block: Element, name: str) -> str:
    found = _text(block, name)
    if not is_siret(found):
        raise _Refused(name, "SIRET absent ou faux", "SIRET missing or wrong", found)
    return found


def _is_active(block: Element) -> bool:
    found = _text(block, "Statut")
    if found not in {"A", "I"}:
        raise _Refused("Statut", "attendu : A ou I", "expected: A or I", found)
    return found == "A"


def _is_removed(block: Element) -> bool:
    return _text(block, "MotifPresence") == "S"


def _is_true(block: Element, name: str) -> bool:
    found = _text(block, name)
    if found.lower() not in _TRUE | _FALSE | {""}:
        raise _Refused(name, "attendu : True ou False", "expected: True or False", found)
    return found.lower() in _TRUE


def _text(block: Element, name: str) -> str:
    """Return the text of the first element of a name in a block; empty where there is none."""
    found = next(_named(block, name), None)
    return "" if found is None else whole_text(found).strip()


def _named(block: Element, name: str) -> Iterator[Element]:
    """Yield the elements of a name in a block, but not in a block inside of it."""
    for one in block.iterchildren("{*}*"):
        if _name(one) == name:
            yield one
        elif _name(one) not in _BLOCKS:
            yield from _named(one, name)


def _name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
