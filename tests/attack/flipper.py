"""Damages golden files byte by byte and notes what becomes of each: a program of its own.

``python flipper.py EVERY [--packs] [NAME…]`` takes about one offset in EVERY of each golden
file (1: all of them), changes that byte, and cuts the file there. Each damaged file goes the
way a partner's file goes: unwrapped, parsed, held against its schema; with ``--packs`` its
explanations and rule packs too. It prints one JSON object: how many were tried, what was
raised that should not have been, the slowest, the peak of memory, and a digest of every
answer, which must be the same every time.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import resource
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: CPU time from which on a file is looked at again: what was built for the first one of its
#: kind, or a collection of garbage, is no cost of its own.
_LONG_S = 0.5
sys.path[:0] = [str(ROOT), str(ROOT / "samples")]

from lxml import etree  # noqa: E402

from pipeline.adapters.configuration import (  # noqa: E402
    read_profiles,
    read_sheet,
)
from pipeline.adapters.directory_files import read_directory  # noqa: E402
from pipeline.adapters.packs import PackShelf  # noqa: E402
from pipeline.bootstrap import WorkerSettings, document_judge, shelf, workspace  # noqa: E402
from pipeline.ingest.completeness import looks_whole  # noqa: E402
from pipeline.ingest.manifest import ManifestFault, read_manifest  # noqa: E402
from pipeline.ingest.naming import read_flow_name  # noqa: E402
from pipeline.ingest.unwrap import HEAD, MANIFEST_SEQ, EnvelopeRefused, unwrap  # noqa: E402
from pipeline.model.errors import ConfigError, PackMissing  # noqa: E402
from pipeline.model.finding import Layer  # noqa: E402
from pipeline.model.limits import Limits  # noqa: E402
from pipeline.model.names import raw_name, shown_name  # noqa: E402
from pipeline.model.profile import Profile  # noqa: E402
from pipeline.ports.engine import Job  # noqa: E402
from pipeline.syntax import cdar, cpp_parties, cpp_status  # noqa: E402
from pipeline.syntax.parse import XmlRefused, compile_schema, parse  # noqa: E402
from pipeline.validate.judge import Artefacts, Question, judge_document  # noqa: E402

#: The samples' makers, by path.
build: Any = import_module("build")
supports: Any = import_module("supports")

#: What one damaged file may cost, in seconds of processor time.
MOST_S = 1.0
#: Address space of this program: a file that wants more raises.
ADDRESS_SPACE = 3_000_000_000

LIMITS = Limits()
LOWER = frozenset({Layer.SYNTAX, Layer.STRUCTURE})

#: Takes one file whole; returns what was said of it.
Way = Callable[[bytes], str]


def _no_explainer(name: str) -> object:
    raise PackMissing(name, "left out: thousands of files are read here")


class Judge:
    """The way of a flow: unwrapped, and every document in it judged."""

    def __init__(self, *, packs: bool) -> None:
        self._shelf: PackShelf = shelf(workspace())
        self._scratch = Path(tempfile.mkdtemp(prefix="edi-flips-")) / "one"
        catalogue = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
        profiles = read_profiles(ROOT / "config" / "profiles.toml")
        self._profile: Profile = profiles["fr-b2b" if packs else "auto"]
        settings = WorkerSettings(catalogue=catalogue, packs=workspace().packs)
        self._whole = document_judge(settings) if packs else None
        self._schema = cache(lambda name: compile_schema(str(self._shelf.path(name))))

    def __call__(self, data: bytes) -> str:
        said = [repr(looks_whole(data[:HEAD], data[-HEAD:]))]
        try:
            for member in unwrap(io.BytesIO(data), LIMITS, "flow"):
                payload = b"".join(member.chunks)
                if member.seq == MANIFEST_SEQ:
                    said.append(manifest(payload))
                elif member.fault is None:
                    said.append(self._judged(payload))
                else:
                    said.append(repr(member.fault))
        except EnvelopeRefused as refused:
            return f"{refused.code} {refused.message}"
        return "\n".join(said)

    def _judged(self, payload: bytes) -> str:
        if self._whole is not None:
            self._scratch.write_bytes(payload)
            job = Job(path=str(self._scratch), profile=self._profile, limits=LIMITS)
            return repr(self._whole(job))
        artefacts = Artefacts(
            schema=self._schema,
            explainer=_no_explainer,  # type: ignore[arg-type]  # never returns
            run_pack=_no_explainer,  # type: ignore[arg-type]  # never asked
        )
        question = Question(profile=self._profile, limits=LIMITS, layers=LOWER)
        try:
            return repr(judge_document(payload, question, artefacts))
        except PackMissing:
            return "XSD"


def manifest(data: bytes) -> str:
    """Read a manifest."""
    try:
        return repr(read_manifest(data))
    except ManifestFault as fault:
        return repr(fault.reason)


def message(schema: etree.XMLSchema, read: Callable[[etree._Element], object]) -> Way:
    """Return the way of a status message: parsed, held against its schema, read."""

    def way(data: bytes) -> str:
        try:
            root = parse(data, LIMITS)
        except XmlRefused as refused:
            return f"{refused.code} {refused.message}"
        if not schema.validate(root):
            return "XSD"
        try:
            return repr(read(root))
        except ValueError as error:  # as documented
            return str(error)

    return way


def sheet(data: bytes) -> str:
    """Read a connection sheet, as text from a file."""
    try:
        return repr(read_sheet(data.decode("utf-8", "surrogateescape")))
    except ConfigError as error:
        return str(error)


def table(name: str) -> Way:
    """Return the way of one of the directory's tables, the others being whole."""
    folder = Path(tempfile.mkdtemp(prefix="edi-flips-"))
    for each in ("structures.csv", "services.csv", "routes.toml"):
        (folder / each).write_bytes((ROOT / "samples" / "directory" / each).read_bytes()[:1500])

    def way(data: bytes) -> str:
        (folder / name).write_bytes(data)
        try:
            return repr(read_directory(folder)).replace(str(folder), "")
        except ConfigError as error:
            return str(error).replace(str(folder), "")

    return way


