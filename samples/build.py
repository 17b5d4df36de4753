"""Write every sample that is made: `python samples/build.py`, or `--check` to compare only.

It owns the folders `invoices`, `demo`, `directory` and `broken` beside it: what it does
not make is removed from them. The same sources give the same samples on any machine;
an archive counts as the same when what it holds is, since compressors differ.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import struct
import sys
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalogue import COLLEGE, HOPITAL, INCONNUE, SAMPLES, SYNDICAT, VILLE, liable
from invoice_maker import Invoice, Party, to_cii, to_ubl
from supports import stored

HERE = Path(__file__).resolve().parent
OWNED = ("invoices", "demo", "directory", "broken")

#: How often an invoice of the big flow names a service.
NAMED_SERVICE = 25
#: Partner that receives for each recipient of the demo.
RECIPIENTS = {VILLE.siret: "ville-exemple", HOPITAL.siret: "hopital-exemple"}
#: Structures of the directory, each with its services and whether they are open.
SERVICES: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    VILLE.siret or "": (
        ("SCOLAIRE", "Affaires scolaires", True),
        ("TECHNIQUE", "Services techniques", True),
        ("CULTURE", "Affaires culturelles", True),
        ("FETES", "Comité des fêtes", False),
    ),
    HOPITAL.siret or "": (
        ("PHARMACIE", "Pharmacie centrale", True),
        ("CUISINE", "Restauration", True),
    ),
    COLLEGE.siret or "": (("INTENDANCE", "Intendance", True),),
}
BY_KEY = {sample.key: sample.invoice for sample in SAMPLES}


# --------------------------------------------------------------- making documents


def billed_to(invoice: Invoice, buyer: Party, number: str, times: int = 1) -> Invoice:
    """Return `invoice` under another number, for another buyer, with a first line `times` as big.

    The buyer keeps a VAT number only where the invoice had one: category O forbids it.
    """
    first, *others = invoice.lines
    return replace(
        invoice,
        number=number,
        buyer=liable(buyer) if invoice.buyer.vat else buyer,
        lines=(replace(first, quantity=first.quantity * times), *others),
    )


def with_wrong_total(invoice: Invoice) -> bytes:
    """Write an invoice whose total with VAT is one unit too high: BR-CO-15 alone fails."""
    right = invoice.totals
    return to_ubl(invoice, replace(right, with_vat=right.with_vat + 1, due=right.due + 1))


def without_issue_date(xml: bytes) -> bytes:
    """Take out an element that the XSD requires."""
    head, _, rest = xml.partition(b"  <cbc:IssueDate>")
    return head + rest.partition(b"</cbc:IssueDate>\n")[2]


def with_doctype(xml: bytes, subset: str, entity: str) -> bytes:
    """Add a document type and refer to its `entity` in the first note."""
    declaration, _, body = xml.decode().partition("\n")
    body = body.replace("<cbc:Note>", f"<cbc:Note>&{entity};", 1)
    return f"{declaration}\n<!DOCTYPE Invoice [\n{subset}\n]>\n{body}".encode()


def with_external_entity(xml: bytes) -> bytes:
    """Ask the reader to read one of its own files."""
    return with_doctype(xml, '  <!ENTITY local SYSTEM "file:///etc/passwd">', "local")


def with_laughs(xml: bytes) -> bytes:
    """Ask the reader to unfold one entity into ten to the ninth."""
    levels = (f'  <!ENTITY lol{n} "{f"&lol{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    return with_doctype(xml, "\n".join(levels), "lol9")


def in_utf16(xml: bytes) -> bytes:
    """Write the same text in UTF-16, where a search for ``<!DOCTYPE`` in bytes finds nothing."""
    text = xml.decode().replace("UTF-8", "UTF-16", 1)
    return codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def tar(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` in order, with nothing in it that changes from one day to the next."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Pack and compress `files`."""
    return gzip.compress(tar(files), mtime=0)


