"""Decide from outside whether a hub kept its promise: ``checker.py HISTORY_FOLDER``.

It knows nothing of the hub but what its partners know, and shares no code with it: it reads
what suppliers dropped and what was ever seen in the partners' folders, opens every file by
its own means, and says of each complete file that was dropped whether it is in exactly one
of *delivered once*, *refused with an answer*, *duplicate with an answer*, *held with a
notice*; likewise of each invoice. It prints each violation, and exits with 1 if there is one.

The history is two files of one JSON object a line, and the bytes that they name:

``drops.jsonl``
    Each complete file that a supplier left, in order of time: ``supplier``, ``name``,
    ``sha256``, and ``path`` (from the history's folder) or ``base64``. Where it is known,
    ``expected`` lists what must become of its invoices, by place. ``withdrawn`` says that the
    supplier asked to have it back after it was accepted: only then a further answer may come.
    ``returned`` says that it puts right or completes an invoice that its recipient sent back:
    only then another document may be delivered under a number that one was delivered under.
``seen.jsonl``
    Each file that somebody who polls the partners' folders ever saw: ``partner``, ``folder``
    (``in``, ``out`` or ``archive``), ``name``, ``sha256``, ``path`` or ``base64``, ``first``
    and ``last`` (seconds, when it was seen), ``left`` (it still stood there at the end). A
    file that went away and came back is two lines.

What it reads: UBL and CII invoices, alone, in gzip, tar.gz or zip, and as what a pivot flow
attaches; answers in JSON and in CPPStatut. Pivot flows must be numbered without a gap. Of a
PDF it reads no amount; it then counts in no sum.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from lxml import etree

#: What may become of an invoice, or of a whole file.
DELIVERED, REFUSED, DUPLICATE, HELD = "delivered", "refused", "duplicate", "held"
CLASSES = (DELIVERED, REFUSED, DUPLICATE, HELD)

#: Invoice types that take money off.
CREDIT = {"261", "262", "381", "396", "502", "503"}
#: Names that no partner looks at.
TEMPORARY = re.compile(r"^\.|\.(part|tmp|filepart)$", re.IGNORECASE)
#: Files that tell of no single flow.
NOTICE = re.compile(r"^(gap|recapitulation|purge)-")
#: What stands beside a file: its marker, its sum.
BESIDE = re.compile(r"(?P<name>.+)\.(done|sha256)$")
PIVOT_NAME = re.compile(r"^FEN0036A_[A-Z0-9]{6}_([A-Z0-9]{6}0036)([0-9]{15})$")
FLOW_NAME = re.compile(r"^[A-Z]{3}[0-9]{4}A_[A-Z0-9]{6}_([A-Z0-9]{6}[0-9]{19})$")

_JSON_CLASS = {
    "accepted": DELIVERED,
    "rejected": REFUSED,
    "duplicate": DUPLICATE,
    "held": HELD,
}
_REFUSED_FLOW, _RECEIVED_FLOW, _PARTLY = 93, 90, 96


class Unreadable(Exception):
    """A file does not hold what its name or its first bytes promise."""


@dataclass(frozen=True)
class Invoice:
    """One document as it is written: its bytes are its identity."""

    sha256: str
    number: str | None
    currency: str | None
    amount: Decimal | None  # with VAT, credit notes negative
    key: tuple[str, str, str] | None = None  # seller, number, year: one invoice of this world


@dataclass
class Drop:
    """One complete file that a supplier left, and what became of it."""

    supplier: str
    name: str
    sha256: str
    invoices: Sequence[Invoice]
    expected: Sequence[str] | None = None
    withdrawn: bool = False
    returned: bool = False
    classes: list[str] = field(default_factory=list)  # of its invoices, by place
    said: str | None = None  # of the file as a whole

    def __str__(self) -> str:
        return f"{self.supplier}/{self.name}"


@dataclass(frozen=True)
class Seen:
    """One file in a partner's folder, from when to when."""

    partner: str
    folder: str
    name: str
    sha256: str
    data: bytes
    first: float
    last: float
    left: bool

    def __str__(self) -> str:
        return f"{self.partner}/{self.folder}/{self.name}"


