"""Answers of the AFNOR and G2B families, read back from the bytes that leave."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from lxml import etree

from pipeline.acknowledge.compose import compose
from pipeline.acknowledge.means import Means
from pipeline.acknowledge.platform import messages_in
from pipeline.adapters.archive import FolderSpool
from pipeline.app.vet import Vetter
from pipeline.bootstrap import make_engine, message_worker, workspace
from pipeline.model.acknowledgement import (
    FLOW_REASONS,
    INVOICE_REASONS,
    AnsweredDocument,
    AnswerFacts,
    AnswerFile,
    FlowOutcome,
)
from pipeline.model.connection import AnswerFamily, AnswerFormat
from pipeline.model.controls import CONTROL, Actor, ControlLevel, reason
from pipeline.model.errors import AnswerUnvetted
from pipeline.model.finding import Finding
from pipeline.model.interface import Interface
from pipeline.model.settings import Settings
from pipeline.model.status import InterchangeStep, Step
from pipeline.syntax.cdar import INVOICE_TYPES, Cdar, Detail, Party, read, write

Facts = Callable[..., AnswerFacts]
Doc = Callable[..., AnsweredDocument]
FindingOf = Callable[..., Finding]
Numbers = Callable[[str], int]
Interfaces = dict[AnswerFamily, Interface]

AFNOR, G2B = AnswerFamily.AFNOR, AnswerFamily.G2B
SECOND = datetime(2026, 10, 5, 8, 31, 7, tzinfo=UTC)
RECEIVED = datetime(2026, 10, 5, 8, 29, 7, tzinfo=UTC)
FLOW_NAME = "FSO1100A_ABC123_ABC1231100000000000000042"
HUB = Party("WK", "9999", "0238")
PLATFORM = Party("WK", "0417", "0238", "Papeterie du Lac")
DEST_TODO = (
    "Vérifiez l'identifiant du destinataire auprès de lui, corrigez et renvoyez la facture."
)
INVOICE_TODO = "Corrigez la facture et renvoyez-la ; elle peut garder son numéro."
FILE_TODO = (
    "Corrigez ce fichier et renvoyez-le dans un nouveau flux, avec tous les autres si le flux "
    "entier est refusé."
)
DEST_INC = reason("DEST_INC", "facture-002.xml BT-46", "SIRET inconnu : 1", "unknown SIRET: 1")

#: Codes that can stand on a flow as a whole, and on one invoice.
OF_FLOWS = sorted(
    code
    for code, control in CONTROL.items()
    if (control.acts is Actor.SENDER and control.step <= 10 and code != "FLOW_IRR")
    or code == "OPERATOR"
)
OF_INVOICES = sorted(
    code
    for code, control in CONTROL.items()
    if (control.acts is Actor.SENDER and control.level is not ControlLevel.FLOW)
    or code in {"OPERATOR", "IRR_ANTIVIRUS", "IRR_UNICITE"}
    if code != "FLOW_IRR"
)


@pytest.fixture(scope="module")
def vet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bytes], None]]:
    """The official rules, run as the hub runs them."""
    folder = tmp_path_factory.mktemp("vet")
    settings = Settings(workers=1)
    engine = make_engine(workspace(), settings, entry=message_worker, readable=(folder,))
    yield Vetter(engine, FolderSpool(folder)).vet
    engine.close()


@pytest.fixture
def facts_of(some_facts: Facts, interfaces: Interfaces) -> Facts:
    """Build facts of a flow that came under an interface of `family`."""

    def build(family: AnswerFamily, outcome: FlowOutcome, *args: Any, **terms: Any) -> AnswerFacts:
        known = {"matricule": "0417"} if family is AFNOR else {"siren": "217500016"}
        terms = {"interface": interfaces[family], **known, **terms}
        return some_facts(outcome, *args, **terms)

    return build


def message(file: AnswerFile) -> Cdar:
    """Read the one message of a plain file."""
    return read(etree.fromstring(file.payload))


def messages(file: AnswerFile) -> dict[str, Cdar]:
    """Read every message of a packed file, by its name in there."""
    with tarfile.open(fileobj=io.BytesIO(file.payload)) as tar:
        return {
            member.name: read(etree.fromstring(tar.extractfile(member).read()))  # type: ignore[union-attr]  # all are files
            for member in tar
        }


def about_invoice(number: int, ident: str, **terms: Any) -> Cdar:
    """Return what every message about an ordinary invoice of the supplier says."""
    return Cdar(
        **{
            "id": ident,
            "issued_at": SECOND,
            "sender": HUB,
            "issuer": HUB,
            "recipients": (PLATFORM,),
            "set_at": SECOND,
            "reference": f"FA-2026-{number:04d}",
            "type_code": "380",
            "flow": FLOW_NAME,
            "received_at": RECEIVED,
            "issue_date": date(2026, 10, 2),
            "seller": Party("SE", "732829320", "0002"),
            "buyer": Party("BY", "21750001600019", "0009"),
            **terms,
        }
    )


def test_a_platform_hears_that_its_flow_is_recevable_then_of_each_invoice(
    facts_of: Facts, a_document: Doc, a_finding: FindingOf, numbers: Numbers, means: Means
) -> None:
    """500 in a plain file; 202 and 213 in one archive, each with what is asked for."""
    broken = reason(
        "REJ_SEMAN",
        "facture-002.xml BT-112 ligne 42",
        "BR-CO-15 : Le total TTC est faux.",
        "BR-CO-15: The total with VAT is wrong.",
    )
    documents = (
        a_document(1),
        a_document(2, Step.REJECTED, reasons=(DEST_INC, broken), findings=(a_finding(),) * 5),
    )
    facts = facts_of(AFNOR, FlowOutcome.PARTLY_ACCEPTED, documents)

    recevable, invoices = compose(facts, next_number=numbers, means=means)

    assert recevable.name == "CSO1150A_ABC123_EDIHUB1150000000000000057"
    assert message(recevable) == Cdar(
        id="EDIHUB1150000000000000057",
        name="CDV-500 Recevable",
        issued_at=SECOND,
        sender=HUB,
        issuer=HUB,
        recipients=(PLATFORM,),
        set_at=SECOND,
        reference=FLOW_NAME,
        received_at=RECEIVED,
        issue_date=date(2026, 10, 5),
        status=500,
        label="Recevable",
    )
    assert invoices.name == "FEN1214A_ABC123_EDIHUB1214000000000000057"
    ident = "EDIHUB1214000000000000057"
    assert messages(invoices) == {
        f"{ident}-0001.xml": about_invoice(
            1,
            f"{ident}-0001",
            name="CDV-202 Reçue par la plateforme",
            transmission="43",
            status=202,
            label="Reçue par la plateforme",
        ),
        f"{ident}-0002.xml": about_invoice(
            2,
            f"{ident}-0002",
            name="CDV-213 Rejetée",
            transmission="8",
            status=213,
            label="Rejetée",
            details=(
                Detail(
                    sequence=1,
                    reason="REJ_SEMAN",
                    text="REJ_SEMAN : Règle de gestion non respectée",
                    action="NIN",
                    rule="BR-CO-15",
                    note=f"Le total TTC est faux. {INVOICE_TODO}",
                    subject="facture-002.xml BT-112 ligne 42",
                ),
                Detail(
                    sequence=2,
                    reason="DEST_INC",
                    text="DEST_INC : Destinataire inconnu ou inactif",
                    action="NIN",
                    note=f"SIRET inconnu : 1. {DEST_TODO}",
                    subject="facture-002.xml BT-46",
                ),
                Detail(
                    sequence=3,
                    reason="REJ_SEMAN",
                    action="NIN",
                    note="3 autres constats non listés.",
                ),
            ),
        ),
    }


def test_a_public_sender_hears_of_each_invoice_and_nothing_of_a_recevable_flow(
    facts_of: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """200, to the sender by its SIREN and address; there is no 500."""
    facts = facts_of(G2B, FlowOutcome.ACCEPTED, (a_document(1),))

    (invoices,) = compose(facts, next_number=numbers, means=means)

    ident = "EDIHUB3110000000000000057"
    assert invoices.name == f"CSO3110A_ABC123_{ident}"
    assert messages(invoices) == {
        f"{ident}-0001.xml": about_invoice(
            1,
            f"{ident}-0001",
            name="CDV-200 Déposée",
            recipients=(Party("SE", "217500016", "0002", "Papeterie du Lac", "217500016"),),
            transmission="10",
            status=200,
            label="Déposée",
        )
    }


@pytest.mark.parametrize(("family", "code"), [(AFNOR, "CSO1150A"), (G2B, "CSI3110A")])
def test_an_irrecevable_flow_is_told_with_every_reason_the_exact_code_first(
    facts_of: Facts, numbers: Numbers, means: Means, family: AnswerFamily, code: str
) -> None:
    """501 in a plain file, without a date of the flow."""
    facts = facts_of(
        family,
        FlowOutcome.REJECTED,
        reasons=(
            reason("IRR_SYNTAX", "b.xml ligne 7", "XSD-1 : date fausse", "XSD-1: wrong date"),
            reason("IRR_VIDE", "", "fichier de 0 octet", "file of 0 bytes"),
        ),
        step=InterchangeStep.REFUSED,
    )

    (file,) = compose(facts, next_number=numbers, means=means)

    told = message(file)
    assert file.name.startswith(f"{code}_ABC123_EDIHUB{code[3:7]}")
    assert (told.status, told.label, told.reference) == (501, "Irrecevable", FLOW_NAME)
    assert told.details == (
        Detail(
            sequence=1,
            reason="IRR_VIDE_F",
            text="IRR_VIDE : Flux vide",
            note="fichier de 0 octet. Produisez le fichier à nouveau, puis déposez-le entier.",
        ),
        Detail(
            sequence=2,
            reason="IRR_SYNTAX",
            text="IRR_SYNTAX : Fichier mal formé ou non conforme au schéma",
            note=f"XSD-1 : date fausse. {FILE_TODO}",
            subject="b.xml ligne 7",
        ),
    )


def test_while_an_invoice_waits_a_platform_hears_500_and_never_again(
    facts_of: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """The interim notice is the recevability; the final answer tells only the invoices."""
    why = reason("ENGINE_CRASH", "", "", "")
    held = facts_of(
        AFNOR, FlowOutcome.HELD, (a_document(1), a_document(2, Step.HELD, reasons=(why,)))
    )
    (notice,) = compose(held, next_number=numbers, means=means)
    final = facts_of(AFNOR, FlowOutcome.ACCEPTED, (a_document(1),), said=(notice.name,))

    (answer,) = compose(final, next_number=numbers, means=means)

    assert message(notice).status == 500
    assert [one.status for one in messages(answer).values()] == [202]


@pytest.mark.parametrize(
    ("family", "step"),
    [(AFNOR, InterchangeStep.HELD), (G2B, InterchangeStep.HELD), (G2B, InterchangeStep.OPENED)],
)
def test_what_the_family_has_no_word_for_is_said_in_json(
    facts_of: Facts,
    a_document: Doc,
    numbers: Numbers,
    means: Means,
    family: AnswerFamily,
    step: InterchangeStep,
) -> None:
    """A flow that may still turn out irrecevable is not called recevable, nor left unanswered."""
    document = a_document(1, Step.HELD, reasons=(reason("ENGINE_CRASH", "", "", ""),))
    facts = facts_of(family, FlowOutcome.HELD, (document,), step=step)

    files = compose(facts, next_number=numbers, means=means)

    assert [file.name for file in files] == [f"{FLOW_NAME}.F0123456789ABCDEF.held.json"]


@pytest.mark.parametrize("family", AnswerFamily)
def test_a_sheet_may_ask_for_json_and_a_page_besides(
    facts_of: Facts, a_document: Doc, means: Means, family: AnswerFamily
) -> None:
    """They come after the family's own files, which stay as they are."""
    plain = facts_of(family, FlowOutcome.ACCEPTED, (a_document(),))
    asked = replace(plain, formats=(AnswerFormat.HTML, AnswerFormat.JSON))

    alone = compose(plain, next_number=lambda _: 1, means=means)
    files = compose(asked, next_number=lambda _: 1, means=means)

    assert files[: len(alone)] == alone
    assert [file.name for file in files[len(alone) :]] == [
        f"{FLOW_NAME}.F0123456789ABCDEF.ack.json",
        f"{FLOW_NAME}.F0123456789ABCDEF.ack.html",
    ]