def cut_tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Return two thirds of an archive, not compressed so that the cut is the same everywhere."""
    data = tar(files)
    tail = struct.pack("<II", zlib.crc32(data), len(data))
    whole = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored(data)[2:-4] + tail
    return whole[: len(whole) * 2 // 3]


# --------------------------------------------------------------- the demo


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One file that a supplier of the demo leaves, and what must become of it.

    Attributes:
        supplier: Whose folder.
        name: As dropped.
        payload: Its bytes.
        outcome: As `edi demo` words it.
        reason: Code of the control table; empty when all is accepted.
        documents: How many of its documents end in each way.
        delivered: How many documents each recipient gets.
        why: One sentence for people.
    """

    supplier: str
    name: str
    payload: bytes
    outcome: str
    why: str
    reason: str = ""
    documents: Mapping[str, int] = field(default_factory=dict)
    delivered: Mapping[str, int] = field(default_factory=dict)


def delivered_to(invoices: Iterable[Invoice]) -> Mapping[str, int]:
    """Count good invoices by the partner that receives them."""
    return Counter(RECIPIENTS[invoice.buyer.siret] for invoice in invoices)


def flow_name(seq: int, interface: str = "FSO1100A", application: str = "PAP001") -> str:
    """Return a flow name by the grammar."""
    return f"{interface}_{application}_{application}{interface[3:7]}{seq:015d}"


def historical(count: int, flow: int) -> tuple[Invoice, ...]:
    """Return `count` invoices for both recipients, the catalogue over and over.

    Each round bills another quantity; a few name a service (see `Party.service`).
    """
    made = []
    for n in range(count):
        turn, place = divmod(n, len(SAMPLES))
        buyer = (VILLE, HOPITAL)[(n + turn) % 2]
        if (n + 1) % NAMED_SERVICE == 0:
            code = SERVICES[buyer.siret or ""][0][0]
            buyer = replace(buyer, service=code)
        invoice = billed_to(SAMPLES[place].invoice, buyer, f"P{flow:02d}-26-{n + 1:04d}", turn + 1)
        made.append(replace(invoice, frame="A1"))
    return tuple(made)


def inner_names(count: int) -> Iterator[str]:
    """Yield file names inside an archive."""
    return (f"FACTURE_{n:04d}.xml" for n in range(1, count + 1))


def flow_of(invoices: Sequence[Invoice]) -> dict[str, bytes]:
    """Write `invoices` as the files of one flow."""
    return dict(zip(inner_names(len(invoices)), map(to_ubl, invoices), strict=True))


def papeterie() -> Iterator[Drop]:
    """Yield what the stationer drops: historical flow names, a broken file breaks its flow."""
    yield from _papeterie_good()
    yield from _papeterie_names()
    yield from _papeterie_single_bodies()
    yield from _papeterie_spoilt_flows()


def _papeterie_good() -> Iterator[Drop]:
    many = historical(200, 1)
    yield Drop(
        supplier="papeterie",
        name=flow_name(1),
        payload=tar_gz(flow_of(many)),
        outcome="accepted",
        documents={"accepted": len(many)},
        delivered=delivered_to(many),
        why="archive de 200 factures et avoirs UBL pour les deux destinataires",
    )
    credit = replace(billed_to(BY_KEY["ubl-381-avoir"], VILLE, "P02-26-0001"), frame="A1")
    for seq, outcome in ((2, "accepted"), (6, "duplicate")):
        good = outcome == "accepted"
        yield Drop(
            supplier="papeterie",
            name=flow_name(seq),
            payload=to_ubl(credit),
            outcome=outcome,
            reason="" if good else "IRR_UNICITE",
            documents={outcome: 1},
            delivered=delivered_to((credit,) if good else ()),
            why="un avoir UBL seul" if good else "les mêmes octets que le flux 2",
        )
    single = billed_to(BY_KEY["cii-380-service-destinataire"], HOPITAL, "P11-26-0001")
    single = replace(single, frame="A1", buyer=replace(HOPITAL, service="PHARMACIE"))
    yield Drop(
        supplier="papeterie",
        name=flow_name(1, "FSO1106A"),
        payload=to_cii(single),
        outcome="accepted",
        documents={"accepted": 1},
        delivered=delivered_to((single,)),
        why="une facture CII seule, avec un code service",
    )


