"""The small world that crashes happen in: partners, what they drop, what must become of it."""

from __future__ import annotations

import importlib
import multiprocessing
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from pipeline import bootstrap
from pipeline.adapters.embedded_sftp import Account, ServerSettings, generate_key, serve
from pipeline.bootstrap import Workspace

ROOT = Path(__file__).resolve().parents[2]
#: A server that takes longer to listen does not start, in seconds.
_PATIENCE_S = 120.0

SENDER = 'role = "sender"\nscanner = "none"\n'
RECEIVER = 'role = "receiver"\n[retry]\nwaits_s = [0.05]\n'
#: One that is tried again for as long as a scenario keeps its door shut.
PATIENT = (
    'role = "receiver"\n[retry]\nwaits_s = [0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]\n'
)

#: Each partner's sheet, as far as it is not the same for all.
SHEETS = {
    "supplier": SENDER
    + 'naming = "grammar"\napplication_code = "SUP001"\ninterfaces = ["FSO1100A"]\n'
    + 'atomicity = "flow"\ngap_after_h = 1\nrecapitulation = true\n',
    "caterer": SENDER,
    "mill": SENDER,
    "ville-exemple": f'envelope = "single"\n{RECEIVER}',
    "hopital-exemple": f'envelope = "tar.gz"\n{PATIENT}',
    "imprimerie-exemple": f'envelope = "single"\n{RECEIVER}',
}
#: Takes pivots of two invoices at most, what is left at the end of the day.
PIVOTS = (
    'format = "pivot"\napplication_code = "VIL750"\ngroup = "day"\ngroup_documents = 2\n'
    + RECEIVER
)
#: Wants a sum and a marker beside each file, and is watched.
WATCHED = (
    'envelope = "single"\ndone = ".done"\nsums = ".sha256"\n'
    + RECEIVER
    + "[pickup]\npurge_after_d = 7\n"
)
#: Partners whose door is a folder of this machine.
LOCAL = {"mill", "imprimerie-exemple"}
#: Who receives invoices.
RECIPIENTS = ("ville-exemple", "hopital-exemple", "imprimerie-exemple")

_PROFILES = "".join(
    f"[profiles.{name}]\npacks = {{}}\n"
    for name in ("auto", "chorus-historical", "fr-b2b", "fr-b2g", "fr-g2b")
)
_NEW_ROUTE = '\n[[route]]\nconnection = "ville-exemple"\nbuyer_siret = "{siret}"\n'

DELIVERED, REFUSED, HELD = "delivered", "refused", "held"


@dataclass(frozen=True)
class Flow:
    """One file that is dropped, and what must become of it.

    Attributes:
        supplier: Who drops it.
        name: Its name.
        payload: Its bytes.
        expected: What must become of its invoices, by place. None where it depends on who
            comes first: of two invoices with one number one is refused.
        withdrawn: Whether its supplier has it back after it was accepted.
        returned: Whether it puts right an invoice that its recipient sent back.
    """

    supplier: str
    name: str
    payload: bytes
    expected: tuple[str, ...] | None
    withdrawn: bool = False
    returned: bool = False


def samples() -> Any:
    """Return the makers of samples, as one module."""
    folder = str(ROOT / "samples")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("build")
    finally:
        sys.path.remove(folder)


