"""Files of our own: closed to others, never written through a link, durable when synced."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: How a file that must not be there yet is opened, and one that is to be changed in place.
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
REPLACED = os.O_RDWR | os.O_NOFOLLOW
#: Files synced side by side: the file system joins their flushes.
_SYNCERS = 8


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, for its owner alone; not yet durable.

    Raises:
        FileExistsError: Something is there, if only a link that leads nowhere.
    """
    with os.fdopen(os.open(path, NEW, 0o600), "wb") as file:
        file.write(content)


def sync(place: str | Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(places: Iterable[str | Path]) -> None:
    """Make several files or folders durable, side by side."""
    with ThreadPoolExecutor(_SYNCERS) as pool:
        deque(pool.map(sync, places), maxlen=0)
