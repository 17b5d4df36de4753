"""What a receiver takes: each rule holds, and is broken, by one thing."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.model.agreement import Need, TakenAttachments, Takes
from pipeline.model.decision import Verdict
from pipeline.model.finding import Finding, Severity
from pipeline.model.report import (
    AttachedFile,
    RoutingHeader,
    SchemaRun,
    Syntax,
    ValidationReport,
)
from pipeline.route.taking import RULES, check_taken

#: Everything that can be asked.
STRICT = Takes(
    name="strict",
    syntaxes=("ubl-invoice",),
    types=("380",),
    frames=("A1",),
    currencies=("EUR",),
    needs=(Need.SERVICE, Need.ENGAGEMENT, Need.EITHER),
    attachments=TakenAttachments(
        extensions=frozenset({"pdf"}), file_bytes=10, total_bytes=15, files=2
    ),
    schemas={"ubl-invoice": ("receiver-ubl",)},
)
HEADER: dict[str, Any] = {
    "type_code": "380",
    "frame": "A1",
    "currency": "EUR",
    "buyer_service": "FACTURES",
    "order_reference": "ENG-1",
}
PDF = AttachedFile("a.pdf", "pdf", 8)


def reasons(
    takes: Takes = STRICT,
    attached: tuple[AttachedFile, ...] = (PDF,),
    syntax: Syntax = Syntax.UBL_INVOICE,
    runs: tuple[SchemaRun, ...] = (),
    **header: str | None,
) -> tuple[Verdict, list[str]]:
    """Return the verdict, and the rule that each reason names."""
    report = ValidationReport(syntax=syntax, layers=(), attached=attached, receivers=runs)
    decision = check_taken("a.xml", RoutingHeader(**(HEADER | header)), report, takes)
    return decision.verdict, [one.message["fr"].split(" ")[0] for one in decision.reasons]


def test_what_is_as_agreed_is_taken() -> None:
    """Every limit of it is met, to the byte."""
    full = (AttachedFile("a.pdf", "pdf", 10), AttachedFile("b.pdf", "pdf", 5))

    assert reasons(attached=full) == (Verdict.ACCEPT, [])


@pytest.mark.parametrize(
    ("rules", "changed"),
    [
        (["TAKES-01"], {"syntax": Syntax.CII}),
        (["TAKES-02"], {"type_code": "381"}),
        (["TAKES-03"], {"frame": None}),
        (["TAKES-04"], {"currency": "USD"}),
        (["TAKES-05"], {"attached": (AttachedFile("a.exe", "exe", 1),)}),
        (["TAKES-06"], {"attached": (AttachedFile("a.pdf", "pdf", 11),)}),
        (["TAKES-07"], {"attached": (PDF, PDF)}),
        (["TAKES-08"], {"attached": (AttachedFile("a.pdf", "pdf", 1),) * 3}),
        (["TAKES-09"], {"buyer_service": None}),
        (["TAKES-10"], {"order_reference": "NA"}),
        (["TAKES-09", "TAKES-10", "TAKES-11"], {"buyer_service": None, "order_reference": None}),
    ],
)
def test_each_rule_is_broken_by_one_thing(rules: list[str], changed: dict[str, Any]) -> None:
    """And by nothing else; the last one cannot break alone beside stricter ones."""
    assert reasons(**changed) == (Verdict.REJECT, rules)


def test_every_rule_is_tried_above() -> None:
    """A rule without a case would be a promise."""
    assert sorted(RULES) == [f"TAKES-{number:02}" for number in range(1, 12)]


def test_a_contract_stands_in_for_an_engagement() -> None:
    """As where the directory asks (BR-FR-CPRO-12)."""
    assert reasons(order_reference="NA", contract_reference="M-1") == (Verdict.ACCEPT, [])


def test_nothing_said_limits_nothing() -> None:
    """An empty list is no list of nothing; no attachments at all is said by files = 0."""
    open_ = Takes(name="open")
    bare: dict[str, Any] = dict.fromkeys(HEADER)
    assert reasons(open_, (AttachedFile("x.exe", "exe", 10**9),) * 99, Syntax.CII, **bare) == (
        Verdict.ACCEPT,
        [],
    )
    none = Takes(name="none", attachments=TakenAttachments(files=0))
    assert reasons(none) == (Verdict.REJECT, ["TAKES-08"])


def test_a_refusal_says_place_value_what_is_taken_and_what_to_do() -> None:
    """Who reads it has to act without calling anybody."""
    report = ValidationReport(syntax=Syntax.UBL_INVOICE, layers=(), attached=())
    header = RoutingHeader(**(HEADER | {"currency": "USD"}))

    (told,) = check_taken("a.xml", header, report, STRICT).reasons

    assert (told.code, told.place) == ("NOT_TAKEN", "a.xml BT-5")
    assert told.message == {
        "fr": "TAKES-04 : devise USD ; ce destinataire prend : EUR. Corrigez la facture selon ce "
        "que ce destinataire prend et renvoyez-la ; elle peut garder son numéro.",
        "en": "TAKES-04: currency USD; this recipient takes: EUR. Correct the invoice as this "
        "recipient takes it and send it again; it may keep its number.",
    }


def test_a_schema_of_another_receiver_counts_for_nobody_else() -> None:
    """The judge asks them all, since it does not know who receives."""
    told = {"fr": "Profil x : manque cbc:ID", "en": "Profile x: cbc:ID is missing"}
    fault = Finding(
        rule="XSD-MISSING", severity=Severity.FATAL, term=None, xpath="/Invoice", line=3,
        value=None, message=told,
    )  # fmt: skip

    assert reasons(runs=(SchemaRun("other", (fault,)),)) == (Verdict.ACCEPT, [])
    assert reasons(runs=(SchemaRun("receiver-ubl", (fault,)),)) == (
        Verdict.REJECT,
        ["XSD-MISSING,"],
    )


def test_a_schema_that_could_not_be_asked_holds() -> None:
    """That is our fault, and no reason to refuse; what is refused anyway is."""
    gone = (SchemaRun("receiver-ubl", unclear="not found"),)

    assert reasons(runs=gone)[0] is Verdict.HOLD
    assert reasons(runs=gone, currency="USD") == (Verdict.REJECT, ["TAKES-04"])
