"""The benchmark of receivers: one flow for twenty of them, each in the form that it asks for."""

from __future__ import annotations

import base64
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline import bootstrap
from pipeline.app.apply import apply
from pipeline.app.convert import Source
from pipeline.app.hub import Hub
from pipeline.app.run import run_once
from pipeline.app.views import conserve_documents
from pipeline.entry.measure import (
    REPEATS,
    Spread,
    buyer_of,
    children,
    door_lines,
    folder_lines,
    numbered,
    tar_gz,
    warm_up,
)
from pipeline.model.carriage import Recipe
from pipeline.model.conversion import Form
from pipeline.model.errors import EngineError
from pipeline.model.report import Syntax
from pipeline.model.status import Step

_INVOICES = 500
_RECEIVERS = 20
#: What receivers ask for, in turn.
_FORMS = (
    'format = "ubl"\noriginal = "none"\ngroup = "flow"\n',
    'format = "cii"\noriginal = "none"\ngroup = "flow"\n',
    'format = "pivot"\napplication_code = "REC{number:03d}"\ngroup = "flow"\n',
)
_PROFILE = "en16931"
_PAGE_BYTES = 20_000
#: Documents that a worker judges before the clock runs.
_WARM_UP = 20


def measure_receivers(place: bootstrap.Workspace) -> Mapping[str, object]:
    """Measure one flow of 500 invoices to 20 receivers in UBL, CII and pivot, over SFTP.

    From the first listing to the last file put and the answer written; workers are warm, also the
    one that judges what leaves. Each
    repeat has a hub, a ledger and folders of its own. The sender attaches the page that people
    read, which a pivot passes on; `printed_invoices_per_s` is one run without that: then the
    hub prints a page into each pivot.

    Returns:
        ``invoices_per_s`` (median; the spread beside it), ``cpu_ms_per_invoice`` of the hub
        and its workers together, of all processors, which tells more than the clock on a
        machine that has other work; ``printed_invoices_per_s``, ``files`` that were put,
        ``conserved``.
    """
    rates: list[float] = []
    costs: list[float] = []
    files = 0
    conserved = True
    with tempfile.TemporaryDirectory(prefix="edi-bench-") as scratch:
        for repeat in range(REPEATS):
            rate, cost, files, sound = _one(Path(scratch) / f"flow{repeat}", place, page=True)
            rates.append(rate)
            costs.append(cost)
            conserved = conserved and sound
        printed, _, _, sound = _one(Path(scratch) / "printed", place, page=False)
    return {
        "invoices": _INVOICES,
        "receivers": _RECEIVERS,
        "repeats": REPEATS,
        "invoices_per_s": Spread.of(rates).mid,
        "cpu_ms_per_invoice": Spread.of(costs).mid,
        "printed_invoices_per_s": round(printed, 2),
        "spread": {
            "invoices_per_s": Spread.of(rates),
            "cpu_ms_per_invoice": Spread.of(costs),
        },
        "files": files,
        "conserved": conserved and sound,
        "server": "OpenSSH sshd, loopback",
    }


def _one(home: Path, given: bootstrap.Workspace, *, page: bool) -> tuple[float, float, int, bool]:
    """Return invoices a second, CPU ms of each, files put, and whether all is there."""
    place = bootstrap.Workspace(home, f"sqlite:///{home / 'ledger.sqlite'}", given.packs)
    with (
        _served(place, tar_gz(list(_addressed(page=page)))),
        bootstrap.open_hub(place, by="run:bench", log_to_file=True) as hub,
    ):
        apply(hub, bootstrap.proposed_sheets(place))
        warm_up(hub, _PROFILE)
        _warm_up_leaving(hub)
        hub.clock.sleep(0.2)
        start, before = time.perf_counter(), _cpu_s()
        run_once(hub, insist=True)
        took, spent = time.perf_counter() - start, _cpu_s() - before
        documents = conserve_documents(hub.ledger)
        delivered = hub.ledger.count_documents().get(Step.DELIVERED, 0)
        put = [path for name in _names() for path in (home / name / "out").iterdir()]
        served = {path.parents[1].name for path in put}
        sound = documents.holds and delivered == _INVOICES and len(served) == _RECEIVERS
        return _INVOICES / took, spent * 1000 / _INVOICES, len(put), sound


