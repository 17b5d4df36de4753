"""Fills a new workspace: defaults, keys, an empty ledger."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pipeline.bootstrap.keeping import seals
from pipeline.bootstrap.places import Workspace, settings
from pipeline.model.connection import SecretKind
from pipeline.model.errors import ConfigError
from pipeline.model.settings import Encryption, Settings

#: Tables that belong to the product: a workspace may override them, but gets no copy.
_PRODUCT_TABLES = (
    "packs.toml",
    "interfaces.toml",
    "profiles.toml",
    "reasons.toml",
    "retention.toml",
    "sentences.toml",
)


def initialise(place: Workspace, encryption: Encryption = Encryption.AES_256_GCM) -> list[Path]:
    """Fill a workspace from the packaged defaults; what is there already is left alone.

    Args:
        place: The workspace.
        encryption: How its originals will lie on the disk, where no settings say so yet.

    Returns:
        The files that were made.
    """
    from pipeline.adapters.database import open_ledger
    from pipeline.adapters.resources import data_folder

    made: list[Path] = []
    for folder in ("", "keys", "archive", "spool", "logs"):
        (place.home / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    defaults = data_folder("config")
    for source in sorted(defaults.rglob("*")):
        target = place.config / source.relative_to(defaults)
        if source.is_dir() or source.name in _PRODUCT_TABLES or target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source, target)
        if target == place.config / "pipeline.toml":
            _set_encryption(target, encryption)
        made.append(target)
    made += _make_master_key(place)
    made += _make_seal_key(place)
    open_ledger(place.database).close()
    return made


def _make_seal_key(place: Workspace) -> Iterator[Path]:
    """Make the key that seals are signed with, and put its public half beside them."""
    from pipeline.adapters.secrets import make_key_file

    wanted = settings(place).seal
    (place.home / wanted.folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    path = place.home / wanted.key.name
    if wanted.key.kind is SecretKind.FILE and make_key_file(path):
        yield path
        yield seals(place).publish()


def _set_encryption(path: Path, encryption: Encryption) -> None:
    text = path.read_text(encoding="utf-8")
    default = f'encryption = "{Settings().archive.encryption.value}"'
    path.write_text(text.replace(default, f'encryption = "{encryption.value}"'), encoding="utf-8")


def _make_master_key(place: Workspace) -> Iterator[Path]:
    """Make the master key file that the settings name, but never in place of a lost one."""
    from pipeline.adapters.secrets import make_key_file
    from pipeline.adapters.vault import names_file

    wanted = settings(place).archive
    path = place.home / wanted.master_key.name
    asked = wanted.encryption is not Encryption.NONE and wanted.master_key.kind is SecretKind.FILE
    if not asked or path.exists():
        return
    if names_file(place.originals).exists():
        raise ConfigError(
            f"{path}: la clé maîtresse des originaux est absente ; remettez-la, une nouvelle ne"
            " les ouvrirait pas / the master key of the originals is missing; put it back, a"
            " new one would not open them"
        )
    make_key_file(path)
    yield path
