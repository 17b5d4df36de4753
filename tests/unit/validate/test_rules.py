"""Rules of our own: each kept and broken by a document, told in both languages, found in place."""

from __future__ import annotations

import string
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.bootstrap import WorkerSettings, document_judge
from pipeline.model.finding import Finding, Layer, Outcome, Severity
from pipeline.model.invoice import Identifier, Invoice, Line, Note, Party, Totals
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.report import PackRun
from pipeline.model.rule import Breach, Rule, RuleSet
from pipeline.model.terms import TERMS
from pipeline.ports.engine import Job
from pipeline.syntax import cii, ubl
from pipeline.syntax.recognise import family, recognise
from pipeline.validate.locate import Locator
from pipeline.validate.own_rules import MOST_BREACHES, check_rules
from pipeline.validate.place import Place
from pipeline.validate.rules import money
from pipeline.validate.rules.reading import at_most
from pipeline.validate.rules.sets import RULE_SETS, RULES, SETS

SAMPLES = Path(__file__).parents[3] / "samples"
CASES = sorted((SAMPLES / "rules").glob("*/*.xml"))
PLAIN = Profile(name="plain", packs={})
BASE = SAMPLES / "invoices/ubl-380-fournitures.xml"


def findings(path: Path, *rules: Rule[Invoice]) -> list[Finding]:
    """Hold a file against rules, with the place of each finding."""
    return of_root(etree.parse(path).getroot(), *rules)


def of_root(root: etree._Element, *rules: Rule[Invoice]) -> list[Finding]:
    syntax = recognise(root)
    assert syntax is not None
    kind = family(syntax)
    invoice = {"ubl": ubl, "cii": cii}[kind].read_invoice(root).invoice
    return list(check_rules(rules, invoice, PLAIN, Locator(root, kind).place))


def set_of(rule: str) -> RuleSet[Invoice]:
    """Return the first set that a rule is in: its samples are made for that one."""
    return next(each for each in SETS if rule in {one.identifier for one in each.rules})


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_is_judged_as_its_name_says(path: Path) -> None:
    """The rule holds or fails, and no other rule of its set has anything to say."""
    rule = path.parent.name
    wanted = {rule} if path.name.startswith("fail-") else set()

    found = {each.rule for each in findings(path, *set_of(rule).rules)}

    assert found == wanted


@pytest.mark.parametrize(
    "path", [path for path in CASES if path.name.startswith("fail-")], ids=lambda path: path.stem
)
def test_a_broken_rule_is_told_in_both_languages_at_a_place(path: Path) -> None:
    """Two whole sentences without a hole, and a path that leads to one element of the document."""
    root = etree.parse(path).getroot()

    (first, *_) = findings(path, RULES[path.parent.name])

    told = first.message
    assert told["fr"] != told["en"]
    assert all(text.endswith(".") and not set(text) & set("{}") for text in told.values())
    spaces = {"ubl": ubl.INVOICE, "cn": ubl.CREDIT_NOTE, "cac": ubl.CAC, "cbc": ubl.CBC}
    spaces |= {"rsm": cii.RSM, "ram": cii.RAM}
    assert root.xpath(f"count({first.xpath})", namespaces=spaces) == 1
    assert first.line == _line_of(root, first.xpath, spaces)


def _line_of(root: etree._Element, path: str, spaces: dict[str, str]) -> int | None:
    found: Any = root.xpath(path, namespaces=spaces)
    line: int | None = found[0].sourceline
    return line


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_what_it_looks_at_and_where_it_is_published(rule: Rule[Invoice]) -> None:
    """Its terms are ours, its sentence asks for nothing that a breach lacks."""
    fields = {
        name for text in (rule.fr, rule.en) for _, name, _, _ in string.Formatter().parse(text)
    }

    assert set(rule.terms) <= set(TERMS)
    assert fields - {None} <= {"v", "n", "term"}
    assert rule.source


def test_a_rule_of_several_sets_is_one_rule() -> None:
    """Else a report would weigh one identifier in two ways."""
    for group in SETS:
        assert all(RULES[rule.identifier] is rule for rule in group.rules)
        assert len({rule.identifier for rule in group.rules}) == len(group.rules)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.from_type(Invoice))
