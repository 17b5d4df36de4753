"""Answers of the historical family, read back from the bytes that leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from lxml import etree

from pipeline.acknowledge.compose import compose
from pipeline.acknowledge.means import Means
from pipeline.model.acknowledgement import AnsweredDocument, AnswerFacts, AnswerFile, FlowOutcome
from pipeline.model.controls import reason
from pipeline.model.finding import Finding, Severity
from pipeline.model.status import InterchangeStep, Step
from pipeline.syntax.cpp_parties import Envelope, Parameter, Partner
from pipeline.syntax.cpp_status import (
    Debtor,
    ErrorLine,
    FactureStatus,
    FluxStatus,
    StatusMessage,
    Supplier,
    read,
)

Facts = Callable[..., AnswerFacts]
Doc = Callable[..., AnsweredDocument]
Numbers = Callable[[str], int]
SECOND = datetime(2026, 10, 5, 8, 31, 7, tzinfo=UTC)
FLOW_ID = "ABC1231100000000000000042"
DEST_INC = reason("DEST_INC", "facture-002.xml BT-46", "SIRET inconnu : 1", "unknown SIRET: 1")
DEST_TODO = (
    "Vérifiez l'identifiant du destinataire auprès de lui, corrigez et renvoyez la facture."
)


def read_back(file: AnswerFile) -> StatusMessage:
    """Read what a partner would read."""
    return read(etree.fromstring(file.payload))


def envelope(flow_id: str) -> tuple[Envelope, ...]:
    """From the hub to the supplier, at the moment of the answer."""
    return (
        Envelope(
            parameters=(Parameter("DtPrd", "2026-10-05T08:31:07Z"), Parameter("IdFlx", flow_id)),
            receiver=Partner("ABC123"),
            sender=Partner("EDIHUB"),
        ),
    )


def deposited(number: str, comment: str | None = None) -> FactureStatus:
    """Say that an ordinary invoice of the supplier was taken."""
    return FactureStatus(
        supplier=Supplier(
            id_type=1, id="73282932000074", name="Papeterie du Lac SARL", country="FR"
        ),
        debtor=Debtor(siret="21750001600019", name="Ville exemple", service="SRV-ACHATS"),
        status=1,
        comment=comment,
        at=SECOND,
        number=number,
        issue_date=date(2026, 10, 2),
    )


def test_an_irrecevable_flow_is_answered_with_every_broken_file(
    some_facts: Facts, numbers: Numbers, means: Means
) -> None:
    """One file, status 93, one line a reason in the order of the controls."""
    facts = some_facts(
        FlowOutcome.REJECTED,
        reasons=(
            reason("IRR_SYNTAX", "b.xml ligne 7", "XSD-1 : date fausse", "XSD-1: wrong date"),
            reason("IRR_VIDE_F", "a.xml", "fichier de 0 octet", "file of 0 bytes"),
        ),
        step=InterchangeStep.REFUSED,
    )

    (file,) = compose(facts, next_number=numbers, means=means)

    again = (
        "Corrigez ce fichier et renvoyez-le dans un nouveau flux, avec tous les autres si le "
        "flux entier est refusé."
    )
    assert file.name == "CSO1100A_ABC123_EDIHUB1100000000000000057"
    assert read_back(file) == StatusMessage(
        envelopes=envelope("EDIHUB1100000000000000057"),
        flows=(
            FluxStatus(
                status=93,
                complement="IRR_VIDE_F",
                comment="Flux irrecevable, rien n'a été intégré. Motif : Fichier vide dans le "
                "flux ; Fichier mal formé ou non conforme au schéma.",
                at=SECOND,
                flow_id=FLOW_ID,
                errors=(
                    ErrorLine(
                        nature="TECHNIQUE",
                        code="IRR_VIDE_F",
                        label="Fichier vide dans le flux",
                        description=f"a.xml : fichier de 0 octet. {again}",
                    ),
                    ErrorLine(
                        nature="APPLICATIVE",
                        code="IRR_SYNTAX",
                        label="Fichier mal formé ou non conforme au schéma",
                        description=f"b.xml ligne 7 : XSD-1 : date fausse. {again}",
                    ),
                ),
            ),
        ),
    )


def test_a_flow_whose_name_breaks_the_grammar_is_named_whole(
    some_facts: Facts, numbers: Numbers, means: Means
) -> None:
    """There is no identifier inside such a name; the sender must still find its file."""
    facts = some_facts(
        FlowOutcome.REJECTED,
        reasons=(reason("IRR_FORM", "facture.xml", "nom non conforme", "bad name"),),
        step=InterchangeStep.REFUSED,
        name="facture.xml",
    )

    (file,) = compose(facts, next_number=numbers, means=means)

    (status,) = read_back(file).flows
    assert (status.flow_id, status.complement) == ("facture.xml", "IRR_FORM")


def test_a_duplicate_flow_is_irrecevable(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """Its documents, unwrapped for counting, are not told one by one."""
    facts = some_facts(
        FlowOutcome.DUPLICATE,
        (a_document(1, Step.DUPLICATE),),
        (reason("IRR_UNICITE", FLOW_ID, "contenu déjà reçu : X", "already received: X"),),
        step=InterchangeStep.DUPLICATE,
    )

    (file,) = compose(facts, next_number=numbers, means=means)

    (status,) = read_back(file).flows
    assert file.name.startswith("CSO1100A_ABC123_")
    assert (status.status, status.complement, status.comment) == (
        93,
        "IRR_UNICITE",
        "Flux déjà reçu : rien de nouveau n'a été intégré.",
    )
    assert [line.code for line in status.errors] == ["IRR_UNICITE"]


@pytest.mark.parametrize("step", [Step.ACCEPTED, Step.ROUTED, Step.DELIVERED, Step.ABANDONED])
def test_a_good_flow_is_answered_by_one_status_an_invoice(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means, step: Step
) -> None:
    """Déposée says that the hub has it, however far its delivery has come."""
    facts = some_facts(FlowOutcome.ACCEPTED, (a_document(1, step), a_document(2, step)))

    (file,) = compose(facts, next_number=numbers, means=means)

    assert file.name == "FEN1200A_ABC123_EDIHUB1200000000000000057"
    assert read_back(file) == StatusMessage(
        envelopes=envelope("EDIHUB1200000000000000057"),
        invoices=(deposited("FA-2026-0001"), deposited("FA-2026-0002")),
    )


def test_refused_invoices_come_first_in_a_file_of_their_own(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """One CPPStatut holds one branch: 96 with the bad ones, then 01 for the good ones."""
    bad = a_document(2, Step.REJECTED, reasons=(DEST_INC,))
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, (a_document(1), bad, a_document(3)))

    first, second = compose(facts, next_number=numbers, means=means)

    assert [first.name, second.name] == [
        "FEN1200A_ABC123_EDIHUB1200000000000000057",
        "FEN1200A_ABC123_EDIHUB1200000000000000058",
    ]
    assert read_back(first) == StatusMessage(
        envelopes=envelope("EDIHUB1200000000000000057"),
        flows=(
            FluxStatus(
                status=96,
                complement="2 factures sur 3 intégrées",
                comment="Flux intégré en partie : 2 factures acceptées sur 3.",
                at=SECOND,
                flow_id=FLOW_ID,
                errors=(
                    ErrorLine(
                        nature="Facture FA-2026-0002",
                        code="DEST_INC",
                        label="Destinataire inconnu ou inactif",
                        description=f"facture-002.xml BT-46 : SIRET inconnu : 1. {DEST_TODO}",
                    ),
                ),
            ),
        ),
    )
    assert read_back(second) == StatusMessage(
        envelopes=envelope("EDIHUB1200000000000000058"),
        invoices=(deposited("FA-2026-0001"), deposited("FA-2026-0003")),
    )


def test_a_flow_of_refused_invoices_only_gets_one_file(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """A recevable flow never gets a 93; a file name stands in for an unread number."""
    reasons = (
        reason("DOUBLON", "a.xml BT-1", "déjà reçue : F1", "already received: F1"),
        DEST_INC,
    )
    bad = a_document(1, Step.REJECTED, reasons=reasons, number=None, name="a.xml")
    facts = some_facts(FlowOutcome.REJECTED, (bad,))

    (file,) = compose(facts, next_number=numbers, means=means)

    (status,) = read_back(file).flows
    assert (file.name[:9], status.status, status.complement, status.comment) == (
        "FEN1200A_",
        96,
        "0 facture sur 1 intégrée",
        "Flux recevable, mais aucune facture acceptée sur 1.",
    )
    assert status.errors == (
        ErrorLine(
            nature="Facture a.xml",
            code="DEST_INC",
            label="Destinataire inconnu ou inactif",
            description="facture-002.xml BT-46 : SIRET inconnu : 1. "
            f"a.xml BT-1 : déjà reçue : F1. {DEST_TODO}",
        ),
    )


def test_a_held_flow_gets_an_interim_notice(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """Received intact, do not resend, the hash, the latest moment; and no detail line."""
    facts = some_facts(FlowOutcome.HELD, (a_document(1), a_document(2, Step.HELD)))

    (file,) = compose(facts, next_number=numbers, means=means)

    assert file.name == "FEN1200A_ABC123_EDIHUB1200000000000000057"
    assert read_back(file).flows == (
        FluxStatus(
            status=90,
            complement="Réponse définitive à venir",
            comment="Flux reçu intact, contrôle en cours : ne le renvoyez pas. Réponse définitive "
            f"au plus tard le 06/10/2026 à 08:31:07 UTC. SHA-256 : {'a3' * 32}.",
            at=SECOND,
            flow_id=FLOW_ID,
        ),
    )


def test_an_accepted_invoice_still_hears_of_its_warnings(
    some_facts: Facts,
    a_document: Doc,
    a_finding: Callable[..., Finding],
    numbers: Numbers,
    means: Means,
) -> None:
    """In this family the European rules do not refuse; a few are told, all are counted."""
    findings = tuple(a_finding(severity=Severity.WARNING, rule=f"BR-{n}") for n in range(1, 8))
    facts = some_facts(FlowOutcome.ACCEPTED, (a_document(1, findings=findings),))

    (file,) = compose(facts, next_number=numbers, means=means)

    told = " ; ".join(f"BR-{n} : Le total TTC est faux." for n in range(1, 6))
    assert read_back(file).invoices == (deposited("FA-2026-0001", f"Avertissements (7) : {told}"),)


@pytest.mark.parametrize(
    ("header", "kind", "identifier"),
    [
        pytest.param({}, 1, "73282932000074", id="siret"),
        pytest.param({"seller_siret": None}, 2, "FR44732829320", id="french-vat"),
        pytest.param(
            {"seller_siret": None, "seller_vat": "DE1", "seller_country": "DE"}, 2, "DE1", id="eu"
        ),
        pytest.param(
            {"seller_siret": None, "seller_vat": "CHE1", "seller_country": "CH"},
            3,
            "CHPapeterie du Lac",
            id="outside-eu",
        ),
        pytest.param({"seller_siret": None, "seller_vat": None}, 6, "732829320", id="siren-alone"),
        pytest.param(
            {"seller_siret": None, "seller_vat": None, "seller_siren": None},
            6,
            "Papeterie du Lac SARL",
            id="name-alone",
        ),
    ],
)
def test_a_supplier_is_told_by_the_best_identifier_it_has(
    some_facts: Facts,
    a_document: Doc,
    numbers: Numbers,
    means: Means,
    header: dict[str, object],
    kind: int,
    identifier: str,
) -> None:
    """The format knows seven kinds of identifiers; not every supplier has a SIRET."""
    facts = some_facts(FlowOutcome.ACCEPTED, (a_document(1, **header),))

    (file,) = compose(facts, next_number=numbers, means=means)

    (status,) = read_back(file).invoices
    assert (status.supplier.id_type, status.supplier.id) == (kind, identifier)


@pytest.mark.parametrize(
    ("siret", "siren", "written"),
    [
        pytest.param(None, "217500016", "21750001600000", id="siren-alone"),
        pytest.param("2175", None, "00000000000000", id="no-siret"),
    ],
)
def test_a_recipient_without_siret_does_not_stop_the_answer(
    some_facts: Facts,
    a_document: Doc,
    numbers: Numbers,
    means: Means,
    siret: str | None,
    siren: str | None,
    written: str,
) -> None:
    """The format wants fourteen characters; the comment says that it is no SIRET."""
    document = a_document(1, buyer_siret=siret, buyer_siren=siren, seller_country="France")
    facts = some_facts(FlowOutcome.ACCEPTED, (document,))

    (file,) = compose(facts, next_number=numbers, means=means)

    (status,) = read_back(file).invoices
    assert (status.debtor.siret, status.supplier.country, status.comment) == (
        written,
        None,
        "Destinataire désigné sans SIRET ; Debiteur/Identifiant complété par des zéros.",
    )


def test_hostile_text_leaves_as_text(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """Markup, controls and endless values neither break the file nor hide what to do."""
    evil = "<a>&\x00\ud800\u202e" + "A" * 100_000
    bad = a_document(
        1, Step.REJECTED, reasons=(reason("DEST_INC", evil, evil, evil),), number=evil
    )
    good = a_document(2, number=evil, buyer_name=evil, buyer_service=evil, seller_name=evil)
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, (bad, good))

    first, second = compose(facts, next_number=numbers, means=means)

    (line,) = read_back(first).flows[0].errors
    (status,) = read_back(second).invoices
    assert line.nature == f"Facture <a>&��\u202e{'A' * 247}…"
    assert line.description is not None
    assert line.description.startswith("<a>&��\u202eAAA")
    assert line.description.endswith(f"A… {DEST_TODO}")
    assert status.number == f"<a>&��\u202e{'A' * 247}…"
    assert status.debtor.service == f"<a>&��\u202e{'A' * 93}"
    assert max(len(first.payload), len(second.payload)) < 20_000


def test_the_same_facts_give_the_same_bytes(
    some_facts: Facts, a_document: Doc, means: Means
) -> None:
    """An answer that is written again is the answer that was sent."""
    bad = a_document(2, Step.REJECTED, reasons=(DEST_INC,))
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, (a_document(1), bad))

    assert compose(facts, next_number=lambda _: 7, means=means) == compose(
        facts, next_number=lambda _: 7, means=means
    )


def test_numbers_are_taken_by_hub_and_interface_code(
    some_facts: Facts, a_document: Doc, means: Means
) -> None:
    """A name holds the hub's code, the interface code and the number: it never comes twice."""
    asked: list[str] = []

    def take(series: str) -> int:
        asked.append(series)
        return 999_999_999_999_999

    (file,) = compose(
        some_facts(FlowOutcome.ACCEPTED, (a_document(1),)), next_number=take, means=means
    )

    assert (asked, file.name) == (
        ["EDIHUB:FEN1200A"],
        "FEN1200A_ABC123_EDIHUB1200999999999999999",
    )


def test_a_connection_without_application_code_is_our_bug(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """The sheet is checked when it is applied; an answer cannot invent the code."""
    facts = some_facts(FlowOutcome.ACCEPTED, (a_document(1),))

    with pytest.raises(ValueError, match="application code"):
        compose(replace(facts, application_code=None), next_number=numbers, means=means)


def test_five_hundred_invoices_are_answered_by_two_files(
    some_facts: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """The largest flow there is: every refused one has its line, every good one its status."""
    good = tuple(a_document(seq) for seq in range(1, 251))
    bad = tuple(
        a_document(seq, Step.REJECTED, reasons=(DEST_INC,) * 20) for seq in range(251, 501)
    )
    facts = some_facts(FlowOutcome.PARTLY_ACCEPTED, good + bad)

    first, second = compose(facts, next_number=numbers, means=means)

    assert (len(read_back(first).flows[0].errors), len(read_back(second).invoices)) == (250, 250)
