"""What the directory says of both sides of an invoice: what breaks a rule, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipeline.model.connection import AnswerFamily
from pipeline.model.decision import Decision, Verdict
from pipeline.model.directory import (
    Address,
    Directory,
    Flags,
    Kind,
    Platform,
    Service,
    Structure,
    Validity,
)
from pipeline.model.document import Document
from pipeline.model.identity import InterchangeId, document_id
from pipeline.model.report import RoutingHeader
from pipeline.route.registration import RULES, Standing, check_registration, check_supplier

HISTORICAL, AFNOR, G2B = AnswerFamily.HISTORICAL, AnswerFamily.AFNOR, AnswerFamily.G2B
DAY = date(2026, 9, 1)
FLOW = InterchangeId("F0123456789ABCDEF")

PLAIN, ENGAGES, SERVES, EITHER, WORKS, FIRM, GONE = (f"2100012360{n:04d}" for n in range(7))
#: A service that asks for an engagement number of its own accord, this year.
STRICT = Service(engagement=Validity(date(2026, 1, 1), date(2027, 1, 1)))


def public(siret: str, **flags: bool) -> Structure:
    """Build a public structure with one service, ``EAU``."""
    services = {"EAU": Service(), "STRICT": STRICT, "OLD": Service(active=False)}
    return Structure(
        siret=siret, name=siret, kind=Kind.PUBLIC, services=services, flags=Flags(**flags)
    )


DIRECTORY = Directory(
    {
        PLAIN: public(PLAIN),
        ENGAGES: public(ENGAGES, engagement=True),
        SERVES: public(SERVES, service=True),
        EITHER: public(EITHER, engagement_or_service=True),
        WORKS: public(WORKS, works_only=True),
        FIRM: Structure(siret=FIRM, name="SAS", kind=Kind.PRIVATE),
        GONE: Structure(siret=GONE, name="Partie", active=False),
    },
    addresses={
        "300000001": (Address(identifier="300000001", platform="0417"),),
        "300000002": (Address(identifier="300000002", platform="0555"),),
        "300000003": (Address(identifier="300000003", platform="0666"),),
    },
    platforms={
        "0417": Platform(matricule="0417", name="Raccordée"),
        "0666": Platform(matricule="0666", name="Finie", validity=Validity(None, DAY)),
    },
)


def a_document(**header: str | None) -> Document:
    """Build a document with these terms."""
    return Document(
        id=document_id(FLOW, 1),
        interchange=FLOW,
        seq=1,
        name="a.xml",
        size=10,
        sha256="ab" * 32,
        header=RoutingHeader(**header),  # type: ignore[arg-type]  # only texts are given
    )


def standing(channel: AnswerFamily | None, *, suppliers: bool = False) -> Standing:
    """Return by what a document is held against the directory."""
    return Standing(channel=channel, day=DAY, check_suppliers=suppliers)


def buyer(channel: AnswerFamily | None, **header: str | None) -> Decision:
    """Hold what a recipient asks for against an invoice."""
    return check_registration(a_document(**header), DIRECTORY, standing(channel))


BROKEN = [
    pytest.param(AFNOR, {"buyer_siret": SERVES}, "BR-FR-CPRO-11", "BT-46", id="no-service"),
    pytest.param(
        None,
        {"buyer_siret": SERVES, "buyer_service": "OLD"},
        "BR-FR-CPRO-11",
        "BT-46",
        id="inactive-service",
    ),
    pytest.param(None, {"buyer_siret": ENGAGES}, "BR-FR-CPRO-12", "BT-13", id="no-engagement"),
    pytest.param(
        None,
        {"buyer_siret": ENGAGES, "order_reference": "NA"},
        "BR-FR-CPRO-12",
        "BT-13",
        id="stand-in-for-an-order",
    ),
    pytest.param(
        HISTORICAL,
        {"buyer_siret": PLAIN, "buyer_service": "STRICT"},
        "BR-FR-CPRO-12",
        "BT-13",
        id="service-asks-for-engagement",
    ),
    pytest.param(None, {"buyer_siret": EITHER}, "BR-FR-CPRO-13", "BT-13", id="neither"),
    pytest.param(
        HISTORICAL, {"buyer_siret": WORKS, "frame": "A1"}, "CP-11", "BT-23", id="not-works"
    ),
    pytest.param(HISTORICAL, {"buyer_siret": FIRM}, "CP-03", "BT-46", id="private"),
    pytest.param(
        G2B,
        {"buyer_endpoint": "300000002", "buyer_endpoint_scheme": "0225"},
        "CP-05",
        "BT-49",
        id="unknown-platform",
    ),
    pytest.param(G2B, {"buyer_endpoint": "300000003"}, "CP-05", "BT-49", id="former-platform"),
]


@pytest.mark.parametrize(("channel", "header", "rule", "term"), BROKEN)
def test_what_a_recipient_asks_for_and_does_not_get_is_refused(
    channel: AnswerFamily | None, header: dict[str, str], rule: str, term: str
) -> None:
    """With the rule, the place, and a sentence in both languages that says what to do."""
    decision = buyer(channel, **header)

    (why,) = decision.reasons
    assert decision.verdict is Verdict.REJECT
    assert why.code == ("REJ_ADR" if rule == "CP-05" else "REJ_CONT_B2G")
    assert why.place == f"a.xml {term}"
    assert why.message["fr"].startswith(f"{rule} : ")
    assert why.message["en"].startswith(f"{rule}: ")


@pytest.mark.parametrize(
    ("channel", "header"),
    [
        pytest.param(AFNOR, {"buyer_siret": SERVES, "buyer_service": "EAU"}, id="service"),
        pytest.param(None, {"buyer_siret": ENGAGES, "order_reference": "E1"}, id="engagement"),
        pytest.param(None, {"buyer_siret": ENGAGES, "contract_reference": "M1"}, id="contract"),
        pytest.param(None, {"buyer_siret": EITHER, "buyer_service": "EAU"}, id="either-service"),
        pytest.param(None, {"buyer_siret": EITHER, "order_reference": "E1"}, id="either-order"),
        pytest.param(HISTORICAL, {"buyer_siret": WORKS, "frame": "A4"}, id="works"),
        pytest.param(AFNOR, {"buyer_siret": PLAIN, "frame": "S3"}, id="public-sub-contracting"),
        pytest.param(HISTORICAL, {"buyer_siret": GONE}, id="kind-not-said"),
        pytest.param(AFNOR, {"buyer_siren": FIRM[:9]}, id="siren-of-both-kinds"),
        pytest.param(G2B, {"buyer_siret": FIRM}, id="companies-by-g2b"),
        pytest.param(None, {"buyer_siret": FIRM, "frame": "S3"}, id="companies-by-free-names"),
        pytest.param(G2B, {"buyer_endpoint": "300000001"}, id="connected"),
        pytest.param(HISTORICAL, {"buyer_endpoint": "300000002"}, id="platforms-matter-to-g2b"),
    ],
)
def test_what_a_recipient_gets_as_it_asked_goes_on(
    channel: AnswerFamily | None, header: dict[str, str]
) -> None:
    """Nor is anything refused that the directory does not say."""
    assert buyer(channel, **header) == Decision(Verdict.ACCEPT)


def test_every_rule_that_is_broken_is_told_at_once() -> None:
    """A supplier that mends one fault at a time sends its invoice once a fault."""
    decision = buyer(AFNOR, buyer_siret=FIRM, frame="S3")

    rules = [why.message["en"].split(":")[0] for why in decision.reasons]
    assert rules == ["CP-03", "BR-FR-CPRO-23"]


def test_an_engagement_that_a_service_asked_for_is_not_asked_for_later() -> None:
    """Its dates are those of the directory; the day is that of the receipt."""
    document = a_document(buyer_siret=PLAIN, buyer_service="STRICT")
    later = replace(standing(None), day=date(2027, 1, 1))

    assert check_registration(document, DIRECTORY, later) == Decision(Verdict.ACCEPT)


def test_without_platforms_nobody_asks_whose_platform_is_connected() -> None:
    """A hub whose directory holds none would refuse every company."""
    document = a_document(buyer_endpoint="300000002")
    directory = replace(DIRECTORY, platforms={})

    assert check_registration(document, directory, standing(G2B)) == Decision(Verdict.ACCEPT)


@pytest.mark.parametrize(
    ("seller", "suppliers", "refused"),
    [
        pytest.param(PLAIN, True, False, id="known"),
        pytest.param(GONE, True, True, id="inactive"),
        pytest.param("99999999900000", True, True, id="unknown"),
        pytest.param("99999999900000", False, False, id="not-asked"),
        pytest.param(None, True, False, id="foreign"),
    ],
)
def test_a_supplier_must_be_known_where_the_directory_holds_suppliers(
    seller: str | None, *, suppliers: bool, refused: bool
) -> None:
    """By a setting: most directories hold recipients alone."""
    document = a_document(seller_siret=seller)

    decision = check_supplier(document, DIRECTORY, standing(HISTORICAL, suppliers=suppliers))

    assert [why.code for why in decision.reasons] == (["REJ_COH"] if refused else [])


@pytest.mark.parametrize(("channel", "refused"), [(AFNOR, True), (HISTORICAL, False)])
def test_a_seller_with_a_siren_gives_its_siret_in_an_afnor_flow(
    channel: AnswerFamily, *, refused: bool
) -> None:
    """BR-FR-CPRO-09 binds there alone."""
    document = a_document(seller_siren="210001236")

    decision = check_supplier(document, DIRECTORY, standing(channel))

    assert [why.code for why in decision.reasons] == (["REJ_CONT_B2G"] if refused else [])


@pytest.mark.parametrize(
    ("agent", "frame", "channel", "suppliers", "refused"),
    [
        pytest.param(PLAIN, "S3", AFNOR, True, False, id="known"),
        pytest.param(GONE, "S3", AFNOR, True, True, id="inactive"),
        pytest.param("99999999900000", "S6", AFNOR, True, True, id="unknown"),
        pytest.param("99999999900000", "S3", AFNOR, False, False, id="not-asked"),
        pytest.param("99999999900000", "B1", AFNOR, True, False, id="another-frame"),
        pytest.param("99999999900000", "A12", HISTORICAL, True, True, id="historical"),
        pytest.param("99999999900000", "S3", G2B, True, False, id="another-channel"),
        pytest.param(None, "S3", AFNOR, True, False, id="missing-is-for-another-rule"),
    ],
)
def test_whom_sub_contracting_names_must_be_known(
    agent: str | None, frame: str, channel: AnswerFamily, *, suppliers: bool, refused: bool
) -> None:
    """BR-FR-CPRO-22: where the directory holds suppliers."""
    document = a_document(agent_siret=agent, frame=frame)

    decision = check_supplier(document, DIRECTORY, standing(channel, suppliers=suppliers))

    assert [(why.code, why.place) for why in decision.reasons] == (
        [("REJ_CONT_B2G", "a.xml EXT-FR-FE-69")] if refused else []
    )


@pytest.mark.parametrize(
    ("frame", "agent", "channel", "refused"),
    [
        pytest.param("A9", None, HISTORICAL, True, id="sub-contractor"),
        pytest.param("A12", None, HISTORICAL, True, id="co-contractor"),
        pytest.param("A12", PLAIN, HISTORICAL, False, id="named"),
        pytest.param("A1", None, HISTORICAL, False, id="another-frame"),
        pytest.param("S3", None, AFNOR, False, id="asked-by-the-profile"),
    ],
)
def test_who_needs_a_validator_names_it(
    frame: str, agent: str | None, channel: AnswerFamily, *, refused: bool
) -> None:
    """Nobody could be asked."""
    decision = check_supplier(
        a_document(frame=frame, agent_siret=agent), DIRECTORY, standing(channel)
    )

    assert [(why.code, why.place) for why in decision.reasons] == (
        [("REJ_CONT_B2G", "a.xml EXT-FR-FE-69")] if refused else []
    )


def test_every_rule_has_a_source_and_two_languages() -> None:
    """Whoever is refused may look it up, and each is broken by a document above."""
    broken = {case.values[2] for case in BROKEN}
    elsewhere = {"CP-01", "CP-16", "BR-FR-CPRO-09", "BR-FR-CPRO-22", "BR-FR-CPRO-23"}
    assert RULES.keys() == broken | elsewhere
    for rule in RULES.values():
        assert rule.source
        assert rule.fr != rule.en
