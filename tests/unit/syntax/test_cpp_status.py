"""CPPStatut: our schema says what the format says, and one table writes and reads it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from lxml import etree

from pipeline.syntax.cpp_parties import Envelope, Parameter, Partner, SupplierId
from pipeline.syntax.cpp_status import (
    _TABLE,
    Debtor,
    ErrorLine,
    FactureStatus,
    FlowState,
    FluxStatus,
    StatusMessage,
    Supplier,
    read,
    write,
)

SCHEMA = etree.XMLSchema(file=str(Path(__file__).parents[3] / "schemas" / "CPPStatut-V1_19.xsd"))
AT = datetime(2026, 10, 5, 8, 31, 7, tzinfo=UTC)

ENVELOPE = Envelope(
    parameters=(
        Parameter("DtPrd", "2026-10-05T08:31:07Z"),
        Parameter("IdFlx", "EDIHUB1200000000000000057", "une note"),
    ),
    receiver=Partner("ABC123", "Papeterie", "note"),
    sender=Partner("EDIHUB"),
)
FLOW = StatusMessage(
    envelopes=(ENVELOPE,),
    flows=(
        FluxStatus(
            status=FlowState.PARTLY_INTEGRATED,
            at=AT,
            flow_id="ABC1231100000000000000042",
            complement="1 facture sur 3 intégrée",
            comment="Intégration partielle",
            note="note",
            producer="EDIHUB01",
            errors=(
                ErrorLine(nature="Facture 2", code="DEST_INC", label="L", description="D"),
                ErrorLine(nature="Facture 3", code="DOUBLON", label="L"),
            ),
        ),
        FluxStatus(status=90, at=AT, flow_id="X"),
    ),
)
INVOICES = StatusMessage(
    envelopes=(ENVELOPE, ENVELOPE),
    invoices=(
        FactureStatus(
            supplier=Supplier(
                id_type=SupplierId.SIRET, id="73282932000074", name="Lac", country="FR"
            ),
            debtor=Debtor(
                siret="21750001600019", name="Ville", service="SRV", service_name="Achats"
            ),
            status=6,
            at=AT + timedelta(microseconds=5),
            number="FA-1",
            issue_date=date(2026, 10, 2),
            complement="c",
            comment="Bon de livraison manquant",
            producer="21750001600019",
            mandate_id="M1",
        ),
        FactureStatus(
            supplier=Supplier(id_type=3, id="CHFirma", name="Firma"),
            debtor=Debtor(siret="21750001600019"),
            status=1,
            at=AT,
            number="FA-2",
        ),
    ),
)


@pytest.mark.parametrize("message", [FLOW, INVOICES], ids=["flow", "invoices"])
def test_what_is_written_is_read_back(message: StatusMessage) -> None:
    """One table for both ways: nothing is lost or moved."""
    assert read(etree.fromstring(write(message, SCHEMA))) == message


def test_every_term_of_every_value_has_its_place() -> None:
    """A term without a row would be dropped in silence."""
    assert {kind: {row.name for row in rows} for kind, rows in _TABLE.items()} == {
        kind: {field.name for field in fields(kind)} for kind in _TABLE
    }


def test_a_message_is_written_the_same_way_every_time() -> None:
    """UTF-8, declared, indented, counted and numbered: to the byte."""
    message = StatusMessage(
        envelopes=(replace(ENVELOPE, receiver=Partner("ABC123")),),
        flows=(
            FluxStatus(
                status=93,
                at=AT,
                flow_id="é",
                errors=(ErrorLine(nature="TECHNIQUE", code="IRR_VIDE", label="Flux vide"),),
            ),
        ),
    )

    assert (
        write(message, SCHEMA).decode()
        == """\
