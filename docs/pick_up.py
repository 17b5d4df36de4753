"""Pick up invoices, check them, answer: `python pick_up.py HOST PORT USER KEY HOST_KEY TARGET`."""

import csv
import hashlib
import io
import sys
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import paramiko


def take(sftp, target):
    """Take each file that has its marker; yield its name, and why it is refused, if it is."""
    for marker in sorted(name for name in sftp.listdir("out") if name.endswith(".done")):
        name = marker.removesuffix(".done")
        payload = sftp.open(f"out/{name}").read()
        told = sftp.open(f"out/{name}.sha256").read().split()[0].decode()
        whole = hashlib.sha256(payload).hexdigest() == told
        if whole:
            (target / f".{name}").write_bytes(payload)
            (target / f".{name}").replace(target / name)
        yield name, "" if whole else "octets altérés / bytes were altered"


def answer(sftp, results):
    """Say of each file whether it was taken; the table has its name once it is whole."""
    now, table = datetime.now(UTC), io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["flow", "status", "at", "reason"])
    for name, why in results:
        rows.writerow([name, "refused" if why else "taken", now.isoformat(), why])
    reply = f"in/taken-{now:%Y%m%dT%H%M%S%f}.csv"
    sftp.open(f"{reply}.part", "w").write(table.getvalue())
    sftp.rename(f"{reply}.part", reply)


def main(host, port, user, key, host_key, target):
    """Take, answer, then remove: what breaks off in between is done again."""
    client, (kind, line, *_) = paramiko.SSHClient(), host_key.split()
    pinned = paramiko.PKey.from_type_string(kind, b64decode(line))
    client.get_host_keys().add(host if port == "22" else f"[{host}]:{port}", kind, pinned)
    client.connect(host, int(port), user, key_filename=key, allow_agent=False, look_for_keys=False)
    with client, client.open_sftp() as sftp:
        results = list(take(sftp, Path(target)))
        if results:
            answer(sftp, results)
        for name, _ in results:
            for gone in (f"{name}.done", name, f"{name}.sha256"):
                sftp.remove(f"out/{gone}")
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
