"""Documents that leave in the form their receivers asked for: real judge, real folders."""

from __future__ import annotations

import tarfile
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pikepdf
import pytest
from sqlalchemy import Engine, event

from pipeline.adapters.confined_printer import ConfinedPrinter, PrintLimits
from pipeline.app.carry import make
from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.run import run_once
from pipeline.app.verify import verify
from pipeline.app.views import ways_of
from pipeline.app.why import why
from pipeline.model.carriage import Carriage, Grouping, LossRule, Original
from pipeline.model.connection import Envelope
from pipeline.model.conversion import Form, Written
from pipeline.model.document import Document
from pipeline.model.limits import WIDE, Limits
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import Syntax
from pipeline.model.status import OutboxState
from pipeline.ports import failpoint
from pipeline.ports.ledger import Query
from pipeline.syntax import cii, ubl
from pipeline.syntax.cpp_parties import Envelope as CppEnvelope
from pipeline.syntax.facturx import open_facturx
from pipeline.syntax.parse import parse
from pipeline.syntax.pivot import PivotInvoice
from pipeline.syntax.recognise import recognise
from tests.hubs import HOUR, LIGHT, MINUTE, PACK_GONE, World, invoice, opened, samples

#: A term of the UBL document that neither the model nor CII knows.
_STRANGE = b"<cbc:IssueTime>12:00:00</cbc:IssueTime>"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ville takes CII, the original beside it."""
    with opened(tmp_path) as made:
        take(made, Carriage(form=Form.CII, original=Original.BESIDE))
        yield made
    failpoint.disarm()


#: What a supplier gives people to read.
OWN_PAGE = b"%PDF-1.7"
#: A day's pivots in one flow, the original inside.
PIVOTS = Carriage(
    form=Form.PIVOT, original=Original.BESIDE, loss=LossRule.ALLOW, group=Grouping.DAY
)


def take(world: World, carriage: Carriage, **more: object) -> None:
    """Have Ville take documents as `carriage` says from now on."""
    beside = carriage.original is Original.BESIDE and carriage.form is Form.CII
    envelope = Envelope.TAR_GZ if beside else Envelope.SINGLE
    sheet = replace(world.connections["ville"], carriage=carriage, envelope=envelope)
    world.connections["ville"] = replace(sheet, **more)  # type: ignore[arg-type]  # of a sheet
    world.apply("ville", "hopital")


def run(world: World) -> None:
    """Run once, a minute later."""
    world.clock.move(MINUTE)
    run_once(world.hub, insist=True)


def delivered(world: World) -> dict[str, bytes]:
    """Return what Ville finds, archives opened, by the end of each name."""
    found: dict[str, bytes] = {}
    for path in world.folder("ville", "out").iterdir():
        payload = path.read_bytes()
        if not path.name.endswith(".tar.gz"):
            found[path.name] = payload
            continue
        with tarfile.open(fileobj=BytesIO(payload)) as packed:
            for member in packed:
                content = packed.extractfile(member)
                assert content is not None
                found[member.name] = content.read()
    return found


def the_document(world: World) -> Document:
    """Return the one document there is."""
    (one,) = world.hub.ledger.documents(Query())
    return one


def strange(number: str) -> bytes:
    """Return a sound UBL invoice with something in it that CII has no place for."""
    written = invoice(number)
    place = written.index(b"<cbc:InvoiceTypeCode")
    due = written.find(b"<cbc:DueDate")
    at = due if 0 < due < place else place
    return written[:at] + _STRANGE + written[at:]


def test_a_ubl_invoice_reaches_who_asked_for_cii_with_its_original(world: World) -> None:
    """The same terms in the other syntax, and the bytes as received beside it."""
    sent = invoice("C1")
    world.drop("caterer", "a.xml", sent)

    run(world)

    one = the_document(world)
    written, original = delivered(world).values()
    assert one.step.value == "delivered"
    assert original == sent
    root = parse(written, Limits())
    assert recognise(root) is Syntax.CII
    assert list(delivered(world)) == [f"C1.{one.id}.xml", f"C1.{one.id}.original.xml"]
    way = ways_of(world.hub.ledger, [one])[one.id]
    assert (way.form, way.lost) == (Form.CII, ())


def test_a_cii_invoice_reaches_who_asked_for_ubl_alone(world: World) -> None:
    """Where the sheet leaves the original out, the file is one invoice."""
    take(world, Carriage(form=Form.UBL))
    made = samples()
    sent = made.billed_to(made.BY_KEY["cii-380-fournitures"], made.VILLE, "C1")
    world.drop("caterer", "a.xml", made.to_cii(sent))

    run(world)

    ((name, written),) = delivered(world).items()
    assert name.endswith(".xml")
    assert ubl.read_header(parse(written, Limits())).number == "C1"


def test_what_is_in_the_form_already_leaves_byte_for_byte(world: World) -> None:
    """Nothing is read and written anew that need not be."""
    take(world, Carriage(form=Form.UBL))
    sent = invoice("C1")
    world.drop("caterer", "a.xml", sent)

    run(world)

    assert list(delivered(world).values()) == [sent]
    assert world.hub.ledger.conversions([the_document(world).id]) == {}


def test_a_second_attempt_carries_the_same_bytes(world: World) -> None:
    """The hub died between putting and marking: the file is recognised, and not sent again."""
    world.drop("caterer", "a.xml", invoice("C1"))

    def die(name: str) -> None:
        if name == "deliver.mark.before":
            raise KeyboardInterrupt

    failpoint.arm(die)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    failpoint.disarm()
    first = delivered(world)
    world.stop()
    world.start()
    world.clock.move(10 * MINUTE)
    run(world)

    assert delivered(world) == first
    assert the_document(world).step.value == "delivered"


def test_a_loss_that_the_sheet_does_not_allow_holds_the_document(world: World) -> None:
    """It is nobody's fault outside: accepted, held for an operator, and what is lost is told."""
    world.drop("caterer", "a.xml", strange("C1"))

    run(world)

    one = the_document(world)
    (row,) = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    assert (one.step.value, row.state, row.attempts) == ("routed", OutboxState.PAUSED, 0)
    assert row.error.startswith("CONVERSION_LOSS: ")
    (told,) = why(world.hub.ledger, one.id)
    assert (told.code, told.who) == ("CONVERSION_LOSS", "operator")
    assert told.command == f"edi release {one.id}"
    (lost,) = ways_of(world.hub.ledger, [one])[one.id].lost
    assert lost.value == "12:00:00"
    assert delivered(world) == {}


