"""The French and Factur-X packs: each seen to pass and to refuse, and never misquoted."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from lxml import etree
from saxonche import PySaxonProcessor

from pipeline.adapters.configuration import read_profiles
from pipeline.adapters.packs import PackKind, PackShelf
from pipeline.model.finding import Layer, Outcome, Severity
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import Judged, Syntax
from pipeline.ports.engine import Job

ROOT = Path(__file__).parents[2]
CATALOGUE = (ROOT / "config" / "packs.toml").read_text(encoding="utf-8")
PACKS = Path(os.environ.get("EDI_PACKS") or Path(sys.prefix) / "share" / "edi" / "packs")
PROFILES = read_profiles(ROOT / "config" / "profiles.toml")
SAMPLES = ROOT / "samples" / "invoices"
UBL = (SAMPLES / "ubl-380-fournitures.xml").read_bytes()
CII = (SAMPLES / "cii-380-fournitures.xml").read_bytes()
NORM = b"urn:cen.eu:en16931:2017"


def in_frame_a1(data: bytes) -> bytes:
    """Return an invoice in the only kind of frame that the historical channel knows."""
    return re.sub(rb"<cbc:ProfileID>.*?<", b"<cbc:ProfileID>A1<", data)


HISTORICAL = in_frame_a1(UBL)
SVRL = "{http://purl.oclc.org/dsdl/svrl}"

EXTENDED_CTC = NORM + b"#conformant#urn.cpro.gouv.fr:1p0:extended-ctc-fr"
FACTUR_X = {
    "minimum": b"urn:factur-x.eu:1p0:minimum",
    "basicwl": b"urn:factur-x.eu:1p0:basicwl",
    "basic": NORM + b"#compliant#urn:factur-x.eu:1p0:basic",
    "en16931": NORM,
    "extended": NORM + b"#conformant#urn:factur-x.eu:1p0:extended",
}

Judge = Callable[..., Judged]


@pytest.fixture(scope="module")
def shelf() -> PackShelf:
    """Every pack, the fetched one too."""
    made = PackShelf(CATALOGUE, PACKS)
    made.install()
    return made


@pytest.fixture(scope="module")
def judge(judge_job: Callable[[Job], Judged], tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judge bytes with the real packs: ``judge(data, profile)``, a profile or its name."""
    path = tmp_path_factory.mktemp("french") / "document"

    def judge(data: bytes, profile: str | Profile) -> Judged:
        path.write_bytes(data)
        chosen = PROFILES[profile] if isinstance(profile, str) else profile
        return judge_job(Job(path=str(path), profile=chosen, limits=Limits()))

    return judge


def shape(judged: Judged) -> str:
    return " ".join(result.outcome.value for result in judged.report.layers)


def fatal(judged: Judged, layer: Layer) -> set[str]:
    found = judged.report.result(layer).findings
    return {each.rule for each in found if each.severity is Severity.FATAL}


def without(data: bytes, element: bytes, holding: bytes) -> bytes:
    """Take out the first element of that name that holds some text."""
    start = data.rindex(b"<" + element + b">", 0, data.index(holding))
    end = data.index(b"</" + element + b">", start) + len(element) + 3
    return data[:start] + data[end:]


def fitted(data: bytes, schema: etree.XMLSchema) -> bytes:
    """Take out of a document what a smaller schema has no place for."""
    root = etree.fromstring(data)
    for _ in range(1000):
        if schema.validate(root):
            return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        first = schema.error_log.filter_from_errors()[0]  # type: ignore[attr-defined]  # the stubs lag
        spaces = {prefix: space for prefix, space in root.nsmap.items() if prefix}
        found = root.getroottree().xpath(first.path, namespaces=spaces)
        assert isinstance(found, list)
        culprit = found[0]
        assert isinstance(culprit, etree._Element)  # lxml's only name for it
        parent = culprit.getparent()
        assert parent is not None, first.message
        parent.remove(culprit)
    pytest.fail("nothing is left of it")


def in_pdf(data: bytes) -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(
            pdf, data, filename="factur-x.xml"
        )
        written = BytesIO()
        pdf.save(written)
        return written.getvalue()


@pytest.mark.parametrize("profile", ["fr-b2b", "fr-b2g"])
@pytest.mark.parametrize(
    ("data", "element", "pack", "rules"),
    [
        (UBL, b"cbc:Note", "br-fr-flux2-ubl", {"BR-FR-05_BT-22-1"}),
        (CII, b"ram:IncludedNote", "br-fr-flux2-cii", {"BR-FR-05_BT-22_PMT"}),
    ],
    ids=["ubl", "cii"],
)
def test_a_missing_french_note_refuses_by_the_profile_layer(
    judge: Judge, profile: str, data: bytes, element: bytes, pack: str, rules: set[str]
) -> None:
    """EN 16931 has nothing to say of it; whole, the invoice passes both."""
    good = judge(data, profile)
    bad = judge(without(data, element, b"PMT"), profile)

    assert shape(good) == "valid valid valid valid"
    assert [run.name for run in good.report.packs][1:] == [pack, *PROFILES[profile].rules]
    assert shape(bad) == "valid valid valid invalid"
    assert fatal(bad, Layer.PROFILE) == rules