def _papeterie_names() -> Iterator[Drop]:
    for seq, name, reason, why in (
        (8, f"FSO1100_PAP001_PAP0011100{8:015d}", "IRR_FORM", "lettre de version absente"),
        (9, flow_name(9, application="ZZZ999"), "IRR_CODE_APP", "code application d'un autre"),
        (10, flow_name(10, "FSO9999A"), "IRR_CODE_INTER", "interface inconnue"),
    ):
        invoice = billed_to(BY_KEY["ubl-380-fournitures"], VILLE, f"P{seq:02d}-26-0001")
        yield Drop(
            supplier="papeterie",
            name=name,
            payload=to_ubl(replace(invoice, frame="A1")),
            outcome="rejected",
            reason=reason,
            why=f"nom de flux : {why}",
        )


def _papeterie_single_bodies() -> Iterator[Drop]:
    yield Drop(
        supplier="papeterie",
        name=flow_name(4),
        payload=b"",
        outcome="rejected",
        reason="IRR_VIDE",
        why="fichier vide",
    )
    invoice = replace(billed_to(BY_KEY["ubl-380-fournitures"], VILLE, "P05-26-0001"), frame="A1")
    yield Drop(
        supplier="papeterie",
        name=flow_name(5),
        payload=with_external_entity(to_ubl(invoice)),
        outcome="rejected",
        reason="IRR_SYNTAX",
        documents={"rejected": 1},
        why="entité externe (XXE)",
    )


def _papeterie_spoilt_flows() -> Iterator[Drop]:
    broken = flow_of(historical(12, 3))
    last = list(broken)[-1]
    yield Drop(
        supplier="papeterie",
        name=flow_name(3),
        payload=tar_gz(broken | {last: without_issue_date(broken[last])}),
        outcome="rejected",
        reason="IRR_SYNTAX",
        documents={"rejected": 12},
        why="la dernière des 12 factures n'a pas de date : tout le flux est irrecevable",
    )
    good = historical(5, 7)
    kept = (*good[:2], *good[3:])
    lost = replace(good[2], buyer=INCONNUE)
    yield Drop(
        supplier="papeterie",
        name=flow_name(7),
        payload=tar_gz(flow_of((*good[:2], lost, *good[3:]))),
        outcome="partly accepted",
        reason="DEST_INC",
        documents={"accepted": len(kept), "rejected": 1},
        delivered=delivered_to(kept),
        why="la troisième de 5 factures est pour un destinataire absent de l'annuaire",
    )


#: What the caterer bills: keys of the catalogue.
MENU = (
    "ubl-380-une-ligne",
    "ubl-380-deux-taux",
    "ubl-380-remise-pourcent",
    "ubl-380-arrondi",
    "ubl-380-retour-consigne",
    "ubl-381-avoir-deux-taux",
)


def meal(place: int, buyer: Party, number: int) -> Invoice:
    """Return the caterer's invoice `place` of its menu, for `buyer`."""
    return billed_to(BY_KEY[MENU[place]], buyer, f"T26-{number:04d}")


def traiteur() -> Iterator[Drop]:
    """Yield what the caterer drops: free names, each invoice judged by itself."""
    yield from _traiteur_single()
    yield from _traiteur_refused()
    yield from _traiteur_lots()


def _traiteur_single() -> Iterator[Drop]:
    cii = billed_to(BY_KEY["cii-380-deux-taux-remise"], VILLE, "T26-0102")
    singles = (
        ("Facture 2026-0104 (mairie).xml", meal(2, VILLE, 104), "une facture UBL seule"),
        ("avoir-2026-0007.xml", meal(5, HOPITAL, 7), "un avoir UBL seul"),
        ("facture-2026-0101.xml", meal(1, HOPITAL, 101), "une facture UBL seule"),
        ("facture-2026-0102.xml", cii, "une facture CII seule"),
    )
    for name, invoice, why in singles:
        yield Drop(
            supplier="traiteur",
            name=name,
            payload=to_cii(invoice) if invoice is cii else to_ubl(invoice),
            outcome="accepted",
            documents={"accepted": 1},
            delivered=delivered_to((invoice,)),
            why=why,
        )
    yield Drop(
        supplier="traiteur",
        name="facture-college-2026-0105.xml",
        payload=to_ubl(meal(3, COLLEGE, 105)),
        outcome="held",
        reason="NO_ROUTE",
        documents={"held": 1},
        why="le destinataire est dans l'annuaire, mais aucune route ne mène à lui",
    )


