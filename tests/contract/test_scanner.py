"""What every scanner promises, and how clamd's silence is told from its verdict."""

from __future__ import annotations

import gzip
import io
import os
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pikepdf
import pytest

from pipeline.adapters.clamd import ClamdScanner
from pipeline.adapters.eicar import TEST_FILE, EicarScanner
from pipeline.model.errors import ConfigError, ScannerSilent
from pipeline.ports.outside import Scanner

SILENT_S = 0.5

Daemon = Callable[[bytes], str]


@pytest.fixture(params=["eicar", "clamd-unix", "clamd-tcp"])
def scanner(request: pytest.FixtureRequest) -> Scanner:
    """One of each adapter; clamd by both of its doors."""
    if request.param == "eicar":
        return EicarScanner()
    clamd = request.getfixturevalue("clamd")
    return ClamdScanner(clamd.tcp if request.param == "clamd-tcp" else clamd.address, 30)


# -- every scanner


@pytest.mark.contract
@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param((TEST_FILE,), id="one-chunk"),
        pytest.param((TEST_FILE + b"\n  ",), id="blanks-behind"),
        pytest.param((b"", TEST_FILE), id="empty-chunk-first"),
        pytest.param((TEST_FILE[:10], b"", TEST_FILE[10:]), id="empty-chunk-within"),
        pytest.param(tuple(bytes([each]) for each in TEST_FILE), id="byte-by-byte"),
    ],
)
def test_the_test_file_is_found_however_it_is_cut(
    scanner: Scanner, chunks: tuple[bytes, ...]
) -> None:
    """Where a chunk ends says nothing, and one without bytes does not end the file."""
    found = scanner.scan(iter(chunks))

    assert found is not None
    assert found.upper().startswith("EICAR")


@pytest.mark.contract
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<Invoice/>", id="invoice"),
        pytest.param(TEST_FILE[:-1], id="a-byte-short"),
        pytest.param(b" " + TEST_FILE, id="not-at-the-start"),
        pytest.param(os.urandom(3_000_000), id="three-megabytes"),
    ],
)
def test_anything_else_is_clean(scanner: Scanner, payload: bytes) -> None:
    """The test file is defined by its very first bytes."""
    assert scanner.scan((payload,)) is None


@pytest.mark.contract
def test_several_threads_may_ask_at_once(scanner: Scanner) -> None:
    """Flows are looked at side by side, and each gets its own verdict."""
    payloads = [TEST_FILE if n % 3 == 0 else b"<Invoice/>" for n in range(30)]

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda payload: scanner.scan((payload,)), payloads))

    assert [one is not None for one in found] == [n % 3 == 0 for n in range(30)]


# -- a real clamd


