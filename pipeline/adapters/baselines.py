"""What `edi bench` compares with, and the server it measures against."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.model.errors import ConfigError

_SSHD = ("/usr/sbin/sshd", "/usr/local/sbin/sshd")
_START_TIMEOUT_S = 10.0


class MeasuredProcess:
    """A child process that answers one question at a time, with its CPU time and memory."""

    def __init__(self, target: Callable[[Pipe, Any], None], settings: object) -> None:
        """Start `target` with its end of a pipe and `settings`, and wait for its first word."""
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=target, args=(theirs, settings), daemon=True)
        self._process.start()
        theirs.close()
        self._ours.recv()

    def ask(self, question: object) -> Any:  # noqa: ANN401  # whatever the target answers
        """Send one question and wait for its answer."""
        self._ours.send(question)
        return self._ours.recv()

    @property
    def cpu_s(self) -> float:
        """Return the CPU seconds the child has used, user and system."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_mb(self) -> float:
        """Return the child's largest resident memory so far, in megabytes."""
        peak = next(line for line in self._proc("status").splitlines() if "VmHWM" in line)
        return int(peak.split()[1]) / 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ours.close()
        self._process.join(5)
        self._process.kill()

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self._process.pid}/{name}").read_text(encoding="utf-8")


def bare_saxonc(pipe: Pipe, pack: str) -> None:
    """Answer each document's path by running one rule pack on it, and nothing else."""
    from saxonche import PySaxonProcessor

    processor = PySaxonProcessor(license=False)
    rules = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=pack)
    pipe.send("ready")
    with suppress(EOFError):
        while True:
            node = processor.parse_xml(xml_file_name=pipe.recv())
            pipe.send(len(rules.transform_to_string(xdm_node=node)))


def plain_get(port: int, key: Path, folder: str, target: Path) -> int:
    """Fetch a folder as most programs do: paramiko's `get`, one file after the other.

    Args:
        port: Of a server on the loopback that lets this machine's own user in.
        key: Private key file.
        folder: What to fetch, on the server.
        target: Where to, here; made if needed.

    Returns:
        How many files that were.
    """
    import paramiko

    target.mkdir(parents=True, exist_ok=True)
    with paramiko.Transport(("127.0.0.1", port)) as transport:
        transport.connect(username=login_name(), pkey=paramiko.PKey.from_path(key))
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise ConfigError("paramiko: pas de session SFTP / no SFTP session")
        found = client.listdir_attr(folder)
        for one in found:
            client.get(f"{folder}/{one.filename}", str(target / one.filename))
    return len(found)


@contextmanager
def openssh_server(folder: Path, public_key: str) -> Iterator[tuple[int, str]]:
    """Run OpenSSH's sshd on the loopback, in the foreground, for one key.

    Args:
        folder: Where its files go; made if needed.
        public_key: The one key that may log in, as this machine's own user.

    Yields:
        Its port and its host key as one OpenSSH line.

    Raises:
        ConfigError: There is no sshd here, or it does not start.
    """
    program = next((path for path in _SSHD if Path(path).exists()), None) or shutil.which("sshd")
    if program is None:
        raise ConfigError("sshd: absent ; installez openssh-server / not installed")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own privilege separation folder
    host_key = folder / "host_key"
    keygen = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key))
    subprocess.run(keygen, check=True)  # noqa: S603  # fixed arguments
    (folder / "authorized_keys").write_text(public_key + "\n", encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\nLogLevel ERROR\n"
        "Subsystem sftp internal-sftp\n",
        encoding="utf-8",
    )
    command = (program, "-D", "-e", "-f", str(config))
    with subprocess.Popen(command) as server:  # noqa: S603  # fixed arguments
        try:
            _wait_for(port, server)
            line = host_key.with_suffix(".pub").read_text(encoding="utf-8")
            yield port, " ".join(line.split()[:2])
        finally:
            server.terminate()


def login_name() -> str:
    """Return the account that `openssh_server` lets in."""
    return getpass.getuser()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
            line.sendall(b"SSH-2.0-edi\r\n")  # else it complains of a client without a name
            if line.recv(1):
                return
        time.sleep(0.05)
    raise ConfigError(f"sshd: ne répond pas sur le port {port} / does not answer")
