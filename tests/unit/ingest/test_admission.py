"""Steps 1 to 6 of the control table: the first that fails is said, in the table's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.adapters.configuration import read_interfaces
from pipeline.ingest.admission import Admission, Earlier, admit
from pipeline.ingest.unwrap import Kind
from pipeline.model.acknowledgement import FlowOutcome
from pipeline.model.connection import Atomicity, Connection, Door, Naming, Role
from pipeline.model.decision import Decision, Verdict
from pipeline.model.identity import InterchangeId
from pipeline.model.interchange import Interchange
from pipeline.model.interface import Interface
from pipeline.model.limits import Limits

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
NAME = "FSO1100A_PAP001_PAP0011100000000000000001"
OTHER_NAME = "FSO1100A_PAP001_PAP0011100000000000000002"


def an_interface(code: str) -> Interface:
    """Build a row of the interface table."""
    return Interface(
        code=code,
        title="demandes de paiement",
        syntaxes=("ubl-invoice",),
        refused_by=f"CSO{code[3:]}",
        taken_by="FEN1200A",
        atomicity=Atomicity.FLOW,
        profile="chorus-historical",
        source="DSE",
    )


INTERFACES = {code: an_interface(code) for code in ("FSO1100A", "FSO1106A", "FSO1110A")}
FREE = Connection(
    name="papeterie",
    partner="Papeterie",
    role=Role.SENDER,
    door=Door(host="h", port=22, user="u", key="k", host_key="ssh-ed25519 A"),
    limits=Limits(flow_bytes=1000),
)
GRAMMAR = replace(
    FREE,
    naming=Naming.GRAMMAR,
    application_code="PAP001",
    interfaces=("FSO1106A", "FSO1100A"),
)


def a_flow(
    name: str = NAME, *, size: int = 100, sha256: str = "a", flow: str = "F9", age_min: int = 0
) -> Interchange:
    """Build a received file."""
    return Interchange(
        id=InterchangeId(flow),
        connection="papeterie",
        partner="Papeterie",
        name=name,
        size=size,
        mtime=0,
        sha256=sha256,
        received_at=NOON - timedelta(minutes=age_min),
    )


def admitted(
    flow: Interchange,
    connection: Connection = GRAMMAR,
    kind: Kind = Kind.XML,
    earlier: Sequence[Earlier] = (),
) -> Admission:
    """Hold a flow against the agreed, with the table of three interfaces."""
    return admit(flow, connection, kind, INTERFACES, earlier)


def code_of(admission: Admission) -> str:
    """Return the one code that a file is refused with."""
    (reason,) = admission.decision.reasons
    return reason.code


@pytest.mark.parametrize("kind", [Kind.XML, Kind.GZIP])
def test_a_sound_flow_is_opened_under_its_interface(kind: Kind) -> None:
    """The code in the name says how it will be answered."""
    assert admitted(a_flow(), kind=kind) == Admission(
        Decision(Verdict.ACCEPT), INTERFACES["FSO1100A"]
    )


def test_a_free_name_is_opened_under_no_interface() -> None:
    """Any name will do."""
    found = admitted(a_flow("Facture n°1.xml"), FREE)

    assert found == Admission(Decision(Verdict.ACCEPT))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("facture.xml", "IRR_FORM", id="step-2"),
        pytest.param(f"{NAME}.xml", "IRR_FORM", id="step-2-extension"),
        pytest.param(
            "FSO9999A_PAP001_PAP0019999000000000000001", "IRR_CODE_INTER", id="step-3-unknown"
        ),
        pytest.param(
            "FSO1110A_PAP001_PAP0011110000000000000001", "IRR_CODE_INTER", id="step-3-unsubscribed"
        ),
        pytest.param(
            "FSO9999A_ABC123_ABC1239999000000000000001", "IRR_CODE_APP", id="step-1-before-3"
        ),
    ],
)
def test_a_wrong_name_is_refused_under_the_sheet_s_first_interface(name: str, code: str) -> None:
    """Every file gets an answer, even one whose own code means nothing to us."""
    found = admitted(a_flow(name))

    assert found.decision.verdict is Verdict.REJECT
    assert code_of(found) == code
    assert found.decision.reasons[0].place == name
    assert found.interface == INTERFACES["FSO1106A"]


def test_a_code_that_left_the_table_is_refused_though_the_sheet_still_has_it() -> None:
    """The hub no longer serves it, whatever was agreed before."""
    sheet = replace(GRAMMAR, interfaces=("FSO1106A", "FSO1130A"))

    found = admitted(a_flow("FSO1130A_PAP001_PAP0011130000000000000001"), sheet)

    assert (found.decision.verdict, code_of(found)) == (Verdict.REJECT, "IRR_CODE_INTER")
    assert found.interface == INTERFACES["FSO1106A"]


def test_a_cppfacturemixte_is_refused_by_its_code() -> None:
    """Nothing of the format is published but its name: a flow of it is answered, never opened."""
    served = read_interfaces(ROOT / "config" / "interfaces.toml")
    sheet = replace(GRAMMAR, interfaces=("FSO1100A", "FSO1113A"))
    flow = a_flow("FSO1113A_PAP001_PAP0011113000000000000001")

    found = admit(flow, sheet, Kind.XML, served, ())

    assert served["FSO1113A"].unserved
    assert (found.decision.verdict, code_of(found)) == (Verdict.REJECT, "IRR_CODE_INTER")
    assert all("CPPFactureMixte" in text for text in found.decision.reasons[0].message.values())


def test_an_unknown_application_is_answered_under_the_interface_it_named() -> None:
    """The name can be read, so the answer is of its own kind (CSO1100A)."""
    found = admitted(a_flow("FSO1100A_ABC123_ABC1231100000000000000001"))

    assert (found.decision.verdict, code_of(found)) == (Verdict.REJECT, "IRR_CODE_APP")
    assert found.interface == INTERFACES["FSO1100A"]


@pytest.mark.parametrize("connection", [GRAMMAR, FREE], ids=["grammar", "free"])
@pytest.mark.parametrize(
    ("flow", "kind", "code"),
    [
        pytest.param(a_flow(size=0), Kind.EMPTY, "IRR_VIDE", id="empty"),
        pytest.param(a_flow(size=1001), Kind.XML, "IRR_TAILLE", id="too-large"),
        pytest.param(a_flow(size=1001), Kind.EMPTY, "IRR_TAILLE", id="too-large-and-not-read"),
        pytest.param(a_flow(), Kind.UNKNOWN, "IRR_TYPE", id="unknown"),
    ],
)
def test_a_wrong_body_is_refused(
    connection: Connection, flow: Interchange, kind: Kind, code: str
) -> None:
    """Step 5, whatever the names are like."""
    found = admitted(flow, connection, kind)

    assert (found.decision.verdict, code_of(found)) == (Verdict.REJECT, code)


@pytest.mark.parametrize("kind", [Kind.XML, Kind.PDF, Kind.GZIP, Kind.ZIP, Kind.P7M])
def test_every_known_envelope_is_opened(kind: Kind) -> None:
    """Under a name of the grammar too, which has no extension."""
    assert admitted(a_flow(), GRAMMAR, kind).decision.verdict is Verdict.ACCEPT


def test_a_flow_of_just_the_limit_is_opened() -> None:
    """The limit is what is allowed."""
    assert admitted(a_flow(size=1000)).decision.verdict is Verdict.ACCEPT


def test_only_the_first_failing_control_is_told() -> None:
    """Wrong name, too large, of no known type and seen before: the name comes first."""
    flow = a_flow("facture.xml", size=5000)
    seen = [Earlier(interchange=a_flow("facture.xml", flow="F1"), outcome=FlowOutcome.ACCEPTED)]

    assert code_of(admitted(flow, kind=Kind.UNKNOWN, earlier=seen)) == "IRR_FORM"
    assert code_of(admitted(a_flow(size=5000), kind=Kind.UNKNOWN, earlier=seen)) == "IRR_TAILLE"
    assert code_of(admitted(a_flow(), kind=Kind.UNKNOWN, earlier=seen)) == "IRR_TYPE"


@pytest.mark.parametrize("sha256", ["a", "b"], ids=["same-bytes", "other-bytes"])
@pytest.mark.parametrize("outcome", FlowOutcome)
def test_a_flow_name_is_never_used_again(outcome: FlowOutcome, sha256: str) -> None:
    """A sequence number is used once, whatever became of its first flow."""
    first = a_flow(flow="F1", age_min=90)

    found = admitted(a_flow(sha256=sha256), earlier=[Earlier(interchange=first, outcome=outcome)])

    assert (found.decision.verdict, code_of(found), found.first) == (
        Verdict.REJECT,
        "IRR_UNICITE",
        first,
    )
    assert all(
        part in text
        for text in found.decision.reasons[0].message.values()
        for part in ("F1", NAME, "2026-03-31 10:30:00Z")
    )


@pytest.mark.parametrize("connection", [GRAMMAR, FREE], ids=["grammar", "free"])
@pytest.mark.parametrize(
    "outcome", [FlowOutcome.ACCEPTED, FlowOutcome.PARTLY_ACCEPTED, FlowOutcome.HELD]
)
def test_the_same_bytes_under_another_name_repeat_the_first(
    connection: Connection, outcome: FlowOutcome
) -> None:
    """Nothing of it is taken twice; the sender learns which flow it was."""
    first = a_flow(OTHER_NAME, flow="F1")

    found = admitted(a_flow(), connection, earlier=[Earlier(interchange=first, outcome=outcome)])

    assert (found.decision.verdict, code_of(found), found.first) == (
        Verdict.DUPLICATE,
        "IRR_UNICITE",
        first,
    )
    assert all(OTHER_NAME in text for text in found.decision.reasons[0].message.values())


@pytest.mark.parametrize("connection", [GRAMMAR, FREE], ids=["grammar", "free"])
@pytest.mark.parametrize(
    "outcome", [FlowOutcome.REJECTED, FlowOutcome.DUPLICATE, FlowOutcome.RECEIVED]
)
def test_what_was_not_taken_may_be_sent_again(
    connection: Connection, outcome: FlowOutcome
) -> None:
    """Bytes that were refused once are judged anew: the fault may have been ours."""
    seen = [Earlier(interchange=a_flow(OTHER_NAME, flow="F1"), outcome=outcome)]

    assert admitted(a_flow(), connection, earlier=seen).decision == Decision(Verdict.ACCEPT)


def test_the_first_that_was_taken_is_named_not_one_that_was_refused() -> None:
    """Refused, then accepted, then sent once more: the accepted one is the first."""
    earlier = [
        Earlier(interchange=a_flow("a.xml", flow="F1"), outcome=FlowOutcome.REJECTED),
        Earlier(interchange=a_flow("b.xml", flow="F2"), outcome=FlowOutcome.ACCEPTED),
        Earlier(interchange=a_flow("c.xml", flow="F3"), outcome=FlowOutcome.DUPLICATE),
        Earlier(interchange=a_flow("d.xml", flow="F4"), outcome=FlowOutcome.ACCEPTED),
    ]

    found = admitted(a_flow("e.xml"), FREE, earlier=earlier)

    assert found.first == earlier[1].interchange


def test_a_free_name_with_other_bytes_is_another_flow() -> None:
    """`facture.xml` every month: the name says nothing where it is free."""
    seen = Earlier(
        interchange=a_flow("facture.xml", sha256="b", flow="F1"), outcome=FlowOutcome.ACCEPTED
    )

    found = admitted(a_flow("facture.xml"), FREE, earlier=[seen])

    assert found == Admission(Decision(Verdict.ACCEPT))


def test_a_free_name_with_the_same_bytes_repeats_the_first() -> None:
    """The same file put there again."""
    seen = Earlier(interchange=a_flow("facture.xml", flow="F1"), outcome=FlowOutcome.ACCEPTED)

    found = admitted(a_flow("facture.xml"), FREE, earlier=[seen])

    assert (found.decision.verdict, found.first) == (Verdict.DUPLICATE, seen.interchange)