def a_zip(payload: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("facture.xml", payload)
    return packed.getvalue()


def a_pdf(payload: bytes) -> bytes:
    pdf, written = pikepdf.new(), io.BytesIO()
    pdf.add_blank_page()
    pdf.attachments["a.txt"] = pikepdf.AttachedFileSpec(pdf, payload, filename="a.txt")
    # clamd 1.4 does not unpack an embedded file behind a nested dictionary
    pdf.save(written, compress_streams=False)
    return written.getvalue()


@pytest.mark.parametrize("pack", [a_zip, gzip.compress, a_pdf])
def test_clamd_looks_into_what_flows_come_in(clamd: Any, pack: Callable[[bytes], bytes]) -> None:
    """That is why a flow is shown to it before we unwrap it."""
    scanner = ClamdScanner(clamd.address, 30)

    assert scanner.scan((pack(TEST_FILE),)) == "Eicar-Test.UNOFFICIAL"
    assert scanner.scan((pack(b"<Invoice/>"),)) is None


def test_a_signature_is_named_as_clamd_names_it(clamd: Any) -> None:
    """An operator can look it up."""
    scanner = ClamdScanner(clamd.address, 30)

    assert scanner.scan((b"<a>", clamd.own, b"</a>")) == "Own-Test.UNOFFICIAL"


@pytest.mark.parametrize("chunk", [10_000, 3_000_000], ids=["many-chunks", "one-chunk"])
def test_a_stream_above_clamds_limit_has_no_verdict(
    start_clamd: Callable[..., Any], chunk: int
) -> None:
    """It hangs up in the middle; what it said before is told."""
    small = start_clamd("StreamMaxLength 1M")
    payload = os.urandom(3_000_000)
    chunks = (payload[start : start + chunk] for start in range(0, len(payload), chunk))

    with pytest.raises(ScannerSilent, match="INSTREAM size limit exceeded"):
        ClamdScanner(small.address, 30).scan(chunks)


def test_a_file_that_clamd_does_not_look_through_has_no_verdict(
    start_clamd: Callable[..., Any],
) -> None:
    """With AlertExceedsMax it "finds" its own limit: that is no malware."""
    small = start_clamd("MaxFileSize 1M", "AlertExceedsMax yes")

    with pytest.raises(ScannerSilent, match=r"Heuristics\.Limits\.Exceeded"):
        ClamdScanner(small.address, 30).scan((os.urandom(3_000_000),))


@pytest.mark.parametrize("door", ["address", "tcp"])
def test_a_stopped_clamd_is_silent_until_it_is_back(
    start_clamd: Callable[..., Any], door: str
) -> None:
    """The address is told; nothing has to be restarted on our side."""
    daemon = start_clamd()
    scanner = ClamdScanner(getattr(daemon, door), 30)
    daemon.stop()

    with pytest.raises(ScannerSilent) as caught:
        scanner.scan((TEST_FILE,))
    daemon.start()

    assert str(caught.value).startswith(getattr(daemon, door))
    assert caught.value.transient
    assert scanner.scan((TEST_FILE,)) == "Eicar-Test.UNOFFICIAL"


# -- daemons that misbehave


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Listen once: hear one whole stream, then say `answer`, or nothing at all, and hang up."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def listen(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                while not line.recv(65_536).endswith(bytes(4)):
                    pass
                line.sendall(answer)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        return f"tcp:127.0.0.1:{listener.getsockname()[1]}"

    yield listen
    for thread in threads:
        thread.join(5)
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(b"", "hung up without an answer", id="nothing"),
        pytest.param(b"UNKNOWN COMMAND\0", "UNKNOWN COMMAND", id="other-protocol"),
        pytest.param(b"stream: Can't allocate memory ERROR\0", "memory ERROR", id="error"),
        pytest.param(b"stream: OK, I think\0", "OK, I think", id="nearly-ok"),
        pytest.param(b"x" * 10_000, "xxx", id="endless-word"),
        pytest.param(b"\xff\xfe\0", "\N{REPLACEMENT CHARACTER}", id="not-text"),
    ],
)
def test_only_ok_and_found_are_verdicts(daemon: Daemon, answer: bytes, told: str) -> None:
    """Whatever else is said is silence, and kept for the operator."""
    scanner = ClamdScanner(daemon(answer), 5)

    with pytest.raises(ScannerSilent, match=told):
        scanner.scan((b"<Invoice/>",))


def test_ok_to_half_a_stream_is_no_verdict() -> None:
    """What was not taken was not looked at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.sendall(b"stream: OK\0")
                line.shutdown(socket.SHUT_WR)
                line.recv(100)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        thread = threading.Thread(target=serve)
        thread.start()
        scanner = ClamdScanner(f"tcp:127.0.0.1:{listener.getsockname()[1]}", 5)

        with pytest.raises(ScannerSilent):
            scanner.scan(bytes(1_000_000) for _ in range(50))

        thread.join(5)


def test_a_clamd_that_hangs_costs_one_wait_and_is_then_left_alone() -> None:
    """A hundred flows behind a dead daemon do not wait a hundred times."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp:127.0.0.1:{silent.getsockname()[1]}"
        scanner = ClamdScanner(address, SILENT_S)
        started = time.monotonic()

        with pytest.raises(ScannerSilent, match="timed out"):
            scanner.scan((b"<Invoice/>",))
        for _ in range(100):
            with pytest.raises(ScannerSilent, match="left alone for now"):
                scanner.scan((b"<Invoice/>",))

    assert SILENT_S <= time.monotonic() - started < 20 * SILENT_S


def test_a_fault_of_the_source_is_not_blamed_on_the_scanner(clamd: Any) -> None:
    """A disk that cannot be read is another trouble, with another remedy."""

    def broken() -> Iterator[bytes]:
        yield b"<Invoice>"
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        ClamdScanner(clamd.address, 30).scan(broken())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/run/clamd.ctl",
        "unix:",
        "tcp:3310",
        "tcp::3310",
        "tcp:host:",
        "tcp:h:99999",
        "tcp:h:x",
    ],
)
def test_an_address_of_no_kind_is_a_fault_of_the_settings(address: str) -> None:
    """It is found when the hub starts, not when the first flow comes."""
    with pytest.raises(ConfigError, match="unix:PATH"):
        ClamdScanner(address, 1)
