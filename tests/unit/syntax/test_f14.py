"""F14 is read by the names of its blocks; what is wrong is told with its line."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.model.directory import Address, Flags, Kind, Service, Structure, Validity
from pipeline.model.directory_update import Table, Unit
from pipeline.model.limits import Limits
from pipeline.syntax import f14
from pipeline.syntax.parse import parse

CITY = "21000123600012"

FLOW = """<?xml version="1.0" encoding="UTF-8"?>
<F14 xmlns="urn:example:annuaire">
 <Entete><Horodatage>20260901</Horodatage><TypeFlux>{letter}</TypeFlux></Entete>
 <UniteLegale><IdInstance>1</IdInstance><MotifPresence>P</MotifPresence><Statut>A</Statut>
  <IdSIREN qualifiant="0002">210001236</IdSIREN><Nom>Ville</Nom><TypeEntite>P</TypeEntite>
  <Etablissement><MotifPresence>C</MotifPresence><Statut>A</Statut>
   <IdSIRET>21000123600012</IdSIRET><Nom>Mairie</Nom>
   <DonneesB2G><EngagementJuridique>True</EngagementJuridique><Service>False</Service>
    <EngJurServ>False</EngJurServ><MOA>true</MOA><MOAunique>0</MOAunique>
    <StatutMiseEnPaiement>True</StatutMiseEnPaiement></DonneesB2G>
  </Etablissement>
 </UniteLegale>
 <CodeRoutage><Statut>I</Statut><IdSIRET>21000123600012</IdSIRET><IdRoutage>FETES</IdRoutage>
  <Nom>Fêtes</Nom></CodeRoutage>
 <LigneAnnuaire><Nature>D</Nature><DateEffet>20260901</DateEffet>
  <IdLinSIREN>210001236</IdLinSIREN><IdLinSIRET>21000123600012</IdLinSIRET>
  <IdLinRoutage>FETES</IdLinRoutage><IdPlateforme>0417</IdPlateforme></LigneAnnuaire>
 <LigneAnnuaire><Nature>M</Nature>
  <DateEffet><DateDebut>20260901</DateDebut><DateFin>20270101</DateFin></DateEffet>
  <IdLinSIREN>210001236</IdLinSIREN><Suffixe>COMPTA</Suffixe></LigneAnnuaire>
</F14>"""


def read(text: str) -> f14.F14:
    """Read a flow from its text."""
    return f14.read(parse(text.encode(), Limits()))


def test_every_block_is_read_by_its_published_names() -> None:
    """Nested or side by side, in any namespace: no schema says which."""
    found = read(FLOW.format(letter="C"))

    assert found.faults == ()
    assert found.update.units == {"210001236": Unit(Kind.PUBLIC, active=True)}
    flags = Flags(engagement=True, works=True, payment_status=True)
    assert found.update.structures == {CITY: Structure(siret=CITY, name="Mairie", flags=flags)}
    assert found.update.services == {CITY: {"FETES": Service(name="Fêtes", active=False)}}
    first = date(2026, 9, 1)
    assert found.update.addresses == (
        Address(identifier=f"210001236_{CITY}_FETES", platform="0417", validity=Validity(first)),
        Address(
            identifier="210001236_COMPTA",
            masked=True,
            validity=Validity(first, date(2027, 1, 1)),
        ),
    )


@pytest.mark.parametrize(
    ("letter", "full"),
    [
        pytest.param("C", {Table.STRUCTURES, Table.SERVICES, Table.ADDRESSES}, id="full"),
        pytest.param("D", set(), id="differential"),
        pytest.param("X", set(), id="not-said"),
    ],
)
def test_the_header_says_whether_the_flow_is_whole(letter: str, full: set[Table]) -> None:
    """A differential flow read as a full one would close the country."""
    assert read(FLOW.format(letter=letter)).update.full == full


@pytest.mark.parametrize(
    ("good", "bad", "name"),
    [
        pytest.param(">210001236</IdSIREN>", ">210001237</IdSIREN>", "IdSIREN", id="siren"),
        pytest.param(
            "<IdSIRET>21000123600012</IdSIRET><Nom>", "<IdSIRET/><Nom>", "IdSIRET", id="siret"
        ),
        pytest.param("<MOA>true<", "<MOA>oui<", "MOA", id="flag"),
        pytest.param("<Statut>I<", "<Statut>X<", "Statut", id="status"),
        pytest.param("<DateEffet>20260901<", "<DateEffet>20261301<", "DateEffet", id="day"),
        pytest.param(">0417<", ">9998<", "IdPlateforme", id="reserved-platform"),
        pytest.param(
            "<Suffixe>", "<IdLinSIRET>21000123600012</IdLinSIRET><Suffixe>", "Suffixe", id="suffix"
        ),
        pytest.param("20270101", "20260801", "DateEffet", id="ends-first"),
        pytest.param("<TypeEntite>P", "<TypeEntite>Q", "TypeEntite", id="kind"),
    ],
)
def test_a_block_that_cannot_be_read_is_a_fault_with_its_line(
    good: str, bad: str, name: str
) -> None:
    """So that whoever sent it finds the place."""
    text = FLOW.format(letter="D")
    assert good in text

    (fault,) = read(text.replace(good, bad)).faults

    assert fault.name.endswith(f"/{name}")
    assert fault.line > 1
    assert fault.fr != fault.en


def test_what_is_taken_out_is_told_apart_from_what_sleeps() -> None:
    """MotifPresence S removes; Statut I closes and is kept."""
    text = FLOW.format(letter="D")
    text = text.replace("<MotifPresence>C<", "<MotifPresence>S<")
    text = text.replace("<CodeRoutage>", "<CodeRoutage><MotifPresence>S</MotifPresence>")

    update = read(text).update

    assert update.removed == frozenset({CITY})
    assert update.removed_services == frozenset({(CITY, "FETES")})
    assert (update.structures, update.services) == ({}, {})