def test_a_held_document_leaves_once_the_sheet_allows_its_loss(world: World) -> None:
    """Released, it is planned anew by the sheet now in force, as another generation."""
    world.drop("caterer", "a.xml", strange("C1"))
    run(world)
    one = the_document(world)
    allowed = Carriage(form=Form.CII, original=Original.BESIDE, loss=LossRule.ALLOW)
    take(world, allowed)

    release(world.hub, world.hub.ledger.sheets(), find(world.hub, one.id), Order())
    run(world)

    assert the_document(world).step.value == "delivered"
    assert len(delivered(world)) == 2
    rows = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    assert {row.generation: row.state for row in rows} == {
        1: OutboxState.CANCELLED,
        2: OutboxState.SENT,
    }


def test_what_cannot_be_judged_does_not_leave(world: World) -> None:
    """The target's rules are missing: it waits, and leaves as planned once they are back."""
    world.profiles = {"light": LIGHT, "gone": replace(PACK_GONE, name="gone")}
    world.judge_by(LIGHT)
    take(world, Carriage(form=Form.CII, original=Original.BESIDE), profile="gone")
    world.drop("caterer", "a.xml", invoice("C1"))
    run(world)
    one = the_document(world)
    (told,) = why(world.hub.ledger, one.id)
    before = delivered(world)

    world.judge_by(replace(LIGHT, name="gone"))
    release(world.hub, world.hub.ledger.sheets(), find(world.hub, one.id), Order())
    run(world)

    assert (told.code, before) == ("RESULT_UNJUDGED", {})
    assert len(delivered(world)) == 2
    assert [row.generation for row in world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)] == [1]


