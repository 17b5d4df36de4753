"""Malware and silence, from the file to the answer, with a real clamd."""

from __future__ import annotations

import io
import json
import re
import socketserver
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pikepdf
import pytest

from pipeline.adapters.eicar import TEST_FILE

#: These start hubs of their own, and wait for clocks and servers.
pytestmark = pytest.mark.slow

# -- what suppliers send


def an_invoice(samples: Any, number: str, payload: bytes | None = None) -> bytes:
    """Write a small sound UBL invoice, with one attachment if `payload` is given."""
    model = samples.BY_KEY["ubl-380-pdf-joint" if payload is not None else "ubl-380-une-ligne"]
    invoice = samples.as_historical(samples.billed_to(model, samples.VILLE, number))
    if payload is not None:
        attached = replace(invoice.attachments[0], content=payload)
        invoice = replace(invoice, attachments=(attached,))
    written: bytes = samples.to_ubl(invoice)
    return written


def a_zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, payload in files.items():
            archive.writestr(name, payload)
    return packed.getvalue()


def a_pdf(payload: bytes) -> bytes:
    """Write a PDF with one embedded file, so that clamd 1.4 finds its way into it."""
    pdf, written = pikepdf.new(), io.BytesIO()
    pdf.add_blank_page()
    pdf.attachments["a.txt"] = pikepdf.AttachedFileSpec(pdf, payload, filename="a.txt")
    pdf.save(written, compress_streams=False)
    return written.getvalue()


def signed(content: bytes) -> bytes:
    """Write a signed envelope (CMS) in pieces of 16 bytes, which hide what lies across them."""
    pieces = b"".join(
        bytes((0x04, len(piece))) + piece
        for piece in (content[start : start + 16] for start in range(0, len(content), 16))
    )
    data = bytes.fromhex("3080 06092a864886f70d010701 a080 2480") + pieces + bytes(6)
    inside = bytes.fromhex("3080 020101 3100") + data + bytes.fromhex("3100 0000")
    return bytes.fromhex("3080 06092a864886f70d010702 a080") + inside + bytes(4)


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


# -- the hub


def guard(world: Any, address: str, scanner: str = "clamd") -> None:
    """Have both suppliers' flows looked at."""
    settings = world.home / "config" / "pipeline.toml"
    text = re.sub(r'(?m)^clamd = ".*"$', f'clamd = "{address}"', settings.read_text("utf-8"))
    settings.write_text(text, encoding="utf-8")
    for path in (world.home / "config" / "connections").glob("*.toml"):
        sheet = path.read_text("utf-8").replace('scanner = "none"', f'scanner = "{scanner}"')
        path.write_text(sheet, encoding="utf-8")
    applied = world.edi("apply")
    assert applied.code == 0, applied.err


def run(world: Any, **environment: str) -> None:
    """Do one pass."""
    ran = world.edi("run", "--once", **environment)
    assert ran.code == 0, ran.err


def the_flow(world: Any) -> dict[str, Any]:
    """Return all about the only flow."""
    (row,) = world.edi("interchanges", "--json").json
    told: dict[str, Any] = world.edi("show", row["id"], "--json").json
    return told


def answers(world: Any, supplier: str = "caterer") -> dict[str, Any]:
    """Return what a supplier finds as JSON: the interim notice and the final answer."""
    found = {n: json.loads(p) for n, p in world.out(supplier).items() if n.endswith(".json")}
    return {"held" if ".held." in name else "final": told for name, told in found.items()}


@pytest.fixture
def guarded(world: Any, clamd: Any) -> Any:
    """Both suppliers' flows go past a real clamd."""
    guard(world, clamd.address)
    return world


