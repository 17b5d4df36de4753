"""Finds the project's own data: ``schemas/``, ``config/`` and ``samples/``.

In a clone they stand beside the package; in an installed wheel they lie inside it,
under ``pipeline/_data``. This is the one module that knows.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path:
    """Return the folder `name` (``schemas``, ``config`` or ``samples``).

    Raises:
        FileNotFoundError: The installation is not whole.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        folder = root / name
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}: not found beside or inside {_PACKAGE}")
