"""What `edi validate --format html` writes: complete for a person, inert for a browser."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

from lxml import html

from pipeline.model.finding import Finding, Layer, LayerResult, Outcome, Severity
from pipeline.model.report import Judged, PackRun, RoutingHeader, Syntax, Trouble, ValidationReport
from pipeline.validate.render import Judgement, report_page

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x00\ud800\u202egnp.exe"
PACK = PackRun("en16931-ubl", "1.3.16", "ab" * 32, 979)
SOUND = Judged(
    ValidationReport(
        syntax=Syntax.UBL_INVOICE,
        layers=tuple(LayerResult.of(layer, ()) for layer in Layer),
        packs=(PACK,),
    ),
    RoutingHeader(number="FA-1", issue_date=date(2026, 11, 24)),
)


def a_finding(**changes: object) -> Finding:
    """Make a broken rule with its place."""
    found = Finding(
        rule="BR-CO-15",
        severity=Severity.FATAL,
        term="BT-112",
        xpath="/*:Invoice[namespace-uri()='urn:x'][1]/*:TaxInclusiveAmount[1]",
        line=42,
        value="299.99",
        expected="288.00",
        message={"fr": "Le total TTC est faux.", "en": "The total with VAT is wrong."},
    )
    return replace(found, **changes)  # type: ignore[arg-type]  # fields are of many types


def broken(*findings: Finding, layer: Layer = Layer.SEMANTICS) -> Judged:
    """Make a document that fails in one layer."""
    results = tuple(LayerResult.of(each, findings if each is layer else ()) for each in Layer)
    return Judged(replace(SOUND.report, layers=results), SOUND.header)


def text_of(page: bytes) -> str:
    """Return what a person reads, white space folded, without the style sheet."""
    body = html.document_fromstring(page.decode("utf-8")).find("body")
    assert body is not None
    return " ".join(" ".join(map(str, body.itertext())).split())


def test_a_finding_is_told_with_rule_place_value_and_what_to_do() -> None:
    """Nobody has to open the JSON to correct an invoice."""
    text = text_of(report_page([Judgement("a.xml", "a.xml", broken(a_finding()))], "en16931"))

    assert "À corriger To be corrected 1 document(s), profil en16931" in text
    assert (
        "a.xml invalide invalid FA-1 · 24/11/2026 · ubl-invoice "
        "syntaxe : valide syntax: valid structure : valide structure: valid "
        "sémantique : invalide semantics: invalid profil : valide profile: valid "
        "en16931-ubl 1.3.16, 979 règles "
        "À faire : Corrigez la facture et renvoyez-la ; elle peut garder son numéro. "
        "To do: Correct the invoice and send it again; it may keep its number. "
        "BR-CO-15 BT-112 ligne 42 line 42 bloquant fatal "
        "Le total TTC est faux. The total with VAT is wrong. "
        "Trouvé : Found: 299.99 Attendu : Expected: 288.00 /Invoice[1]/TaxInclusiveAmount[1]"
    ) in text
    assert f"en16931-ubl 1.3.16 979 {PACK.sha256}" in text


def test_the_summary_counts_and_the_worst_comes_first() -> None:
    """Unclear before invalid before valid."""
    layers = (
        LayerResult(Layer.SYNTAX, Outcome.VALID),
        LayerResult(Layer.SEMANTICS, Outcome.UNCLEAR),
    )
    unclear = Judged(
        ValidationReport(
            syntax=Syntax.CII,
            layers=layers,
            trouble=Trouble.PACK_MISSING,
            trouble_detail="en16931-cii: not found",
        )
    )
    judged = [
        Judgement("good.xml", "good.xml", SOUND),
        Judgement("bad.xml", "bad.xml", broken(a_finding())),
        Judgement("flow.zip", "inside.xml", unclear),
    ]

    text = text_of(report_page(judged, "auto"))

    assert "Contrôle incomplet Check incomplete 3 document(s)" in text
    assert "1 valide valid 1 invalide invalid 1 indéterminé unclear" in text
    assert text.index("flow.zip") < text.index("bad.xml") < text.index("good.xml")
    assert "flow.zip indéterminé unclear inside.xml" in text
    assert "PACK_MISSING en16931-cii: not found" in text
    assert "edi packs list" in text


def test_a_control_of_ours_says_its_own_action() -> None:
    """A flow that cannot be opened is told as its sender would be."""
    empty = a_finding(rule="IRR_VIDE", term=None, line=None, value=None, xpath="")

    text = text_of(report_page([Judgement("a", "a", broken(empty, layer=Layer.SYNTAX))], "auto"))

    assert "elle peut garder son numéro" not in text
    assert "À faire :" in text


def test_warnings_ask_for_nothing_and_follow_what_is_fatal() -> None:
    """A valid document stays valid."""
    warning = a_finding(rule="BR-W", severity=Severity.WARNING)

    alone = text_of(report_page([Judgement("a", "a", broken(warning))], "auto"))
    both = text_of(report_page([Judgement("a", "a", broken(warning, a_finding()))], "auto"))

    assert "Tout est valide All valid" in alone
    assert "À faire" not in alone
    assert both.index("BR-CO-15") < both.index("BR-W")


def test_many_findings_are_counted_and_not_all_shown() -> None:
    """A page of a hundred thousand findings helps nobody."""
    page = report_page([Judgement("a", "a", broken(*(a_finding() for _ in range(205))))], "auto")

    assert page.count(b"<code>BR-CO-15</code>") == 200
    assert "… et 5 autres, avec --format json … and 5 more" in text_of(page)


def test_the_page_obeys_nothing_that_stands_in_a_document() -> None:
    """Paths, names, values and messages are shown, never run; nothing is fetched."""
    evil = a_finding(value=EVIL, message={"fr": EVIL, "en": EVIL}, xpath=EVIL, rule=EVIL)
    named = replace(broken(evil), header=RoutingHeader(number=EVIL))

    page = report_page([Judgement(EVIL, EVIL, named)], EVIL)

    tree: Any = html.document_fromstring(page.decode("utf-8"))
    assert not tree.xpath("//script | //img | //link | //iframe | //@onerror | //@src | //@href")
    assert not re.search("[\u202a-\u202e\x00]", page.decode("utf-8"))
    (css,) = tree.xpath("//style/text()")
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert "default-src 'none'" in policy
    assert b64encode(sha256(css.encode()).digest()).decode() in policy
    assert tree.get("lang") == "fr"


def test_what_is_not_known_of_a_document_is_left_out() -> None:
    """A file that could not be read has neither number nor syntax: a lone "?" tells nothing."""
    unread = ValidationReport(syntax=None, layers=SOUND.report.layers)

    text = text_of(report_page([Judgement("a.bin", "a.bin", Judged(unread))], "auto"))

    assert "a.bin valide valid syntaxe : valide" in text
    assert "?" not in text