def _traiteur_refused() -> Iterator[Drop]:
    first = meal(1, HOPITAL, 101)
    changed = billed_to(first, HOPITAL, first.number, times=2)
    whole = to_ubl(meal(4, VILLE, 103))
    for name, payload, outcome, reason, why in (
        (
            "facture-2026-0101_corrigee.xml",
            to_ubl(changed),
            "rejected",
            "DOUBLON",
            "même numéro que facture-2026-0101.xml, autre montant",
        ),
        (
            "facture-2026-0103.xml",
            whole[: len(whole) * 2 // 3],
            "rejected",
            "IRR_SYNTAX",
            "fichier XML tronqué",
        ),
        (
            "renvoi-facture-2026-0101.xml",
            to_ubl(first),
            "duplicate",
            "IRR_UNICITE",
            "les mêmes octets que facture-2026-0101.xml",
        ),
    ):
        yield Drop(
            supplier="traiteur",
            name=name,
            payload=payload,
            outcome=outcome,
            reason=reason,
            documents={outcome: 1},
            why=why,
        )


def _traiteur_lots() -> Iterator[Drop]:
    october = [meal(n, (VILLE, HOPITAL)[n % 2], 201 + n) for n in range(6)]
    structure = [meal(n, (HOPITAL, VILLE)[n % 2], 301 + n) for n in range(5)]
    spoilt = (
        ("lot-octobre.tar.gz", october, with_wrong_total(october[3]), "REJ_SEMAN", "total faux"),
        (
            "lot-xsd.tar.gz",
            structure,
            without_issue_date(to_ubl(structure[3])),
            "IRR_SYNTAX",
            "date absente",
        ),
    )
    for name, invoices, bad, reason, fault in spoilt:
        files = {f"{one.number}.xml": to_ubl(one) for one in invoices}
        files[f"{invoices[3].number}.xml"] = bad
        good = [*invoices[:3], *invoices[4:]]
        yield Drop(
            supplier="traiteur",
            name=name,
            payload=tar_gz(files),
            outcome="partly accepted",
            reason=reason,
            documents={"accepted": len(good), "rejected": 1},
            delivered=delivered_to(good),
            why=f"la quatrième facture est refusée ({fault}), les autres passent",
        )
    cut = [meal(n, VILLE, 401 + n) for n in range(3)]
    yield Drop(
        supplier="traiteur",
        name="lot-tronque.tar.gz",
        payload=cut_tar_gz({f"{one.number}.xml": to_ubl(one) for one in cut}),
        outcome="rejected",
        reason="IRR_EXTRAC",
        why="archive tronquée",
    )


def demo() -> list[Drop]:
    """Return every dropped file, in the order in which the hub takes them."""
    return sorted((*papeterie(), *traiteur()), key=lambda drop: (drop.supplier, drop.name))


def expected(drops: Iterable[Drop]) -> bytes:
    """Write what must become of each dropped file, as TOML."""
    blocks = [_PREFACE]
    for drop in drops:
        counts = {way: drop.documents.get(way, 0) for way in _WAYS}
        texts = (
            ("supplier", drop.supplier),
            ("name", drop.name),
            ("outcome", drop.outcome),
            ("reason", drop.reason),
            ("why", drop.why),
        )
        lines = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in texts]
        lines.append(_table("documents", {"received": sum(counts.values())} | counts))
        lines.append(_table("delivered", dict(sorted(drop.delivered.items()))))
        blocks.append("\n".join(("[[file]]", *lines)) + "\n")
    return "\n".join(blocks).encode()


