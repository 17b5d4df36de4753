"""The readable answer: complete for a person, inert for a browser."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from lxml import html

from pipeline.acknowledge.page import answer_page
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, Figure, FlowOutcome
from pipeline.model.controls import reason
from pipeline.model.finding import Finding, Severity
from pipeline.model.status import InterchangeStep, Step

Facts = Callable[..., AnswerFacts]
Doc = Callable[..., AnsweredDocument]
DEST_INC = reason("DEST_INC", "facture-002.xml BT-46", "SIRET inconnu : 1", "unknown SIRET: 1")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x00\ud800\u202egnp.exe"


def tree(page: bytes) -> html.HtmlElement:
    """Parse the page as a browser would."""
    return html.document_fromstring(page.decode("utf-8"))


def text_of(page: bytes) -> str:
    """Return what a person reads, white space folded, without the style sheet."""
    body = tree(page).find("body")
    assert body is not None
    return " ".join(" ".join(map(str, body.itertext())).split())


def test_a_refused_invoice_says_what_where_why_and_what_to_do(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """Number, file, amount, rule, term, line, value, message, action: nobody has to ask."""
    finding = a_finding()
    told = reason(
        "REJ_SEMAN",
        "facture-002.xml BT-112 ligne 42",
        f"BR-CO-15 : {finding.message['fr']}",
        f"BR-CO-15: {finding.message['en']}",
    )
    bad = a_document(2, Step.REJECTED, reasons=(told,), findings=(finding,))

    text = text_of(
        answer_page(some_facts(FlowOutcome.PARTLY_ACCEPTED, (a_document(1), bad), free=True))
    )

    assert (
        "Factures refusées (1) Refused invoices "
        "Facture Invoice FA-2026-0002 300,00 EUR "
        "facture-002.xml · 02/10/2026 · destinataire recipient Ville exemple 21750001600019 "
        "REJ_SEMAN Règle de gestion non respectée Business rule not met "
        "À faire : Corrigez la facture et renvoyez-la ; elle peut garder son numéro. "
        "To do: Correct the invoice and send it again; it may keep its number. "
        "BR-CO-15 BT-112 ligne 42 line 42 bloquant fatal "
        "Le total TTC est faux. The total with VAT is wrong. "
        "Trouvé : Found: 299.99 Attendu : Expected: 288.00 "
        "/Invoice[1]/TaxInclusiveAmount[1] "
        "Factures acceptées (1) Accepted invoices"
    ) in text


def test_a_reason_that_no_finding_tells_is_told(some_facts: Facts, a_document: Doc) -> None:
    """Duplicates and unknown recipients have no rule pack behind them."""
    bad = a_document(2, Step.REJECTED, reasons=(DEST_INC,))

    text = text_of(answer_page(some_facts(FlowOutcome.REJECTED, (bad,), free=True)))

    assert (
        "DEST_INC Destinataire inconnu ou inactif Recipient unknown or inactive À faire : "
        "Vérifiez l'identifiant du destinataire auprès de lui, corrigez et renvoyez la facture. "
        "To do: Check the recipient's identifier with them, correct the invoice and send it "
        "again. facture-002.xml BT-46 SIRET inconnu : 1. Unknown SIRET: 1."
    ) in text


@pytest.mark.parametrize(
    ("outcome", "step", "title"),
    [
        (FlowOutcome.ACCEPTED, InterchangeStep.OPENED, "Accepté Accepted"),
        (
            FlowOutcome.PARTLY_ACCEPTED,
            InterchangeStep.OPENED,
            "Accepté en partie Accepted in part",
        ),
        (FlowOutcome.REJECTED, InterchangeStep.REFUSED, "Refusé Refused"),
        (FlowOutcome.REJECTED, InterchangeStep.OPENED, "Refusé Refused"),
        (FlowOutcome.DUPLICATE, InterchangeStep.DUPLICATE, "Déjà reçu Already received"),
        (
            FlowOutcome.HELD,
            InterchangeStep.HELD,
            "Reçu, contrôle en cours Received, being checked",
        ),
    ],
    ids=["accepted", "partly", "irrecevable", "all-refused", "duplicate", "held"],
)
def test_each_outcome_is_told_in_one_look(
    some_facts: Facts, outcome: FlowOutcome, step: InterchangeStep, title: str
) -> None:
    """The verdict stands first, in words, then the file it is about."""
    told = (reason("IRR_VIDE", "a.xml", "fichier de 0 octet", "file of 0 bytes"),)
    facts = some_facts(outcome, (), told, step=step, name="octobre.tar.gz", free=True)

    text = text_of(answer_page(facts))

    assert text.startswith(f"Réponse à votre flux Answer to your flow {title} octobre.tar.gz ")
    assert "Motifs pour le flux entier Reasons for the flow as a whole IRR_VIDE Flux vide" in text
    assert f"SHA-256 {'a3' * 32} Reçu le Received 05/10/2026 à 08:29:07 UTC" in text


def test_sound_files_of_a_refused_flow_are_listed_apart(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """The one broken file of 200 must not hide among 199 that need nothing."""
    finding = a_finding(term=None, rule="XSD")
    broken = reason("IRR_SYNTAX", "facture-003.xml ligne 42", finding.message["fr"], "x")
    lost = tuple(
        a_document(seq, Step.REJECTED, reasons=(reason("FLOW_IRR", f"{seq}", "", ""),))
        for seq in (1, 2)
    )
    bad = a_document(3, Step.REJECTED, reasons=(broken,), findings=(finding,))
    facts = some_facts(
        FlowOutcome.REJECTED, (*lost, bad), (broken,), step=InterchangeStep.REFUSED, free=True
    )

    page = tree(answer_page(facts))

    titles = [" ".join(h2.text_content().split()) for h2 in page.iter("h2")]
    assert titles == [
        "Factures refusées (1) Refused invoices",
        "Fichier sain d'un flux irrecevable (2) Sound file of a flow refused as a whole",
        "Ce qui a été reçu What was received",
    ]
    assert [card.text_content()[:24] for card in page.iter("article")] == [
        "Facture Invoice FA-2026-"
    ]
    assert [row[1].text_content() for row in page.iterfind(".//tbody/tr")] == [
        "Facture Invoice FA-2026-0001",
        "Facture Invoice FA-2026-0002",
    ]


def test_warnings_stand_with_the_accepted_invoice(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """Accepted is not the same as faultless; a few are shown, the rest counted."""
    warning = a_finding(
        severity=Severity.WARNING,
        message={"fr": "[en] Legal note missing.", "en": "Legal note missing."},
    )
    document = a_document(1, findings=(warning,) * 5, type_code="381")

    text = text_of(answer_page(some_facts(FlowOutcome.ACCEPTED, (document,), free=True)))

    assert "1 Avoir Credit note FA-2026-0001 02/10/2026" in text
    assert "-300,00 EUR" in text
    assert text.count("avertissement warning Legal note missing.") == 3
    assert "… et 2 autres constats, dans la réponse JSON." in text
    assert "[en]" not in text


def test_a_waiting_document_asks_nothing_of_its_sender(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """What is held stands apart from what is refused, with what is known of it so far."""
    held = a_document(
        1,
        Step.HELD,
        reasons=(reason("ENGINE_TIMEOUT", "facture-001.xml", "arrêté", "stopped"),),
        findings=(
            a_finding(
                severity=Severity.WARNING,
                term=None,
                line=None,
                value=None,
                expected=None,
                xpath="",
            ),
        ),
    )

    text = text_of(answer_page(some_facts(FlowOutcome.HELD, (held,), free=True)))

    assert "1 en attente waiting 300,00 EUR" in text
    assert (
        "Factures en attente (1) Invoices waiting Facture Invoice FA-2026-0001 300,00 EUR "
        "facture-001.xml · 02/10/2026 · destinataire recipient Ville exemple 21750001600019 "
        "ENGINE_TIMEOUT Contrôle trop long Check took too long À faire : Ne renvoyez rien : un "
        "opérateur du hub reprend le contrôle ou tranche. To do: Do not send it again: an "
        "operator of the hub runs the check again or decides. "
        "facture-001.xml Arrêté. Stopped. "
        "BR-CO-15 avertissement warning Le total TTC est faux. The total with VAT is wrong. "
        "Ce qui a été reçu What was received"
    ) in text
    assert "Réponse définitive avant le Final answer by 06/10/2026 à 08:31:07 UTC" in text


def test_a_document_that_could_not_be_read_is_still_told(
    some_facts: Facts, a_document: Doc
) -> None:
    """No number, no date, no amount: the file's name is all there is."""
    bad = a_document(
        1,
        Step.REJECTED,
        reasons=(reason("IRR_SYNTAX", "x.xml", "XML mal formé", "not well-formed"),),
        name="x.xml",
        number=None,
        issue_date=None,
        total_with_vat=None,
        buyer_name=None,
        buyer_siret=None,
        buyer_siren=None,
    )

    text = text_of(answer_page(some_facts(FlowOutcome.REJECTED, (bad,), free=True)))

    assert "Refused invoices x.xml – x.xml IRR_SYNTAX" in text


