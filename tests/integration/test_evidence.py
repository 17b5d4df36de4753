"""What proves to others what became of an invoice, and that nobody touched it since."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.app.erase import erase
from pipeline.app.evidence import gather
from pipeline.app.evidence_file import check_evidence, open_evidence
from pipeline.app.operate.declare import find_invoice
from pipeline.app.seal import seal_now
from pipeline.evidence.bundle import Bundle, pack
from pipeline.evidence.check import Checked
from pipeline.model.errors import EvidenceFault
from pipeline.ports.ledger import Query
from tests.evidence_files import AT, evidence, sealing
from tests.hubs import World, invoice, opened
from tests.statuses import FLOW, STATUT, Said, deliver, run, statut

#: The invoice that is asked for, and one of the same supplier for the same recipient.
OURS, OTHERS = "PREMIERE-1", "SECONDE-2"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two invoices of one supplier, one of which was suspended and booked since."""
    folder = tmp_path_factory.mktemp("evidence")
    with opened(folder) as made:
        sealing(made, folder / "seals")
        deliver(made, OURS, OTHERS)
        said = (
            Said(number=OURS, status=6, at=AT, comment="Bon de commande inconnu"),
            Said(number=OURS, status=10, at=AT + timedelta(days=1)),
        )
        for place, one in enumerate(said, 1):
            made.drop("ville", STATUT.format(place), statut([one]))
        run(made)
        seal_now(made.hub)
        yield made


@pytest.fixture(scope="module")
def made(world: World) -> bytes:
    """The evidence of the first, all of it sealed."""
    return evidence(world, OURS)


def checked(payload: bytes, public: bytes | None = None) -> Checked:
    """Check an evidence file, as whoever gets it."""
    bundle = open_evidence(io.BytesIO(payload))
    return check_evidence(bundle, bootstrap.trusted_by, public)[0]


