"""What a sender announces of a flow, held against what the flow holds.

A manifest is one JSON object in the file ``manifest.json`` at the root of an archive::

    {"count": 2, "sums": {"EUR": "1234.56"}, "files": [{"name": "a.xml", "sha256": "9f…"}, …]}

Each part may be left out, but not all of them. A part that is there is complete: a file or
a currency that it does not name is a difference.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.model.acknowledgement import Figure
from pipeline.model.amount import exact_sum, signed_total
from pipeline.model.controls import reason
from pipeline.model.decision import Reason
from pipeline.model.document import Document
from pipeline.model.names import shown_name

#: What the file is called, at the root of the archive.
MANIFEST_NAME = "manifest.json"
#: Largest manifest that is read: ten thousand files with long names.
MANIFEST_BYTES = 1_000_000

#: Differences told in the reason; the answer carries every figure.
_MOST_TOLD = 10
_CURRENCY = re.compile("[A-Z]{3}")
_AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,9})?")
_SHA256 = re.compile("[0-9a-fA-F]{64}")
_SUM = "sum "
_FILE = "sha256 "
#: Stands for a currency that could not be read: it may be any of those announced.
_ANY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a sender announces; None where a part is left out.

    Attributes:
        count: Files of the archive, the manifest aside.
        sums: Total with VAT (BT-112) by currency (BT-5), credit notes taken off; as written.
        files: SHA-256 by file name, lower case, in the order written.
    """

    count: int | None = None
    sums: Mapping[str, str] | None = None
    files: Mapping[str, str] | None = None


class ManifestFault(Exception):
    """A manifest that cannot be understood.

    Attributes:
        place: Where in it: ``sums.EUR``, ``files[3].name``, ``3:14`` (line and column);
            empty for the whole.
        fr: What is wrong.
        en: The same in English.
    """

    def __init__(self, place: str, fr: str, en: str) -> None:
        super().__init__(f"{place}: {en}")
        self.place = place
        self.fr = fr
        self.en = en

    @property
    def reason(self) -> Reason:
        """Return why the flow is refused."""
        return reason("MANIFEST", self.full_place, self.fr, self.en)

    @property
    def full_place(self) -> str:
        """Return where it is, the file's name before it."""
        return f"{MANIFEST_NAME} {self.place}".rstrip()


def read_manifest(data: bytes) -> Manifest:
    """Read a manifest; nothing in it is guessed.

    Args:
        data: UTF-8, a byte order mark allowed; at most `MANIFEST_BYTES`.

    Raises:
        ManifestFault: It is no JSON object of the form above: a part is missing, unknown,
            written twice or of another type.
    """
    found = _object(_json(data), "")
    readers: dict[str, Callable[[object], object]] = {
        "count": _count,
        "sums": _sums,
        "files": _files,
    }
    _only_known(found, tuple(readers), "")
    if not found:
        raise ManifestFault("", "bordereau vide", "empty manifest")
    return Manifest(**{key: readers[key](value) for key, value in found.items()})  # type: ignore[arg-type]  # each reader gives its part's type


def compare(manifest: Manifest, documents: Sequence[Document]) -> tuple[Figure, ...]:
    """Hold a manifest against the documents of its flow, figure by figure.

    Args:
        manifest: What was announced.
        documents: Everything found in the flow, in order, whatever became of it.

    Returns:
        The count, the sums by currency, the files as listed, then those not listed. A sum
        to which a document adds an amount that could not be read never holds: it is found
        as ``10.00 + ? (b.xml)``.
    """
    figures: list[Figure] = []
    if manifest.count is not None:
        figures.append(Figure("count", str(manifest.count), str(len(documents))))
    if manifest.sums is not None:
        figures.extend(_compare_sums(manifest.sums, documents))
    if manifest.files is not None:
        figures.extend(_compare_files(manifest.files, documents))
    return tuple(figures)


def is_sum(figure: Figure) -> bool:
    """Tell whether a figure is a sum: the only kind that needs the documents to be read."""
    return figure.what.startswith(_SUM)


def difference(figures: Sequence[Figure]) -> Reason | None:
    """Return why the flow is refused, naming the figures that do not hold; None if all do."""
    failing = [one for one in figures if not one.holds]
    if not failing:
        return None
    told, rest = failing[:_MOST_TOLD], len(failing) - _MOST_TOLD
    fr = " ; ".join(
        f"{_named(one)['fr']} : annoncé {one.announced or 'rien'}, trouvé {one.found or 'rien'}"
        for one in told
    )
    en = "; ".join(
        f"{_named(one)['en']}: announced {one.announced or 'nothing'},"
        f" found {one.found or 'nothing'}"
        for one in told
    )
    return reason(
        "MANIFEST",
        MANIFEST_NAME,
        f"{fr} ; et {rest} autre(s) écart(s)" if rest > 0 else fr,
        f"{en}; and {rest} more difference(s)" if rest > 0 else en,
    )


def missing(flow: str) -> Reason:
    """Return why a flow without the manifest that was agreed is refused."""
    return reason(
        "MANIFEST",
        flow,
        f"aucun bordereau ; convenu : une archive avec {MANIFEST_NAME} à sa racine",
        f"no manifest; agreed: an archive with {MANIFEST_NAME} at its root",
    )


def too_large() -> ManifestFault:
    """Return the fault of a manifest over the limit."""
    return ManifestFault("", f"plus de {MANIFEST_BYTES} octets", f"over {MANIFEST_BYTES} bytes")