def test_no_rule_raises_whatever_the_invoice(invoice: Invoice) -> None:
    """A document that nobody thought of is judged on what is there, twice alike."""
    first = list(check_rules(RULES.values(), invoice, PLAIN))

    assert first == list(check_rules(RULES.values(), invoice, PLAIN))
    assert {finding.rule for finding in first} <= set(RULES)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "-0", "1E-999999", "1"]),
    st.sampled_from(["paid", "with_vat", "without_vat", "vat", "rounding", "due"]),
)
def test_no_amount_is_too_absurd(amount: str, name: str) -> None:
    """What no reader lets through is no reason to crash either, nor to write a million digits."""
    totals = Totals(with_vat=Decimal(1), without_vat=Decimal(1), due=Decimal(1), paid=Decimal(0))
    invoice = Invoice(frame="A2", totals=replace(totals, **{name: Decimal(amount)}))

    found = list(check_rules(money.VALUES, invoice, PLAIN))

    assert all(len(each.message["fr"]) < 400 for each in found)


def test_a_tahiti_number_of_ten_is_a_warning_that_a_profile_may_lift() -> None:
    """The sources disagree on ten, not on eleven."""
    rule = RULES["BR-FR-CPRO-07"]
    strict = replace(PLAIN, reweighed={rule.identifier: Severity.FATAL})

    def weight(number: str, profile: Profile) -> list[Severity]:
        invoice = Invoice(seller=Party(identifiers=(Identifier(number, "0229"),)))
        return [each.severity for each in check_rules([rule], invoice, profile)]

    assert weight("A12345001", PLAIN) == []
    assert weight("A123450010", PLAIN) == [Severity.WARNING]
    assert weight("A1234500100", PLAIN) == [Severity.FATAL]
    assert weight("A123450010", strict) == [Severity.FATAL]


def test_an_individual_is_not_repeated() -> None:
    """The identifier tells where and when a person was born."""
    (found,) = findings(SAMPLES / "rules/BR-FR-CPRO-08/fail-0226.xml", RULES["BR-FR-CPRO-08"])

    assert found.value is None
    assert "285049" not in found.message["fr"] + found.message["en"]


def test_official_warnings_do_not_soften_rules_of_ours() -> None:
    """`weigh_all` is for packs: the historical channel refuses by its own rules alone."""
    lenient = Profile(name="lenient", packs={}, weigh_all=Severity.WARNING)
    invoice = Invoice(contract="M" * 51)
    rule = RULES["BR-FR-CPRO-14"]

    def weight(profile: Profile) -> list[Severity]:
        return [each.severity for each in check_rules([rule], invoice, profile)]

    assert weight(lenient) == [Severity.FATAL]
    assert weight(replace(lenient, reweighed={"BR-FR-CPRO-14": Severity.WARNING})) == [
        Severity.WARNING
    ]


SHORT = replace(RULES["BR-FR-CPRO-31"], check=at_most(3, "BT-154"))


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
def test_each_line_is_found_though_lines_say_the_same(syntax: str) -> None:
    """A bookkeeper goes to the line that is wrong, not to the first that reads alike."""
    line = Line(id="1", name="a", description="trop long", net=Decimal(1), price=Decimal(1))
    good = replace(line, description="ok")
    invoice = Invoice(number="F-1", lines=(line, good, line))
    written = {"ubl": ubl, "cii": cii}[syntax].write_invoice(invoice).payload

    found = of_root(etree.fromstring(written), SHORT)

    steps = [each.xpath.split("/")[2 if syntax == "ubl" else 3] for each in found]
    tag = "cac:InvoiceLine" if syntax == "ubl" else "ram:IncludedSupplyChainTradeLineItem"
    assert steps == [f"{tag}[1]", f"{tag}[3]"]


@pytest.mark.parametrize("syntax", ["ubl", "cii"])
def test_a_note_is_found_by_its_number_where_its_text_differs(syntax: str) -> None:
    """UBL writes the subject into the text of a note."""
    short = replace(RULES["BR-FR-CPRO-42"], check=at_most(3, "BT-22"))
    notes = (Note(text="a"), Note(subject="SUR", text="trop long"))
    written = {"ubl": ubl, "cii": cii}[syntax].write_invoice(Invoice(notes=notes)).payload

    (found,) = of_root(etree.fromstring(written), short)

    assert "Note[2]" in found.xpath