def test_an_engine_that_stops_uses_up_no_attempt_of_a_delivery(world: World) -> None:
    """Nothing was tried at the receiver's, however often the engine fails; then it leaves."""

    def stop(name: str) -> None:
        world.engine.down = name == "carry.written"

    world.drop("caterer", "a.xml", invoice("C1"))
    failpoint.arm(stop)
    for _ in range(len(world.connections["ville"].retry.waits) + 2):
        run(world)
    (row,) = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    failpoint.disarm()
    world.engine.down = False
    run(world)

    assert (row.attempts, row.state) == (0, OutboxState.PENDING)
    assert row.error.startswith("ENGINE: ")
    assert the_document(world).step.value == "delivered"


def test_an_attempt_cut_short_that_cannot_be_made_again_is_explained(world: World) -> None:
    """Its file may have been put: it stays due, and whoever asks is told what to ask for."""
    world.profiles = {"light": LIGHT, "other": replace(LIGHT, name="other")}
    world.judge_by(LIGHT)
    take(world, Carriage(form=Form.CII, original=Original.BESIDE), profile="other")
    world.drop("caterer", "a.xml", invoice("C1"))

    def die(name: str) -> None:
        if name == "deliver.composed":
            raise KeyboardInterrupt

    failpoint.arm(die)
    with pytest.raises(KeyboardInterrupt):
        run(world)
    failpoint.disarm()
    world.stop()
    world.start()
    world.judge_by(replace(PACK_GONE, name="other"))
    world.clock.move(HOUR)
    run(world)

    (told,) = why(world.hub.ledger, the_document(world).id)
    assert (told.code, told.state, told.who) == ("CUT_SHORT", "pending", "operator")
    assert "RESULT_UNJUDGED" in told.cause

    world.judge_by(replace(LIGHT, name="other"))
    world.clock.move(HOUR)
    run(world)
    assert the_document(world).step.value == "delivered"


def unpayable(number: str) -> bytes:
    """Return a sound UBL invoice without a means of payment, which a pivot requires."""
    written = invoice(number)
    start = written.index(b"<cac:PaymentMeans>")
    end = written.index(b"</cac:PaymentMeans>") + len(b"</cac:PaymentMeans>")
    return written[:start] + written[end:]


def midnight(world: World) -> None:
    """Let the day end, and run."""
    world.clock.move(timedelta(hours=13))
    run(world)


def pivots(world: World) -> dict[str, list[str]]:
    """Return the invoice numbers in each flow that Ville finds, by its name."""
    return {
        name: [one.text or "" for one in parse(payload, WIDE).iterfind(".//DonneesFacture/Id")]
        for name, payload in sorted(delivered(world).items())
    }


def test_a_day_of_invoices_leaves_as_one_numbered_pivot(world: World) -> None:
    """UBL and CII together, each with the document as received and a page to read."""
    take(world, PIVOTS, application_code="VIL750")
    made = samples()
    sent = invoice("P1")
    as_cii = made.to_cii(made.billed_to(made.BY_KEY["cii-380-fournitures"], made.VILLE, "P2"))
    world.drop("caterer", "a.xml", sent)
    world.drop("caterer", "b.xml", as_cii)
    run(world)
    before = delivered(world)

    midnight(world)

    name = "FEN0036A_VIL750_CPP0010036000000000000001"
    assert before == {}
    assert {key: sorted(found) for key, found in pivots(world).items()} == {name: ["P1", "P2"]}
    root = parse(delivered(world)[name], WIDE)
    assert root.findtext(".//Recepteur/Id") == "VIL750"
    files = [b64decode(one.text or "") for one in root.iter("Contenu")]
    assert {sent, as_cii} <= set(files)
    assert sum(one.startswith(b"%PDF") for one in files) == 2
    ways = ways_of(world.hub.ledger, world.hub.ledger.documents(Query())).values()
    assert {way.form for way in ways} == {Form.PIVOT}
    assert all("BT-9" in {one.term for one in way.lost} for way in ways)


