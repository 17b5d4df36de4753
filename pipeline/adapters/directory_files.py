"""Reads what files say of the directory: CSV, and the F14 of the French directory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from pipeline.adapters.configuration import Matricule, Siren, Siret, read_routes
from pipeline.adapters.misfits import in_words
from pipeline.model.directory import (
    RESERVED_PLATFORMS,
    Address,
    Directory,
    Flags,
    Kind,
    Platform,
    Service,
    Structure,
    Validity,
)
from pipeline.model.directory_update import Table, Update, merge, orphans
from pipeline.model.errors import ConfigError
from pipeline.model.path_trouble import path_told

#: The table of the B2B pilot, which lies beside those of the directory and is none of them.
PILOT = "pilot.csv"
#: Faults that a refusal lists; all are counted.
FAULTS_SHOWN = 50
#: What a column more than the header names is called.
_TOO_MANY = "(trop de colonnes / too many columns)"
#: The four grains of an address; a suffix never follows a SIRET.
_ADDRESS = re.compile(r"(?P<siren>[0-9]{9})(?:_(?P<siret>[0-9]{14})(?:_.{1,100})?|_.{1,100})?")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What tells whether the key of a number is right.

    Attributes:
        is_siren: Of nine digits.
        is_siret: Of fourteen.
    """

    is_siren: Callable[[str], bool]
    is_siret: Callable[[str], bool]


#: Reads an F14, given whether it holds every line where it does not say so itself: what it says,
#: and each fault with its line.
ReadFlow = Callable[[bytes, bool], tuple[Update, Sequence[tuple[int, str]]]]


def _checked_siret(number: str, info: ValidationInfo) -> str:
    numbers: Numbers | None = info.context
    if numbers is not None and not numbers.is_siret(number):
        raise ValueError("clé de contrôle fausse / wrong check digit")
    return number


def _checked_siren(number: str, info: ValidationInfo) -> str:
    numbers: Numbers | None = info.context
    if numbers is not None and not numbers.is_siren(number):
        raise ValueError("clé de contrôle fausse / wrong check digit")
    return number


def _checked_platform(matricule: str) -> str:
    if matricule in RESERVED_PLATFORMS:
        raise ValueError("matricule réservé, jamais celui d'une plateforme / reserved matricule")
    return matricule


def _checked_address(identifier: str, info: ValidationInfo) -> str:
    numbers: Numbers | None = info.context
    found = _ADDRESS.fullmatch(identifier)
    if found is None or (numbers is not None and not numbers.is_siren(found["siren"])):
        raise ValueError(
            "attendu / expected: SIREN, SIREN_SIRET, SIREN_SIRET_CODE, SIREN_SUFFIXE ; SIREN faux"
            " ou mal placé / SIREN wrong or not there"
        )
    siret = found["siret"]
    if siret is not None:
        if not siret.startswith(found["siren"]):
            raise ValueError("SIRET d'un autre SIREN / SIRET of another SIREN")
        _checked_siret(siret, info)
    return identifier


