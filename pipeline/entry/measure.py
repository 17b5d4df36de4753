"""The benchmarks: real files, real server, repeats side by side, the spread shown."""

from __future__ import annotations

import base64
import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.check import Source, check
from pipeline.app.hub import Hub
from pipeline.app.run import run_once
from pipeline.app.views import conserve_documents, conserve_interchanges
from pipeline.model.errors import ConfigError, EngineError
from pipeline.model.finding import Layer
from pipeline.model.limits import Limits
from pipeline.model.names import slug
from pipeline.model.report import Syntax
from pipeline.model.status import Step
from pipeline.ports.engine import Job
from pipeline.syntax.parse import parse
from pipeline.syntax.ubl import read_header

REPEATS = 3
_ROUNDS = 8
_FLOW = 200
_FLOWS = 5
_SINGLES = 600
_LARGE_FLOW = 500


@dataclass(frozen=True, slots=True)
class Spread:
    """Lowest, middle and highest of some repeats."""

    low: float
    mid: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum up repeats, rounded to what can be believed."""
        return cls(round(min(values), 2), round(median(values), 2), round(max(values), 2))


def measure_validate(place: bootstrap.Workspace) -> Mapping[str, object]:
    """Compare our layers with bare SaxonC, in CPU time, and one worker with two.

    Every UBL sample is judged by a worker as the engine runs it, then by SaxonC with the
    EN 16931 pack alone, in turn, each in a process of its own. Their CPU time is read
    from the operating system; the worker's side of its pipe is part of ours.

    Returns:
        ``ms_per_invoice``, ``saxonc_ms_per_invoice``, ``overhead_ratio`` (what our layers
        add, as a share of SaxonC's time: 0.25 is a quarter more; medians, with the
        spreads beside them), ``files``, and ``workers``.
    """
    files = _ubl_samples()
    profile = bootstrap.profiles(place)["en16931"]
    jobs = [
        Job(path=str(path), profile=profile, limits=Limits(), affinity="ubl") for path in files
    ]
    ours: list[float] = []
    bare: list[float] = []
    writer = bootstrap.job_writer()
    with (
        bootstrap.measured_worker(place, (files[0].parent,)) as worker,
        bootstrap.measured_saxonc(place, "en16931-ubl") as saxonc,
    ):
        for counted in [False] + [True] * REPEATS:
            mine = theirs = 0.0
            for _ in range(_ROUNDS):  # in turn, so that both meet the same machine
                before = worker.cpu_s, saxonc.cpu_s
                for job in jobs:
                    worker.ask(writer.write(job))
                for job in jobs:
                    saxonc.ask(job.path)
                mine += worker.cpu_s - before[0]
                theirs += saxonc.cpu_s - before[1]
            if counted:
                ours.append(mine * 1000 / len(jobs) / _ROUNDS)
                bare.append(theirs * 1000 / len(jobs) / _ROUNDS)
        peak = worker.peak_mb
    ratios = [mine / theirs - 1 for mine, theirs in zip(ours, bare, strict=True)]
    return {
        "files": len(files),
        "repeats": REPEATS,
        "ms_per_invoice": Spread.of(ours).mid,
        "saxonc_ms_per_invoice": Spread.of(bare).mid,
        "overhead_ratio": Spread.of(ratios).mid,
        "spread": {
            "ms_per_invoice": Spread.of(ours),
            "saxonc_ms_per_invoice": Spread.of(bare),
            "overhead_ratio": Spread.of(ratios),
        },
        "worker_peak_mb": round(peak),
        "workers": _scaling(files),
    }


def _scaling(files: Sequence[Path]) -> list[dict[str, object]]:
    """Judge the same files with one and with two workers, in turn, by the wall clock."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    sources = [Source(str(path), lambda path=path: path.open("rb")) for path in list(files) * 6]  # type: ignore[misc]  # the default binds the loop variable
    profile = bootstrap.profiles(bootstrap.workspace())["en16931"]
    with bootstrap.checking(workers=1) as one, bootstrap.checking(workers=2) as two:
        for engine, spool in (one, two):
            sum(1 for _ in check(sources, engine, spool, profile, frozenset(Layer)))
        for _ in range(REPEATS):
            for count, (engine, spool) in ((1, one), (2, two)):
                start = time.perf_counter()
                judged = sum(1 for _ in check(sources, engine, spool, profile, frozenset(Layer)))
                rates[count].append(judged / (time.perf_counter() - start))
    return [
        {"n": count, "invoices_per_s": Spread.of(found).mid, "spread": Spread.of(found)}
        for count, found in rates.items()
    ]


