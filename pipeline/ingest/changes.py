"""What a deposit changes of the invoice whose number it bears, term by term.

A document may be written anew, in another order of elements or another syntax: only what it
says is compared. Files are papers, whichever place in a document they travel in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from pipeline.model.comeback import Change, Changes
from pipeline.model.conversion import Lost
from pipeline.model.document import Document
from pipeline.model.fitting import shown
from pipeline.model.identity import DocumentId
from pipeline.model.invoice import Binary, Identifier, Party, Support
from pipeline.model.leaves import Leaf, leaves_of
from pipeline.model.life import Attached
from pipeline.model.limits import Limits
from pipeline.model.report import RoutingHeader, Syntax
from pipeline.syntax.forms import IN_THE_PDF, read_document

_SIRET, _SERVICE = "BT-46", "BT-46-SERVICE"
#: Terms that say the recipient's SIRET, SIREN or service once more; they follow it.
_RESTATES = frozenset({"buyer.legal_id.value", "buyer.endpoint.value", "buyer_reference"})


@dataclass(frozen=True, slots=True)
class _Version:
    """One of the two documents, read.

    Attributes:
        header: What it is routed by.
        leaves: What it says, but for papers and the recipient's SIRET and service.
        lost: What of it no term stands for.
        supports: Its papers, those attached to a PDF among them.
    """

    header: RoutingHeader
    leaves: dict[str, Leaf]
    lost: Sequence[Lost]
    supports: Sequence[Support]


def changes_of(
    before: tuple[Document, bytes], after: tuple[Document, bytes], limits: Limits
) -> Changes:
    """Return what a deposit changes of an invoice.

    Args:
        before: The document that bears the invoice, and its bytes.
        after: The deposit, and its bytes; both were judged.
        limits: Caps of the safe parser.

    Raises:
        XmlRefused, PdfRefused: One of them cannot be read.
    """
    old, new = _read(*before, limits), _read(*after, limits)
    gone, more, added = _papers(old.supports, new.supports)
    changed = (*_routed(old, new), *_said(old, new), *_left(old, new), *gone, *more)
    return Changes(bearer=DocumentId(before[0].id), changed=changed, added=tuple(added))


def _read(document: Document, data: bytes, limits: Limits) -> _Version:
    if document.syntax is None:
        raise ValueError(f"{document.id} was accepted without a syntax")
    reading = read_document(data, document.syntax, limits)
    invoice, header = reading.invoice, document.header
    beside: Sequence[Support] = ()
    if document.syntax is Syntax.FACTURX:
        beside = tuple(_beside(data, limits))
    bare = replace(invoice, supports=(), buyer=_unrouted(invoice.buyer, header))
    leaves = {leaf.place: leaf for leaf in leaves_of(bare)}
    lost = [one for one in reading.lost if one.place != IN_THE_PDF]
    return _Version(header, leaves, lost, (*invoice.supports, *beside))


def _beside(data: bytes, limits: Limits) -> Iterator[Support]:
    """Yield the files that a PDF attaches beside its XML."""
    # 15 MB: loaded when there is a PDF to open
    from pipeline.syntax.facturx import open_facturx

    for one in open_facturx(data, limits).others:
        file = Binary(one.read(), None, one.name)
        yield Support(reference=one.name, attachment=file)


def _unrouted(buyer: Party, header: RoutingHeader) -> Party:
    """Return a recipient without SIRET and service, its other identifiers in an order."""

    def is_routing(one: Identifier) -> bool:
        return one.value in {header.buyer_siret, header.buyer_service}

    kept = [one for one in buyer.identifiers if not is_routing(one)]
    kept.sort(key=lambda one: (one.scheme or "", one.value))
    return replace(buyer, identifiers=tuple(kept))


def _routed(old: _Version, new: _Version) -> Iterator[Change]:
    """Yield what differs of SIRET and service."""
    for term, before, after in (
        (_SIRET, old.header.buyer_siret, new.header.buyer_siret),
        (_SERVICE, old.header.buyer_service, new.header.buyer_service),
    ):
        if before != after:
            yield Change(term=term, place=term, expected=before or "", found=after or "")


def _said(old: _Version, new: _Version) -> Iterator[Change]:
    """Yield every other term that differs, but for those that only restate the recipient."""
    for place in dict.fromkeys((*old.leaves, *new.leaves)):
        before, after = old.leaves.get(place), new.leaves.get(place)
        leaf = before or after
        if leaf is None or _is_same(before, after, old.header, new.header):
            continue
        yield Change(
            term=leaf.term,
            place=place,
            expected="" if before is None else shown(before.value),
            found="" if after is None else shown(after.value),
        )


def _is_same(
    before: Leaf | None, after: Leaf | None, old: RoutingHeader, new: RoutingHeader
) -> bool:
    """Tell whether nothing changed at a place, but for what says a new recipient once more."""
    if before is None or after is None:
        return False
    return before.value == after.value or _follows(before, after, old, new)


def _follows(before: Leaf, after: Leaf, old: RoutingHeader, new: RoutingHeader) -> bool:
    """Tell whether a term says the changed SIRET, SIREN or service once more, and no more."""
    if before.path not in _RESTATES or not isinstance(before.value, str):
        return False
    restated = before.value
    siret = old.buyer_siret, new.buyer_siret
    for was, now in (
        siret,
        tuple(one[:9] if one else one for one in siret),
        (old.buyer_service, new.buyer_service),
    ):
        restated = restated.replace(was, now) if was and now else restated
    return restated == after.value


def _left(old: _Version, new: _Version) -> Iterator[Change]:
    """Yield what differs of that no term stands for."""
    before = Counter((one.term or "", one.value) for one in old.lost)
    after = Counter((one.term or "", one.value) for one in new.lost)
    for one in old.lost:
        if after[one.term or "", one.value] < before[one.term or "", one.value]:
            yield Change(term=one.term or "", place=one.place, expected=one.value, found="")
    for one in new.lost:
        if before[one.term or "", one.value] < after[one.term or "", one.value]:
            yield Change(term=one.term or "", place=one.place, expected="", found=one.value)


def _papers(
    old: Sequence[Support], new: Sequence[Support]
) -> tuple[list[Change], list[Change], list[Attached]]:
    """Sort papers into those that are gone, those that are nothing new, and those added."""
    left, more, added = list(new), list[Change](), list[Attached]()
    gone: list[Change] = []
    for one in old:
        if one in left:
            left.remove(one)
        else:
            gone.append(Change(term="BG-24", place="BG-24", expected=_named(one), found=""))
    known = {_digest(one) for one in old}
    for one in left:
        digest = _digest(one)
        if one.attachment is None or digest in known:
            more.append(Change(term="BG-24", place="BG-24", expected="", found=_named(one)))
            continue
        known.add(digest)
        added.append(_attached(one, one.attachment))
    return gone, more, added


def _digest(one: Support) -> str:
    return sha256(one.attachment.content).hexdigest() if one.attachment else ""


def _attached(one: Support, file: Binary) -> Attached:
    return Attached(name=_named(one), mime=file.mime or "", payload=file.content)


def _named(one: Support) -> str:
    name = one.attachment.filename if one.attachment else None
    return shown(name or one.reference or one.description or one.location or "?")
