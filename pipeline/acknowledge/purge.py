"""Tell a receiver which files it has not picked up, and when they will be removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from pipeline.acknowledge.summary import moment
from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.identity import derived
from pipeline.model.pickup import Pickup

#: Name and version of the JSON's shape.
SCHEMA = "edi-purge/1"
#: How the name of a notice begins.
PURGE_NOTICE = "purge-"


def purge_notice(
    removals: Sequence[tuple[Pickup, datetime]], at: datetime
) -> tuple[AnswerFile, ...]:
    """Write the notice of removals, for a program and for a person.

    Args:
        removals: At least one file, each with the moment from which it may be gone.
        at: Moment of the notice (aware, UTC).

    Returns:
        ``purge-HASH.json`` and the same as ``.txt``; the hash is that of the files.
    """
    stem = f"{PURGE_NOTICE}{derived(*(one.key for one, _ in removals))}"
    notice = {
        "schema": SCHEMA,
        "announced_at": _moment(at),
        "files": [
            {
                "folder": one.folder,
                "name": one.name,
                "size": one.size,
                "sha256": one.sha256,
                "put_at": _moment(one.since),
                "removed_from": _moment(when),
            }
            for one, when in removals
        ],
    }
    text = json.dumps(notice, ensure_ascii=False, separators=(",", ":")) + "\n"
    return (
        AnswerFile(f"{stem}.json", text.encode()),
        AnswerFile(f"{stem}.txt", _text(removals).encode()),
    )


def _text(removals: Sequence[tuple[Pickup, datetime]]) -> str:
    listed = "".join(f"  {one.folder}/{one.name}\n" for one, _ in removals)
    first = moment(min(when for _, when in removals))
    count = len(removals)
    return (
        f"{count} fichier(s) n'ont pas été relevés :\n{listed}"
        f"Ils seront retirés de votre dossier à partir du {first['fr']}.\n"
        "Relevez-les avant ; après, demandez qu'on vous les renvoie.\n"
        "\n"
        f"{count} file(s) have not been picked up:\n{listed}"
        f"They will be removed from your folder from {first['en']} on.\n"
        "Pick them up before; afterwards, ask for them to be sent again.\n"
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
