"""What an operator and two suppliers live through, by the installed command and real SFTP."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from lxml import html


def flow_name(sequence: int, interface: str = "FSO1100A") -> str:
    """Name a flow of the supplier."""
    return f"{interface}_SUP001_SUP001{interface[3:7]}{sequence:015d}"


def an_invoice(samples: Any, number: str, buyer: Any = None) -> Any:
    """Write a small sound UBL invoice."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    return samples.to_ubl(
        samples.as_historical(samples.billed_to(model, buyer or samples.VILLE, number))
    )


def drop(world: Any, supplier: str, name: str, payload: bytes) -> None:
    """Leave a file as a supplier does."""
    (world.folders[supplier] / "in" / name).write_bytes(payload)


def run(world: Any, **environment: str) -> Any:
    """Do one pass."""
    ran = world.edi("run", "--once", "--json", **environment)
    assert "Traceback" not in ran.err, ran.err
    return ran


def only(world: Any, *arguments: str) -> Any:
    """Return the only row that a listing has."""
    (row,) = world.edi(*arguments, "--json").json
    return row


def test_one_broken_file_last_of_two_hundred_takes_the_flow_down(
    world: Any, samples: ModuleType
) -> None:
    """No document of an atomic flow is accepted before the structure of all is known."""
    files = {f"{n:03d}.xml": an_invoice(samples, f"A{n}") for n in range(200)}
    broken = ("007.xml", "199.xml")
    for name in broken:
        files[name] = samples.without_issue_date(files[name])
    drop(world, "supplier", flow_name(1), samples.tar_gz(files))

    ran = run(world)

    assert ran.code == 0
    assert world.out("ville-exemple") == {}
    (answer,) = world.out("supplier").items()
    assert answer[0].startswith("CSO1100A_SUP001_CPP0011100")
    text = answer[1].decode()
    assert '<Details NbLignesErreur="2">' in text
    assert all(name in text for name in broken)
    documents = world.edi("documents", "--limit", "300", "--json").json
    assert {one["step"] for one in documents} == {"rejected"}
    assert len(documents) == 200
    assert sum("IRR_SYNTAX" in one["reasons"] for one in documents) == 2


def test_the_same_flow_with_atomicity_invoice_loses_only_the_broken_one(
    world: Any, samples: ModuleType
) -> None:
    """Free names: each invoice stands for itself."""
    files = {f"{n}.xml": an_invoice(samples, f"B{n}") for n in range(5)}
    files["4.xml"] = samples.without_issue_date(files["4.xml"])
    drop(world, "caterer", "lot.tar.gz", samples.tar_gz(files))

    run(world)

    assert sorted(world.out("ville-exemple").values()) == sorted(list(files.values())[:4])
    told = json.loads(next(p for n, p in world.out("caterer").items() if n.endswith(".json")))
    assert told["outcome"] == "partly accepted"


@pytest.mark.parametrize("how", ["removed", "changed"])
def test_without_its_pack_no_document_is_valid_and_none_is_delivered(
    world: Any, samples: ModuleType, tmp_path: Path, how: str
) -> None:
    """A CII document waits, its sender hears that it is safe, and release lets it go."""
    installed = Path(world.edi("packs", "list", "--json").json and _packs_folder())
    packs = tmp_path / "packs"
    shutil.copytree(installed, packs)
    for file in packs.iterdir():
        if how == "removed":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:-1] + b" ")
    payload = samples.to_cii(
        samples.billed_to(samples.BY_KEY["cii-380-fournitures"], samples.VILLE, "C1")
    )
    drop(world, "caterer", "c1.xml", payload)

    run(world, EDI_PACKS=str(packs))

    assert world.out("ville-exemple") == {}
    held = only(world, "documents")
    assert (held["step"], held["reasons"]) == ("held", "PACK_MISSING")
    assert {n.rsplit(".", 2)[1] for n in world.out("caterer")} == {"held"}
    interim = json.loads(next(p for n, p in world.out("caterer").items() if n.endswith("json")))
    assert (interim["outcome"], interim["final"]) == ("held", False)
    (why,) = world.edi("why", held["id"], "--json").json
    assert (why["who"], why["command"]) == ("operator", f"edi release {held['id']}")
    again = world.edi("release", held["id"], EDI_PACKS=str(packs))
    assert only(world, "documents")["step"] == "held", again.err
    assert world.edi("release", held["id"]).code == 0
    run(world)
    assert list(world.out("ville-exemple").values()) == [payload]
    final = json.loads(next(p for n, p in world.out("caterer").items() if n.endswith("ack.json")))
    assert (final["outcome"], final["final"]) == ("accepted", True)