CheckedSiren = Annotated[Siren, AfterValidator(_checked_siren)]
CheckedSiret = Annotated[Siret, AfterValidator(_checked_siret)]
PlatformCode = Annotated[Matricule, AfterValidator(_checked_platform)]
AddressText = Annotated[str, AfterValidator(_checked_address)]
Code = Annotated[str, Field(min_length=1, max_length=100)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Dated(_Row):
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> _Dated:
        if self.since and self.until and self.until <= self.since:
            raise ValueError("until : pas après since / not after since")
        return self

    @property
    def validity(self) -> Validity:
        """Return the days on which it holds."""
        return Validity(self.since, self.until)


class _StructureRow(_Dated):
    siret: CheckedSiret
    name: str
    active: bool
    kind: Kind | None = None
    engagement: bool = False
    service: bool = False
    engagement_or_service: bool = False
    works: bool = False
    works_only: bool = False
    payment_status: bool = False

    def value(self) -> Structure:
        """Return the row as the model's value."""
        return Structure(
            siret=self.siret,
            name=self.name,
            kind=self.kind,
            active=self.active,
            validity=self.validity,
            flags=Flags(
                engagement=self.engagement,
                service=self.service,
                engagement_or_service=self.engagement_or_service,
                works=self.works,
                works_only=self.works_only,
                payment_status=self.payment_status,
            ),
        )


class _ServiceRow(_Dated):
    siret: CheckedSiret
    code: Code
    name: str
    active: bool
    engagement: bool = False
    engagement_since: date | None = None
    engagement_until: date | None = None

    def value(self) -> Service:
        """Return the row as the model's value."""
        asked = Validity(self.engagement_since, self.engagement_until)
        return Service(
            name=self.name,
            active=self.active,
            validity=self.validity,
            engagement=asked if self.engagement else None,
        )


class _AddressRow(_Dated):
    address: AddressText
    platform: PlatformCode | None = None
    masked: bool = False

    def value(self) -> Address:
        """Return the row as the model's value."""
        return Address(
            identifier=self.address,
            platform=self.platform,
            masked=self.masked,
            validity=self.validity,
        )


class _PlatformRow(_Dated):
    matricule: PlatformCode
    name: str
    active: bool

    def value(self) -> Platform:
        """Return the row as the model's value."""
        return Platform(
            matricule=self.matricule, name=self.name, active=self.active, validity=self.validity
        )


class _PilotRow(_Dated):
    siren: CheckedSiren


R = TypeVar("R", bound=_Row)


@dataclass(slots=True)
class _Reading:
    """What is read so far, and every fault that was met."""

    numbers: Numbers | None
    structures: dict[str, Structure] = field(default_factory=dict)
    services: dict[str, dict[str, Service]] = field(default_factory=dict)
    addresses: dict[tuple[str, date | None], Address] = field(default_factory=dict)
    platforms: dict[str, Platform] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    tables: set[Table] = field(default_factory=set)

    def add_structure(self, where: str, row: _StructureRow) -> None:
        """Take one row of structures."""
        if row.siret in self.structures:
            self.twice(where, "siret", row.siret)
        self.structures[row.siret] = row.value()

    def add_service(self, where: str, row: _ServiceRow) -> None:
        """Take one row of services."""
        known = self.services.setdefault(row.siret, {})
        if row.code in known:
            self.twice(where, "code", row.code)
        known[row.code] = row.value()
        self.places.setdefault(row.siret, where)

    def add_address(self, where: str, row: _AddressRow) -> None:
        """Take one row of addresses."""
        key = row.address, row.since
        if key in self.addresses:
            self.twice(where, "address", row.address)
        self.addresses[key] = row.value()

    def add_platform(self, where: str, row: _PlatformRow) -> None:
        """Take one row of platforms."""
        if row.matricule in self.platforms:
            self.twice(where, "matricule", row.matricule)
        self.platforms[row.matricule] = row.value()

    def twice(self, where: str, key: str, found: str) -> None:
        """Note that a row tells of what another told of already."""
        self.faults.append(f"{where}: {key}: {found} existe déjà / is there already")

    def update(self, *, full: bool, digest: str = "") -> Update:
        """Return all of it as the model's value."""
        return Update(
            structures=self.structures,
            services=self.services,
            addresses=tuple(self.addresses.values()),
            platforms=self.platforms,
            full=frozenset(self.tables) if full else frozenset(),
            places=self.places,
            sha256=digest,
        )


def read_directory(folder: Path, numbers: Numbers | None = None) -> Directory:
    """Read ``config/directory``: its four tables, each of which may be missing, and its routes.

    Args:
        folder: Where they lie.
        numbers: What checks the keys of SIREN and SIRET; None to look at their shape alone.

    Raises:
        ConfigError: A row or a route cannot be used, with its file, line and fault.
    """
    reading = _Reading(numbers)
    for table in Table:
        path = folder / f"{table.value}.csv"
        if path.exists():
            _read_csv(str(path), _bytes(path), reading)
    _refuse(reading.faults)
    update = reading.update(full=True)
    _refuse_orphans(Directory(), update)
    made = merge(Directory(), update)
    return replace(made, routes=read_routes(folder / "routes.toml"), imported=False)


def read_pilot(path: Path, numbers: Numbers | None = None) -> dict[str, tuple[Validity, ...]]:
    """Read ``pilot.csv``: which companies are registered for the B2B pilot, and when.

    A missing file registers nobody.

    Args:
        path: Of the table; its columns are siren, since and until.
        numbers: What checks the key of a SIREN; None to look at its shape alone.

    Raises:
        ConfigError: A row cannot be used, with its line and fault.
    """
    if not path.exists():
        return {}
    found: dict[str, tuple[Validity, ...]] = {}
    faults: list[str] = []
    for where, cells in _lines_of(str(path), _bytes(path), frozenset({"siren"})):
        try:
            row = _PilotRow.model_validate(_filled(cells, _PilotRow), context=numbers)
        except ValidationError as error:
            faults.extend(_explain(where, error))
        else:
            found[row.siren] = (*found.get(row.siren, ()), row.validity)
    _refuse(faults)
    return found


def _lines_of(
    name: str, data: bytes, marks: frozenset[str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the rows of a table that must have some columns, each with its place."""
    try:
        rows = _rows(data)
        columns = frozenset(rows.fieldnames or ())
        if not marks <= columns:
            raise ConfigError(
                f"{name}:1: colonnes inconnues / unknown columns:"
                f" {', '.join(sorted(columns)) or '(vide)'} ; attendu au moins / expected at"
                f" least: {', '.join(sorted(marks))}"
            )
        for cells in rows:
            yield f"{name}:{rows.line_num}", cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{name}: {error}") from error


def _rows(data: bytes) -> csv.DictReader[str]:
    # a spreadsheet puts a byte order mark before its UTF-8
    text = data.decode("utf-8-sig")
    return csv.DictReader(io.StringIO(text, newline=""), restkey=_TOO_MANY)


def read_update(path: Path, *, full: bool, numbers: Numbers, read_flow: ReadFlow) -> Update:
    """Read what a CSV file, a folder of them, or an F14 says of the directory.

    Args:
        path: A file with the columns of one of the four tables, a folder of such files, or XML.
        full: Whether each table that is there holds every line; of an F14 where it does not
            say so itself.
        numbers: What checks the keys of SIREN and SIRET.
        read_flow: What reads an F14.

    Raises:
        ConfigError: It cannot be used; every fault with its file, line and field.
    """
    inside = (one for one in path.glob("*.csv") if one.name != PILOT)
    files = sorted(inside) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"{path}: aucun fichier .csv / no .csv file")
    reading, digest = _Reading(numbers), sha256()
    for file in files:
        data = _bytes(file)
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return _read_flow(file, data, read_flow, full=full)
        digest.update(data)
        _read_csv(str(file), data, reading)
    _refuse(reading.faults)
    return reading.update(full=full, digest=digest.hexdigest())


def _read_flow(path: Path, data: bytes, read_flow: ReadFlow, *, full: bool) -> Update:
    update, faults = read_flow(data, full)
    _refuse([f"{path}:{line}: {text}" for line, text in faults])
    if replace(update, full=frozenset(), apart=False, places={}) == Update():
        raise ConfigError(f"{path}: aucun bloc d'annuaire (F14) / no block of a directory (F14)")
    places = {siret: f"{path}:{line}" for siret, line in update.places.items()}
    return replace(update, places=places, sha256=sha256(data).hexdigest())


def check_update(directory: Directory, update: Update) -> None:
    """Refuse an update that does not fit what is known.

    Raises:
        ConfigError: It tells of services of a structure that nobody knows.
    """
    _refuse_orphans(directory, update)


def _refuse_orphans(directory: Directory, update: Update) -> None:
    _refuse(
        [
            f"{where}: siret: {siret} absent de l'annuaire / not in the directory (structures.csv)"
            for siret, where in orphans(directory, update)
        ]
    )


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        more = len(faults) - FAULTS_SHOWN
        rest = [f"… {more} de plus / more"] if more > 0 else []
        raise ConfigError("\n".join([*faults[:FAULTS_SHOWN], *rest]))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {path_told(error)}") from error


def _read_csv(name: str, data: bytes, reading: _Reading) -> None:
    """Read one table; which one, its columns tell."""
    try:
        rows = _rows(data)
        columns = frozenset(rows.fieldnames or ())
        for table, (marks, take) in _TABLES.items():
            if marks <= columns:
                reading.tables.add(table)
                take(name, rows, reading)
                return
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{name}: {error}") from error
    known = " | ".join(",".join(sorted(marks)) for marks, _ in _TABLES.values())
    raise ConfigError(
        f"{name}:1: colonnes inconnues / unknown columns: {', '.join(sorted(columns)) or '(vide)'}"
        f" ; attendu au moins / expected at least: {known}"
    )


def _taker(
    model: type[R], add: Callable[[_Reading, str, R], None]
) -> Callable[[str, csv.DictReader[str], _Reading], None]:
    """Return what reads the rows of one table."""

    def take(name: str, rows: csv.DictReader[str], reading: _Reading) -> None:
        for found in rows:
            where = f"{name}:{rows.line_num}"
            try:
                row = model.model_validate(_filled(found, model), context=reading.numbers)
            except ValidationError as error:
                reading.faults.extend(_explain(where, error))
            else:
                add(reading, where, row)

    return take


def _filled(found: Mapping[str, str], model: type[_Row]) -> Mapping[str, str]:
    """Return the cells of a row; an empty one that may be left out is."""
    fields = model.model_fields
    return {
        key: cell
        for key, cell in found.items()
        if cell or key not in fields or fields[key].is_required()
    }


def _explain(where: str, error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        key = ".".join(map(str, fault["loc"])) or "since, until"
        yield f"{where}: {key}: {in_words(fault)} (trouvé / found: {fault['input']!r:.80})"


#: Each table with the columns that tell it, the most particular first, and what reads it.
_TABLES: Mapping[
    Table, tuple[frozenset[str], Callable[[str, csv.DictReader[str], _Reading], None]]
] = {
    Table.SERVICES: (frozenset({"siret", "code"}), _taker(_ServiceRow, _Reading.add_service)),
    Table.STRUCTURES: (frozenset({"siret"}), _taker(_StructureRow, _Reading.add_structure)),
    Table.ADDRESSES: (frozenset({"address"}), _taker(_AddressRow, _Reading.add_address)),
    Table.PLATFORMS: (frozenset({"matricule"}), _taker(_PlatformRow, _Reading.add_platform)),
}
