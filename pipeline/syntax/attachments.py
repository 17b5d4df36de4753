"""The files that travel inside an invoice: what they are called, and their bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lxml import etree

from pipeline.model.names import shown_name
from pipeline.syntax.parse import ATTACHMENTS, whole_text
from pipeline.syntax.values import decode

#: Longest name kept, in characters; it is shown to people, and never names a file of ours.
MOST_NAME = 255


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file inside a document.

    Attributes:
        name: As the document gives it, cut at `MOST_NAME`; empty where it gives none.
        element: The element that holds it; None inside a PDF.
        read: Returns its bytes, decoded anew at every call.
    """

    name: str
    element: etree._Element | None
    read: Callable[[], bytes]

    @property
    def label(self) -> str:
        """Return its name in a form that is safe to show and to log."""
        return shown_name(self.name.encode("utf-8", "replace")) or "(sans nom / unnamed)"


def attachments_of(root: etree._Element) -> Iterator[Attachment]:
    """Yield every attachment of an XML invoice (BT-125), in the order of the document."""
    for element in root.iter(*ATTACHMENTS):
        yield Attachment(
            (element.get("filename") or "")[:MOST_NAME],
            element,
            partial(_read, element),
        )


def _read(element: etree._Element) -> bytes:
    """Decode an attachment whole: whoever receives it reads on behind a comment in it, too."""
    return decode(whole_text(element))