def with_own_page(number: str) -> bytes:
    """Return a UBL invoice that brings a page of its supplier's."""
    made = samples()
    (other, *_) = made.BY_KEY["ubl-380-pdf-joint"].attachments
    page = replace(
        other,
        reference="LISIBLE",
        description="LISIBLE",
        file_name="l.pdf",
        mime="application/pdf",
        content=OWN_PAGE,
    )
    model = made.billed_to(made.BY_KEY["ubl-380-fournitures"], made.VILLE, number)
    written: bytes = made.to_ubl(replace(model, attachments=(page,)))
    return written


@pytest.mark.parametrize(
    ("interface", "kind"),
    [pytest.param("FSO1100A", "lisible", id="e1"), pytest.param("FSO1110A", "duplicata", id="e2")],
)
def test_a_historical_invoice_gets_a_page_of_ours_in_its_pivot(
    world: World, interface: str, kind: str
) -> None:
    """The supplier's own stays beside it; of an E2 ours is a duplicate (DSE §3.3.3)."""
    sheet = replace(world.connections["supplier"], interfaces=(interface,))
    world.connections["supplier"] = sheet
    take(world, Carriage(form=Form.PIVOT, loss=LossRule.ALLOW), application_code="VIL750")
    world.drop(
        "supplier", f"{interface}_SUP001_SUP001{interface[3:7]}{1:015d}", with_own_page("H1")
    )

    run(world)
    run(world)  # seen twice, it is whole

    (payload,) = delivered(world).values()
    root = parse(payload, WIDE)
    files = {
        one.findtext("NomPJ"): b64decode(one.findtext("Contenu") or "") for one in root.iter("PJ")
    }
    assert OWN_PAGE in files.values()
    (ours,) = [each for name, each in files.items() if str(name).startswith(f"{kind}_")]
    assert ours.startswith(b"%PDF")
    with pikepdf.open(BytesIO(ours)) as pdf:
        assert str(pdf.docinfo["/Title"]).endswith("(duplicata) H1") == (kind == "duplicata")


def test_what_cannot_become_a_pivot_keeps_no_other_from_leaving(world: World) -> None:
    """It leaves its group and waits for an operator; the file goes on, its number with it."""
    take(world, PIVOTS, application_code="VIL750")
    world.drop("caterer", "a.xml", invoice("P1"))
    world.drop("caterer", "b.xml", unpayable("P2"))
    world.drop("caterer", "c.xml", invoice("P3"))
    run(world)

    midnight(world)

    assert list(map(sorted, pivots(world).values())) == [["P1", "P3"]]
    steps = {one.header.number: one for one in world.hub.ledger.documents(Query())}
    assert [steps[key].step.value for key in ("P1", "P2", "P3")] == [
        "delivered",
        "routed",
        "delivered",
    ]
    (told,) = why(world.hub.ledger, steps["P2"].id)
    assert (told.code, told.state) == ("NOT_CONVERTED", "paused")
    assert verify(world.hub.ledger, world.hub.archive).differences == ()


def test_a_page_that_takes_too_long_to_print_is_held_and_leaves_later(world: World) -> None:
    """For our side's fault: the operator reads what took how long, and lets it go again."""
    take(world, Carriage(form=Form.FACTURX, facturx_profile="en16931", loss=LossRule.ALLOW))
    patient = world.hub
    hasty = ConfinedPrinter(PrintLimits(time_s=0.01))
    world.hub = replace(patient, converter=replace(patient.converter, printer=lambda: hasty))
    world.drop("caterer", "a.xml", invoice("X1"))
    run(world)
    one = the_document(world)
    (told,) = why(world.hub.ledger, one.id)
    (row,) = world.hub.ledger.outbox(kind=OutboxKind.DELIVERY)
    before = delivered(world)

    world.hub = patient
    release(world.hub, world.hub.ledger.sheets(), find(world.hub, one.id), Order())
    run(world)
    hasty.close()

    assert (told.code, told.who, told.state) == ("NOT_CONVERTED", "operator", "paused")
    assert "print_limit_s" in row.error
    assert before == {}
    assert len(delivered(world)) == 1