def test_french_rules_bind_nobody_who_did_not_ask_for_them(judge: Judge) -> None:
    """A foreign seller's invoice passes by default, and no pack is run in vain."""
    foreign = (SAMPLES / "ubl-380-francs-suisses.xml").read_bytes()

    by_default, french = judge(foreign, "auto"), judge(foreign, "fr-b2b")

    assert shape(by_default) == "valid valid valid skipped"
    assert [run.name for run in by_default.report.packs] == ["en16931-ubl"]
    assert "BR-FR-10_BT-30" in fatal(french, Layer.PROFILE)


def second_identifier(data: bytes) -> bytes:
    """Give the buyer two identifiers, as the French rules want and UBL-SR-16 forbids."""
    party = data.index(b"<cac:Party>", data.index(b"<cac:AccountingCustomerParty>"))
    at = data.index(b"<cac:PartyIdentification>", party)
    more = (
        b'<cac:PartyIdentification><cbc:ID schemeID="0224">SERVICE-1</cbc:ID>'
        b"</cac:PartyIdentification>"
    )
    return data[:at] + more + data[at:]


def test_an_extended_invoice_may_do_what_the_norm_forbids(judge: Judge) -> None:
    """UBL-SR-16 refuses a plain invoice; to one that claims EXTENDED-CTC-FR it is a warning."""
    plain = second_identifier(UBL)

    refused = judge(plain, "fr-b2b")
    taken = judge(plain.replace(NORM, EXTENDED_CTC), "fr-b2b")

    assert fatal(refused, Layer.SEMANTICS) == {"UBL-SR-16"}
    assert shape(taken) == "valid valid valid valid"
    assert [run.name for run in taken.report.packs] == [
        "en16931-ubl",
        "extended-ctc-fr-ubl",
        "br-fr-flux2-ubl",
    ]
    assert "UBL-SR-16" in {each.rule for each in taken.report.findings}


@pytest.mark.parametrize(
    ("data", "total", "pack"),
    [
        (UBL, b"<cbc:TaxInclusiveAmount", "extended-ctc-fr-ubl"),
        (CII, b"<ram:GrandTotalAmount", "extended-ctc-fr-cii"),
    ],
    ids=["ubl", "cii"],
)
def test_an_extended_invoice_must_still_add_up(
    judge: Judge, data: bytes, total: bytes, pack: str
) -> None:
    """Within its own tolerance: the pack that was claimed refuses, not the norm's."""
    claimed = data.replace(NORM, EXTENDED_CTC)
    start = claimed.index(b">", claimed.index(total)) + 1
    wrong = claimed[:start] + b"9" + claimed[start:]

    good, bad = judge(claimed, "auto"), judge(wrong, "auto")

    assert shape(good) == "valid valid valid valid"
    assert [run.name for run in good.report.packs][1:] == [pack]
    assert bad.report.result(Layer.SEMANTICS).outcome is Outcome.VALID
    assert "BR-FREXT-CO-15" in fatal(bad, Layer.PROFILE)


@pytest.mark.parametrize("level", FACTUR_X)
def test_each_factur_x_profile_is_held_against_its_own_pack(
    judge: Judge, shelf: PackShelf, level: str
) -> None:
    """Small profiles by nothing else; a country that no list has proves that lists are read."""
    schema = etree.XMLSchema(etree.parse(shelf.path(f"factur-x-{level}-xsd")))
    claimed = CII.replace(b">" + NORM + b"<", b">" + FACTUR_X[level] + b"<")
    good = fitted(claimed, schema)
    bad = good.replace(b"<ram:CountryID>FR</ram:CountryID>", b"<ram:CountryID>XX</ram:CountryID>")

    taken, refused = judge(in_pdf(good), "auto"), judge(in_pdf(bad), "auto")

    norm = [] if level in {"minimum", "basicwl"} else ["en16931-cii"]
    assert taken.report.syntax is Syntax.FACTURX
    assert shape(taken) == f"valid valid {'valid' if norm else 'skipped'} valid"
    assert [run.name for run in taken.report.packs] == [*norm, f"factur-x-{level}"]
    assert refused.report.result(Layer.PROFILE).outcome is Outcome.INVALID


def test_a_profile_too_small_for_its_content_is_a_broken_structure(judge: Judge) -> None:
    """MINIMUM has no lines; its own schema says so."""
    claimed = CII.replace(b">" + NORM + b"<", b">" + FACTUR_X["minimum"] + b"<")

    judged = judge(in_pdf(claimed), "auto")

    assert shape(judged) == "valid invalid skipped skipped"


def test_historical_flows_hear_of_the_norm_and_are_not_refused_by_it(judge: Judge) -> None:
    """The Minimal ones hear nothing of it at all."""
    wrong = without(HISTORICAL, b"cbc:DueDate", b"</cbc:DueDate>")

    full, minimal = judge(wrong, "chorus-historical"), judge(wrong, "chorus-minimal")

    assert full.report.outcome is Outcome.VALID
    assert {each.severity for each in full.report.findings} <= {Severity.WARNING}
    assert shape(full) == "valid valid valid valid"
    assert shape(minimal) == "valid valid skipped valid"


