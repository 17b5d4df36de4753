"""Asks ClamAV's daemon about bytes, by its INSTREAM command.

Source:
    clamd(8) of ClamAV 1.4: ``zINSTREAM``, then chunks, each after its length in four
    bytes of network order; an empty chunk ends the stream. The answer ends with a zero byte.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from time import monotonic

from pipeline.model.errors import ConfigError, ScannerSilent

#: Largest piece sent at once, in bytes.
_PIECE = 1 << 20
#: Longest answer that is read, in bytes: a name and a few words.
_ANSWER = 4096
#: What clamd "finds" where it stopped looking: no malware, and no verdict either.
_LIMIT = "Heuristics.Limits.Exceeded"
#: How long a daemon that let one scan time out is not asked again, in seconds.
_REST_S = 30.0
_CONNECT_S = 10.0
_PORTS = range(1, 65_536)


class ClamdScanner:
    """`ports.outside.Scanner` on one clamd; may be used by several threads."""

    def __init__(self, address: str, patience_s: float) -> None:
        """Prepare the scanner; nothing is connected yet.

        Args:
            address: ``unix:PATH`` or ``tcp:HOST:PORT``.
            patience_s: Longest wait for one answer, or for one piece to be taken.

        Raises:
            ConfigError: The address is neither.
        """
        self._address = address
        self._way = _way(address)
        self._patience_s = patience_s
        self._resting_until = 0.0

    def scan(self, chunks: Iterable[bytes]) -> str | None:
        """Return the signature that clamd found, or None.

        Raises:
            ScannerSilent: It cannot be reached, or said neither OK nor FOUND; with its
                address and its words.
        """
        if monotonic() < self._resting_until:
            raise ScannerSilent(
                f"{self._address}: did not answer a moment ago, left alone for now"
            )
        with self._connect() as line:
            # a daemon that hangs up early has said why before
            whole = all(self._send(line, piece) for piece in _framed(chunks))
            return self._verdict(self._receive(line), whole=whole)

    def _connect(self) -> socket.socket:
        try:
            line = _dial(self._way, min(_CONNECT_S, self._patience_s))
        except OSError as error:
            raise self._silent(error) from error
        line.settimeout(self._patience_s)
        return line

    def _send(self, line: socket.socket, piece: bytes) -> bool:
        """Send one piece; return False where the other end takes no more."""
        try:
            line.sendall(piece)
        except TimeoutError as error:
            raise self._silent(error) from error
        except OSError:
            return False
        return True

    def _receive(self, line: socket.socket) -> bytes:
        answer = b""
        try:
            while b"\0" not in answer and len(answer) < _ANSWER and (part := line.recv(_ANSWER)):
                answer += part
        except OSError as error:
            raise self._silent(error) from error
        return answer

    def _verdict(self, answer: bytes, *, whole: bool) -> str | None:
        said = answer.split(b"\0")[0].decode("ascii", "replace").strip()
        text = said.removeprefix("stream: ")
        if text == "OK" and whole:
            return None
        found = text.removesuffix(" FOUND")
        if found == text or found.startswith(_LIMIT):
            raise ScannerSilent(f"{self._address}: {said or 'hung up without an answer'}")
        return found

    def _silent(self, error: OSError) -> ScannerSilent:
        if isinstance(error, TimeoutError):
            self._resting_until = monotonic() + _REST_S
        return ScannerSilent(f"{self._address}: {error.strerror or error}")


def tcp_port(address: str) -> int | None:
    """Return the TCP port that an address names; None for a socket on this machine.

    Raises:
        ConfigError: It is no address.
    """
    way = _way(address)
    return way[1] if isinstance(way, tuple) else None


def _way(address: str) -> str | tuple[str, int]:
    """Return the socket's path, or host and port."""
    kind, _, rest = address.partition(":")
    if kind == "unix" and rest:
        return rest
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdecimal() and int(port) in _PORTS:
        return host.strip("[]"), int(port)
    raise ConfigError(
        f"clamd = « {address} » : attendu unix:CHEMIN ou tcp:HÔTE:PORT"
        " / expected unix:PATH or tcp:HOST:PORT"
    )


def _dial(way: str | tuple[str, int], timeout_s: float) -> socket.socket:
    if isinstance(way, tuple):
        return socket.create_connection(way, timeout_s)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(timeout_s)
        line.connect(way)
    except OSError:
        line.close()
        raise
    return line


def _framed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the command, every piece behind its length, and the end.

    A chunk of no bytes is left out: on the wire it would end the stream early.
    """
    yield b"zINSTREAM\0"
    for chunk in chunks:
        view = memoryview(chunk)
        for start in range(0, len(view), _PIECE):
            piece = view[start : start + _PIECE]
            yield len(piece).to_bytes(4, "big") + piece
    yield bytes(4)