def twice() -> ManifestFault:
    """Return the fault of an archive with two manifests."""
    return ManifestFault("", "deux bordereaux dans un flux", "two manifests in one flow")


# -- reading
def _json(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        place = f"{error.lineno}:{error.colno}"
        raise ManifestFault(place, "JSON mal formé", "JSON not well-formed") from error
    except UnicodeDecodeError as error:
        raise ManifestFault("", "ce n'est pas de l'UTF-8", "not UTF-8") from error
    except (ValueError, RecursionError) as error:
        # a number of thousands of digits, or thousands of brackets
        raise ManifestFault("", "JSON démesuré", "JSON out of all proportion") from error


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((again, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ManifestFault(_shown(again), "clé écrite deux fois", "key written twice")
    return found


def _object(value: object, place: str) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    raise _wrong(place, "un objet", "an object")


def _only_known(found: Mapping[str, object], known: Sequence[str], place: str) -> None:
    for key in found:
        if key not in known:
            names = ", ".join(known)
            where = f"{place}.{_shown(key)}".lstrip(".")
            raise ManifestFault(
                where, f"clé inconnue ; connues : {names}", f"unknown key; known: {names}"
            )


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _wrong("count", "un nombre entier", "a whole number")


def _sums(value: object) -> Mapping[str, str]:
    sums: dict[str, str] = {}
    if not _object(value, "sums"):
        raise _wrong("sums", "au moins une devise", "at least one currency")
    for currency, amount in _object(value, "sums").items():
        if not _CURRENCY.fullmatch(currency):
            raise _wrong(f"sums.{_shown(currency)}", "un code devise", "a currency code")
        sums[currency] = _text(
            amount,
            _AMOUNT,
            f"sums.{currency}",
            'un montant entre guillemets, "1234.56"',
            'an amount in quotes, "1234.56"',
        )
    return sums


def _files(value: object) -> Mapping[str, str]:
    if not isinstance(value, list):
        raise _wrong("files", "une liste", "a list")
    files: dict[str, str] = {}
    for index, item in enumerate(value):
        place = f"files[{index}]"
        one = _object(item, place)
        _only_known(one, ("name", "sha256"), place)
        name = one.get("name")
        if not isinstance(name, str):
            raise _wrong(f"{place}.name", "un nom de fichier", "a file name")
        name = shown_name(name.encode("utf-8", "surrogatepass"))
        if name in files:
            raise ManifestFault(f"{place}.name", "nom déjà listé", "name listed before")
        files[name] = _text(
            one.get("sha256"),
            _SHA256,
            f"{place}.sha256",
            "64 chiffres hexadécimaux",
            "64 hexadecimal digits",
        ).lower()
    return files


def _text(value: object, form: re.Pattern[str], place: str, fr: str, en: str) -> str:
    if isinstance(value, str) and form.fullmatch(value):
        return value
    raise _wrong(place, fr, en)


def _wrong(place: str, fr: str, en: str) -> ManifestFault:
    return ManifestFault(place, f"attendu : {fr}", f"expected {en}")


def _shown(key: str) -> str:
    """Return a key fit to be told: printable, not endless."""
    return shown_name(key[:60].encode("utf-8", "surrogatepass"))


# -- comparing
def _compare_sums(sums: Mapping[str, str], documents: Sequence[Document]) -> Iterator[Figure]:
    amounts: dict[str, list[Decimal]] = {}
    unread: dict[str, list[str]] = {}
    for one in documents:
        currency, amount = one.header.currency or "", signed_total(one)
        if not _CURRENCY.fullmatch(currency):
            unread.setdefault(_ANY, []).append(one.name)
        elif amount is None:
            unread.setdefault(currency, []).append(one.name)
        else:
            amounts.setdefault(currency, []).append(amount)
    nowhere = unread.pop(_ANY, [])
    for currency in sorted({*sums, *amounts, *unread}):
        total = exact_sum(amounts.get(currency, ()))
        doubtful = [*unread.get(currency, ()), *nowhere]
        announced = sums.get(currency)
        yield Figure(f"{_SUM}{currency}", announced, _found(announced, total, doubtful))


def _found(announced: str | None, total: Decimal, doubtful: Sequence[str]) -> str:
    """Write a sum as found: in the announced words if it is the same amount."""
    if doubtful:
        return f"{total:f} + ? ({', '.join(doubtful[:_MOST_TOLD])})"
    if announced is not None and Decimal(announced) == total:
        return announced
    return f"{total:f}"


def _compare_files(files: Mapping[str, str], documents: Sequence[Document]) -> Iterator[Figure]:
    found: dict[str, list[str]] = {}
    for one in documents:
        # a file that was refused unread has no hash
        found.setdefault(one.name, []).append(one.sha256 or "?")
    for name in dict.fromkeys((*files, *found)):
        hashes = found.get(name)
        yield Figure(f"{_FILE}{name}", files.get(name), ", ".join(hashes) if hashes else None)


def _named(figure: Figure) -> Mapping[str, str]:
    """Return what a figure is called in a sentence."""
    kind, _, subject = figure.what.partition(" ")
    fr, en = {
        "count": ("nombre de fichiers", "number of files"),
        "sum": (f"somme {subject}", f"sum {subject}"),
        "sha256": (f"SHA-256 de {subject}", f"SHA-256 of {subject}"),
    }[kind]
    return {"fr": fr, "en": en}