<?xml version='1.0' encoding='UTF-8'?>
<CPPStatut Version="V1_19">
  <Enveloppe>
    <EnveloppeUnitaire NumOrdre="1">
      <Parametres>
        <ParametreIndiv NumOrdre="0001">
          <Code>DtPrd</Code>
          <Valeurparametre>2026-10-05T08:31:07Z</Valeurparametre>
        </ParametreIndiv>
        <ParametreIndiv NumOrdre="0002">
          <Code>IdFlx</Code>
          <Valeurparametre>EDIHUB1200000000000000057</Valeurparametre>
          <Note>une note</Note>
        </ParametreIndiv>
      </Parametres>
      <Partenaires>
        <Recepteur>
          <Id>ABC123</Id>
        </Recepteur>
        <Emetteur>
          <Id>EDIHUB</Id>
        </Emetteur>
      </Partenaires>
    </EnveloppeUnitaire>
  </Enveloppe>
  <CPPFluxStatuts compteur="1">
    <CPPFluxStatutUnitaire NumOrdre="1">
      <DonneesStatut>
        <IdStatut>93</IdStatut>
        <Horodatage>2026-10-05T08:31:07Z</Horodatage>
        <IdFlux>é</IdFlux>
        <Details NbLignesErreur="1">
          <LigneErreurDetail IdLigne="1">
            <NatureErreur>TECHNIQUE</NatureErreur>
            <CodeErreur>IRR_VIDE</CodeErreur>
            <LibelleErreur>Flux vide</LibelleErreur>
          </LigneErreurDetail>
        </Details>
      </DonneesStatut>
    </CPPFluxStatutUnitaire>
  </CPPFluxStatuts>
</CPPStatut>
"""
    )


def test_a_message_of_the_published_shape_is_read() -> None:
    """Two digits or three, a moment without offset, a comment inside a value: all the same."""
    root = etree.fromstring(
        """<CPPStatut Version="V1_19"><Enveloppe><EnveloppeUnitaire NumOrdre="1"><Parametres>
        <ParametreIndiv NumOrdre="0001"><Code>DtPrd</Code><Valeurparametre>1</Valeurparametre>
        </ParametreIndiv><ParametreIndiv><Code>IdFlx</Code><Valeurparametre>2</Valeurparametre>
        </ParametreIndiv></Parametres><Partenaires><Recepteur><Id>ABC123</Id></Recepteur>
        <Emetteur><Id>CPP001</Id></Emetteur></Partenaires></EnveloppeUnitaire></Enveloppe>
        <CPPFactureStatuts compteur="1"><CPPFactureStatutUnitaire NumOrdre="1"><Fournisseur>
        <TypeIdentifiant>1</TypeIdentifiant><Identifiant>73282932000074</Identifiant>
        <RaisonSociale>Lac</RaisonSociale></Fournisseur><Debiteur>
        <TypeIdentifiant>01</TypeIdentifiant><Identifiant>21750001600019</Identifiant>
        </Debiteur><DonneesStatut><IdStatut>006</IdStatut>
        <Horodatage>2026-10-05T16:42:10</Horodatage><Producteur/>
        <IdFacture>FA-<!-- cut -->7</IdFacture><DateFacture>2026-10-02+02:00</DateFacture>
        </DonneesStatut></CPPFactureStatutUnitaire></CPPFactureStatuts></CPPStatut>"""
    )

    SCHEMA.assertValid(root)
    assert read(root) == StatusMessage(
        envelopes=(
            Envelope(
                parameters=(Parameter("DtPrd", "1"), Parameter("IdFlx", "2")),
                receiver=Partner("ABC123"),
                sender=Partner("CPP001"),
            ),
        ),
        invoices=(
            FactureStatus(
                supplier=Supplier(id_type=1, id="73282932000074", name="Lac"),
                debtor=Debtor(siret="21750001600019"),
                status=6,
                at=datetime(2026, 10, 5, 16, 42, 10, tzinfo=UTC),
                number="FA-7",
                issue_date=date(2026, 10, 2),
            ),
        ),
    )


def test_a_moment_is_written_in_utc() -> None:
    """One moment has one spelling, whoever's clock told it."""
    here = AT.astimezone(timezone(timedelta(hours=2)))
    message = replace(FLOW, flows=(replace(FLOW.flows[1], at=here),))

    assert b"<Horodatage>2026-10-05T08:31:07Z</Horodatage>" in write(message, SCHEMA)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("<script>&\"'", "<script>&\"'", id="markup"),
        pytest.param("a\x00b\x1bc\ud800d\uffffe", "a�b�c�d�e", id="no-xml-character"),
        pytest.param("\u202efdp.exe", "\u202efdp.exe", id="right-to-left"),
        pytest.param(" \r\n\t x ", " \r\n\t x ", id="white-space"),
        pytest.param("x" * 200_000, "x" * 200_000, id="long"),
    ],
)
def test_hostile_text_is_carried_and_nothing_more(text: str, written: str) -> None:
    """Whatever a partner wrote comes back as text, or as a mark where XML has no way."""
    message = replace(FLOW, flows=(replace(FLOW.flows[1], comment=text),))

    assert read(etree.fromstring(write(message, SCHEMA))).flows[0].comment == written


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(replace(FLOW, envelopes=()), id="no-envelope"),
        pytest.param(replace(FLOW, flows=(replace(FLOW.flows[0], status=97),)), id="status"),
        pytest.param(
            replace(FLOW, flows=(replace(FLOW.flows[0], complement="x" * 41),)), id="complement"
        ),
    ],
)
def test_nothing_leaves_that_breaks_the_schema(message: StatusMessage) -> None:
    """A partner's program must not be the first to notice a mistake of ours."""
    with pytest.raises(ValueError, match="breaks its own schema"):
        write(message, SCHEMA)