def flows() -> tuple[Flow, ...]:
    """Return a few small files, one for each way a file can go."""
    make = samples()
    noise = Random(8).randbytes(60_000)  # so that it does not fit into one block of SFTP
    attachment = sys.modules["invoice_maker"].Attachment
    supports = (attachment(reference="P-1", file_name="p.png", mime="image/png", content=noise),)

    def bill(number: str, buyer: Any, key: str = "ubl-380-fournitures", **more: Any) -> bytes:
        invoice = make.billed_to(make.BY_KEY[key], buyer, number)
        payload: bytes = make.to_ubl(replace(invoice, **more) if more else invoice)
        return payload

    first = bill("C-1", make.VILLE, attachments=supports)
    lot = {"1.xml": bill("S-1", make.VILLE), "2.xml": bill("S-2", make.HOPITAL)}
    lot["3.xml"] = bill("S-3", make.INCONNUE)
    second = {"1.xml": bill("C-2", make.HOPITAL), "2.xml": bill("C-3", make.COLLEGE)}
    broken = make.without_issue_date(bill("S-4", make.VILLE))
    credit = make.to_ubl(
        make.billed_to(make.BY_KEY["ubl-381-avoir"], make.HOPITAL, "C-6"),
    )
    return (
        Flow("supplier", _name(1), make.tar_gz(lot), (DELIVERED, DELIVERED, REFUSED)),
        Flow("supplier", _name(3), broken, (REFUSED,)),
        Flow("caterer", "a.xml", first, None),
        Flow("caterer", "b.xml", first, None),
        Flow("caterer", "c.tar.gz", make.tar_gz(second), (DELIVERED, HELD)),
        Flow("caterer", "d.xml", bill("C-1", make.HOPITAL), None),
        Flow("caterer", "e.xml", bill("C-5", make.COLLEGE), (HELD,)),
        Flow("caterer", "f.xml", credit, (DELIVERED,)),
        Flow("mill", "g.xml", bill("M-1", make.IMPRIMERIE), (DELIVERED,)),
    )


def pivot_flows() -> tuple[Flow, ...]:
    """Return flows with five invoices for Ville, each with a page to read of its own."""
    make = samples()
    attachment = sys.modules["invoice_maker"].Attachment
    page = attachment(
        reference="LISIBLE",
        description="LISIBLE",
        file_name="p.pdf",
        mime="application/pdf",
        content=b"%PDF-1.7",
    )

    def bill(number: str, buyer: Any) -> bytes:
        invoice = make.billed_to(make.BY_KEY["ubl-380-fournitures"], buyer, number)
        payload: bytes = make.to_ubl(replace(invoice, attachments=(page,)))
        return payload

    lot = {"1.xml": bill("S-1", make.VILLE), "2.xml": bill("S-2", make.HOPITAL)}
    lot["3.xml"] = bill("S-3", make.INCONNUE)
    second = {"1.xml": bill("C-2", make.VILLE), "2.xml": bill("C-3", make.VILLE)}
    return (
        Flow("supplier", _name(1), make.tar_gz(lot), (DELIVERED, DELIVERED, REFUSED)),
        Flow("caterer", "a.xml", bill("C-1", make.VILLE), (DELIVERED,)),
        Flow("caterer", "c.tar.gz", make.tar_gz(second), (DELIVERED, DELIVERED)),
        Flow("caterer", "f.xml", bill("C-6", make.VILLE), (DELIVERED,)),
    )


def _name(number: int) -> str:
    return f"FSO1100A_SUP001_SUP0011100{number:015d}"


