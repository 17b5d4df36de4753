"""The checker of histories passes what is right, and sees each way of being wrong."""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CHECKER = Path(__file__).with_name("checker.py")
FLOW = "FSO1100A_SUP001_SUP0011100000000000000001"
FLOW_ID = "SUP0011100000000000000001"


def an_invoice(number: str = "F-1", total: str = "120.00", currency: str = "EUR") -> bytes:
    """Return what the checker reads of a UBL invoice."""
    return (
        '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">'
        f"<ID>{number}</ID><IssueDate>2026-11-27</IssueDate><InvoiceTypeCode>380</InvoiceTypeCode>"
        "<AccountingSupplierParty><CompanyID>091000009</CompanyID></AccountingSupplierParty>"
        f"<DocumentCurrencyCode>{currency}</DocumentCurrencyCode><LegalMonetaryTotal>"
        f"<TaxInclusiveAmount>{total}</TaxInclusiveAmount></LegalMonetaryTotal></Invoice>"
    ).encode()


def a_cii_credit_note(number: str, total: str) -> bytes:
    """Return what the checker reads of a CII credit note."""
    return (
        '<r:CrossIndustryInvoice xmlns:r="r"><r:ExchangedDocument>'
        f"<r:ID>{number}</r:ID><r:TypeCode>381</r:TypeCode></r:ExchangedDocument>"
        "<r:SupplyChainTradeTransaction><r:ApplicableHeaderTradeSettlement>"
        "<r:InvoiceCurrencyCode>EUR</r:InvoiceCurrencyCode>"
        "<r:SpecifiedTradeSettlementHeaderMonetarySummation>"
        f"<r:GrandTotalAmount>{total}</r:GrandTotalAmount>"
        "</r:SpecifiedTradeSettlementHeaderMonetarySummation>"
        "</r:ApplicableHeaderTradeSettlement></r:SupplyChainTradeTransaction>"
        "</r:CrossIndustryInvoice>"
    ).encode()


def packed(*members: bytes) -> bytes:
    """Return a tar.gz of some files."""
    whole = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=whole, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for place, payload in enumerate(members):
            info = tarfile.TarInfo(f"{place}.xml")
            info.size = len(payload)
            tar.addfile(info, io.BytesIO(payload))
    return whole.getvalue()


def json_answer(payload: bytes, *outcomes: str, flow: str = "accepted", **more: Any) -> bytes:
    """Return the answer to a freely named flow whose invoices are F-1, F-2 and so on."""
    told: dict[str, Any] = {
        "interchange": {
            "id": "F01",
            "name": more.pop("name", "a.xml"),
            "sha256": more.pop("sha256", hashlib.sha256(payload).hexdigest()),
        },
        "outcome": flow,
        "final": flow != "held",
        "documents": [
            {
                "number": f"F-{place}",
                "outcome": outcome,
                "total_with_vat": "120.00",
                "currency": "EUR",
            }
            for place, outcome in enumerate(outcomes, 1)
        ],
    }
    return json.dumps(told | more).encode()


def cpp_flow(status: int, *lines: tuple[str, str], about: str = FLOW_ID) -> bytes:
    """Return a CPPStatut that tells of a flow."""
    told = "".join(
        f"<LigneErreurDetail><NatureErreur>{nature}</NatureErreur><CodeErreur>{code}"
        "</CodeErreur></LigneErreurDetail>"
        for nature, code in lines
    )
    return (
        "<CPPStatut><CPPFluxStatuts><CPPFluxStatutUnitaire><DonneesStatut>"
        f"<IdStatut>{status}</IdStatut><IdFlux>{about}</IdFlux><Details>{told}</Details>"
        "</DonneesStatut></CPPFluxStatutUnitaire></CPPFluxStatuts></CPPStatut>"
    ).encode()


def cpp_invoices(*numbers: str) -> bytes:
    """Return a CPPStatut that accepts invoices."""
    told = "".join(
        "<CPPFactureStatutUnitaire><DonneesStatut><IdStatut>01</IdStatut>"
        f"<IdFacture>{number}</IdFacture></DonneesStatut></CPPFactureStatutUnitaire>"
        for number in numbers
    )
    return f"<CPPStatut><CPPFactureStatuts>{told}</CPPFactureStatuts></CPPStatut>".encode()


