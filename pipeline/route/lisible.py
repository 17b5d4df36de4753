"""Which invoices get a readable version (*lisible*) from whoever passes them on.

Source:
    Dossier FE – Chorus Pro v1.0, §3.3.1 (Factur-X), §3.3.2.1 and 2 (UBL and CII of the AFNOR
    formats), §3.3.3 (historical formats: E1 structured, E2 Minimal).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pipeline.model.connection import AnswerFamily
from pipeline.model.interface import Interface
from pipeline.model.invoice import Support
from pipeline.model.report import Syntax

#: BT-123 of the attachment that is the supplier's own readable version.
LISIBLE = "LISIBLE"
#: Interface codes whose invoices are Minimal ones around a PDF (E2), DSE §5.4.2.1.1.
_MIXED = frozenset({"FSO1110A", "FSO1116A", "FSO1120A", "FSO1131A"})


class Origin(Enum):
    """In which family of formats an invoice came."""

    AFNOR = "afnor"
    STRUCTURED = "e1"  #: historical: UBL Invoice or CII 16B, whole
    MIXED = "e2"  #: historical: a Minimal document around the supplier's PDF


class Lisible(Enum):
    """What becomes of the readable version of an invoice."""

    NONE = "none"  #: nothing is made: the PDF is the supplier's own
    PASSED_ON = "passed-on"  #: the supplier's own travels on as it came
    MADE = "made"  #: made here; every attachment is kept beside it, style sheets too
    DUPLICATA = "duplicata"  #: made here as a duplicate of what the supplier's PDF shows


def origin_of(interface: Interface | None) -> Origin:
    """Return the family of formats of an interface; free names carry those of AFNOR."""
    if interface is None or interface.answers is not AnswerFamily.HISTORICAL:
        return Origin.AFNOR
    return Origin.MIXED if interface.code in _MIXED else Origin.STRUCTURED


def lisible_of(syntax: Syntax, origin: Origin, supports: Iterable[Support]) -> Lisible:
    """Tell what becomes of the readable version of an invoice.

    Args:
        syntax: How it came.
        origin: In which family of formats it came.
        supports: Its supporting documents (BG-24).
    """
    if syntax is Syntax.FACTURX:
        return Lisible.NONE
    if origin is Origin.MIXED:
        return Lisible.DUPLICATA
    if origin is Origin.AFNOR and any(_is_lisible(each) for each in supports):
        return Lisible.PASSED_ON
    return Lisible.MADE


def _is_lisible(support: Support) -> bool:
    return support.attachment is not None and (support.description or "").strip() == LISIBLE