@dataclass(frozen=True)
class Answer:
    """What one file in a supplier's folder says of one flow."""

    seen: Seen
    about: str  # the flow's name (JSON) or its identifier (CPPStatut); empty for invoices alone
    key: str  # by which two answers to the same flow are told apart
    final: bool
    outcome: str | None  # of the whole flow, where it is one
    sha256: str | None  # of the flow, where it is told
    documents: Sequence[Mapping[str, Any]] = ()  # JSON
    accepted: Sequence[str] = ()  # invoice numbers
    refused: Mapping[str, str] = field(default_factory=dict)  # what is named there to its class
    round: int = 1  # of several final answers to one flow


@dataclass
class Verdict:
    """What a history shows."""

    violations: list[str]
    again: list[str]  # files that came back under the same name with the same bytes
    drops: list[Drop]
    counts: Counter[str]


# -- reading a history


def load(folder: Path) -> tuple[list[Drop], list[Seen]]:
    """Read a history; bytes whose hash is not the one told stop everything."""
    drops = [
        Drop(
            line["supplier"],
            line["name"],
            line["sha256"],
            list(invoices_in(data)),
            line.get("expected"),
            line.get("withdrawn", False),
            line.get("returned", False),
        )
        for line, data in _lines(folder, "drops.jsonl")
    ]
    seen = [
        Seen(
            line["partner"],
            line["folder"],
            line["name"],
            line["sha256"],
            data,
            float(line["first"]),
            float(line["last"]),
            bool(line["left"]),
        )
        for line, data in _lines(folder, "seen.jsonl")
    ]
    return drops, seen