def test_hostile_text_is_inert(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """Every place that shows a sender's text shows it as text, in its own direction."""
    finding = a_finding(
        rule=EVIL, term=EVIL, xpath=EVIL, value=EVIL, message={"fr": EVIL, "en": EVIL}
    )
    bad = a_document(
        1,
        Step.REJECTED,
        reasons=(reason("REJ_SEMAN", EVIL, EVIL + "?", EVIL + "?"),),
        findings=(finding,),
        name=EVIL,
        number=EVIL,
        buyer_name=EVIL,
        currency=EVIL,
    )
    own = (reason("IRR_TYPE", EVIL, EVIL, EVIL),)
    good = a_document(2, number=EVIL, buyer_name=EVIL)
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, (bad, good), own, name=EVIL, free=True)

    page = answer_page(facts)

    root = tree(page)
    assert [node.tag for node in root.iter("script", "img", "iframe", "link", "a", "form")] == []
    assert {name for node in root.iter() for name in node.attrib} == {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
    }
    assert re.search("[\u202a-\u202e\u2066-\u2069\x00]", page.decode("utf-8")) is None
    assert "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&���gnp.exe" in text_of(page)


def test_long_text_is_cut(some_facts: Facts, a_document: Doc) -> None:
    """A number of eight megabytes would make a page nobody can open."""
    huge = "A" * 1_000_000
    bad = a_document(
        1,
        Step.REJECTED,
        reasons=(reason("DEST_INC", huge, huge, huge),),
        number=huge,
        buyer_name=huge,
        currency=huge,
    )

    page = answer_page(some_facts(FlowOutcome.REJECTED, (bad,), free=True, name=huge))

    assert len(page) < 30_000
    assert "Vérifiez l'identifiant du destinataire" in text_of(page)


