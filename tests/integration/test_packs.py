"""The shelf of official artefacts: nothing unchecked is used, nothing is fetched twice."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from lxml import etree

from pipeline.adapters.packs import PackShelf, PackState, read_catalogue
from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.errors import ConfigError, PackMissing
from pipeline.model.finding import Layer, Outcome
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Trouble
from pipeline.ports.engine import Job

ROOT = Path(__file__).parents[2]
CATALOGUE = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
PACKAGED_RULES = [
    name for name, pack in read_catalogue(CATALOGUE).items() if pack.rules and pack.package
]
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
TRIED = (f"{SVRL}failed-assert", f"{SVRL}successful-report")
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

    official = [shelved for shelved in shelf.list() if not shelved.pack.own]
    states = {shelved.pack.name: shelved.state for shelved in official}

    assert {name for name, state in states.items() if state is not PackState.PRESENT} == {
        "en16931-cii"
    }
    assert states["en16931-cii"] is PackState.MISSING
    assert len(states) == 21


@pytest.mark.parametrize("name", PACKAGED_RULES)
def test_the_number_of_rules_is_the_packs_own(name: str) -> None:
    """The report says how many assertions were tried; count them."""
    shelf = PackShelf(CATALOGUE, Path("/nowhere"))

    root = etree.parse(shelf.path(name)).getroot()

    assert sum(1 for _ in root.iter(*TRIED)) == shelf.pack(name).rules


@pytest.mark.parametrize("name", PACKAGED_RULES)
def test_a_pack_looks_up_nothing_but_files_that_are_pinned_with_it(name: str) -> None:
    """Its code lists lie beside it; no document has a say in what is opened."""
    shelf = PackShelf(CATALOGUE, Path("/nowhere"))
    pack = shelf.pack(name)

    text = shelf.path(name).read_text(encoding="utf-8")
    opened = set(re.findall(r"\b(?:document|doc|unparsed-text|collection)\(([^)]*)\)", text))

    codes = {each for each in pack.files if each.endswith("_codedb.xml")}
    assert opened == {f"'{each}'" for each in codes}
    assert bool(codes) is name.startswith("factur-x")


def test_versions_are_those_the_packs_state() -> None:
    """Where a pack says its number, the catalogue repeats it."""
    shelf = PackShelf(CATALOGUE, Path("/nowhere"))

    text = shelf.path("en16931-ubl").read_text(encoding="utf-8")

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


def test_what_was_explained_before_changes_no_explanation(tmp_path: Path) -> None:
    """The two schemas of UBL share what both import: each still speaks of its own documents."""
    settings = WorkerSettings(catalogue=CATALOGUE, packs=Path("/nowhere"))
    structure = frozenset({Layer.STRUCTURE})
    profile = Profile(name="p", packs={})
    jobs = []
    for name in ("ubl-380-une-ligne", "ubl-381-avoir"):
        text = (INVOICE.parent / f"{name}.xml").read_text(encoding="utf-8")
        path = tmp_path / f"{name}.xml"
        path.write_text(text.replace(">2026-", ">le 2026-"), encoding="utf-8")
        jobs.append(Job(path=str(path), profile=profile, limits=Limits(), layers=structure))
    alone = [document_judge(settings)(job).report for job in jobs]

    for order in (jobs, jobs[::-1]):
        shared = document_judge(settings)
        told = {job.path: shared(job).report for job in order}
        assert [told[job.path] for job in jobs] == alone
    assert all(report.structure_broken for report in alone)
    assert {one.rule for report in alone for one in report.findings} == {"XSD-VALUE"}