def test_a_message_has_exactly_one_branch() -> None:
    """The format's choice is closed when the value is made."""
    with pytest.raises(ValueError, match="either"):
        replace(FLOW, flows=())
    with pytest.raises(ValueError, match="either"):
        replace(FLOW, invoices=INVOICES.invoices)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        pytest.param("<Enveloppe/>", "not a CPPStatut", id="fragment"),
        pytest.param(
            "<CPPStatut><CPPFluxStatuts><CPPFluxStatutUnitaire/></CPPFluxStatuts></CPPStatut>",
            "CPPFluxStatutUnitaire lacks status, at, flow_id",
            id="nothing-inside",
        ),
    ],
)
def test_what_is_no_message_is_not_read(xml: str, message: str) -> None:
    """A reader that guesses would invent statuses."""
    with pytest.raises(ValueError, match=message):
        read(etree.fromstring(xml))


def valid(message: StatusMessage, path: str, value: str | None) -> bool:
    """Put `value` at `path` of a good message and ask the schema; None removes the place."""
    root = etree.fromstring(write(message, SCHEMA))
    owner, _, attribute = path.partition("/@")
    element = root if not owner else root.find(f".//{owner}")
    assert element is not None
    if attribute and value is None:
        del element.attrib[attribute]
    elif attribute:
        element.set(attribute, value or "")
    elif value is None:
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    else:
        element.text = value
    return SCHEMA.validate(root)


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("DonneesStatut/IdStatut", ["90", "96", "090"], ["89", "97", "01", "", "x", None]),
        ("ComplementStatut", ["", "x" * 40, None], ["x" * 41]),
        ("Commentaire", ["", "x" * 5_000, None], []),
        ("DonneesStatut/Note", ["", None], []),
        (
            "Horodatage",
            ["2026-10-05T08:31:07", "2026-10-05T08:31:07.5+02:00"],
            ["2026-10-05", "", None],
        ),
        ("IdProducteur", ["x" * 8, None], ["x" * 7, "x" * 9]),
        ("IdFlux", ["", "x"], [None]),
        ("Details", [None], []),
        ("Details/@NbLignesErreur", ["0", "7"], ["-1", "x", None]),
        ("LigneErreurDetail/@IdLigne", ["", "L1", None], []),
        ("NatureErreur", [""], [None]),
        ("CodeErreur", [""], [None]),
        ("LibelleErreur", [""], [None]),
        ("DescriptionErreur", ["", None], []),
        ("CPPFluxStatuts/@compteur", ["0", "12", None], ["-1"]),
        ("CPPFluxStatutUnitaire/@NumOrdre", ["0", None], ["-1", "a"]),
        ("EnveloppeUnitaire/@NumOrdre", ["0", None], ["-1"]),
        ("ParametreIndiv/@NumOrdre", ["0000", None], ["1", "00001", "000a"]),
        ("ParametreIndiv/Code", ["DtPrd"], ["DtPr", "DtPrd1", None]),
        ("Valeurparametre", [""], [None]),
        ("ParametreIndiv", [], [None]),
        ("Recepteur/Id", ["ABC", "x" * 8], ["AB", "x" * 9, None]),
        ("Recepteur/Libelle", ["", None], []),
        ("Recepteur", [], [None]),
        ("Emetteur", [], [None]),
        ("/@Version", ["", "V9", None], []),
    ],
)
def test_each_facet_of_the_flow_branch(
    path: str, good: list[str | None], bad: list[str | None]
) -> None:
    """Values at the edge pass, values over it do not; None takes the place away."""
    assert [value for value in good if not valid(FLOW, path, value)] == []
    assert [value for value in bad if valid(FLOW, path, value)] == []


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("Fournisseur/TypeIdentifiant", ["1", "7", "07"], ["0", "8", "", None]),
        ("Fournisseur/Identifiant", [""], [None]),
        ("RaisonSociale", [""], [None]),
        ("CodePays", ["FR", None], ["F", "FRA", ""]),
        ("Debiteur/TypeIdentifiant", ["1", "01"], ["0", "2", None]),
        ("Debiteur/Identifiant", ["x" * 14], ["x" * 13, "x" * 15, None]),
        ("Debiteur/Nom", ["", None], []),
        ("CodeService", ["", "x" * 100, None], ["x" * 101]),
        ("NomService", ["", None], []),
        ("DonneesStatut/IdStatut", ["1", "01", "41", "041"], ["0", "42", "90", None]),
        ("ComplementStatut", ["x" * 200, None], []),
        ("Horodatage", ["2026-10-05T08:31:07Z"], ["hier", None]),
        ("Producteur", [None], ["x"]),
        ("Producteur/@Id", ["", None], []),
        ("IdFacture", [""], [None]),
        ("DateFacture", ["2026-10-02", None], ["2026-13-02", "02/10/2026"]),
        ("IdMandatDP", ["", None], []),
        ("Fournisseur", [], [None]),
        ("Debiteur", [], [None]),
        ("CPPFactureStatuts/@compteur", ["0", None], ["-1"]),
        ("CPPFactureStatutUnitaire/@NumOrdre", ["0", None], ["-1"]),
    ],
)
def test_each_facet_of_the_invoice_branch(
    path: str, good: list[str | None], bad: list[str | None]
) -> None:
    """Values at the edge pass, values over it do not; None takes the place away."""
    assert [value for value in good if not valid(INVOICES, path, value)] == []
    assert [value for value in bad if valid(INVOICES, path, value)] == []


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        pytest.param(b"<IdFlux>", b"<Producteur/><IdFlux>", True, id="empty-producer"),
        pytest.param(b"<IdFlux>", b'<Producteur Id="x"/><IdFlux>', False, id="producer-with-id"),
        pytest.param(b"<IdFlux>", b"<Other/><IdFlux>", False, id="unknown-element"),
        pytest.param(b"<Recepteur>", b"<Autre/><Recepteur>", False, id="third-partner"),
        pytest.param(b'Version="V1_19"', b'Version="V1_19" a="b"', False, id="attribute"),
        pytest.param(
            b"</CPPFluxStatuts>", b"</CPPFluxStatuts><CPPFactureStatuts/>", False, id="both"
        ),
        pytest.param(
            b'<CPPStatut Version="V1_19">', b'<CPPStatut xmlns="urn:x">', False, id="namespace"
        ),
    ],
)
def test_the_shape_is_fixed(before: bytes, after: bytes, good: bool) -> None:
    """What stands where it must not is refused."""
    xml = write(FLOW, SCHEMA)
    assert before in xml

    assert SCHEMA.validate(etree.fromstring(xml.replace(before, after, 1))) is good


def test_the_order_is_fixed_and_no_fragment_is_a_message() -> None:
    """Receiver before sender; only CPPStatut may be the root."""
    root = etree.fromstring(write(FLOW, SCHEMA))
    partners = root.find(".//Partenaires")
    assert partners is not None
    fragments = [SCHEMA.validate(etree.fromstring(etree.tostring(child))) for child in root]
    partners.append(partners[0])

    assert (SCHEMA.validate(root), fragments) == (False, [False, False])