def measure_path(place: bootstrap.Workspace) -> Mapping[str, object]:
    """Measure from the first listing to the last answer written, over a real SFTP server.

    Flows of 200 invoices, then files of one invoice, are dropped beforehand; the workers
    are warm. Each repeat has a hub, a ledger and folders of its own.

    Returns:
        ``invoices_per_s`` with the EN 16931 pack, ``fr_invoices_per_s`` with BR-FR beside
        it, ``single_files_per_s`` (medians; spreads beside them),
        ``conserved`` (nothing lost, nothing twice, every answer there), ``server``.
    """
    flows: list[float] = []
    french: list[float] = []
    singles: list[float] = []
    conserved = True
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        for repeat in range(REPEATS):
            rate, sound = _one_path(Path(scratch) / f"flows{repeat}", place, _flow_files())
            flows.append(rate)
            conserved = conserved and sound
            home = Path(scratch) / f"french{repeat}"
            rate, sound = _one_path(home, place, _flow_files(french=True), "fr-b2b")
            french.append(rate)
            conserved = conserved and sound
            rate, sound = _one_path(Path(scratch) / f"singles{repeat}", place, _single_files())
            singles.append(rate)
            conserved = conserved and sound
    return {
        "files": len(_ubl_samples()),
        "repeats": REPEATS,
        "invoices_per_s": Spread.of(flows).mid,
        "fr_invoices_per_s": Spread.of(french).mid,
        "single_files_per_s": Spread.of(singles).mid,
        "spread": {
            "invoices_per_s": Spread.of(flows),
            "fr_invoices_per_s": Spread.of(french),
            "single_files_per_s": Spread.of(singles),
        },
        "conserved": conserved,
        "server": "OpenSSH sshd, loopback",
    }


def _one_path(
    home: Path, given: bootstrap.Workspace, files: Mapping[str, bytes], named: str = "en16931"
) -> tuple[float, bool]:
    place = bootstrap.Workspace(home, f"sqlite:///{home / 'ledger.sqlite'}", given.packs)
    with (
        _served(place, files, named),
        bootstrap.open_hub(place, by="run:bench", log_to_file=True) as hub,
    ):
        apply(hub, bootstrap.proposed_sheets(place))
        warm_up(hub, named)
        hub.clock.sleep(0.2)
        start = time.perf_counter()
        run_once(hub, insist=True)
        took = time.perf_counter() - start
        documents = conserve_documents(hub.ledger)
        answers = list((home / "supplier" / "out").glob("*"))
        delivered = hub.ledger.count_documents().get(Step.DELIVERED, 0)
        sound = (
            documents.holds
            and conserve_interchanges(hub.ledger).holds
            and documents.received == delivered == documents.accepted
            and len(answers) == len(files)
        )
        return documents.received / took, sound


def warm_up(hub: Hub, named: str) -> None:
    """Have the workers compile their rules, on samples that lie where workers may read.

    Raises:
        EngineError: One could not be judged: the clock would then run for cold workers.
    """
    profile = hub.profiles[named].at(hub.clock.now())
    scraps = [hub.spool.write(f"warm/{path.name}", [path.read_bytes()]) for path in _ubl_samples()]
    jobs = [
        Job(path=scrap.path, profile=profile, limits=Limits(), affinity="ubl") for scrap in scraps
    ]
    for judged in hub.engine.judge(jobs * 2):
        if judged.report.trouble is not None:
            raise EngineError(f"{judged.report.trouble.value}: {judged.report.trouble_detail}")


def measure_memory(place: bootstrap.Workspace) -> Mapping[str, object]:
    """Measure the resident memory of `edi run` on one flow of 500 invoices and 200 MB.

    Most of it is attachments that do not compress, as scanned pages are. The run is a
    process of its own; its peak and those of its workers are read from the system.

    Returns:
        ``main_peak_mb``, ``worker_peak_mb`` (the largest worker), ``invoices``,
        ``flow_mb`` (unzipped), ``conserved``; and the peaks of two workers of their own on
        the samples: ``fr_worker_peak_mb`` with EN 16931 and BR-FR of UBL, and
        ``all_packs_worker_peak_mb`` with every pack of CII.
    """
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        home = Path(scratch) / "memory"
        own = bootstrap.Workspace(home, f"sqlite:///{home / 'ledger.sqlite'}", place.packs)
        files = [(name, _fattened(payload)) for name, payload in numbered(_LARGE_FLOW)]
        flow_mb = sum(len(payload) for _, payload in files) / 1e6
        with _served(own, {flow_name(1): tar_gz(files)}):
            del files
            with bootstrap.open_hub(own, by="operator:bench") as hub:
                apply(hub, bootstrap.proposed_sheets(own))
            main_mb, worker_mb = _peaks_of_a_run(home)
            with bootstrap.reading(own) as ledger:
                lines = conserve_documents(ledger)
        return {
            "invoices": lines.received,
            "flow_mb": round(flow_mb),
            "main_peak_mb": round(main_mb),
            "worker_peak_mb": round(worker_mb),
            "fr_worker_peak_mb": _french_worker_peak_mb(place),
            "all_packs_worker_peak_mb": _all_packs_worker_peak_mb(place),
            "conserved": lines.holds and lines.accepted == _LARGE_FLOW,
        }