def test_what_breaks_the_pivots_schema_keeps_no_other_from_leaving(world: World) -> None:
    """It shows only once the whole flow is written: that one is held, and the run goes on."""
    take(world, PIVOTS, application_code="VIL750")
    sound = world.hub.converter.write_pivot

    def write(invoices: Sequence[PivotInvoice], envelope: CppEnvelope) -> Written:
        written = sound(invoices, envelope)
        if b"<Id>P2</Id>" in written.payload:
            raise ValueError("CPPFacturePivot breaks its own schema: Jean Martin")
        return written

    world.hub = replace(world.hub, converter=replace(world.hub.converter, write_pivot=write))
    for name, number in (("a.xml", "P1"), ("b.xml", "P2"), ("c.xml", "P3")):
        world.drop("caterer", name, invoice(number))
    run(world)

    midnight(world)
    run(world)

    assert list(map(sorted, pivots(world).values())) == [["P1", "P3"]]
    (held,) = [one for one in world.hub.ledger.documents(Query()) if one.header.number == "P2"]
    (told,) = why(world.hub.ledger, held.id)
    assert (told.code, told.state) == ("NOT_CONVERTED", "paused")
    assert "Martin" not in told.cause
    assert not [one for one in world.hub.ledger.events() if "Martin" in repr(one.fact.data)]
    assert verify(world.hub.ledger, world.hub.archive).differences == ()


def test_pivots_of_a_receiver_that_lost_its_code_are_held_and_then_planned_anew(
    world: World,
) -> None:
    """Their flow can bear no name of the grammar; released, they leave as the sheet now says."""
    take(world, PIVOTS, application_code="VIL750")
    world.drop("caterer", "a.xml", invoice("P1"))
    run(world)
    take(world, Carriage(form=Form.UBL), application_code=None)

    midnight(world)
    one = the_document(world)
    (told,) = why(world.hub.ledger, one.id)
    release(world.hub, world.hub.ledger.sheets(), find(world.hub, one.id), Order())
    run(world)

    assert (told.code, told.state) == ("NOT_CONVERTED", "paused")
    assert "application_code" in told.cause
    assert list(delivered(world)) == [f"P1.{one.id}.g2.xml"]


def test_a_crash_while_a_flow_is_written_keeps_nothing_from_leaving(world: World) -> None:
    """Nothing was put yet: what cannot become a pivot is held all the same, the others leave."""
    take(world, PIVOTS, application_code="VIL750")
    world.drop("caterer", "a.xml", invoice("P1"))
    world.drop("caterer", "b.xml", unpayable("P2"))
    run(world)

    def die(name: str) -> None:
        if name == "carry.written":
            raise KeyboardInterrupt

    failpoint.arm(die)
    with pytest.raises(KeyboardInterrupt):
        midnight(world)
    failpoint.disarm()
    world.stop()
    world.start()
    for _ in range(3):
        world.clock.move(HOUR)
        run(world)

    assert list(pivots(world).values()) == [["P1"]]
    steps = {one.header.number: one for one in world.hub.ledger.documents(Query())}
    (told,) = why(world.hub.ledger, steps["P2"].id)
    assert (told.code, told.state) == ("NOT_CONVERTED", "paused")
    assert verify(world.hub.ledger, world.hub.archive).differences == ()


def test_what_cannot_be_written_keeps_nothing_of_its_flow_from_leaving(world: World) -> None:
    """Of a file of several the others leave; those at fault wait, each with a file of its own."""
    lot = Carriage(form=Form.CII, group=Grouping.FLOW)
    take(world, lot, envelope=Envelope.TAR_GZ)
    files = [strange("L1"), invoice("L2"), invoice("L3"), strange("L4")]
    world.drop("caterer", "a.zip", zipped({f"{n}.xml": one for n, one in enumerate(files)}))

    run(world)

    before = {one.header.number: one for one in world.hub.ledger.documents(Query())}
    assert {one: before[one].step.value for one in before} == {
        "L1": "routed",
        "L2": "delivered",
        "L3": "delivered",
        "L4": "routed",
    }
    first = {f"{number}.{before[number].id}.xml" for number in ("L2", "L3")}
    assert set(delivered(world)) == first
    for number in ("L1", "L4"):
        (told,) = why(world.hub.ledger, before[number].id)
        assert (told.code, told.state) == ("CONVERSION_LOSS", "paused")
    assert verify(world.hub.ledger, world.hub.archive).differences == ()

    take(world, replace(lot, loss=LossRule.ALLOW), envelope=Envelope.TAR_GZ)
    flow = before["L1"].interchange
    release(world.hub, world.hub.ledger.sheets(), find(world.hub, flow), Order())
    run(world)

    assert set(delivered(world)) == {f"{n}.{one.id}.xml" for n, one in before.items()}
    assert {one.step.value for one in world.hub.ledger.documents(Query())} == {"delivered"}
    assert verify(world.hub.ledger, world.hub.archive).differences == ()


