"""Documents that leave in the form their receivers asked for: real judge, real folders."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from pipeline.app.operate.acting import Order, find
from pipeline.app.operate.release import release
from pipeline.app.run import run_once
from pipeline.app.views import ways_of
from pipeline.app.why import why
from pipeline.model.carriage import Carriage, LossRule, Original
from pipeline.model.connection import Envelope
from pipeline.model.conversion import Form
from pipeline.model.document import Document
from pipeline.model.limits import Limits
from pipeline.model.outbox import OutboxKind
from pipeline.model.report import Syntax
from pipeline.model.status import OutboxState
from pipeline.ports import failpoint
from pipeline.ports.ledger import Query
from pipeline.syntax import ubl
from pipeline.syntax.parse import parse
from pipeline.syntax.recognise import recognise
from tests.hubs import LIGHT, MINUTE, PACK_GONE, World, invoice, opened, samples

#: A term of the UBL document that neither the model nor CII knows.
_STRANGE = b"<cbc:IssueTime>12:00:00</cbc:IssueTime>"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Ville takes CII, the original beside it."""
    with opened(tmp_path) as made:
        take(made, Carriage(form=Form.CII, original=Original.BESIDE))
        yield made
    failpoint.disarm()


def take(world: World, carriage: Carriage, **more: object) -> None:
    """Have Ville take documents as `carriage` says from now on."""
    beside = carriage.original is Original.BESIDE
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