_WAYS = ("accepted", "rejected", "duplicate", "held")
_PREFACE = """\
# Made by samples/build.py. Read by a test only: the demo computes its outcomes.
# Files are listed in the order in which they are taken: supplier, then name.
"""


def _table(key: str, numbers: Mapping[str, int]) -> str:
    inside = ", ".join(f"{name} = {number}" for name, number in numbers.items())
    return f"{key} = {{ {inside} }}" if inside else f"{key} = {{}}"


# --------------------------------------------------------------- directory and broken files


def directory() -> Iterator[tuple[str, bytes]]:
    """Yield the tables of who can be billed, and the routes to those with a connection."""
    structures = ((VILLE, True), (HOPITAL, True), (COLLEGE, True), (SYNDICAT, False))
    yield (
        "directory/structures.csv",
        _csv(
            ("siret", "name", "active"),
            [(party.siret or "", party.name, _flag(active)) for party, active in structures],
        ),
    )
    yield (
        "directory/services.csv",
        _csv(
            ("siret", "code", "name", "active"),
            [
                (siret, code, name, _flag(active))
                for siret, services in SERVICES.items()
                for code, name, active in services
            ],
        ),
    )
    yield (
        "directory/routes.toml",
        "\n".join(
            f'[[route]]\nconnection = "{name}"\nbuyer_siret = "{party.siret}"\n'
            for name, party in (("ville-exemple", VILLE), ("hopital-exemple", HOPITAL))
        ).encode(),
    )


def _flag(value: bool) -> str:  # noqa: FBT001  # a flag is what it writes
    return "true" if value else "false"


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows((header, *rows))
    return text.getvalue().encode()


def broken() -> Iterator[tuple[str, bytes]]:
    """Yield one small file for each way to be wrong."""
    invoice = BY_KEY["ubl-380-fournitures"]
    xml = to_ubl(invoice)
    root = xml.replace(b"<Invoice ", b"<Devis ").replace(b"</Invoice>", b"</Devis>")
    yield "broken/xxe-utf8.xml", with_external_entity(xml)
    yield "broken/xxe-utf16.xml", in_utf16(with_external_entity(xml))
    yield "broken/billion-laughs.xml", with_laughs(xml)
    yield "broken/unknown-root.xml", root
    yield "broken/xsd-missing.xml", without_issue_date(xml)
    yield "broken/br-co-15.xml", with_wrong_total(invoice)
    yield "broken/truncated.xml", xml[: len(xml) * 2 // 3]
    yield "broken/not-xml.txt", b"Bonjour, veuillez trouver ci-joint notre facture.\n"


# --------------------------------------------------------------- writing


def everything() -> dict[str, bytes]:
    """Return every made file by its path under `samples`."""
    drops = demo()
    files = {f"invoices/{sample.key}.xml": sample.written() for sample in SAMPLES}
    files |= {f"demo/{drop.supplier}/{drop.name}": drop.payload for drop in drops}
    files["demo/expected.toml"] = expected(drops)
    return files | dict(directory()) | dict(broken())


def same(made: bytes, found: bytes) -> bool:
    """Tell whether two files hold the same; archives are compared unpacked."""
    if made == found:
        return True
    inside = _unpacked(made)
    return inside is not None and inside == _unpacked(found)


def _unpacked(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def differences(files: Mapping[str, bytes]) -> list[str]:
    """Return the paths that are missing, different or not ours."""
    found = {
        str(path.relative_to(HERE)): path
        for folder in OWNED
        for path in (HERE / folder).rglob("*")
        if path.is_file()
    }
    changed = [
        name
        for name, made in files.items()
        if name not in found or not same(made, found[name].read_bytes())
    ]
    return sorted(changed + [name for name in found if name not in files])


def main(arguments: Sequence[str]) -> int:
    """Write what differs; with ``--check`` only name it and return 1 if there is any."""
    files = everything()
    changed = differences(files)
    for name in changed:
        print(name)
        path = HERE / name
        if "--check" in arguments:
            continue
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        else:
            path.unlink()
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