def _french_worker_peak_mb(place: bootstrap.Workspace) -> int:
    """Return the peak of a worker with EN 16931 and BR-FR of UBL, on each sample twice."""
    return _worker_peak_mb(place, _ubl_samples() * 2, frozenset(Layer))


def _all_packs_worker_peak_mb(place: bootstrap.Workspace) -> int:
    """Return the peak of a worker that met each CII sample under every URN that claims a pack.

    So it holds every rule pack of CII. Schemas are left out: what is too much for a small
    profile would keep its pack from being run.
    """
    profile = bootstrap.profiles(place)["fr-b2b"]
    urns = [claim.urn for claim in profile.claims if Syntax.FACTURX.value in claim.syntaxes]
    norm = min(urns, key=len)
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        made: list[Path] = []
        for path in sorted((bootstrap.samples() / "invoices").glob("cii-*.xml")):
            text = path.read_text(encoding="utf-8")
            for number, urn in enumerate(urns):
                copy = Path(scratch) / f"{number}-{path.name}"
                copy.write_text(text.replace(f">{norm}<", f">{urn}<"), encoding="utf-8")
                made.append(copy)
        return _worker_peak_mb(place, made * 2, frozenset({Layer.SEMANTICS, Layer.PROFILE}))


def _worker_peak_mb(
    place: bootstrap.Workspace, paths: Sequence[Path], layers: frozenset[Layer]
) -> int:
    """Return the peak of a worker that judges files under the profile ``fr-b2b``."""
    profile = bootstrap.profiles(place)["fr-b2b"]
    writer = bootstrap.job_writer()
    folders = tuple({path.parent for path in paths})
    with bootstrap.measured_worker(place, folders) as worker:
        for path in paths:
            job = Job(path=str(path), profile=profile, limits=Limits(), layers=layers)
            worker.ask(writer.write(job))
        return round(worker.peak_mb)


def _fattened(payload: bytes) -> bytes:
    """Add an attachment of 300 kB of noise to a UBL invoice, in base 64."""
    dice = random.Random(len(payload))  # noqa: S311  # noise, the same every time
    noise = base64.b64encode(dice.randbytes(300_000))
    reference = (
        b"<cac:AdditionalDocumentReference><cbc:ID>ANNEXE</cbc:ID><cac:Attachment>"
        b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="a.pdf">'
        + noise
        + b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        b"</cac:AdditionalDocumentReference>"
    )
    project = payload.find(b"<cac:ProjectReference>")
    before = project if project > 0 else payload.index(b"<cac:AccountingSupplierParty>")
    return payload[:before] + reference + payload[before:]


def _peaks_of_a_run(home: Path) -> tuple[float, float]:
    """Run `edi run --once` and return the peak of its process and of its largest worker."""
    command = [sys.executable, "-m", "pipeline", "run", "--once", "--json"]
    environment = {**os.environ, "EDI_HOME": str(home)}
    environment.pop("EDI_DATABASE", None)
    own, worker = 0.0, 0.0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as run:  # noqa: S603  # ourselves
        while run.poll() is None:
            own = max(own, _peak_mb(run.pid))
            worker = max([worker, *(_peak_mb(pid) for pid in children(run.pid))])
            time.sleep(0.05)
    return own, worker


def children(pid: int) -> list[int]:
    """Return the processes that any thread of a process has started."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listed.read_text(encoding="utf-8").split())
    return found


def cpu_of(pid: int) -> float:
    """Return the processor time of a process in seconds, to a hundredth; 0 once it has ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _peak_mb(pid: int) -> float:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if "VmHWM" in line).split()[1]) / 1000
    return 0.0


