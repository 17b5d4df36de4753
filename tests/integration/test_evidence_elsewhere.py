"""An evidence file is checked by whoever reads its description, by no code of ours."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.evidence_files import evidence_of_one


def canonical(value: object, **form: Any) -> str:
    """Return the SHA-256 of a value as JSON in ASCII, keys in order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, **form).encode()).hexdigest()


def digest(link: Any) -> str:
    """Return what stands for an event in the chain."""
    if isinstance(link, str):
        return link
    body = [link[name] for name in ("at", "subject", "what", "by", "data")]
    return canonical(body, separators=(",", ":"))


def faults(payload: bytes) -> list[str]:
    """Return what is wrong with an evidence file."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    found = [
        one["name"]
        for one in json.loads(files["manifest.json"])["files"]
        if hashlib.sha256(files[one["name"]]).hexdigest() != one["sha256"]
    ]
    events: list[Any] = []
    for stretch in json.loads(files["proof.json"])["stretches"]:
        reached = stretch["previous"]
        for seq, link in enumerate(stretch["links"], stretch["start"]):
            reached = hashlib.sha256(f"{seq} {digest(link)} {reached}".encode()).hexdigest()
            events += [link] if isinstance(link, dict) else []
        line, signature = files[f"seals/{stretch['seal']}.seal"].splitlines()
        seal = json.loads(line)
        key: Any = load_pem_public_key(files[f"seals/{seal['key']}.pub"])
        try:
            key.verify(b64decode(signature), line + b"\n")
        except InvalidSignature:
            found.append("signature")
        if (seal["hash"], seal["seq"]) != (reached, seq):
            found.append("chain")
    told = {one for event in events for one in event["data"].get("lines", ())}
    record = json.loads(files["record.json"])
    for line in record["life"]:
        del line["erased"]
        found += [] if canonical(line) in told else ["life"]
    received = {
        one["subject"]: one["data"].get("sha256")
        for one in events
        if one["what"].endswith(".received")
    }
    found += [one["id"] for one in record["documents"] if received[one["id"]] != one["sha256"]]
    return found


def test_it_is_checked_without_any_code_of_ours(tmp_path: Path) -> None:
    """Sixty lines do, by the page that describes it; and they see what was changed."""
    made = evidence_of_one(tmp_path)

    assert faults(made) == []
    spoilt = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as one, zipfile.ZipFile(spoilt, "w") as other:
        for name in one.namelist():
            other.writestr(name, one.read(name).replace(b"par courrier", b"par courriel"))
    assert "life" in faults(spoilt.getvalue())


def test_this_verifier_shares_no_code_with_the_hub() -> None:
    """What checks is not what is checked."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    imported = {
        getattr(node, "module", None) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }

    assert not [name for name in imported if name.startswith("pipeline")]