def _lines(folder: Path, name: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    for text in (folder / name).read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "base64" in line:
            data = base64.b64decode(line["base64"])
        else:
            data = (folder / line["path"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != line["sha256"]:
            raise Unreadable(f"{name}: the bytes of {line['name']} are not those that were noted")
        yield line, data


# -- reading files


def xml_of(data: bytes) -> etree._Element:
    """Parse without network and entities, or raise `Unreadable`."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(str(error)) from error


def invoices_in(data: bytes) -> Iterator[Invoice]:
    """Yield every invoice of a dropped or delivered file, by place.

    What cannot be opened as a whole holds none; a member that cannot be read is one of
    which nothing is known but its bytes.
    """
    try:
        members = list(_members(data))
    except Unreadable:
        return
    for member in members:
        yield from map(_invoice, _in_pivot(member))


def _in_pivot(data: bytes) -> Iterable[bytes]:
    """Return the invoices as received that a pivot flow holds; of another file itself."""
    if b"<CPPFacturePivot" not in data[:200]:
        return [data]
    return [
        base64.b64decode(file.findtext("Contenu", ""))
        for file in xml_of(data).iter("PJ")
        if file.findtext("TypePJ") == "01"
    ]


def _members(data: bytes) -> Iterator[bytes]:
    """Yield the files inside, manifests left out."""
    try:
        if data[:2] == b"\x1f\x8b":
            inner = gzip.decompress(data)
            if inner[257:262] == b"ustar":
                yield from _of_tar(inner)
            else:
                yield inner
        elif data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                for name in packed.namelist():
                    if name != "manifest.json" and not name.endswith("/"):
                        yield packed.read(name)
        elif data:
            yield data
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise Unreadable(str(error)) from error


def _of_tar(data: bytes) -> Iterator[bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        for member in packed:
            content = packed.extractfile(member) if member.isfile() else None
            if content is not None and member.name != "manifest.json":
                yield content.read()


def _invoice(data: bytes) -> Invoice:
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        root = xml_of(data)
    except Unreadable:
        return Invoice(sha256, None, None, None)
    if etree.QName(root).localname == "CrossIndustryInvoice":
        return _of_cii(root, sha256)
    return _of_ubl(root, sha256)


def _of_ubl(root: etree._Element, sha256: str) -> Invoice:
    kind = _text(root, "/*/*[local-name()='InvoiceTypeCode' or local-name()='CreditNoteTypeCode']")
    credit = etree.QName(root).localname == "CreditNote" or kind in CREDIT
    total = "/*/*[local-name()='LegalMonetaryTotal']/*[local-name()='TaxInclusiveAmount']"
    currency = _text(root, "/*/*[local-name()='DocumentCurrencyCode']")
    number = _text(root, "/*/*[local-name()='ID']")
    seller = _text(
        root, "/*/*[local-name()='AccountingSupplierParty']//*[local-name()='CompanyID']"
    )
    issued = _text(root, "/*/*[local-name()='IssueDate']")
    frame = _text(root, "/*/*[local-name()='ProfileID']")
    amount = _amount(_text(root, total), credit=credit)
    return Invoice(sha256, number, currency, amount, _key(seller, number, issued, frame))


def _of_cii(root: etree._Element, sha256: str) -> Invoice:
    document = "/*/*[local-name()='ExchangedDocument']"
    settlement = "//*[local-name()='ApplicableHeaderTradeSettlement']"
    total = (
        "/*[local-name()='SpecifiedTradeSettlementHeaderMonetarySummation']"
        "/*[local-name()='GrandTotalAmount']"
    )
    credit = _text(root, f"{document}/*[local-name()='TypeCode']") in CREDIT
    currency = _text(root, f"{settlement}/*[local-name()='InvoiceCurrencyCode']")
    number = _text(root, f"{document}/*[local-name()='ID']")
    amount = _amount(_text(root, settlement + total), credit=credit)
    seller = _text(root, "//*[local-name()='SellerTradeParty']//*[local-name()='ID']")
    issued = _text(root, f"{document}/*[local-name()='IssueDateTime']/*")
    frame = _text(root, "//*[local-name()='BusinessProcessSpecifiedDocumentContextParameter']/*")
    return Invoice(sha256, number, currency, amount, _key(seller, number, issued, frame))


def _key(
    seller: str | None, number: str | None, issued: str | None, frame: str | None
) -> tuple[str, str, str] | None:
    """Return what makes an invoice the same invoice; None where it may come several times."""
    if not (seller and number and issued) or frame in {"A9", "S3"}:
        return None
    return seller, number, issued[:4]


def _text(root: etree._Element, path: str) -> str | None:
    found = root.xpath(f"string({path})")
    return str(found).strip() or None


def _amount(text: str | None, *, credit: bool) -> Decimal | None:
    try:
        amount = Decimal(text or "")
    except InvalidOperation:
        return None
    if not amount.is_finite():
        return None
    return -amount if credit else amount


# -- reading answers


def answers_in(seen: Seen) -> list[Answer] | None:
    """Return what a file in a pick-up folder answers; None if it is none, but a delivery.

    Raises:
        Unreadable: It was left half, or is nothing that belongs there.
    """
    if NOTICE.match(seen.name):
        if seen.name.endswith(".json"):
            _json(seen.data)
        return []
    if (beside := BESIDE.match(seen.name)) is not None:
        if seen.data and not re.fullmatch(
            rb"[0-9a-f]{64}  " + re.escape(beside["name"].encode()) + rb"\n", seen.data
        ):
            raise Unreadable("neither a marker nor the sum of its file")
        return []
    if seen.name.endswith(".html"):
        if not seen.data.rstrip().endswith(b"</html>"):
            raise Unreadable("a page without its end")
        return []
    if seen.data[:1] == b"{":
        return [_json_answer(seen, _json(seen.data))]
    if seen.data[:2] == b"\x1f\x8b" or seen.data[:4] == b"%PDF":
        return None
    root = xml_of(seen.data)
    return list(_cpp_answers(seen, root)) if root.tag == "CPPStatut" else None


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Unreadable(str(error)) from error


def _json_answer(seen: Seen, told: Mapping[str, Any]) -> Answer:
    flow = told["interchange"]
    outcome = told["outcome"]
    return Answer(
        seen=seen,
        about=flow["name"],
        key=f"json {flow['id']}",
        final=told["final"],
        outcome=_JSON_CLASS.get(outcome),
        sha256=flow["sha256"],
        documents=told["documents"],
        round=told.get("round", 1),
    )


def _cpp_answers(seen: Seen, root: etree._Element) -> Iterator[Answer]:
    for unit in root.iterfind("CPPFluxStatuts/CPPFluxStatutUnitaire/DonneesStatut"):
        status = int(unit.findtext("IdStatut", "0"))
        about = unit.findtext("IdFlux", "")
        lines = [
            (line.findtext("NatureErreur", ""), line.findtext("CodeErreur", ""))
            for line in unit.iterfind("Details/LigneErreurDetail")
        ]
        repeated = any(code == "IRR_UNICITE" for _, code in lines)
        whole = {
            _REFUSED_FLOW: DUPLICATE if repeated else REFUSED,
            _RECEIVED_FLOW: HELD,
        }.get(status)
        digest = re.search(r"SHA-256 : ([0-9a-f]{64})", unit.findtext("Commentaire", ""))
        yield Answer(
            seen=seen,
            about=about,
            key=f"flow {about} {status}",
            final=status != _RECEIVED_FLOW,
            outcome=whole,
            sha256=digest[1] if digest else None,
            refused={
                nature.removeprefix("Facture "): DUPLICATE if code == "DOUBLON" else REFUSED
                for nature, code in lines
                if status == _PARTLY
            },
        )
    numbers = [
        unit.findtext("IdFacture", "")
        for unit in root.iterfind("CPPFactureStatuts/CPPFactureStatutUnitaire/DonneesStatut")
        if int(unit.findtext("IdStatut", "0")) == 1
    ]
    if numbers:
        yield Answer(seen, "", f"invoices {sorted(numbers)}", True, None, None, accepted=numbers)


# -- judging


def check(folder: Path, *, may_come_back: bool = False) -> Verdict:
    """Hold a history against the promise.

    Args:
        folder: The history.
        may_come_back: Recipients take their files away, so one of them may come back once
            under the same name with the same bytes: told, and no violation.
    """
    drops, seen = load(folder)
    found = Verdict([], [], drops, Counter())
    found.violations += [*_names(seen), *_copies(seen), *_taken(drops, seen)]
    found.violations += _gaps(seen)
    once = _once(seen, found, may_come_back=may_come_back)
    answers, deliveries = _sort(once, found)
    _classify(drops, answers, _places(deliveries), found)
    _compare_deliveries(drops, _places(deliveries), found)
    _compare_keys(drops, deliveries, found)
    _compare_amounts(drops, answers, deliveries, found)
    for drop in drops:
        found.counts.update(drop.classes)
    return found


def _names(seen: Sequence[Seen]) -> Iterator[str]:
    """Look at the names in pick-up folders: nothing half under a plain one, nothing left."""
    contents: defaultdict[str, set[str]] = defaultdict(set)
    for one in seen:
        if one.folder != "out":
            continue
        if not TEMPORARY.search(one.name):
            contents[str(one)].add(one.sha256)
        elif not one.name.startswith("."):
            yield f"{one}: a temporary name that a partner would pick up"
        elif one.left:
            yield f"{one}: a temporary name was left behind"
    for place, hashes in contents.items():
        if len(hashes) > 1:
            yield f"{place}: was seen with {len(hashes)} different contents"


def _copies(seen: Sequence[Seen]) -> Iterator[str]:
    """Look for the same bytes under two names; two days without anything are the same notice."""
    called: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    apart = [one for one in seen if not (NOTICE.match(one.name) or BESIDE.match(one.name))]
    for one in apart:
        if one.folder == "out" and not TEMPORARY.search(one.name):
            called[one.partner, one.sha256].add(one.name)
    for (partner, _), names in called.items():
        if len(names) > 1:
            yield f"{partner}/out: the same bytes under several names: {', '.join(sorted(names))}"


def _gaps(seen: Sequence[Seen]) -> Iterator[str]:
    """Look for numbers of pivot flows that nobody was ever given."""
    given: defaultdict[str, set[int]] = defaultdict(set)
    for one in seen:
        match = PIVOT_NAME.match(one.name) if one.folder == "out" else None
        if match:
            given[match[1]].add(int(match[2]))
    for series, numbers in given.items():
        missing = sorted(set(range(1, max(numbers))) - numbers)
        if missing:
            yield f"{series}: numbers were left out: {', '.join(map(str, missing))}"


def _taken(drops: Sequence[Drop], seen: Sequence[Seen]) -> Iterator[str]:
    """Look at suppliers' own folders: each file was set aside, once, and stands nowhere else."""
    standing = {(s.partner, s.name, s.sha256) for s in seen if s.folder == "in" and s.left}
    for drop in drops:
        if (drop.supplier, drop.name, drop.sha256) in standing:
            yield f"{drop}: still stands in the supplier's inbox"
    taken = Counter((one.partner, one.sha256) for one in seen if one.folder == "archive")
    wanted: defaultdict[tuple[str, str], list[Drop]] = defaultdict(list)
    for drop in drops:
        wanted[drop.supplier, drop.sha256].append(drop)
    for key, dropped in wanted.items():
        if taken[key] != len(dropped):
            names = ", ".join(map(str, dropped))
            yield f"{names}: dropped {len(dropped)} time(s), set aside {taken[key]} time(s)"


def _once(seen: Sequence[Seen], found: Verdict, *, may_come_back: bool) -> list[Seen]:
    """Return each finished file of the pick-up folders once; what came back is told."""
    kept: dict[tuple[str, str, str], Seen] = {}
    times: Counter[tuple[str, str, str]] = Counter()
    for one in sorted(seen, key=lambda one: one.first):
        if one.folder == "out" and not TEMPORARY.search(one.name):
            key = one.partner, one.name, one.sha256
            kept.setdefault(key, one)
            times[key] += 1
    for key, number in times.items():
        if number > 1:
            told = f"{kept[key]}: seen {number} times, the same bytes under the same name"
            known = may_come_back and number == 2
            (found.again if known else found.violations).append(told)
    return list(kept.values())


def _sort(seen: Sequence[Seen], found: Verdict) -> tuple[list[Answer], list[Seen]]:
    """Tell answers from deliveries; what is neither whole nor readable is a violation."""
    answers: list[Answer] = []
    deliveries: list[Seen] = []
    first = {(one.partner, one.name): one.first for one in seen}
    for one in seen:
        marked = one.partner, one.name.removesuffix(".done")
        if one.name.endswith(".done") and one.first < first.get(marked, float("inf")):
            found.violations.append(f"{one}: a marker before its file")
        try:
            said = answers_in(one)
            members = list(_members(one.data)) if said is None else [b""]
        except Unreadable as error:
            found.violations.append(f"{one}: does not read as what it is: {error}")
            continue
        if not members:
            found.violations.append(f"{one}: nothing is in it")
        if said is None:
            deliveries.append(one)
        else:
            answers += said
    return answers, deliveries


def _places(deliveries: Sequence[Seen]) -> Mapping[str, Sequence[Seen]]:
    """Return where each invoice, by its bytes, was seen at a recipient."""
    places: defaultdict[str, list[Seen]] = defaultdict(list)
    for one in deliveries:
        for invoice in invoices_in(one.data):
            places[invoice.sha256].append(one)
    return places


def _classify(
    drops: Sequence[Drop],
    answers: Sequence[Answer],
    places: Mapping[str, Sequence[Seen]],
    found: Verdict,
) -> None:
    """Find what each file and each of its invoices was answered; exactly one final answer."""
    said_twice = Counter((one.seen.partner, one.key, one.final, one.round) for one in answers)
    for (partner, key, *_), number in said_twice.items():
        if number > 1 and not _is_repeatable(key, partner, drops):
            found.violations.append(f"{partner}: answered {number} times: {key}")
    json_answers = [one for one in answers if one.key.startswith("json ")]
    flows = [one for one in answers if one.key.startswith("flow ")]
    accepted = Counter((one.seen.partner, number) for one in answers for number in one.accepted)
    used: set[str] = set()
    for drop in drops:
        mine = _json_of(drop, json_answers, used)
        if mine is not None:
            _by_json(drop, mine, found)
            if mine.round > 1 and not drop.withdrawn:
                found.violations.append(f"{drop}: a further answer, and nobody asked for it")
        else:
            _by_cpp(drop, drops, flows, accepted, places, found)
        if drop.said is None and not drop.classes:
            found.violations.append(f"{drop}: no answer and no notice")
        elif drop.expected is not None and drop.classes != list(drop.expected):
            wanted, became = ", ".join(drop.expected), ", ".join(drop.classes)
            found.violations.append(f"{drop}: should be {wanted}; is {became or 'unanswered'}")
    left = {one.key for one in json_answers} - used
    for one in json_answers:
        if one.key in left:
            found.violations.append(f"{one.seen}: an answer more than files were dropped")
    _orphans(drops, answers, found)


def _is_repeatable(key: str, partner: str, drops: Sequence[Drop]) -> bool:
    """Tell whether a name was sent more than once, so that it may be refused more than once."""
    about = key.split(" ")[1]
    named = [drop for drop in drops if drop.supplier == partner and _flow_id(drop.name) == about]
    return len(named) > 1


def _json_of(drop: Drop, answers: Sequence[Answer], used: set[str]) -> Answer | None:
    """Return the answer to this very file, the last final one if there is; each serves once."""
    mine = [
        one
        for one in answers
        if one.seen.partner == drop.supplier
        and one.about == drop.name
        and one.sha256 == drop.sha256
        and one.key not in used
    ]
    if not mine:
        return None
    key = mine[0].key
    used.add(key)
    return max((one for one in mine if one.key == key), key=lambda one: (one.final, one.round))


def _by_json(drop: Drop, answer: Answer, found: Verdict) -> None:
    told = [_JSON_CLASS[one["outcome"]] for one in answer.documents]
    drop.said = answer.outcome or DELIVERED
    if len(told) == len(drop.invoices):
        drop.classes = told
    elif not told and answer.outcome in {REFUSED, DUPLICATE, HELD}:
        drop.classes = [answer.outcome] * len(drop.invoices)
    else:
        found.violations.append(
            f"{drop}: {len(drop.invoices)} invoices were dropped, the answer tells of {len(told)}"
        )
    for invoice, one in zip(drop.invoices, answer.documents, strict=False):
        if invoice.number is not None and one["number"] not in {invoice.number, None}:
            found.violations.append(f"{drop}: the answer names {one['number']} in the wrong place")


def _by_cpp(
    drop: Drop,
    drops: Sequence[Drop],
    flows: Sequence[Answer],
    accepted: Counter[tuple[str, str]],
    places: Mapping[str, Sequence[Seen]],
    found: Verdict,
) -> None:
    """Read an answer of the historical family: of the flow, then of single invoices.

    Its interim notice does not say which invoices wait: those that nobody received do.
    """
    about = _flow_id(drop.name)
    mine = [one for one in flows if (one.seen.partner, one.about) == (drop.supplier, about)]
    whole = [one for one in mine if one.outcome in {REFUSED, DUPLICATE}]
    same = [one for one in drops if (one.supplier, _flow_id(one.name)) == (drop.supplier, about)]
    # a name that was sent again is refused: of several the last ones are
    if whole and same.index(drop) >= len(same) - len(whole):
        drop.said = whole[0].outcome
        drop.classes = [str(drop.said)] * len(drop.invoices)
        return
    refused = {key: kind for one in mine for key, kind in one.refused.items()}
    held = any(one.outcome == HELD for one in mine)
    for invoice in drop.invoices:
        number = invoice.number or ""
        if number in refused:
            drop.classes.append(refused[number])
        elif accepted[drop.supplier, number] > 0:
            accepted[drop.supplier, number] -= 1
            drop.classes.append(DELIVERED)
        elif held:
            drop.classes.append(DELIVERED if places.get(invoice.sha256) else HELD)
        else:
            found.violations.append(f"{drop}: invoice {number}: no answer and no notice")
    drop.said = HELD if HELD in drop.classes else next(iter(drop.classes), None)


def _flow_id(name: str) -> str:
    match = FLOW_NAME.match(name)
    return match[1] if match else name


def _orphans(drops: Sequence[Drop], answers: Sequence[Answer], found: Verdict) -> None:
    """Hold every answer against what was dropped: nobody is answered for nothing."""
    for one in answers:
        named = [
            drop
            for drop in drops
            if drop.supplier == one.seen.partner and one.about in {drop.name, _flow_id(drop.name)}
        ]
        if one.accepted:
            numbers = {
                i.number for d in drops if d.supplier == one.seen.partner for i in d.invoices
            }
            for number in one.accepted:
                if number not in numbers:
                    found.violations.append(f"{one.seen}: accepts {number}, which nobody dropped")
        elif not named:
            found.violations.append(f"{one.seen}: answers {one.about}, which nobody dropped")
        elif one.sha256 is not None and one.sha256 not in {drop.sha256 for drop in named}:
            found.violations.append(
                f"{one.seen}: tells another sha256 than that of the bytes dropped"
            )


def _compare_deliveries(
    drops: Sequence[Drop], places: Mapping[str, Sequence[Seen]], found: Verdict
) -> None:
    """Hold what recipients saw against what was accepted: as often, under one name each."""
    wanted = Counter(
        invoice.sha256
        for drop in drops
        for invoice, kind in zip(drop.invoices, drop.classes, strict=False)
        if kind == DELIVERED
    )
    known = {invoice.sha256: drop for drop in drops for invoice in drop.invoices}
    for sha256 in sorted(wanted.keys() | places.keys()):
        where = sorted(map(str, places.get(sha256, ())))
        if sha256 not in known:
            found.violations.append(f"{where[0]}: holds what nobody dropped")
        elif len(where) != wanted[sha256]:
            found.violations.append(
                f"{known[sha256]}: an invoice accepted {wanted[sha256]} time(s) was delivered "
                f"{len(where)} time(s): {', '.join(where) or 'nowhere'}"
            )


def _compare_keys(drops: Sequence[Drop], deliveries: Sequence[Seen], found: Verdict) -> None:
    """Look for one number of one seller and year on two different invoices."""
    again = {one.sha256 for drop in drops if drop.returned for one in drop.invoices}
    contents: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in deliveries:
        for invoice in invoices_in(one.data):
            if invoice.key is not None and invoice.sha256 not in again:
                contents[invoice.key].add(invoice.sha256)
    for (seller, number, year), hashes in contents.items():
        if len(hashes) > 1:
            found.violations.append(
                f"{seller}: {len(hashes)} different invoices {number} of {year} were delivered"
            )


def _compare_amounts(
    drops: Sequence[Drop], answers: Sequence[Answer], deliveries: Sequence[Seen], found: Verdict
) -> None:
    """Add up per currency: what came in went out, or is refused, duplicate or held.

    What went out is read from recipients' files; what did not, from the answers where they
    tell amounts, else from the dropped files.
    """
    came: defaultdict[str, Decimal] = defaultdict(Decimal)
    went: defaultdict[str, Decimal] = defaultdict(Decimal)
    told = {
        (one.seen.partner, one.about, one.sha256): one.documents
        for one in sorted(answers, key=lambda one: (one.final, one.round))
        if one.key.startswith("json ")
    }
    for drop in drops:
        _add(came, drop.invoices)
        _add(went, _stayed(drop, told.get((drop.supplier, drop.name, drop.sha256), ())))
    for one in deliveries:
        _add(went, invoices_in(one.data))
    for currency in sorted(came.keys() | went.keys()):
        if came[currency] != went[currency]:
            found.violations.append(
                f"{currency}: {came[currency]} came in, {went[currency]} is delivered, "
                "refused, duplicate or held"
            )


def _add(sums: defaultdict[str, Decimal], invoices: Iterable[Invoice]) -> None:
    for one in invoices:
        if one.amount is not None:
            sums[one.currency or "no currency"] += one.amount


def _stayed(drop: Drop, told: Sequence[Mapping[str, Any]]) -> Iterator[Invoice]:
    """Yield the invoices of a drop that went nowhere, with the amounts that were answered.

    Of one that the answer has no amount of, it is what stands in it.
    """
    for place, (invoice, kind) in enumerate(zip(drop.invoices, drop.classes, strict=False)):
        if kind == DELIVERED:
            continue
        one = told[place] if len(told) == len(drop.invoices) else {}
        if invoice.amount is None or one.get("total_with_vat") is None:
            yield invoice
            continue
        amount = _amount(one["total_with_vat"], credit=invoice.amount < 0)
        yield Invoice(invoice.sha256, invoice.number, one["currency"], amount)


def main(arguments: Sequence[str]) -> int:
    """Check the history of a folder; ``--may-come-back`` where recipients empty theirs."""
    folders = [one for one in arguments if not one.startswith("--")]
    found = check(Path(folders[0]), may_come_back="--may-come-back" in arguments)
    for violation in found.violations:
        print(f"VIOLATION {violation}")  # noqa: T201  # a program of its own
    for again in found.again:
        print(f"known window: {again}")  # noqa: T201
    counts = ", ".join(f"{found.counts[kind]} {kind}" for kind in CLASSES)
    print(f"{len(found.drops)} files, invoices: {counts}; {len(found.violations)} violations")  # noqa: T201
    return 1 if found.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