@pytest.mark.parametrize("profile", ["chorus-historical", "chorus-minimal"])
def test_the_historical_families_ask_for_known_kinds_of_attachments(
    judge: Judge, profile: str
) -> None:
    """Step 9, from the table in the profiles to the code of the answer."""
    data = in_frame_a1((SAMPLES / "ubl-380-pdf-joint.xml").read_bytes())
    name = data.split(b'filename="')[1].split(b'"')[0]

    good, bad = judge(data, profile), judge(data.replace(name, b"plan.dwg"), profile)

    assert good.report.outcome is Outcome.VALID
    assert fatal(bad, Layer.SYNTAX) == {"IRR_EXT_DOC"}


def by_hand(processor: PySaxonProcessor, pack: Path, data: bytes) -> Counter[tuple[str, bool]]:
    """Run a pack without any of our code; count what it said, by text and weight."""
    compiler = processor.new_xslt30_processor()
    rules = compiler.compile_stylesheet(stylesheet_file=str(pack))
    svrl = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=data.decode()))
    root = etree.fromstring(svrl.encode())
    return Counter(
        (
            " ".join(str(each.findtext(f"{SVRL}text")).split()),
            each.get("flag", "fatal" if each.tag.endswith("assert") else "warning") == "fatal",
        )
        for each in root.iter(f"{SVRL}failed-assert", f"{SVRL}successful-report")
    )


#: How a pack names its rule before its sentence, some behind what they found.
_LABEL = re.compile(r"[^\]]{0,400}?\[[A-Z]+-[^\]]*\]\s*[-:]?\s*|BR-FR-\S+\s*:\s*")


def _same(text: str, own: str) -> bool:
    """Tell whether a finding says all that a pack said, behind its rule and before the figures."""
    sentence = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    whole = sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
    return bool(sentence) and (own == sentence or own.startswith(f"{whole} "))


RULE = (
    "[BR-CO-15]-Invoice total amount with VAT (BT-112) = Invoice total amount without VAT (BT-109)"
    " + Invoice total VAT amount (BT-110)."
)


@pytest.mark.parametrize(
    ("text", "own", "same"),
    [
        pytest.param(RULE, RULE[11:], True, id="the-sentence"),
        pytest.param(RULE, f"{RULE[11:]} 125.00 = 100.00 + 25.00", True, id="figures-follow"),
        pytest.param(RULE[:-1], f"{RULE[11:]} 125.00", True, id="its-end-was-added"),
        pytest.param("Not used.", "Not used.", True, id="no-label"),
        pytest.param("35 [BR-FREXT-02] - Too long", "Too long", True, id="what-was-found-first"),
        pytest.param("BR-FR-01/BT-1 : trop long", "trop long", True, id="a-french-label"),
        pytest.param(RULE, RULE[11:].replace("110", "117"), False, id="another-end"),
        pytest.param(RULE, RULE[11:90], False, id="cut-short"),
        pytest.param(RULE, RULE[60:], False, id="only-its-end"),
        pytest.param(RULE, f"{RULE[11:-1]} or so.", False, id="goes-on-otherwise"),
        pytest.param(RULE, RULE, False, id="its-label-told-twice"),
        pytest.param(RULE, "", False, id="nothing"),
        pytest.param("[BR-CO-15]-", "anything", False, id="no-sentence"),
    ],
)
def test_a_pack_is_quoted_to_the_letter_or_not_at_all(text: str, own: str, *, same: bool) -> None:
    """The long comparison below is worth what this one tells apart."""
    assert _same(text, own) is same


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ubl", "cii"])
def test_what_is_said_is_what_the_packs_said(judge: Judge, shelf: PackShelf, family: str) -> None:
    """As many findings, of the same weight and words, as SaxonC gives without us."""
    marks = {"ubl": ("ubl",), "cii": ("cii", "factur-x")}[family]
    names = [
        shelved.pack.name
        for shelved in shelf.list()
        if shelved.pack.kind is PackKind.RULES and any(m in shelved.pack.name for m in marks)
    ]
    processor = PySaxonProcessor(license=False)
    said = 0
    for name in names:
        profile = Profile(name="one", packs={}, further={family: (name,)})
        for path in sorted(SAMPLES.glob(f"{family}-*.xml"))[::6]:
            data = path.read_bytes()
            theirs = by_hand(processor, shelf.path(name), data)
            findings = judge(data, profile).report.result(Layer.PROFILE).findings
            ours = Counter(each.severity is Severity.FATAL for each in findings)
            weights = Counter(weight for _, weight in theirs.elements())
            words = [told for each in findings for told in each.message.values()]
            assert ours == weights, (path.name, name)
            missing = [text for text, _ in theirs if not any(_same(text, own) for own in words)]
            assert missing == [], words
            said += len(findings)
    assert said > 0
