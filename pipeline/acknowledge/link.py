"""Tell a sender that symbolic links are in its folder, which nobody follows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.identity import derived
from pipeline.model.interchange import RemoteFile

#: Name and version of the JSON's shape.
SCHEMA = "edi-link/1"
#: Links that are named; of more it is said how many there are.
NAMED = 100


def link_notice(links: Sequence[RemoteFile], at: datetime) -> tuple[AnswerFile, ...]:
    """Write the notice of links, for a program and for a person.

    Args:
        links: At least one, as listed.
        at: Moment of the notice (aware, UTC).

    Returns:
        ``link-HASH.json`` and the same as ``.txt``; the hash is that of their names and times.
    """
    stem = f"link-{derived(*(f'{one.name} {one.mtime}' for one in links))}"
    names = [one.name for one in links[:NAMED]]
    notice = {
        "schema": SCHEMA,
        "count": len(links),
        "links": names,
        "found_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    text = json.dumps(notice, ensure_ascii=False, separators=(",", ":")) + "\n"
    return (
        AnswerFile(f"{stem}.json", text.encode()),
        AnswerFile(f"{stem}.txt", _text(names, len(links)).encode()),
    )


def _text(names: Sequence[str], count: int) -> str:
    listed = "".join(f"  {name}\n" for name in names)
    if count > len(names):
        listed += f"  … +{count - len(names)}\n"
    return (
        f"{count} lien(s) symbolique(s) dans votre dossier de dépôt :\n{listed}"
        "Le hub ne suit aucun lien : rien n'a été relevé, rien ne le sera.\n"
        "Retirez-les et déposez les fichiers eux-mêmes.\n"
        "\n"
        f"{count} symbolic link(s) in your drop folder:\n{listed}"
        "The hub follows no link: nothing was taken, and nothing will be.\n"
        "Remove them and drop the files themselves.\n"
    )