class Written:
    """A history written by hand."""

    def __init__(self, folder: Path, checker: ModuleType) -> None:
        self.folder = folder
        self._checker = checker
        self.drops: list[dict[str, Any]] = []
        self.seen: list[dict[str, Any]] = []

    def drop(
        self, payload: bytes, name: str = "a.xml", *, aside: bool = True, **more: Any
    ) -> None:
        """Note a dropped file, by default one that was set aside."""
        line = {"supplier": "sup", "name": name, **self._bytes(payload), **more}
        self.drops.append(line)
        if aside:
            self.see("sup", payload, f"F01-{name}", "archive")

    def see(
        self, partner: str, payload: bytes, name: str, folder: str = "out", **more: Any
    ) -> None:
        """Note a file that somebody saw."""
        at = float(len(self.seen))
        line = {"partner": partner, "folder": folder, "name": name, **self._bytes(payload)}
        self.seen.append({**line, "first": at, "last": at, "left": True, **more})

    def check(self, *options: str) -> tuple[int, str]:
        """Run the checker; return its exit code and what it printed."""
        self.write()
        with redirect_stdout(io.StringIO()) as told:
            code = self._checker.main([str(self.folder), *options])
        return code, told.getvalue()

    def write(self) -> None:
        """Write the history down."""
        for name, lines in (("drops.jsonl", self.drops), ("seen.jsonl", self.seen)):
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (self.folder / name).write_text(text, encoding="utf-8")

    @staticmethod
    def _bytes(payload: bytes) -> dict[str, str]:
        return {
            "sha256": hashlib.sha256(payload).hexdigest(),
            "base64": base64.b64encode(payload).decode(),
        }


@pytest.fixture
def history(tmp_path: Path, checker: ModuleType) -> Written:
    """An empty history."""
    return Written(tmp_path, checker)


@pytest.fixture
def kept(history: Written) -> Written:
    """A history of one invoice that was delivered once and accepted."""
    history.drop(an_invoice())
    history.see("sup", json_answer(an_invoice(), "accepted"), "a.xml.F01.ack.json")
    history.see("city", an_invoice(), "F-1.F01-0001.xml")
    return history


def test_it_shares_no_code_with_what_it_judges() -> None:
    """Whoever borrows a reader from the product borrows its mistakes."""
    for program in (CHECKER, CHECKER.with_name("observer.py")):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(program.read_text(encoding="utf-8")))
            for name in _imported(node)
        }
        assert imported - set(sys.stdlib_module_names) <= {"lxml"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or "."] if isinstance(node, ast.ImportFrom) else []


def test_a_promise_that_is_kept_has_no_violation(kept: Written) -> None:
    """Delivered once, answered once, set aside once."""
    code, told = kept.check()

    assert (code, told) == (
        0,
        "1 files, invoices: 1 delivered, 0 refused, 0 duplicate, 0 held; 0 violations\n",
    )


