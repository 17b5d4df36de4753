"""What becomes of a document on its way from one form to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pipeline.model.invoice import Invoice


class Form(Enum):
    """In which form a receiver takes invoices, or a person asks for one."""

    AS_RECEIVED = "as-received"  #: byte for byte
    UBL = "ubl"
    CII = "cii"
    FACTURX = "factur-x"
    PIVOT = "pivot"  #: CPPFacturePivot


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """One thing in a document that its next form does not hold.

    Attributes:
        term: The business term, or None for something that is none.
        place: Where it stands in the source: an XPath, or the term's own name where the
            source is no XML any more.
        line: Line in the source, from 1, or None.
        value: What stands there, as written, cut at 200 characters.
        why: One sentence, by language (``fr`` first, ``en``).
    """

    term: str | None
    place: str
    line: int | None = None
    value: str
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A document read into the semantic model.

    Attributes:
        invoice: All that it holds of the model.
        lost: What the model does not hold, in document order.
    """

    invoice: Invoice
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A document written in one form.

    Attributes:
        payload: Its bytes; the same invoice always gives the same ones.
        lost: What this form does not hold, in the order of the model.
    """

    payload: bytes
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A document that a form cannot hold at all.

    Attributes:
        reasons: What is in the way, each told as something lost is: the value that does not
            fit, or an empty one where something is missing; one at least.
    """

    reasons: tuple[Lost, ...]
