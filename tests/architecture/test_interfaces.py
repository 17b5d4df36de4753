"""Every code of the external specification stands in the table, and on the page about it."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.adapters.configuration import read_interfaces

ROOT = Path(__file__).resolve().parents[2]
TABLE = read_interfaces(ROOT / "config" / "interfaces.toml")
PAGE = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")


def _codes(text: str) -> list[str]:
    return text.split()


#: As the specification lists them, patterns written out; PPF codes met next to them.
PUBLISHED = _codes("""
FSO1100A FSO1106A FSO1110A FSO1113A FSO1116A FSO1117A FSO1120A FSO1130A FSO1131A FSO1137A
CSO1100A CSO1106A CSO1110A CSO1113A CSO1116A CSO1117A CSO1120A CSO1130A CSO1131A CSO1137A
FEN1200A FSO1301A CSO1301A FEN0036A FSO1300A CSO1300A CEN0036A
FSO1150A FSO1156A FSO1157A CSO1150A CSO1156A CSO1157A FEN1214A CEN1214A FEN1204A CEN1204A
FSO1304A CSO1304A FEN1205A CEN1205A FSO1305A CSO1305A
FSO3110A FSO3117A CSI3110A CSI3117A CSO3110A CSO3117A FEN3036A FEN3736A CEI3036A CEI3736A
CEN3036A CEN3736A FSO3301A CSI3301A FSO3303A CSI3303A FEN4001A CEI4001A FEN4003A CEI4003A
FEN4000A CEI4000A FEN4002A CEI4002A FSO3300A CSI3300A FSO3302A CSI3302A
FSO6000A CSI6000A FEN6000A CEI6000A
FFE0111A FFE0112A FFE0614A FFE0654A FFE0604A FFE0624A FFE0634A FFE1025A FFE1235A FFE1435A
""")
_SEEN = re.compile(
    r"^\| ((?:`[A-Z]{3}[0-9]{4}A` ?)+) \| `([^`:]+)::([a-z_0-9]+)` \|$", re.MULTILINE
)


def test_the_table_is_whole() -> None:
    """No code that is published is missing, and none is made up."""
    assert sorted(TABLE) == sorted(PUBLISHED)


def test_every_code_is_served_or_says_why_not_in_both_languages() -> None:
    """A reason is for whoever asked for it."""
    why = {one.code: one.unserved for one in TABLE.values() if one.unserved}

    assert why
    assert all(" / " in text for text in why.values())


def test_every_served_code_is_seen_by_a_test_that_is_there() -> None:
    """The page names it; a test that was renamed is noticed here."""
    rows = _SEEN.findall(PAGE)
    seen = [code for codes, _, _ in rows for code in re.findall("[A-Z]{3}[0-9]{4}A", codes)]
    missing = [
        f"{path}::{name}"
        for _, path, name in rows
        if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]

    assert sorted(seen) == sorted(one.code for one in TABLE.values() if not one.unserved)
    assert missing == []
