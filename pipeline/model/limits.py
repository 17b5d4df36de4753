"""How much of anything a partner may send before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on one flow and on what lies inside it; sizes in bytes.

    Attributes:
        flow_bytes: The flow as sent (DSE §5.4.1: 1 GB).
        file_bytes: One invoice file, unzipped (100 MB).
        attachment_bytes: One attachment, decoded (100 MB).
        documents: Documents in one flow.
        ratio: Unzipped bytes for each compressed byte, over the whole flow.
        text_bytes: One text node, the two binary elements excepted.
        depth: Nesting of elements.
        elements: Elements in one document.
        attributes: Attributes on one element (lxml's access is quadratic in them).
    """

    flow_bytes: int = 1_000_000_000
    file_bytes: int = 100_000_000
    attachment_bytes: int = 100_000_000
    documents: int = 500
    ratio: int = 100
    text_bytes: int = 8_000_000
    depth: int = 100
    elements: int = 1_000_000
    attributes: int = 64


#: Documents that were judged, and our own words: no partner's limits hold for them.
WIDE = Limits(file_bytes=2**31, text_bytes=2**31, attachment_bytes=2**31)