@contextmanager
def _served(
    place: bootstrap.Workspace, files: Mapping[str, bytes], named: str = "en16931"
) -> Iterator[None]:
    """Lay out a supplier and a recipient on an sshd, with the supplier's files dropped."""
    home = place.home
    bootstrap.initialise(place)
    key = bootstrap.generate_key(home / "keys" / "bench")
    for folder in ("supplier/in", "supplier/out", "supplier/archive", "recipient/out"):
        (home / folder).mkdir(parents=True)
    for name, payload in files.items():
        (home / "supplier" / "in" / name).write_bytes(payload)
    with bootstrap.openssh_server(home / "sshd", key) as (port, host_key, user):
        door = door_lines(port, host_key, user)
        sheets = place.config / "connections"
        (sheets / "supplier.toml").write_text(
            'name = "supplier"\npartner = "supplier"\nrole = "sender"\n'
            'scanner = "none"\nnaming = "grammar"\n'
            'application_code = "BEN001"\ninterfaces = ["FSO1100A"]\n'
            f'profile = "{named}"\n' + door + folder_lines(home / "supplier"),
            encoding="utf-8",
        )
        (sheets / "recipient.toml").write_text(
            'name = "recipient"\npartner = "recipient"\nrole = "receiver"\nenvelope = "tar.gz"\n'
            + door
            + folder_lines(home / "recipient"),
            encoding="utf-8",
        )
        directory = place.config / "directory"
        (directory / "routes.toml").write_text('[[route]]\nconnection = "recipient"\n')
        (directory / "structures.csv").write_text(recipients("recipient"))
        yield


def door_lines(port: int, host_key: str, user: str) -> str:
    """Return the part of a sheet that leads to a server of this machine."""
    return (
        f'[door]\nhost = "127.0.0.1"\nport = {port}\nuser = "{user}"\nkey = "keys/bench"\n'
        f'host_key = "{host_key}"\n[completeness]\nstable_s = 0\n'
    )


def folder_lines(root: Path) -> str:
    """Return the part of a sheet that names a partner's folders, by their whole paths."""
    return (
        f'[folders]\ninbox = "{root / "in"}"\nout = "{root / "out"}"\n'
        f'archive = "{root / "archive"}"\n'
    )


def _flow_files(*, french: bool = False) -> dict[str, bytes]:
    files = numbered(_FLOW * _FLOWS, french=french)
    return {
        flow_name(flow): tar_gz([next(files) for _ in range(_FLOW)])
        for flow in range(1, _FLOWS + 1)
    }


def _single_files() -> dict[str, bytes]:
    return {flow_name(flow): payload for flow, (_, payload) in enumerate(numbered(_SINGLES), 1)}


def flow_name(sequence: int) -> str:
    """Return the name of a flow of the supplier's."""
    return f"FSO1100A_BEN001_BEN0011100{sequence:015d}"


def numbered(count: int, *, french: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield that many invoices with numbers of their own, out of the samples that are routed.

    Args:
        count: How many.
        french: Only those of French sellers, whom the French rules bind.
    """
    sources = [
        payload
        for payload in (path.read_bytes() for path in _ubl_samples())
        if buyer_of(payload) is not None
        and (not french or read_header(parse(payload, Limits())).seller_siren is not None)
    ]
    for index in range(count):
        source = sources[index % len(sources)]
        start = source.index(b"<cbc:ID>") + len(b"<cbc:ID>")
        end = source.index(b"</cbc:ID>", start)
        number = f"BENCH-{index:06d}"
        yield f"{slug(number)}.xml", source[:start] + number.encode() + source[end:]


def tar_gz(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the files as one flow."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, payload in files:
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            tar.addfile(member, io.BytesIO(payload))
    return packed.getvalue()


def recipients(name: str) -> str:
    """Return a table of structures with every recipient of the samples, all called `name`."""
    rows = "".join(f"{siret},{name},true\n" for siret in sorted(_buyers()))
    return f"siret,name,active\n{rows}"


def _buyers() -> set[str]:
    found = {buyer_of(path.read_bytes()) for path in _ubl_samples()}
    return {siret for siret in found if siret is not None}


def buyer_of(payload: bytes) -> str | None:
    """Return the SIRET of whom an invoice bills; None where it has none."""
    return read_header(parse(payload, Limits())).buyer_siret


def _ubl_samples() -> list[Path]:
    """Return the UBL samples, at least thirty different ones."""
    found = sorted((bootstrap.samples() / "invoices").glob("ubl-*.xml"))
    if len(found) < 30:  # noqa: PLR2004  # what the figures are stated for
        raise ConfigError(
            f"{bootstrap.samples()}: 30 échantillons UBL attendus / samples expected"
        )
    return found