def test_documents_of_one_flow_are_written_with_one_look_at_it(world: World) -> None:
    """Else a file of five hundred invoices would ask the ledger five hundred times."""
    take(world, Carriage(form=Form.CII, group=Grouping.FLOW), envelope=Envelope.TAR_GZ)
    numbers = ("L1", "L2", "L3")
    world.drop("caterer", "a.zip", zipped({f"{one}.xml": invoice(one) for one in numbers}))
    run(world)
    documents: dict[str, Document] = {one.id: one for one in world.hub.ledger.documents(Query())}
    (row,) = (one for one in world.hub.ledger.outbox() if one.recipe is not None)
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        made = make(world.hub, row, documents, lambda one: invoice(one.header.number or ""))
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert len(made.members) == len(numbers)
    assert len(asked) == 1


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip archive of `files`."""
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for name, payload in files.items():
            archive.writestr(name, payload)
    return packed.getvalue()


def test_a_factur_x_holds_its_original(world: World) -> None:
    """One PDF: the page, the invoice as CII, and the bytes as received."""
    take(
        world,
        Carriage(
            form=Form.FACTURX,
            facturx_profile="en16931",
            original=Original.BESIDE,
            loss=LossRule.ALLOW,
        ),
    )
    sent = invoice("X1")
    world.drop("caterer", "a.xml", sent)

    run(world)

    ((name, payload),) = delivered(world).items()
    found = open_facturx(payload, WIDE)
    assert name.endswith(".pdf")
    assert cii.read_header(parse(found.invoice, WIDE)).number == "X1"
    assert [one.read() for one in found.others] == [sent]


def test_a_platform_gets_a_page_that_people_can_read(world: World) -> None:
    """UBL without one is given one (DSE §3.3.2.2), under a name of the grammar."""
    take(world, Carriage(form=Form.UBL), application_code="PAR012")
    world.drop("caterer", "a.xml", invoice("G1"))

    run(world)

    ((name, written),) = delivered(world).items()
    found = ubl.read_invoice(parse(written, WIDE)).invoice
    assert name == "FEN3036A_PAR012_CPP0013036000000000000001"
    (page,) = [one.attachment for one in found.supports if one.description == "LISIBLE"]
    assert page is not None
    assert page.content.startswith(b"%PDF")


def test_a_page_that_is_only_promised_is_made(world: World) -> None:
    """A link is nothing that people read: nobody follows it, and it may be dead."""
    take(world, Carriage(form=Form.UBL), application_code="PAR012")
    promised = (
        b"<cac:AdditionalDocumentReference><cbc:ID>L</cbc:ID>"
        b"<cbc:DocumentDescription>LISIBLE</cbc:DocumentDescription><cac:Attachment>"
        b"<cac:ExternalReference><cbc:URI>https://example.test/f.pdf</cbc:URI>"
        b"</cac:ExternalReference></cac:Attachment></cac:AdditionalDocumentReference>"
    )
    before = b"<cac:AccountingSupplierParty>"
    world.drop("caterer", "a.xml", invoice("G3").replace(before, promised + before, 1))

    run(world)

    (written,) = delivered(world).values()
    found = ubl.read_invoice(parse(written, WIDE)).invoice
    pages = [one.attachment is not None for one in found.supports if one.description == "LISIBLE"]
    assert pages == [False, True]


def test_a_page_that_is_there_is_left_alone(world: World) -> None:
    """With one of the sender's the document passes byte for byte (DSE §3.3.2.1)."""
    take(world, Carriage(form=Form.UBL), application_code="PAR012")
    sent = with_own_page("G2")
    world.drop("caterer", "a.xml", sent)

    run(world)

    assert list(delivered(world).values()) == [sent]