def file_name(data: bytes) -> str:
    """Read a flow's name; its bytes must never be lost."""
    shown = shown_name(data)
    if raw_name(shown) != data or not shown.isprintable():
        raise AssertionError(f"{data!r} is shown as {shown!r}")
    return repr((shown, read_flow_name(shown)))


def _zip(method: int, *files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, payload in files:
            archive.writestr(zipfile.ZipInfo(name), payload, method)
    return out.getvalue()


def _tar_gz(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, payload in files:
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return gzip.compress(out.getvalue(), mtime=0)


def _statut() -> bytes:
    at = datetime(2026, 10, 5, 8, 31, 7, tzinfo=UTC)
    line = cpp_status.ErrorLine(nature="Facture 2", code="DEST_INC", label="L", description="D")
    envelope = cpp_parties.Envelope(
        parameters=(
            cpp_parties.Parameter("DtPrd", "2026-10-05T08:31:07Z"),
            cpp_parties.Parameter("IdFlx", "EDIHUB1200000000000000057", "une note"),
        ),
        receiver=cpp_parties.Partner("ABC123", "Papeterie"),
        sender=cpp_parties.Partner("EDIHUB"),
    )
    flow = cpp_status.FluxStatus(status=94, at=at, flow_id="ABC123110042", errors=(line, line))
    said = cpp_status.StatusMessage(envelopes=(envelope,), flows=(flow,))
    return cpp_status.write(said, _statut_schema())


@cache
def _statut_schema() -> etree.XMLSchema:
    return compile_schema(str(ROOT / "schemas" / "CPPStatut-V1_19.xsd"))


@cache
def _cdar_schema() -> etree.XMLSchema:
    return compile_schema(str(shelf(workspace()).path("cdar-d22b-xsd")))


def _cdar() -> bytes:
    at = datetime(2026, 10, 5, 8, 31, 7, tzinfo=UTC)
    party = cdar.Party("WK", "9999", "0238", "Notre plateforme")
    said = cdar.Cdar(
        id="EDIHUB1214000000000000057-0001",
        issued_at=at,
        sender=party,
        issuer=party,
        recipients=(cdar.Party("SE", "732829320", "0002", "Papeterie"),),
        reference="FA-2026-0187",
        status=213,
        received_at=at,
        issue_date=date(2026, 10, 2),
        details=(cdar.Detail(sequence=1, reason="REJ_SEMAN", text="faux", rule="BR-CO-15"),),
    )
    return cdar.write(said, _cdar_schema())


def goldens(*, packs: bool = False) -> dict[str, tuple[bytes, Way]]:
    """Return every golden file by its name, with the way it goes."""
    flow: Way = Judge(packs=packs)
    ubl = build.to_ubl(build.BY_KEY["ubl-380-une-ligne"])
    cii = build.to_cii(build.BY_KEY["ubl-380-une-ligne"])
    credit = (ROOT / "samples" / "invoices" / "ubl-381-avoir.xml").read_bytes()
    pdf = supports.facturx_pdf(cii)
    texts = {
        name: text.decode().replace('encoding="UTF-8"', f'encoding="{told}"').encode(codec)
        for name, text, told, codec in (
            ("ubl-utf-16", ubl, "UTF-16", "utf-16"),
            ("cii-latin-9", cii, "ISO-8859-15", "iso-8859-15"),
        )
    }
    listed = json.dumps(
        {
            "count": 1,
            "sums": {"EUR": "120.00", "USD": "-3.5"},
            "files": [{"name": "a.xml", "sha256": sha256(ubl).hexdigest()}],
        }
    ).encode()
    signed = supports.signed(ubl)
    folder = ROOT / "samples" / "directory"
    sheet_text = (ROOT / "config" / "connections" / "example-sender.toml.sample").read_bytes()
    flows = {
        "ubl-invoice": ubl,
        "ubl-credit-note": credit,
        "cii-invoice": cii,
        **texts,
        "factur-x": pdf,
        "zip-deflated": _zip(zipfile.ZIP_DEFLATED, ("a.xml", ubl), ("b/c.xml", cii)),
        "zip-stored": _zip(zipfile.ZIP_STORED, ("a.xml", ubl)),
        "zip-with-manifest": _zip(zipfile.ZIP_DEFLATED, ("manifest.json", listed), ("a.xml", ubl)),
        "zip-of-pdf": _zip(zipfile.ZIP_DEFLATED, ("a.pdf", pdf)),
        "tar-gz": _tar_gz(("a.xml", ubl), ("a" * 120 + ".xml", cii)),
        "gzip": gzip.compress(ubl, mtime=0),
        "p7m": signed,
        "zip-of-p7m": _zip(zipfile.ZIP_DEFLATED, ("a.xml.p7m", signed)),
    }
    return {
        **{name: (data, flow) for name, data in flows.items()},
        "manifest": (listed, manifest),
        "cpp-statut": (_statut(), message(_statut_schema(), cpp_status.read)),
        "cdar": (_cdar(), message(_cdar_schema(), cdar.read)),
        "sheet": (sheet_text, sheet),
        "structures": ((folder / "structures.csv").read_bytes()[:1500], table("structures.csv")),
        "routes": ((folder / "routes.toml").read_bytes()[:1500], table("routes.toml")),
        "flow-name": (b"FSO1100A_ABC123_ABC1231100000000000000001", file_name),
    }


def damaged(data: bytes, every: int, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield the file with one byte changed, and cut, at about one offset in `every`."""
    for start in range(0, len(data), every):
        at = min(start + dice.randrange(every), len(data) - 1)
        flipped = bytes([data[at] ^ dice.randrange(1, 256)])
        yield f"flip@{at}", data[:at] + flipped + data[at + 1 :]
        yield f"cut@{at}", data[:at]


def _cost(way: Way, data: bytes) -> float:
    """Return the CPU time of one more look, in seconds; whatever it raises was noted before."""
    started = time.process_time()
    with contextlib.suppress(Exception):
        way(data)
    return time.process_time() - started


def run(every: int, files: Mapping[str, tuple[bytes, Way]]) -> dict[str, object]:
    """Damage every golden file and note what becomes of it."""
    digest, raised, slowest, tried = sha256(), Counter[str](), (0.0, ""), 0
    told: list[str] = []
    for name, (whole, way) in files.items():
        for warming in (whole, whole.replace(b"ID>", b"Id>")):
            way(warming)  # compiles schemas, packs and explanations: not a file's own cost
        dice = random.Random(name)
        for what, data in damaged(whole, every, dice):
            tried += 1
            started = time.process_time()
            try:
                said = way(data)
            except Exception as error:  # noqa: BLE001  # what is looked for
                said = type(error).__name__
                raised[f"{name}: {said}"] += 1
                if len(told) < 5:
                    told.append(f"{name} {what}\n{traceback.format_exc(limit=-6)}")
            spent = time.process_time() - started
            if spent > _LONG_S:
                spent = min(spent, *(_cost(way, data) for _ in range(2)))
            slowest = max(slowest, (spent, f"{name} {what}"))
            digest.update(f"{name} {what} {said}\n".encode("utf-8", "surrogatepass"))
    # not `ru_maxrss`: that begins with what the process that started this one held
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = int(next(line for line in lines if "VmHWM" in line).split()[1]) / 1000
    return {
        "files": len(files),
        "tried": tried,
        "raised": raised,
        "told": told,
        "slowest_s": round(slowest[0], 3),
        "slowest": slowest[1],
        "peak_mb": round(peak),
        "digest": digest.hexdigest(),
    }


def main(arguments: list[str]) -> None:
    """Run as the docstring of this file says."""
    packs = "--packs" in arguments
    if not packs:  # the rule engine reserves more than it will ever use
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    every, *names = [one for one in arguments if one != "--packs"]
    known = goldens(packs=packs)
    found = run(int(every), {name: known[name] for name in names or known})
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