def _packs_folder() -> Path:
    """Return where this installation keeps its packs."""
    return Path(sys.prefix) / "share" / "edi" / "packs"


def test_nothing_is_marked_answered_while_the_answer_folder_cannot_be_written(
    world: Any, samples: ModuleType
) -> None:
    """The next run answers."""
    out = world.folders["supplier"] / "out"
    out.rmdir()
    out.write_bytes(b"in the way")
    drop(world, "supplier", flow_name(1), an_invoice(samples, "N1"))

    run(world)

    assert only(world, "interchanges")["answered"] is False
    assert len(world.out("ville-exemple")) == 1
    out.unlink()
    out.mkdir()
    run(world)
    assert only(world, "interchanges")["answered"] is True
    assert [name[:8] for name in world.out("supplier")] == ["FEN1200A"]
    assert len(world.out("ville-exemple")) == 1


@pytest.mark.slow
def test_an_abandoned_delivery_is_redelivered_under_another_name(
    world: Any, samples: ModuleType
) -> None:
    """After the last wait it is given up; an operator's word starts a new generation."""
    out = world.folders["ville-exemple"] / "out"
    out.rmdir()
    out.write_bytes(b"in the way")
    payload = an_invoice(samples, "R1")
    drop(world, "caterer", "r1.xml", payload)
    for _ in range(4):
        run(world)
    document = only(world, "documents")
    assert document["step"] == "abandoned"
    out.unlink()
    out.mkdir()

    lost = ("redeliver", document["id"], "--reason", "dossier rétabli")
    assert world.edi(*lost).code == 0
    second = world.edi(*lost)
    assert (second.code, "en route" in second.out) == (0, True), "a second click has no effect"
    run(world)

    ((name, found),) = world.out("ville-exemple").items()
    assert found == payload
    assert name.endswith(".g2.xml")
    assert only(world, "documents")["step"] == "delivered"
    assert world.edi("verify").code == 0


def test_a_held_document_is_rejected_with_the_operators_reason(
    world: Any, samples: ModuleType
) -> None:
    """The reason reaches the supplier in the final answer."""
    drop(world, "caterer", "college.xml", an_invoice(samples, "H1", samples.COLLEGE))
    run(world)
    held = only(world, "documents")
    assert held["reasons"] == "NO_ROUTE"

    assert world.edi("reject", held["id"], "--reason", "").code == 2
    assert world.edi("reject", held["id"], "--reason", "Contrat résilié").code == 0
    run(world)

    final = json.loads(next(p for n, p in world.out("caterer").items() if n.endswith("ack.json")))
    assert final["outcome"] == "rejected"
    assert "Contrat résilié" in json.dumps(final, ensure_ascii=False)
    page = next(p for n, p in world.out("caterer").items() if n.endswith("ack.html"))
    assert "Contrat résilié" in "".join(map(str, html.fromstring(page.decode()).itertext()))


def test_the_whole_path_on_postgresql(
    world: Any, samples: ModuleType, postgresql_url: str
) -> None:
    """The same job, the same answers, on the other database."""
    database = {"EDI_DATABASE": postgresql_url}
    assert world.edi("init", **database).code == 0
    assert world.edi("apply", **database).code == 0
    files = {f"{n}.xml": an_invoice(samples, f"P{n}") for n in range(12)}
    drop(world, "supplier", flow_name(1), samples.tar_gz(files))
    drop(world, "supplier", flow_name(2), samples.tar_gz(files))

    ran = run(world, **database)

    assert ran.code == 0, ran.err
    assert sorted(world.out("ville-exemple").values()) == sorted(files.values())
    listed = world.edi("interchanges", "--json", **database).json
    assert sorted(one["outcome"] for one in listed) == ["accepted", "duplicate"]
    assert world.edi("verify", **database).code == 0


def test_names_that_are_no_text_hide_nobody(world: Any, samples: ModuleType) -> None:
    """One supplier's unreadable name is taken like any other, and shown escaped."""
    folder = bytes(world.folders["caterer"] / "in")
    names = [b"caf\xe9.xml", b"new\nline.xml", b"-rf.xml"]
    for number, name in enumerate(names):
        Path((folder + b"/" + name).decode(errors="surrogateescape")).write_bytes(
            an_invoice(samples, f"U{number}")
        )

    run(world)

    listed = {one["name"] for one in world.edi("interchanges", "--json").json}
    assert listed == {"caf\\xe9.xml", "new\\x0aline.xml", "-rf.xml"}
    assert len(world.out("ville-exemple")) == 3
    assert list((world.folders["caterer"] / "in").iterdir()) == []


