"""A TCP line between the hub and a server that fails on purpose."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import Self


class Line:
    """Forwards any number of connections; each fault is set from outside, and may be lifted.

    Attributes:
        port: On 127.0.0.1.
        passed: Bytes forwarded so far, both directions together.
        connections: How many were accepted.
    """

    def __init__(self, target: int) -> None:
        """Listen; `target` is the server's port on 127.0.0.1."""
        self._target = target
        self._limit: int | None = None
        self._frozen = False
        self.passed = 0
        self.connections = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut_after(self, more: int) -> None:
        """Cut whatever connection carries the byte after `more` others; then be whole again."""
        with self._lock:
            self._limit = self.passed + more

    def freeze_after(self, more: int) -> None:
        """Let nothing through after `more` bytes, on any connection, and hang up on nobody."""
        with self._lock:
            self._limit, self._frozen = self.passed + more, True

    def heal(self) -> None:
        """Be whole again."""
        with self._lock:
            self._limit, self._frozen = None, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._carry, args=(client,), daemon=True))
            self._threads[-1].start()

    def _carry(self, client: socket.socket) -> None:
        """Forward one connection until either end hangs up, or it is cut."""
        with (
            client,
            socket.create_connection(("127.0.0.1", self._target)) as server,
            selectors.DefaultSelector() as poll,
            suppress(OSError),
        ):
            poll.register(client, selectors.EVENT_READ, server)
            poll.register(server, selectors.EVENT_READ, client)
            while not self._over.is_set():
                for ready, _ in poll.select(timeout=0.1):
                    source, sink = ready.fileobj, ready.data
                    assert isinstance(source, socket.socket)
                    if self._stands_still():
                        self._over.wait(0.02)
                        continue
                    data = source.recv(65_536)
                    if not data:
                        return
                    allowed = self._allowed(len(data))
                    sink.sendall(data[:allowed])
                    if allowed < len(data):
                        if not self._frozen:
                            return
                        # what was read is gone: the line stays as it is until it is closed
                        self._over.wait(120)
                        return

    def _stands_still(self) -> bool:
        with self._lock:
            return self._frozen and self._limit is not None and self.passed >= self._limit

    def _allowed(self, wanted: int) -> int:
        """Return how many of some bytes may pass; a cut is made once."""
        with self._lock:
            allowed = wanted
            if self._limit is not None:
                allowed = min(wanted, max(0, self._limit - self.passed))
            self.passed += allowed
            if allowed < wanted and not self._frozen:
                self._limit = None
            return allowed