def test_it_runs_as_a_program_of_its_own(history: Written) -> None:
    """Whoever does not trust the test suite runs it on any history."""
    history.drop(an_invoice())
    history.write()

    ran = subprocess.run(
        [sys.executable, "-I", str(CHECKER), str(history.folder)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, "no answer and no notice" in ran.stdout) == (1, True)


def test_every_class_of_a_freely_named_flow_is_known(history: Written) -> None:
    """A lot of which one is accepted, one refused, one held for the time being."""
    first, second, third = an_invoice("F-1"), an_invoice("F-2"), an_invoice("F-3")
    lot = packed(first, second, third)
    outcomes = ("accepted", "rejected", "held")
    history.drop(lot)
    history.see("sup", json_answer(lot, *outcomes, flow="held"), "a.xml.F01.held.json")
    history.see("sup", b"<html></html>\n", "a.xml.F01.held.html")
    history.see("city", packed(first), "F01.0001-0001.tar.gz")

    code, told = history.check()

    assert (code, "1 delivered, 1 refused, 0 duplicate, 1 held" in told) == (0, True), told


def test_a_final_answer_follows_an_interim_notice(history: Written) -> None:
    """They are two files on one flow; the final one counts."""
    history.drop(an_invoice())
    history.see("sup", json_answer(an_invoice(), "held", flow="held"), "a.xml.F01.held.json")
    history.see("sup", json_answer(an_invoice(), "accepted"), "a.xml.F01.ack.json")
    history.see("city", an_invoice(), "F-1.F01-0001.xml")

    code, told = history.check()

    assert (code, "1 delivered, 0 refused, 0 duplicate, 0 held" in told) == (0, True), told


def taken_back(history: Written, **more: Any) -> None:
    """Write what is seen of an invoice that was accepted and then withdrawn."""
    history.drop(an_invoice(), **more)
    history.see("sup", json_answer(an_invoice(), "accepted"), "a.xml.F01.ack.json")
    again = json_answer(an_invoice(), "rejected", flow="rejected", round=2)
    history.see("sup", again, "a.xml.F01.ack2.json")


def test_a_withdrawal_is_told_by_a_further_answer(history: Written) -> None:
    """What was accepted first is refused in the end, and nobody received it."""
    taken_back(history, withdrawn=True)

    code, told = history.check()

    assert (code, "0 delivered, 1 refused" in told) == (0, True), told


def test_a_duplicate_is_answered_and_not_delivered(kept: Written) -> None:
    """The same bytes under another name: an answer of their own, no second delivery."""
    kept.drop(an_invoice(), "b.xml")
    again = json_answer(an_invoice(), flow="duplicate", name="b.xml")
    kept.see("sup", again.replace(b'"F01"', b'"F02"'), "b.xml.F02.ack.json")

    code, told = kept.check()

    assert (code, "1 delivered, 0 refused, 1 duplicate" in told) == (0, True), told


def test_answers_of_the_historical_family_are_read(history: Written) -> None:
    """One invoice accepted, one refused by its number; a flow refused as a whole; one held."""
    good, bad = an_invoice("A"), a_cii_credit_note("B", "50.00")
    lot, broken, waiting = packed(good, bad), packed(b"<half"), an_invoice("W")
    history.drop(lot, FLOW)
    history.drop(broken, FLOW[:-1] + "2")
    history.drop(waiting, FLOW[:-1] + "3")
    history.see("sup", cpp_flow(96, ("Facture B", "REJ_SEMAN")), "FEN1200A_1")
    history.see("sup", cpp_invoices("A"), "FEN1200A_2")
    refused = cpp_flow(93, ("SYNTAXE", "IRR_SYNTAX"), about=FLOW_ID[:-1] + "2")
    history.see("sup", refused, "CSO1100A_3")
    history.see("sup", cpp_flow(90, about=FLOW_ID[:-1] + "3"), "FEN1200A_4")
    history.see("city", good, "A.F01-0001.xml")

    code, told = history.check()

    assert (code, "1 delivered, 2 refused, 0 duplicate, 1 held" in told) == (0, True), told


def test_a_name_that_is_sent_again_with_other_bytes_is_refused(history: Written) -> None:
    """Of two flows of one name the second is the refused one."""
    history.drop(an_invoice("A"), FLOW)
    history.drop(an_invoice("B"), FLOW)
    history.see("sup", cpp_invoices("A"), "FEN1200A_1")
    history.see("sup", cpp_flow(93, ("", "IRR_UNICITE")), "CSO1100A_2")
    history.see("city", an_invoice("A"), "A.F01-0001.xml")

    assert history.check()[0] == 0


def violated(history: Written, words: str, *options: str) -> None:
    """Demand a violation that says `words`."""
    code, told = history.check(*options)
    lines = [line for line in told.splitlines() if line.startswith("VIOLATION")]

    assert code == 1
    assert any(words in line for line in lines), told


def test_a_file_without_an_answer_is_seen(history: Written) -> None:
    """Silence is what a lost file looks like from outside."""
    history.drop(an_invoice())

    violated(history, "sup/a.xml: no answer and no notice")


def test_an_invoice_without_an_answer_is_seen(history: Written) -> None:
    """An answer that tells of others only."""
    history.drop(packed(an_invoice("A"), an_invoice("B")), FLOW)
    history.see("sup", cpp_invoices("A"), "FEN1200A_1")
    history.see("city", an_invoice("A"), "A.F01-0001.xml")

    violated(history, "invoice B: no answer and no notice")


def test_a_further_answer_that_nobody_asked_for_is_seen(history: Written) -> None:
    """A supplier books what the first one said."""
    taken_back(history)

    violated(history, "sup/a.xml: a further answer, and nobody asked for it")


def test_what_was_withdrawn_and_left_all_the_same_is_seen(history: Written) -> None:
    """Its sender was told that nobody has it."""
    taken_back(history, withdrawn=True)
    history.see("city", an_invoice(), "F-1.F01-0001.xml")

    violated(history, "an invoice accepted 0 time(s) was delivered 1 time(s)")


def test_an_answer_that_skips_an_invoice_is_seen(history: Written) -> None:
    """As many as were dropped, in their order."""
    lot = packed(an_invoice("F-1"), an_invoice("F-2"))
    history.drop(lot)
    history.see("sup", json_answer(lot, "rejected"), "a.xml.F01.ack.json")

    violated(history, "2 invoices were dropped, the answer tells of 1")


def test_an_accepted_invoice_that_nobody_received_is_seen(kept: Written) -> None:
    """The answer alone delivers nothing."""
    del kept.seen[-1]

    violated(kept, "accepted 1 time(s) was delivered 0 time(s): nowhere")
    violated(kept, "EUR: 120.00 came in, 0 is delivered")


def test_a_second_copy_under_another_name_is_seen(kept: Written) -> None:
    """Whoever pays by file pays twice."""
    kept.see("city", an_invoice(), "F-1.F01-0001.g2.xml")

    violated(kept, "delivered 2 time(s): city/out/F-1.F01-0001.g2.xml, city/out/F-1.F01-0001.xml")


def test_a_second_copy_of_any_file_is_seen(kept: Written) -> None:
    """A page for people too, of which nothing else is read."""
    kept.see("sup", b"<html></html>", "a.xml.F01.ack.html")
    kept.see("sup", b"<html></html>", "a.xml.F01.ack-2.html")

    violated(kept, "the same bytes under several names: a.xml.F01.ack-2.html, a.xml.F01.ack.html")


def test_a_second_copy_at_another_recipient_is_seen(kept: Written) -> None:
    """It is a disclosure besides."""
    kept.see("hospital", packed(an_invoice()), "F01.0001-0001.tar.gz")

    violated(kept, "delivered 2 time(s)")


@pytest.mark.parametrize("outcome", ["rejected", "duplicate", "held"])
def test_a_delivery_of_what_was_not_accepted_is_seen(kept: Written, outcome: str) -> None:
    """Whatever the answer says holds for the recipient too."""
    kept.seen[1] |= Written._bytes(json_answer(an_invoice(), outcome, flow=outcome))

    violated(kept, "an invoice accepted 0 time(s) was delivered 1 time(s)")


def test_a_file_that_nobody_dropped_is_seen(kept: Written) -> None:
    """Nothing comes from nowhere."""
    kept.see("city", an_invoice("X"), "X.F09-0001.xml")

    violated(kept, "city/out/X.F09-0001.xml: holds what nobody dropped")


def test_answers_to_nothing_are_seen(kept: Written) -> None:
    """In either format, and for a single invoice."""
    kept.see("sup", json_answer(b"", flow="rejected", name="z.xml"), "z.xml.F09.ack.json")
    kept.see("sup", cpp_flow(93, about="SUP9"), "CSO1100A_9")
    kept.see("sup", cpp_invoices("X"), "FEN1200A_9")

    violated(kept, "answers z.xml, which nobody dropped")
    violated(kept, "answers SUP9, which nobody dropped")
    violated(kept, "accepts X, which nobody dropped")


def test_an_answer_to_another_supplier_is_seen(kept: Written) -> None:
    """It is as good as none, and tells a stranger."""
    kept.seen[1]["partner"] = "stranger"

    violated(kept, "sup/a.xml: no answer and no notice")
    violated(kept, "stranger/out/a.xml.F01.ack.json: answers a.xml, which nobody dropped")


def test_an_answer_more_than_files_were_dropped_is_seen(kept: Written) -> None:
    """A file that was taken for two, by another identifier."""
    twice = json_answer(an_invoice(), "accepted").replace(b'"F01"', b'"F02"')
    kept.see("sup", twice, "a.xml.F02.ack.json")

    violated(kept, "a.xml.F02.ack.json: an answer more than files were dropped")


def test_an_invoice_that_became_something_else_than_it_should_is_seen(kept: Written) -> None:
    """A lost original is held with a notice: in order by itself, and yet wrong."""
    kept.drops[0]["expected"] = ["refused"]

    violated(kept, "sup/a.xml: should be refused; is delivered")


def test_two_answers_to_one_flow_are_seen(kept: Written) -> None:
    """Also where they say the same."""
    kept.see("sup", json_answer(an_invoice(), "accepted"), "a.xml.F01.2.ack.json")

    violated(kept, "sup: answered 2 times: json F01")


def test_two_answers_of_the_historical_family_are_seen(history: Written) -> None:
    """Each takes a number of its own, so their names say nothing."""
    history.drop(packed(b"<half"), FLOW)
    for number in (1, 2):
        history.see("sup", cpp_flow(93, ("", "IRR_SYNTAX")), f"CSO1100A_{number}")

    violated(history, f"sup: answered 2 times: flow {FLOW_ID} 93")


def test_an_answer_with_another_hash_is_seen(kept: Written) -> None:
    """It is the sender's proof of what was received."""
    kept.seen[1] |= Written._bytes(json_answer(an_invoice(), "accepted", sha256="0" * 64))

    violated(kept, "tells another sha256 than that of the bytes dropped")


def test_an_answer_with_another_amount_is_seen(history: Written) -> None:
    """Sums are taken from what was answered, not from what should have been."""
    history.drop(an_invoice(total="999.99"))
    history.see("sup", json_answer(an_invoice(total="999.99"), "rejected", flow="rejected"), "a")

    violated(history, "EUR: 999.99 came in, 120.00 is delivered")


def test_two_invoices_of_one_number_are_seen(kept: Written) -> None:
    """Each of them was dropped and accepted: it is the number that comes twice."""
    other = an_invoice(total="99.00")
    kept.drop(other, "b.xml")
    said = json_answer(other, "accepted", name="b.xml").replace(b'"F01"', b'"F02"')
    kept.see("sup", said, "b.xml.F02.ack.json")
    kept.see("city", other, "F-1.F02-0001.xml")

    violated(kept, "091000009: 2 different invoices F-1 of 2026 were delivered")


def test_changed_bytes_are_seen(kept: Written) -> None:
    """A recipient gets what was sent, byte for byte."""
    kept.seen[-1] |= Written._bytes(an_invoice() + b"\n")

    violated(kept, "holds what nobody dropped")


def test_a_half_file_under_its_final_name_is_seen(kept: Written) -> None:
    """Also where it was whole a moment later."""
    kept.see("city", an_invoice()[:40], "F-1.F01-0001.xml", first=0.0, last=0.0, left=False)

    violated(kept, "does not read as what it is")
    violated(kept, "city/out/F-1.F01-0001.xml: was seen with 2 different contents")


@pytest.mark.parametrize(
    "half",
    [
        pytest.param(packed(an_invoice())[:-9], id="archive"),
        pytest.param(b'{"interchange": ', id="json"),
        pytest.param(b"<CPPStatut>", id="cppstatut"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_stays_half_is_seen(kept: Written, half: bytes) -> None:
    """Whatever it should have been."""
    kept.see("city", half, "half")

    violated(kept, "city/out/half: does not read as what it is")


def test_temporary_names_are_seen(kept: Written) -> None:
    """One that does not begin with a dot would be picked up; one with a dot must go in the end."""
    kept.see("city", b"<half", "F-2.xml.part")
    kept.see("city", b"<half", ".F-3.xml.part")
    kept.see("city", b"<half", ".F-4.xml.part", left=False)

    violated(kept, "F-2.xml.part: a temporary name that a partner would pick up")
    violated(kept, ".F-3.xml.part: a temporary name was left behind")
    assert ".F-4" not in kept.check()[1]


def test_a_file_that_was_never_set_aside_is_seen(history: Written) -> None:
    """It would be taken again with the next backup of the ledger."""
    history.drop(an_invoice(), aside=False)
    history.see("sup", an_invoice(), "a.xml", "in")
    history.see("sup", json_answer(an_invoice(), "rejected", flow="rejected"), "a.ack.json")

    violated(history, "sup/a.xml: still stands in the supplier's inbox")
    violated(history, "sup/a.xml: dropped 1 time(s), set aside 0 time(s)")


def test_a_file_that_was_set_aside_twice_is_seen(kept: Written) -> None:
    """Then somebody took it twice."""
    kept.see("sup", an_invoice(), "F02-a.xml", "archive")

    violated(kept, "sup/a.xml: dropped 1 time(s), set aside 2 time(s)")


def test_a_copy_that_came_back_is_known_only_where_recipients_empty_their_folders(
    kept: Written,
) -> None:
    """Once, under the same name, with the same bytes: the window that SFTP cannot close."""
    kept.seen[-1]["left"] = False
    kept.see("city", an_invoice(), "F-1.F01-0001.xml")

    violated(kept, "seen 2 times, the same bytes under the same name")
    code, told = kept.check("--may-come-back")
    assert (code, "known window: city/out/F-1.F01-0001.xml" in told) == (0, True)

    kept.see("city", an_invoice(), "F-1.F01-0001.xml")
    violated(kept, "seen 3 times", "--may-come-back")


def test_a_history_that_was_edited_is_no_history(kept: Written) -> None:
    """Its bytes must be those that were noted."""
    kept.drops[0]["sha256"] = "0" * 64

    with pytest.raises(Exception, match=r"the bytes of a\.xml are not those that were noted"):
        kept.check()