def test_a_second_run_is_refused_while_one_is_at_work(world: Any) -> None:
    """Only one process may run a workspace's jobs."""
    import fcntl

    with (world.home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = run(world)

    assert ran.code == 2
    assert "edi run" in ran.err


@pytest.fixture
def tiny_tar() -> bytes:
    """Return an archive that holds another archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("nested.tar.gz")
        member.size = 20
        tar.addfile(member, io.BytesIO(b"\x1f\x8b\x08\x00" + b"\0" * 16))
    return packed.getvalue()


def test_hostile_files_are_answered_and_stop_nobody(
    world: Any, samples: ModuleType, tiny_tar: bytes
) -> None:
    """Each gets its code; the good one beside them is delivered."""
    good = an_invoice(samples, "G1")
    drop(world, "caterer", "bomb.tar.gz", samples.tar_gz({"b.xml": b"<a>" + b" " * 30_000_000}))
    drop(world, "caterer", "nested.tar.gz", tiny_tar)
    drop(world, "caterer", "laughs.xml", samples.with_laughs(an_invoice(samples, "G2")))
    drop(world, "caterer", "empty.xml", b"")
    drop(world, "caterer", "good.xml", good)

    run(world)

    reasons = {one["name"]: one["reasons"] for one in world.edi("interchanges", "--json").json}
    assert reasons == {
        "bomb.tar.gz": "IRR_EXTRAC",
        "nested.tar.gz": "IRR_TYPE_F",
        "laughs.xml": "IRR_SYNTAX",
        "empty.xml": "IRR_VIDE",
        "good.xml": "",
    }
    assert list(world.out("ville-exemple").values()) == [good]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "\udcff"), 2),
        (("trace", "\udcff"), 1),
        (("release", "F0"), 2),
        (("interchanges", "--limit", "99999999999999999999"), 2),
        (("validate", "nosuch.xml"), 2),
        (("validate", "--profile", "nosuch", "x.xml"), 2),
        (("validate", "--layers", "nosuch", "x.xml"), 2),
    ],
)
def test_whatever_is_typed_gets_a_plain_answer(
    edi: Callable[..., Any], arguments: tuple[str, ...], code: int
) -> None:
    """No traceback for a user, and an exit code that says what happened."""
    assert edi("init").code == 0

    ran = edi(*arguments)

    assert (ran.code, "Traceback" in ran.err) == (code, False), ran.err


def test_without_a_workspace_every_verb_names_the_remedy(edi: Callable[..., Any]) -> None:
    """A newcomer is told what to type."""
    ran = edi("interchanges")

    assert ran.code == 2
    assert "edi init" in ran.err


def test_a_flow_whose_original_is_lost_can_still_be_rejected(
    world: Any, samples: ModuleType
) -> None:
    """Its sender was told to wait: the final answer must not need the bytes."""
    drop(world, "caterer", "college.xml", an_invoice(samples, "L2", samples.COLLEGE))
    run(world)
    for blob in (world.home / "archive" / "blobs").glob("*/*"):
        blob.unlink()
    held = next(d for d in world.edi("documents", "--json").json if d["step"] == "held")

    ran = world.edi("reject", held["id"], "--reason", "Original perdu")

    assert ran.code == 0, ran.err
    run(world)
    assert any(name.endswith("ack.json") and "college" in name for name in world.out("caterer"))


@pytest.mark.slow
def test_a_recipient_that_cannot_be_reached_is_named_and_costs_no_early_retries(
    world: Any, samples: ModuleType
) -> None:
    """Runs in quick succession do not use up the waits that the sheet agreed."""
    sheet = PATIENT.format(port=1, host_key=world.host_key)
    (world.home / "config/connections/ville-exemple.toml").write_text(sheet, encoding="utf-8")
    assert world.edi("apply").code == 0
    drop(world, "caterer", "a.xml", an_invoice(samples, "D1"))

    first = run(world)
    for _ in range(6):
        run(world)

    assert first.code == 1
    assert "CONNECT" in first.json["failed"]["ville-exemple"]
    assert (first.json["tried"], first.json["sent"]) == (3, 2), "the two answers were sent"
    assert only(world, "documents")["step"] == "routed"


PATIENT = """name = "ville-exemple"
partner = "ville-exemple"
role = "receiver"
[door]
host = "127.0.0.1"
port = {port}
user = "ville-exemple"
key = "keys/ville-exemple"
host_key = "{host_key}"
[retry]
waits_s = [600, 600]
"""


def test_scratch_space_of_dead_runs_is_removed(world: Any) -> None:
    """Invoices must not pile up where runs were killed."""
    left = world.home / "spool" / "7" / "F0"
    left.mkdir(parents=True)
    (left / "000001.xml").write_bytes(b"<a/>")

    run(world)

    assert list((world.home / "spool").iterdir()) == []
