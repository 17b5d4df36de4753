"""Write every sample that is made: `python samples/build.py`, or `--check` to compare only.

It owns the folders `invoices`, `demo`, `directory`, `broken`, `rules` and `profiles` beside it:
what it does not make is removed from them. The same sources give the same samples on any machine;
an archive counts as the same when what it holds is, since compressors differ.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from catalogue import (
    COLLEGE,
    HOPITAL,
    IMPRIMERIE,
    INCONNUE,
    LYCEE,
    MUSEE,
    SAMPLES,
    SERVICES,
    SYNDICAT,
    VILLE,
)
from drop import CONVERTED, RECIPIENTS, Drop, expected
from invoice_maker import to_cii, to_ubl
from making import (
    BY_KEY,
    billed_to,
    in_utf16,
    tar_gz,
    to_facturx,
    with_external_entity,
    with_laughs,
    with_manifest,
    with_wrong_total,
    without_issue_date,
    zipped,
)
from platforms import plateforme, regie
from profile_cases import profile_files
from rule_cases import rule_files
from suppliers import MENU, as_historical, papeterie, traiteur
from supports import signed

#: What tests make files of their own with.
__all__ = [
    "BY_KEY",
    "COLLEGE",
    "HOPITAL",
    "IMPRIMERIE",
    "INCONNUE",
    "MENU",
    "VILLE",
    "as_historical",
    "billed_to",
    "demo",
    "signed",
    "tar_gz",
    "to_cii",
    "to_facturx",
    "to_ubl",
    "with_laughs",
    "with_manifest",
    "with_wrong_total",
    "without_issue_date",
    "zipped",
]

HERE = Path(__file__).resolve().parent
OWNED = ("invoices", "demo", "directory", "broken", "rules", "profiles")


def demo() -> list[Drop]:
    """Return every dropped file, in the order in which the hub takes them."""
    drops = (*papeterie(), *plateforme(), *regie(), *traiteur())
    return sorted(drops, key=lambda drop: (drop.supplier, drop.name))


# --------------------------------------------------------------- directory and broken files


def directory() -> Iterator[tuple[str, bytes]]:
    """Yield the tables of who can be billed, and the routes to those with a connection."""
    open_ones = (VILLE, HOPITAL, COLLEGE, IMPRIMERIE, LYCEE, MUSEE)
    structures = (*((party, True) for party in open_ones), (SYNDICAT, False))
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
    yield "directory/routes.toml", _routes(RECIPIENTS)
    yield "directory/routes-converted.toml", _routes(CONVERTED)


def _routes(recipients: Mapping[str | None, str]) -> bytes:
    return "\n".join(
        f'[[route]]\nconnection = "{name}"\nbuyer_siret = "{siret}"\n'
        for siret, name in recipients.items()
    ).encode()


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
    return files | dict(directory()) | dict(broken()) | rule_files() | profile_files()


def same(made: bytes, found: bytes) -> bool:
    """Tell whether two files hold the same; archives are compared unpacked."""
    if made == found:
        return True
    inside = _unpacked(made)
    return inside is not None and inside == _unpacked(found)


def _unpacked(data: bytes) -> object:
    """Return what an archive holds, in order; None of anything else."""
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return [(one.filename, archive.read(one)) for one in archive.infolist()]
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
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