def test_what_cannot_be_read_is_told_by_the_published_substitutes(
    facts_of: Facts, a_document: Doc, numbers: Numbers, means: Means
) -> None:
    """Number, date and SIREN must be there; a type that is none is left out."""
    terms = dict.fromkeys(("number", "issue_date", "seller_siren", "buyer_siret", "buyer_siren"))
    document = a_document(1, Step.REJECTED, reasons=(DEST_INC,), type_code="999", **terms)

    (_, file) = compose(
        facts_of(AFNOR, FlowOutcome.REJECTED, (document,)), next_number=numbers, means=means
    )

    (told,) = messages(file).values()
    assert (told.reference, told.issue_date, told.seller, told.buyer, told.type_code) == (
        "X" * 20,
        date(1900, 1, 1),
        Party("SE", "000000000", "0002"),
        None,
        None,
    )


def test_the_same_facts_give_the_same_bytes(
    facts_of: Facts, a_document: Doc, means: Means
) -> None:
    """A file found at the partner's can be recognised as the one that was to be sent."""
    facts = facts_of(AFNOR, FlowOutcome.ACCEPTED, (a_document(1), a_document(2)))

    once, again = (compose(facts, next_number=lambda _: 7, means=means) for _ in range(2))

    assert once == again


def test_every_control_has_a_published_reason(means: Means) -> None:
    """The shipped table closes the gap between the controls and the rules' lists."""
    unpublished = {
        *(one for one in OF_FLOWS if means.reasons.flow.get(one, one) not in FLOW_REASONS),
        *(
            one
            for one in OF_INVOICES
            if means.reasons.invoice.get(one, one) not in INVOICE_REASONS
        ),
    }

    assert unpublished == set()