class Watcher(socketserver.ThreadingTCPServer):
    """A daemon that speaks clamd's protocol and says what the test wants.

    Attributes:
        say: Gives the answer to one stream; an empty one hangs up without a word.
        seen: Every stream, whole.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.say: Callable[[bytes], bytes] = lambda _: b"stream: OK"
        self.seen: list[bytes] = []
        self.address = f"tcp:127.0.0.1:{self.server_address[1]}"


class _Line(socketserver.StreamRequestHandler):
    server: Watcher

    def handle(self) -> None:
        """Hear one stream and answer it."""
        assert self.rfile.read(10) == b"zINSTREAM\0"
        stream = b""
        while size := int.from_bytes(self.rfile.read(4), "big"):
            stream += self.rfile.read(size)
        self.server.seen.append(stream)
        self.wfile.write(self.server.say(stream) + b"\0")


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """Run a `Watcher` beside the hub."""
    with Watcher() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# -- found


def hostile(samples: Any) -> dict[str, bytes]:
    """Return the test file in every place where it may hide, by the name of the flow."""
    infected = an_invoice(samples, "V1", TEST_FILE)
    return {
        "plain.xml": TEST_FILE,
        "program.exe": TEST_FILE,
        "member.zip": a_zip({"a.xml": TEST_FILE}),
        "member.tar.gz": samples.tar_gz({"a.xml": TEST_FILE}),
        "embedded.pdf": a_pdf(TEST_FILE),
        "attachment.xml": infected,
        "attached-pdf.xml": an_invoice(samples, "V2", a_pdf(TEST_FILE)),
        "attachment.zip": a_zip({"a.xml": an_invoice(samples, "V3"), "b.xml": infected}),
    }


def test_malware_refuses_the_whole_flow_wherever_it_hides(
    guarded: Any, samples: ModuleType
) -> None:
    """Step 4 of the control table: the file and the signature are named, nothing is delivered."""
    files = hostile(samples)
    for name, payload in files.items():
        drop(guarded, "caterer", name, payload)

    run(guarded)

    assert guarded.out("ville-exemple") == {}
    flows = {one["name"]: one for one in guarded.edi("interchanges", "--json").json}
    assert {
        name: (one["step"], one["reasons"], one["documents"], one["answered"])
        for name, one in flows.items()
    } == dict.fromkeys(files, ("refused", "IRR_ANTIVIRUS", 0, True))
    finals = {
        told["interchange"]["name"]: told
        for name, payload in guarded.out("caterer").items()
        if name.endswith(".json") and (told := json.loads(payload))
    }
    assert set(finals) == set(files)
    for name, told in finals.items():
        assert (told["outcome"], told["final"]) == ("rejected", True)
        (why,) = told["reasons"]
        assert (why["code"], why["place"]) == ("IRR_ANTIVIRUS", name)
        assert "Eicar-Test.UNOFFICIAL" in why["message"]["fr"]
    assert "b.xml / " in finals["attachment.zip"]["reasons"][0]["message"]["fr"]
    assert guarded.edi("verify").code == 0


def test_an_atomic_flow_with_one_infected_attachment_is_answered_in_its_family(
    guarded: Any, samples: ModuleType
) -> None:
    """The sound invoices of it are not taken either."""
    files = {f"{n}.xml": an_invoice(samples, f"V{n}") for n in range(3)}
    files["3.xml"] = an_invoice(samples, "V3", TEST_FILE)
    drop(guarded, "supplier", f"FSO1100A_SUP001_SUP0011100{1:015d}", samples.tar_gz(files))

    run(guarded)

    assert guarded.out("ville-exemple") == {}
    (answer,) = guarded.out("supplier").values()
    assert b"IRR_ANTIVIRUS" in answer
    assert b"3.xml" in answer
    flow = the_flow(guarded)
    assert (flow["step"], flow["documents"]) == ("refused", 0)
    assert flow["scanner"].startswith("clamd: infected: 3.xml / ")


def test_what_a_signed_envelope_held_is_looked_at_too(
    guarded: Any, samples: ModuleType, clamd: Any
) -> None:
    """No scanner puts the pieces of one together."""
    payload = an_invoice(samples, "V1") + b"<!-- " + clamd.own + b" -->"
    drop(guarded, "caterer", "a.xml.p7m", signed(payload))

    run(guarded)

    flow = the_flow(guarded)
    assert (flow["step"], flow["reasons"]) == ("refused", "IRR_ANTIVIRUS")
    assert "a.xml: Own-Test.UNOFFICIAL" in flow["detail"]


def test_what_is_clean_is_delivered_and_says_who_looked(guarded: Any, samples: ModuleType) -> None:
    """The record can prove that somebody did."""
    payload = an_invoice(samples, "V1", b"a clean attachment")
    drop(guarded, "caterer", "a.xml", payload)

    run(guarded)

    assert list(guarded.out("ville-exemple").values()) == [payload]
    assert the_flow(guarded)["scanner"] == "clamd: clean"
    (document,) = guarded.edi("documents", "--json").json
    assert guarded.edi("show", document["id"], "--json").json["scanner"] == "clamd: clean"


def test_infected_bytes_stay_infected_under_another_name(guarded: Any) -> None:
    """A refused flow may come again, and is looked at again."""
    for name in ("a.xml", "b.xml"):
        drop(guarded, "caterer", name, TEST_FILE)

    run(guarded)

    flows = guarded.edi("interchanges", "--json").json
    assert [(one["step"], one["reasons"]) for one in flows] == [("refused", "IRR_ANTIVIRUS")] * 2


def test_the_demonstration_scanner_knows_the_test_file_only(
    world: Any, samples: ModuleType
) -> None:
    """No antivirus needs to be installed to see a refusal."""
    guard(world, "unix:/nonexistent", "eicar")
    drop(world, "caterer", "plain.xml", TEST_FILE)
    drop(world, "caterer", "attached.xml", an_invoice(samples, "V1", TEST_FILE))
    drop(world, "caterer", "clean.xml", an_invoice(samples, "V2"))

    run(world)

    flows = {one["name"]: one for one in world.edi("interchanges", "--json").json}
    assert {name: one["reasons"] for name, one in flows.items()} == {
        "plain.xml": "IRR_ANTIVIRUS",
        "attached.xml": "IRR_ANTIVIRUS",
        "clean.xml": "",
    }
    assert len(world.out("ville-exemple")) == 1


# -- nobody looks


def test_none_asks_nobody_and_says_so(world: Any, samples: ModuleType, watcher: Watcher) -> None:
    """It was written in the sheet, and is shown with what went through."""
    guard(world, watcher.address, "none")
    drop(world, "caterer", "a.xml", an_invoice(samples, "V1", b"attached"))

    run(world)

    assert len(world.out("ville-exemple")) == 1
    assert the_flow(world)["scanner"] == "none"
    assert watcher.seen == []


# -- silence


def test_a_silent_scanner_holds_and_release_asks_it_again(
    world: Any, samples: ModuleType, start_clamd: Callable[..., Any]
) -> None:
    """Held with a notice, delivered once it was looked at, and not a moment before."""
    daemon = start_clamd()
    guard(world, daemon.address)
    daemon.stop()
    payload = an_invoice(samples, "V1", b"attached")
    drop(world, "caterer", "a.xml", payload)

    run(world)

    held = the_flow(world)
    assert (held["step"], held["reasons"]) == ("held", "SCANNER_SILENT")
    assert daemon.address in held["detail"]
    assert held["scanner"].startswith(f"clamd: silent: {daemon.address}")
    notice = answers(world)["held"]
    assert (notice["outcome"], notice["final"]) == ("held", False)
    assert daemon.address not in json.dumps(notice)
    (why,) = [w for w in world.edi("why", held["id"], "--json").json if w["state"] == "held"]
    assert (why["who"], why["command"]) == ("operator", f"edi release {held['id']}")

    early = world.edi("release", held["id"])
    assert early.code == 2
    assert f"nothing has changed: {daemon.address}" in early.err
    assert the_flow(world)["step"] == "held"

    daemon.start()
    assert world.edi("release", held["id"]).code == 0
    run(world)
    assert list(world.out("ville-exemple").values()) == [payload]
    assert answers(world)["final"]["outcome"] == "accepted"
    assert the_flow(world)["scanner"] == "clamd: clean"
    assert world.edi("verify").code == 0


def test_a_released_flow_that_is_infected_after_all_is_refused(
    world: Any, start_clamd: Callable[..., Any]
) -> None:
    """Release means look again, not let go."""
    daemon = start_clamd()
    guard(world, daemon.address)
    daemon.stop()
    drop(world, "caterer", "a.xml", TEST_FILE)
    drop(world, "caterer", "b.zip", a_zip({"a.xml": TEST_FILE}))
    run(world)
    daemon.start()

    rows = {one["name"]: one for one in world.edi("interchanges", "--json").json}
    assert world.edi("release", rows["b.zip"]["id"]).code == 0
    run(world)

    flow = world.edi("show", rows["b.zip"]["id"], "--json").json
    assert (flow["step"], flow["reasons"], flow["answered"]) == (
        "refused",
        "IRR_ANTIVIRUS",
        True,
    )


def test_silence_holds_only_what_would_be_opened(
    world: Any, samples: ModuleType, watcher: Watcher
) -> None:
    """A file that is refused for another reason needs no scanner to be refused."""
    watcher.say = lambda _: b"stream: out of memory ERROR"
    guard(world, watcher.address)
    drop(world, "caterer", "a.bin", b"no invoice at all")
    drop(world, "caterer", "b.xml", an_invoice(samples, "V1"))
    drop(world, "supplier", "badly named", an_invoice(samples, "V2"))

    run(world)

    flows = {one["name"]: one for one in world.edi("interchanges", "--json").json}
    assert {name: (one["step"], one["reasons"]) for name, one in flows.items()} == {
        "a.bin": ("refused", "IRR_TYPE"),
        "b.xml": ("held", "SCANNER_SILENT"),
        "badly named": ("refused", "IRR_FORM"),
    }
    assert len(watcher.seen) == 2


def test_one_attachment_nobody_looked_at_holds_the_whole_lot(
    world: Any, samples: ModuleType, watcher: Watcher
) -> None:
    """If it is infected the whole flow falls: so nothing may go before that is known."""
    watcher.say = lambda stream: b"" if stream == b"the attachment" else b"stream: OK"
    guard(world, watcher.address)
    files = {
        "1.xml": an_invoice(samples, "V1"),
        "2.xml": an_invoice(samples, "V2", b"the attachment"),
    }
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(files))

    run(world)

    held = the_flow(world)
    assert (held["step"], held["reasons"]) == ("held", "SCANNER_SILENT")
    assert world.out("ville-exemple") == {}
    watcher.say = lambda _: b"stream: OK"
    assert world.edi("release", held["id"]).code == 0
    run(world)
    assert sorted(world.out("ville-exemple").values()) == sorted(files.values())


def test_malware_found_at_release_leaves_what_was_delivered(
    world: Any, samples: ModuleType, watcher: Watcher, tmp_path: Path
) -> None:
    """A signature learnt late refuses what is still here; the rest cannot be called back."""
    guard(world, watcher.address)
    (tmp_path / "packs").mkdir()
    model = samples.BY_KEY["cii-380-fournitures"]
    files = {
        "1.xml": an_invoice(samples, "V1"),
        "2.xml": samples.to_cii(
            samples.as_historical(samples.billed_to(model, samples.VILLE, "C1"))
        ),
    }
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(files))
    run(world, EDI_PACKS=str(tmp_path / "packs"))
    assert len(world.out("ville-exemple")) == 1
    watcher.say = lambda _: b"stream: Late-Signature FOUND"

    flow = the_flow(world)
    released = world.edi("release", flow["id"])
    run(world)

    assert released.code == 0, released.err
    documents = {one["name"]: one for one in world.edi("documents", "--json").json}
    assert {name: (one["step"], one["reasons"]) for name, one in documents.items()} == {
        "1.xml": ("delivered", ""),
        "2.xml": ("rejected", "IRR_ANTIVIRUS"),
    }
    assert answers(world)["final"]["outcome"] == "partly accepted"
    assert len(world.out("ville-exemple")) == 1


# -- a lost original


def test_a_flow_whose_original_is_lost_before_it_is_judged_waits_for_a_backup(
    world: Any,
    samples: ModuleType,
    watcher: Watcher,
    tmp_path: Path,
    original_file: Callable[[Path, str], Path],
) -> None:
    """That is no defect of the hub: the remedy is named, and it works."""
    guard(world, watcher.address)
    blobs = world.home / "archive" / "blobs"

    def lose(_: bytes) -> bytes:
        for blob in blobs.glob("*/*"):
            blob.rename(tmp_path / blob.name)
        return b"stream: OK"

    watcher.say = lose
    payload = an_invoice(samples, "V1")
    drop(world, "caterer", "a.xml", payload)

    run(world)

    held = the_flow(world)
    assert (held["step"], held["reasons"]) == ("held", "ARCHIVE_LOST")
    assert answers(world)["held"]["outcome"] == "held"
    early = world.edi("release", held["id"])
    assert (early.code, the_flow(world)["step"]) == (2, "held")
    assert held["sha256"] in early.err

    watcher.say = lambda _: b"stream: OK"
    there = original_file(world.home, held["sha256"])
    (tmp_path / there.name).rename(there)
    assert world.edi("release", held["id"]).code == 0
    run(world)
    assert list(world.out("ville-exemple").values()) == [payload]
