"""Tell a sender that numbers of its flows are missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from pipeline.acknowledge.summary import moment
from pipeline.model.acknowledgement import AnswerFile
from pipeline.model.gap import Gap

#: Name and version of the JSON's shape.
SCHEMA = "edi-gap/1"


def gap_notice(gap: Gap, first: str, last: str, at: datetime) -> tuple[AnswerFile, ...]:
    """Write the notice of a gap, for a program and for a person.

    Args:
        gap: What is missing.
        first: Name of the first missing flow.
        last: Name of the last one.
        at: Moment of the notice (aware, UTC).

    Returns:
        ``gap-SERIES-FROM-TO.json`` and the same as ``.txt``.
    """
    stem = f"gap-{gap.series}-{gap.first}-{gap.last}"
    notice = {
        "schema": SCHEMA,
        "series": gap.series,
        "from": gap.first,
        "to": gap.last,
        "count": gap.count,
        "first_flow": first,
        "last_flow": last,
        "missing_since": _moment(gap.since),
        "found_at": _moment(at),
    }
    text = json.dumps(notice, ensure_ascii=False, separators=(",", ":")) + "\n"
    return (
        AnswerFile(f"{stem}.json", text.encode()),
        AnswerFile(f"{stem}.txt", _text(gap, first, last).encode()),
    )


def _text(gap: Gap, first: str, last: str) -> str:
    since = moment(gap.since)
    names = first if gap.count == 1 else f"{first} … {last}"
    return (
        f"{gap.count} flux manquant(s) : {names}\n"
        f"Un flux de numéro supérieur a été reçu le {since['fr']}, ceux-ci non.\n"
        "S'ils ont été émis, déposez-les ; si ces numéros n'ont pas servi, ne faites rien.\n"
        "\n"
        f"{gap.count} missing flow(s): {names}\n"
        f"A flow with a higher number was received on {since['en']}, these were not.\n"
        "If they were made, send them; if these numbers were not used, do nothing.\n"
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