def _warm_up_leaving(hub: Hub) -> None:
    """Have the worker that judges what was written anew compile its rules.

    Raises:
        EngineError: It could not judge: the clock would then run for a cold worker.
    """
    now = hub.clock.now()
    profile = hub.profiles[_PROFILE].at(now)
    (name, payload), *_ = numbered(1)
    source = Source(data=payload, syntax=Syntax.UBL_INVOICE, name=name, received_on=now.date())
    made = hub.converter.convert(source, Recipe(form=Form.CII), now)
    scrap = hub.spool.write(f"warm/leaving/{name}", [made.payload])
    for judged in hub.converter.judge([(scrap, profile)] * _WARM_UP):
        if judged.report.trouble is not None:
            raise EngineError(f"{judged.report.trouble.value}: {judged.report.trouble_detail}")


def _cpu_s() -> float:
    """Return the CPU time of this process and of the workers that it has now."""
    ticks = os.sysconf("SC_CLK_TCK")
    spent = time.process_time()
    for pid in children(os.getpid()):
        with suppress(OSError):
            line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            user, system = line.rpartition(")")[2].split()[11:13]
            spent += (int(user) + int(system)) / ticks
    return spent


@contextmanager
def _served(place: bootstrap.Workspace, flow: bytes) -> Iterator[None]:
    """Lay out a supplier and the receivers on an sshd, with the flow dropped."""
    home, sheets = place.home, place.config / "connections"
    bootstrap.initialise(place)
    key = bootstrap.generate_key(home / "keys" / "bench")
    for name in ("supplier", *_names()):
        for folder in ("in", "out", "archive"):
            (home / name / folder).mkdir(parents=True)
    (home / "supplier" / "in" / "flow.tar.gz").write_bytes(flow)
    with bootstrap.openssh_server(home / "sshd", key) as (port, host_key, user):
        door = door_lines(port, host_key, user)
        (sheets / "supplier.toml").write_text(
            'name = "supplier"\npartner = "supplier"\nrole = "sender"\nscanner = "none"\n'
            f'profile = "{_PROFILE}"\n' + door + folder_lines(home / "supplier"),
            encoding="utf-8",
        )
        routes = ""
        structures = "siret,name,active\n"
        for number, (name, siret) in enumerate(zip(_names(), _sirets(), strict=True)):
            form = _FORMS[number % len(_FORMS)].format(number=number)
            (sheets / f"{name}.toml").write_text(
                f'name = "{name}"\npartner = "{name}"\nrole = "receiver"\n{form}'
                + door
                + folder_lines(home / name),
                encoding="utf-8",
            )
            routes += f'[[route]]\nconnection = "{name}"\nbuyer_siret = "{siret}"\n'
            structures += f"{siret},{name},true\n"
        (place.config / "directory" / "routes.toml").write_text(routes, encoding="utf-8")
        (place.config / "directory" / "structures.csv").write_text(structures, "utf-8")
        (place.config / "directory" / "services.csv").unlink(missing_ok=True)
        yield


def _names() -> Sequence[str]:
    return [f"receiver-{number:02d}" for number in range(_RECEIVERS)]


def _sirets() -> Sequence[str]:
    """Return a SIRET for each receiver, right by its keys."""
    sirens = [_keyed(f"2175000{number:01d}") for number in range(10)]
    return [_keyed(f"{siren}{place:04d}") for place in (1, 2) for siren in sirens]


def _keyed(digits: str) -> str:
    """Add the digit that makes a number right by Luhn's key."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004  # its digits' sum
    return f"{digits}{-total % 10}"


def _addressed(*, page: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the invoices, each for the next receiver."""
    sirets = _sirets()
    for number, (name, payload) in enumerate(numbered(_INVOICES)):
        old, new = (buyer_of(payload) or "").encode(), sirets[number % _RECEIVERS].encode()
        billed = payload.replace(old, new).replace(old[:9], new[:9])
        yield name, _with_page(billed) if page else billed


def _with_page(payload: bytes) -> bytes:
    """Attach the page that people read: some bytes that look like a scanned one."""
    dice = random.Random(len(payload))  # noqa: S311  # noise, the same every time
    content = base64.b64encode(b"%PDF-1.7\n" + dice.randbytes(_PAGE_BYTES))
    reference = (
        b"<cac:AdditionalDocumentReference><cbc:ID>LISIBLE</cbc:ID>"
        b"<cbc:DocumentDescription>LISIBLE</cbc:DocumentDescription><cac:Attachment>"
        b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="lisible.pdf">'
        + content
        + b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        b"</cac:AdditionalDocumentReference>"
    )
    project = payload.find(b"<cac:ProjectReference>")
    before = project if project > 0 else payload.index(b"<cac:AccountingSupplierParty>")
    return payload[:before] + reference + payload[before:]