def unzipped(payload: bytes) -> dict[str, bytes]:
    """Return the files of a zip."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_evidence_holds_and_names_all_that_happened(world: World, made: bytes) -> None:
    """Original, delivery, answers and statuses, each with its proof."""
    found = checked(made)
    record = json.loads(unzipped(made)["record.json"])

    assert (found.sound, found.faults, found.number) == (True, (), OURS)
    assert found.sealed > 10
    assert found.unsealed == 0
    assert [one["after"] for one in record["life"]][-2:] == ["SUSPENDUE", "COMPTABILISEE"]
    kinds = {(one["kind"], one["state"]) for one in record["leaving"]}
    assert kinds == {("delivery", "sent"), ("acknowledgement", "sent"), ("status", "sent")}
    assert len([one for one in record["leaving"] if not one["file"]]) == 1  # told of both
    assert evidence(world, OURS) == made
    (original,) = [name for name in unzipped(made) if name.startswith("invoice/")]
    assert OURS.encode() in unzipped(made)[original]


def test_nothing_of_other_invoices_is_in_it(world: World, made: bytes) -> None:
    """What others exchange is a hash of which nothing can be read, unless it is asked for."""
    assert OTHERS.encode() not in made
    whole = evidence(world, OURS, whole=True)
    assert OTHERS.encode() in whole
    assert checked(whole).sound


Change = Callable[[dict[str, Any], dict[str, Any], dict[str, bytes]], None]


def _edit(payload: bytes, change: Change) -> bytes:
    """Write the file anew, with something changed in it and the manifest made to fit."""
    files = unzipped(payload)
    record, proof = json.loads(files.pop("record.json")), json.loads(files.pop("proof.json"))
    del files["manifest.json"]
    change(record, proof, files)
    return Bundle(record, proof, files).write()


def _first(proof: Mapping[str, Any], what: str) -> dict[str, Any]:
    links = (one for stretch in proof["stretches"] for one in stretch["links"])
    found: dict[str, Any] = next(
        one for one in links if isinstance(one, dict) and one["what"].startswith(what)
    )
    return found


def _status(record: dict[str, Any], _p: dict[str, Any], _f: dict[str, bytes]) -> None:
    record["invoice"]["status"] = "MISE_EN_PAIEMENT"


def _comment(record: dict[str, Any], _p: dict[str, Any], _f: dict[str, bytes]) -> None:
    record["life"][3]["comment"] = "tout va bien"


def _hidden(record: dict[str, Any], _p: dict[str, Any], _f: dict[str, bytes]) -> None:
    del record["life"][3]


def _sent_at(record: dict[str, Any], _p: dict[str, Any], _f: dict[str, bytes]) -> None:
    record["leaving"][0]["sent_at"] = "2026-01-01T00:00:00+00:00"


def _reasons(record: dict[str, Any], _p: dict[str, Any], _f: dict[str, bytes]) -> None:
    record["documents"][0]["reasons"] = ["DOUBLON"]


def _original(_r: dict[str, Any], _p: dict[str, Any], files: dict[str, bytes]) -> None:
    (name,) = [one for one in files if one.startswith("invoice/")]
    files[name] += b" "


def _event(_r: dict[str, Any], proof: dict[str, Any], _f: dict[str, bytes]) -> None:
    _first(proof, "outbox.sent")["by"] = "run:2"


def _unsealed(_r: dict[str, Any], proof: dict[str, Any], _f: dict[str, bytes]) -> None:
    proof["stretches"][0]["links"] = proof["stretches"][0]["links"][:-1]


def _seal(_r: dict[str, Any], _p: dict[str, Any], files: dict[str, bytes]) -> None:
    (name,) = [one for one in files if one.endswith(".seal")]
    files[name] = files[name].replace(b'"whole": false', b'"whole": true')


@pytest.mark.parametrize(
    "change",
    [_status, _comment, _hidden, _sent_at, _reasons, _original, _event, _unsealed, _seal],
)
def test_whoever_changes_something_is_found_out(made: bytes, change: Change) -> None:
    """The manifest can be made to fit; what was signed cannot."""
    spoilt = _edit(made, change)

    try:
        found = checked(spoilt)
    except EvidenceFault:
        return
    assert not found.sound


def test_another_key_proves_nothing(made: bytes, tmp_path: Path) -> None:
    """Whoever trusts a key of its own choice finds that this hub did not sign with it."""
    place = bootstrap.Workspace(tmp_path, f"sqlite:///{tmp_path / 'ledger.sqlite'}", tmp_path)
    bootstrap.initialise(place)
    other = bootstrap.seals(place).publish().read_bytes()
    own = next(content for name, content in unzipped(made).items() if name.endswith(".pub"))

    assert checked(made, own).sound
    with pytest.raises(EvidenceFault, match="signature"):
        checked(made, other)


def test_every_byte_counts(made: bytes) -> None:
    """Whichever is changed, of content or of the zip around it, it shows."""
    for place in range(0, len(made), max(1, len(made) // 400)):
        spoilt = made[:place] + bytes([made[place] ^ 1]) + made[place + 1 :]
        with pytest.raises(EvidenceFault):
            checked(spoilt)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PK\x05\x06" + b"\0" * 18, id="no-file"),
        pytest.param(pack({"manifest.json": b"{}"}), id="no-record"),
        pytest.param(pack({"manifest.json": b"[" * 100_000}), id="deep"),
        pytest.param(
            pack({"manifest.json": b"{}", "record.json": b"1", "proof.json": b"[]"}), id="values"
        ),
        pytest.param(Bundle({}, {}, {}).write(), id="nothing"),
        pytest.param(Bundle({}, {"stretches": [1]}, {}).write(), id="no-stretch"),
        pytest.param(
            Bundle({"life": [], "flows": 1}, {"stretches": []}, {}).write(), id="no-list"
        ),
        pytest.param(
            Bundle(
                {},
                {"stretches": [{"start": 1, "previous": "0" * 64, "links": [{}], "seal": None}]},
                {},
            ).write(),
            id="no-event",
        ),
    ],
)
def test_what_is_no_evidence_is_called_so(payload: bytes) -> None:
    """Whatever somebody hands in, it is answered in a sentence."""
    with pytest.raises(EvidenceFault):
        checked(payload)


def test_what_is_not_sealed_yet_is_told(tmp_path: Path) -> None:
    """Until the day is signed, whoever owns the ledger could still write another."""
    with opened(tmp_path) as world:
        sealing(world, tmp_path / "seals")
        deliver(world, OURS)

        found = checked(evidence(world, OURS))

        assert found.sound
        assert (found.sealed, found.sealed_until) == (0, None)
        assert found.unsealed > 5


def test_of_an_erased_flow_the_course_is_still_proven(tmp_path: Path) -> None:
    """Content and words are gone; that it came, left and was answered is not."""
    with opened(tmp_path) as world:
        sealing(world, tmp_path / "seals")
        deliver(world, OURS)
        document = find_invoice(world.hub.ledger, OURS)
        said = Said(number=OURS, status=6, at=AT, comment="Mme Durand absente")
        world.drop("ville", STATUT.format(1), statut([said]))
        run(world)
        erase(world.hub, document.interchange, "demande")
        seal_now(world.hub)

        made = gather(world.hub, world.hub.ledger.sheets(), document)

        assert checked(made).sound
        assert not [name for name in unzipped(made) if name.startswith("invoice/")]
        assert b"Durand absente" not in unzipped(made)["record.json"]


def test_an_invoice_that_came_back_is_proven_with_both_its_documents(tmp_path: Path) -> None:
    """Whichever of them, or the number, is asked for: it is one invoice with one history."""
    with opened(tmp_path) as world:
        sealing(world, tmp_path / "seals")
        deliver(world, OURS)
        first = find_invoice(world.hub.ledger, OURS)
        said = Said(number=OURS, status=4, at=AT, complement="ROUTAGE_ERR")
        world.drop("ville", STATUT.format(1), statut([said]))
        run(world)
        with world.hub.archive.open(first.sha256) as stream:
            right = stream.read().replace(b"EJ-2026-00117", b"EJ-2026-00118")
        world.drop("supplier", FLOW.format(2), right)
        run(world)
        life = world.hub.ledger.lives([first.id])[first.id]
        sheets = world.hub.ledger.sheets()

        by_first = gather(world.hub, sheets, first)
        by_last = gather(world.hub, sheets, world.hub.ledger.documents_named([life.bearer])[0])

        assert life.bearer != first.id
        assert checked(by_first).sound
        assert by_first == by_last
        assert len([one for one in unzipped(by_first) if one.startswith("invoice/")]) == 2


def test_a_refused_document_is_proven_alone(tmp_path: Path) -> None:
    """It repeats a number that another supplier holds: nothing of that one's is in its file."""
    with opened(tmp_path) as world:
        sealing(world, tmp_path / "seals")
        deliver(world, OURS)
        world.drop("caterer", "again.xml", invoice(OURS) + b"<!-- other -->")
        run(world)
        holder = find_invoice(world.hub.ledger, OURS)
        every = world.hub.ledger.documents(Query(limit=None))
        (second,) = [one for one in every if one.first == holder.id]

        made = gather(world.hub, world.hub.ledger.sheets(), second)

        assert checked(made).sound
        record = json.loads(unzipped(made)["record.json"])
        assert [one["reasons"] for one in record["documents"]] == [["DOUBLON"]]
        assert record["invoice"]["status"] is None
        assert [one["partner"] for one in record["flows"]] == ["caterer"]
        assert b"supplier" not in made