class World:
    """A configured workspace to copy, and the partners' folders on a running server.

    Attributes:
        base: Everything lies below it.
        root: Each partner's folder, below it.
        home: The workspace of the moment.
    """

    def __init__(self, base: Path, port: int, host_key: str, user: str, home: str) -> None:
        """Take the server.

        Args:
            base: Holds the key ``client_key`` of the server's one account.
            port: Of the server.
            host_key: Its public key.
            user: The account.
            home: What our folder `root` is called by the server.
        """
        self.base = base
        self.root = base / "home"
        self.home = base / "var"
        self._port = port
        self._sftp = (
            f'[door]\nhost = "127.0.0.1"\nport = {port}\nuser = "{user}"\n'
            f'key = "{base}/client_key"\nhost_key = "{host_key}"\n'
        )
        self._there = home

    @property
    def partners(self) -> Mapping[str, Path]:
        """Return each partner's folder."""
        return {name: self.root / name for name in SHEETS}

    def place(self, database: str) -> Workspace:
        """Return the workspace of the moment on a ledger."""
        packs = bootstrap.workspace().packs
        return Workspace(home=self.home, database=database, packs=packs)

    def build(self) -> None:
        """Make a workspace with sheets, directory and profiles, none of it in force."""
        place = self.place(f"sqlite:///{self.home / 'ledger.sqlite'}")
        bootstrap.initialise(place)
        (place.config / "profiles.toml").write_text(_PROFILES, encoding="utf-8")
        for table in ("structures.csv", "services.csv", "routes.toml"):
            shutil.copyfile(
                ROOT / "samples" / "directory" / table, place.config / "directory" / table
            )
        for name, text in SHEETS.items():
            (place.config / "connections" / f"{name}.toml").write_text(
                self._sheet(name, text), encoding="utf-8"
            )

    def have(self, name: str, text: str) -> None:
        """Propose another sheet for a partner, `text` as in `SHEETS`."""
        path = self.home / "config" / "connections" / f"{name}.toml"
        path.write_text(self._sheet(name, text), encoding="utf-8")

    def clear_folders(self) -> None:
        """Empty the partners' folders."""
        for home in self.partners.values():
            shutil.rmtree(home, ignore_errors=True)
            for folder in ("in", "out", "archive"):
                (home / folder).mkdir(parents=True)

    def add_route(self) -> None:
        """Propose a route to the recipient that had none."""
        routes = self.home / "config" / "directory" / "routes.toml"
        text = routes.read_text(encoding="utf-8")
        routes.write_text(text + _NEW_ROUTE.format(siret=samples().COLLEGE.siret), "utf-8")

    def propose_sheet(self, name: str, *, port: int | None = None) -> None:
        """Propose a partner's sheet as it was first, or with another port."""
        text = self._sheet(name, SHEETS[name])
        if port is not None:
            text = text.replace(f"port = {self._port}\n", f"port = {port}\n")
        (self.home / "config" / "connections" / f"{name}.toml").write_text(text, "utf-8")

    def drop_sheet(self, name: str) -> None:
        """Propose that nothing is agreed with a partner any more."""
        (self.home / "config" / "connections" / f"{name}.toml").unlink()

    def use_master_key(self, name: str) -> None:
        """Have keys wrapped by another master key from now on; the old one still opens them."""
        settings = self.home / "config" / "pipeline.toml"
        text = settings.read_text(encoding="utf-8")
        old = 'master_key = { file = "master/archive.key" }'
        assert old in text
        new = f'master_key = {{ file = "{name}" }}\nprevious_{old}'
        settings.write_text(text.replace(old, new), "utf-8")

    def close_structures(self) -> None:
        """Propose that no recipient is there any more."""
        table = self.home / "config" / "directory" / "structures.csv"
        text = table.read_text(encoding="utf-8")
        table.write_text(text.replace(",true", ",false"), "utf-8")

    def _sheet(self, name: str, text: str) -> str:
        folder = "" if name in LOCAL else f"{self._there}/{name}/"
        door = self._sftp
        marker = "stable_s = 0\npartial_wait_s = 3600\n"
        if name in LOCAL:
            door = f'[door]\nprotocol = "local"\npath = "{self.root / name}"\n'
        if name == "mill":
            marker = 'marker = ".done"\n'
        return (
            f'name = "{name}"\npartner = "{name}"\n{text}\n{door}\n[folders]\n'
            f'inbox = "{folder}in"\narchive = "{folder}archive"\nout = "{folder}out"\n'
            f"[completeness]\n{marker}"
        )


@contextmanager
def embedded(base: Path) -> Iterator[World]:
    """Run the embedded SFTP server on a world, forked from a process that has imported it.

    It ends with this process, however that ends, as where it is started by the product.
    """
    line = generate_key(base / "client_key")
    settings = ServerSettings(
        root=base, host_key=base / "host_key", accounts={"partner": Account((line,), "home")}
    )
    host_key = generate_key(settings.host_key)
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    server = fork.Process(target=_serve, args=(settings, ours, theirs), daemon=True)
    server.start()
    theirs.close()
    try:
        assert ours.poll(_PATIENCE_S), "the server does not start"
        port = ours.recv()
        assert isinstance(port, int), port
        yield World(base, port, host_key, "partner", "")
    finally:
        ours.close()
        server.terminate()
        server.join()


def _serve(settings: ServerSettings, theirs: Connection, ours: Connection) -> None:
    theirs.close()  # it is the end of this one that ends the server
    serve(settings, ours)


@contextmanager
def openssh(base: Path) -> Iterator[World]:
    """Run OpenSSH's sshd on a world."""
    line = generate_key(base / "client_key")
    with bootstrap.openssh_server(base / "sshd", line) as (port, host_key, user):
        yield World(base, port, host_key, user, str(base / "home"))