def test_the_page_allows_nothing_but_its_own_style(some_facts: Facts, a_document: Doc) -> None:
    """The policy names the style by its hash, so that no other one, and no script, can run."""
    page = answer_page(some_facts(FlowOutcome.ACCEPTED, (a_document(),), free=True))

    style = re.search(b"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1]).digest()).decode()
    policy = tree(page).find(".//meta[@http-equiv]")
    assert policy is not None
    assert policy.get("content") == (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"
    )
    assert b"url(" not in style[1]
    assert b"@import" not in style[1]
    assert page.startswith(b'<!DOCTYPE html>\n<html lang="fr"><head><meta charset="utf-8">')


def test_five_hundred_documents_are_all_shown(
    some_facts: Facts, a_document: Doc, a_finding: Callable[..., Finding]
) -> None:
    """Refused ones first, accepted ones in one table; the same bytes every time."""
    bad = tuple(
        a_document(seq, Step.REJECTED, reasons=(DEST_INC,), findings=(a_finding(),) * 3)
        for seq in range(251, 501)
    )
    good = tuple(a_document(seq) for seq in range(1, 251))
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, good + bad, free=True)

    page = answer_page(facts)

    root = tree(page)
    assert (len(root.findall(".//article")), len(root.findall(".//tbody/tr"))) == (250, 250)
    assert page == answer_page(facts)


def test_what_was_agreed_and_counted_is_shown(some_facts: Facts, a_document: Doc) -> None:
    """The manifest stands beside what was found; that nobody looked for malware is said."""
    facts = some_facts(
        FlowOutcome.ACCEPTED,
        (a_document(),),
        answer_by=datetime(2026, 10, 6, 8, tzinfo=UTC),
        figures=(Figure("count", "2", "1"), Figure("sum EUR", "300.00", "300.00")),
    )

    text = text_of(answer_page(facts))

    assert (
        "Bordereau du flux Manifest of the flow Donnée Figure Annoncée Announced Trouvée Found "
        "Concorde Agrees count 2 1 NON NO sum EUR 300.00 300.00 oui yes"
    ) in text
    assert (
        "Antivirus Malware scanner aucun (none) Réponse convenue avant le Agreed by "
        "06/10/2026 à 08:00:00 UTC (2026-10-06 at 08:00:00 UTC)"
    ) in text
