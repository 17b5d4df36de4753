"""What the system says of a path that somebody named, in the words of whoever has to act."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: By what the system raises: in French and in English.
_WORDS: Mapping[type[OSError], tuple[str, str]] = MappingProxyType(
    {
        FileNotFoundError: (
            "n'existe pas ; attendu : un chemin existant (en écriture, son dossier) ; vérifiez-le",
            "does not exist; expected: an existing path (to write, its folder); check it",
        ),
        NotADirectoryError: (
            "passe par un fichier ; attendu : des dossiers jusqu'au dernier nom",
            "leads through a file; expected: folders up to the last name",
        ),
        IsADirectoryError: (
            "est un dossier ; attendu : un fichier ; nommez celui qu'il contient",
            "is a folder; expected: a file; name the one inside",
        ),
        PermissionError: (
            "accès refusé à ce compte ; attendu : le droit d'ouvrir ; voyez « ls -l »",
            "access refused to this account; expected: the right to open it; see 'ls -l'",
        ),
    }
)


def path_words(error: OSError) -> tuple[str, str]:
    """Return what is wrong with a path, what was expected and what to do, French then English.

    What is no matter of the path keeps the words that it came with, in both places.

    >>> path_words(OSError(28, "No space left on device"))
    ('No space left on device', 'No space left on device')
    """
    said = error.strerror or str(error)
    # raised without a number it is not the system that speaks
    return (said, said) if error.errno is None else _WORDS.get(type(error), (said, said))


def path_told(error: OSError) -> str:
    """Return `path_words` as one line.

    >>> path_told(IsADirectoryError(21, "Is a directory"))[:46]
    'est un dossier ; attendu : un fichier ; nommez'
    >>> path_told(OSError("vide / empty"))
    'vide / empty'
    """
    fr, en = path_words(error)
    return fr if fr == en else f"{fr} / {en}"