def test_a_reason_without_a_published_code_is_our_bug(
    facts_of: Facts, numbers: Numbers, means: Means
) -> None:
    """Better no answer than one that says something else."""
    facts = facts_of(
        AFNOR,
        FlowOutcome.REJECTED,
        reasons=(reason("DEST_INC", "", "", ""),),
        step=InterchangeStep.REFUSED,
    )

    with pytest.raises(ValueError, match=r"DEST_INC: config/reasons\.toml"):
        compose(facts, next_number=numbers, means=means)


@pytest.mark.parametrize("known", [{"matricule": "0417"}, {"siren": "732829320"}, {}], ids=str)
@pytest.mark.parametrize("family", [AFNOR, G2B], ids=lambda family: family.value)
def test_whatever_is_said_passes_the_official_rules(
    facts_of: Facts,
    a_document: Doc,
    a_finding: FindingOf,
    means: Means,
    vet: Callable[[bytes], None],
    family: AnswerFamily,
    known: dict[str, str],
) -> None:
    """Every outcome, every code, every way a sender may be known, hostile texts included."""
    sender = {"matricule": None, "siren": None, **known}
    hostile = "\x00\u202e]]>&<é" * 500
    refusals = [reason(code, hostile, hostile, hostile) for code in OF_FLOWS]
    rejected = [
        a_document(
            seq,
            Step.REJECTED,
            reasons=(reason(code, hostile, f"{hostile} : faux", hostile),),
            findings=(a_finding(rule=hostile),) * 3,
            number=hostile,
            type_code=kind,
            seller_siren=hostile,
        )
        for seq, (code, kind) in enumerate(
            zip(OF_INVOICES, sorted(INVOICE_TYPES) * 3, strict=False), 1
        )
    ]
    unread = a_document(
        90, Step.REJECTED, reasons=(DEST_INC,), number=None, issue_date=None, seller_siren=None
    )
    said = [
        facts_of(family, FlowOutcome.ACCEPTED, (a_document(1),), **sender),
        facts_of(
            family, FlowOutcome.PARTLY_ACCEPTED, (a_document(1), *rejected, unread), **sender
        ),
        facts_of(family, FlowOutcome.HELD, (a_document(1, Step.HELD),), **sender),
        facts_of(
            family,
            FlowOutcome.REJECTED,
            reasons=tuple(refusals),
            step=InterchangeStep.REFUSED,
            name=hostile[:200],
            **sender,
        ),
        facts_of(
            family,
            FlowOutcome.DUPLICATE,
            reasons=(reason("IRR_UNICITE", "", "", ""),),
            step=InterchangeStep.DUPLICATE,
            **sender,
        ),
    ]
    files = [
        file for facts in said for file in compose(facts, next_number=lambda _: 1, means=means)
    ]

    for file in files:
        vet(file.payload)

    carried = [message for file in files for message in messages_in(file.payload)]
    about_flows = 5 if family is AFNOR else 2
    assert len(carried) == about_flows + len(rejected) + 3
    assert {read(etree.fromstring(one)).recipients[0].role for one in carried} == (
        {"SE"} if "siren" in known else {"WK"}
    )


def test_a_message_that_breaks_a_rule_does_not_leave(
    means: Means, vet: Callable[[bytes], None]
) -> None:
    """The official rules have the last word, whatever we thought when we wrote it."""
    silent = about_invoice(1, "X-1", status=213, seller=None)

    with pytest.raises(AnswerUnvetted, match="BR-FR-CDV-15"):
        vet(write(silent, means.cdar))


def test_other_answers_carry_no_message(vet: Callable[[bytes], None]) -> None:
    """What is no CDAR has nothing to be held against."""
    vet(b'<?xml version="1.0"?><CPPStatut/>')

    assert messages_in(b'{"schema":"edi-answer/1"}') == ()
