"""Opens what must last: the archive of originals, its keys, the seals, the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.places import Workspace, arm_failpoints, must_exist, settings, workspace
from pipeline.model.connection import Secret
from pipeline.model.errors import ConfigError
from pipeline.model.seal import Seal
from pipeline.model.settings import Encryption
from pipeline.ports.ledger import Ledger

if TYPE_CHECKING:
    from pipeline.adapters.archive import FileArchive
    from pipeline.adapters.custody import Custody
    from pipeline.adapters.seals import SealFolder
    from pipeline.adapters.vault import Vault


def archive(place: Workspace) -> FileArchive:
    """Open the archive of originals, as its settings say.

    Raises:
        ConfigError: Its keys cannot be used, or it is encrypted and the settings say not.
    """
    from pipeline.adapters.archive import FileArchive
    from pipeline.adapters.forms import SealedForm

    found = vault(place)
    return FileArchive(place.originals, SealedForm(found) if found else None)


def trusted_by(public: bytes) -> tuple[str, Callable[[bytes], Seal]]:
    """Return the fingerprint of a public key (PEM), and what reads the seals it signed.

    Raises:
        ValueError: It is no such key; the reader raises it for a seal that is not of it.
    """
    from pipeline.adapters.seals import key_named, read_signed

    fingerprint, key = key_named(public)
    return fingerprint, lambda content: read_signed(content, key)


def seals(place: Workspace) -> SealFolder:
    """Open the folder of seals; its key is read when it is first needed."""
    from pipeline.adapters.seals import SealFolder
    from pipeline.adapters.secrets import reveal_key

    wanted = settings(place).seal
    return SealFolder(
        place.home / wanted.folder, partial(reveal_key, wanted.key, place.home), wanted.trusted
    )


def custody(place: Workspace) -> Custody:
    """Return what looks after the keys of the archive.

    Raises:
        ConfigError: It is not encrypted, or its keys cannot be used.
    """
    from pipeline.adapters.archive import FileArchive
    from pipeline.adapters.custody import Custody
    from pipeline.adapters.forms import SealedForm

    must_exist(place)
    found = vault(place)
    if found is None:
        raise ConfigError(
            'archive.encryption = "none" : aucune clé, les originaux sont en clair'
            " / no keys, originals are not encrypted"
        )
    arm_failpoints()
    form = SealedForm(found)
    return Custody(FileArchive(place.originals, form), form, found)


def new_master_key(place: Workspace, name: str) -> Path:
    """Make a master key file, relative to the workspace; it is not in force yet.

    Raises:
        ConfigError: A file of that name is there.
    """
    from pipeline.adapters.secrets import make_key_file

    must_exist(place)
    path = place.home / name
    if not make_key_file(path):
        raise ConfigError(f"{path}: existe déjà, rien n'est modifié / exists, nothing is changed")
    return path


def vault(place: Workspace) -> Vault | None:
    """Open the keys of the archive; None where it is not encrypted.

    Raises:
        ConfigError: They cannot be used, or they are there and the settings say "none".
    """
    from pipeline.adapters.secrets import reveal_key
    from pipeline.adapters.vault import MasterKey, Vault, names_file

    wanted = settings(place).archive
    names = names_file(place.originals)
    if wanted.encryption is Encryption.NONE:
        if names.exists():
            raise ConfigError(
                f'{place.config / "pipeline.toml"}: archive.encryption = "none", mais les'
                f" originaux sont chiffrés / but originals are encrypted ({names})"
            )
        return None

    def master(secret: Secret) -> MasterKey:
        return MasterKey(reveal_key(secret, place.home), secret.name)

    previous = wanted.previous_master_key
    return Vault(
        place.originals, master(wanted.master_key), master(previous) if previous else None
    )


@contextmanager
def reading(place: Workspace | None = None) -> Iterator[Ledger]:
    """Open the ledger to look things up."""
    from pipeline.adapters.database import open_ledger

    found = place or workspace()
    must_exist(found)
    ledger = open_ledger(found.database)
    try:
        yield ledger
    finally:
        ledger.close()