def test_only_the_first_places_of_a_rule_are_looked_for() -> None:
    """A long invoice with a fault on every line costs one walk each; it is told all the same."""
    long = Invoice(lines=tuple(Line(description="x" * 1025) for _ in range(MOST_BREACHES + 5)))
    asked: list[Breach] = []

    def locate(breach: Breach) -> Place:
        asked.append(breach)
        return Place("/", 1, None)

    found = list(check_rules([RULES["BR-FR-CPRO-31"]], long, PLAIN, locate))

    assert (len(found), len(asked)) == (MOST_BREACHES, 20)


# -- in the judge


def judged(path: Path, profile: Profile) -> tuple[dict[Layer, Outcome], list[PackRun], list[str]]:
    """Judge a file as a worker does; return outcomes, what ran, and what was broken."""
    judge = document_judge(WorkerSettings(catalogue=CATALOGUE, packs=SAMPLES))
    report = judge(
        Job(path=str(path), profile=profile, limits=Limits(), layers=frozenset(LAYERS))
    ).report
    outcomes = {result.layer: result.outcome for result in report.layers}
    return outcomes, list(report.packs), [each.rule for each in report.findings]


CATALOGUE = (SAMPLES.parent / "config/packs.toml").read_text(encoding="utf-8")
LAYERS = (Layer.SYNTAX, Layer.PROFILE)


def test_sets_are_part_of_the_profile_layer_and_named_in_the_report() -> None:
    """Who reads a report sees that the set ran, in which version, with how many rules."""
    profile = Profile(name="p", packs={}, rules=("cpro", "cpro-advice"))
    sets = [RULE_SETS[name] for name in profile.rules]

    outcomes, ran, broken = judged(SAMPLES / "rules/BR-FR-CPRO-14/fail-51-caracteres.xml", profile)

    assert outcomes[Layer.PROFILE] is Outcome.INVALID
    assert [(run.name, run.rules) for run in ran] == [(one.name, len(one.rules)) for one in sets]
    assert all(len(run.sha256) == 64 for run in ran)
    assert broken == ["BR-FR-CPRO-14", "CP-23"]


def test_a_sound_document_is_valid_by_our_rules_alone() -> None:
    """No pack is asked for, and the layer is not skipped: something looked."""
    profile = Profile(name="p", packs={}, rules=("g2b",))

    outcomes, _, broken = judged(BASE, profile)

    assert (outcomes[Layer.PROFILE], broken) == (Outcome.VALID, [])


def test_without_a_set_nothing_is_read() -> None:
    """A profile without rules of ours costs what it did: the layer is skipped."""
    outcomes, ran, _ = judged(BASE, Profile(name="p", packs={}))

    assert (outcomes[Layer.PROFILE], ran) == (Outcome.SKIPPED, [])


@pytest.mark.parametrize(
    ("contract", "outcome"), [("M" * 51, Outcome.INVALID), ("M" * 50, Outcome.UNCLEAR)]
)
def test_a_pack_that_is_missing_leaves_unclear_what_our_rules_do_not_refuse(
    contract: str, outcome: Outcome, tmp_path: Path
) -> None:
    """What is fatal already is fatal whatever the pack would have said."""
    path = tmp_path / "a.xml"
    place = f"<cbc:ID>{contract}</cbc:ID>"
    place = f"<cac:ContractDocumentReference>{place}</cac:ContractDocumentReference>"
    text = BASE.read_text(encoding="utf-8")
    path.write_text(
        text.replace("<cac:AccountingSupplierParty>", f"{place}<cac:AccountingSupplierParty>")
    )
    further = {"ubl": ("en16931-cii",)}  # not in the folder that packs are taken from
    profile = Profile(name="p", packs={}, further=further, rules=("cpro",))

    outcomes, ran, _ = judged(path, profile)

    assert outcomes[Layer.PROFILE] is outcome
    assert [run.name for run in ran] == ["cpro"]
