"""The files that travel inside an invoice: what they are called, and their bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from lxml import etree

from pipeline.model.names import shown_name
from pipeline.syntax.parse import ATTACHMENTS, whole_text

#: Longest name kept, in characters; it is shown to people, and never names a file of ours.
MOST_NAME = 255

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")


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


def decode(text: str) -> bytes:
    r"""Return what base 64 stands for; what is none in it is passed over.

    The structure layer is there to complain: this is for those who must look at the bytes
    whatever the letters around them are.

    >>> decode("Zm9v YmE=\n"), decode("Zm9vY"), decode("Zm é8")
    (b'fooba', b'foo', b'fo')
    """
    try:
        return base64.b64decode(text)
    except ValueError:
        letters = _NOT_BASE64.sub("", text)
    whole = letters[:-1] if len(letters) % 4 == 1 else letters  # six bits alone are no byte
    return base64.b64decode(whole + "=" * (-len(whole) % 4))
