"""The directory changes by import: shown with what it redirects, applied whole, or not at all."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

CITY = "21000123600012"

F14 = f"""<F14><TypeFlux>D</TypeFlux>
 <UniteLegale><Statut>A</Statut><IdSIREN>{CITY[:9]}</IdSIREN><TypeEntite>P</TypeEntite>
 </UniteLegale>
 <Etablissement><Statut>A</Statut><IdSIRET>{CITY}</IdSIRET><Nom>Ville d'Exemple</Nom>
  <DonneesB2G><EngagementJuridique>True</EngagementJuridique></DonneesB2G></Etablissement>
 <LigneAnnuaire><Nature>D</Nature><DateEffet>20260101</DateEffet>
  <IdLinSIREN>{CITY[:9]}</IdLinSIREN><IdLinSIRET>{CITY}</IdLinSIRET>
  <IdPlateforme>0417</IdPlateforme></LigneAnnuaire>
</F14>"""


def without_order(samples: ModuleType, number: str) -> bytes:
    """Write an invoice to the city without an engagement number."""
    model = samples.billed_to(samples.BY_KEY["ubl-380-une-ligne"], samples.VILLE, number)
    written: bytes = samples.to_ubl(model)
    return written


def send(world: Any, samples: ModuleType, number: str) -> Any:
    """Let the caterer send one; return what became of it."""
    (world.folders["caterer"] / "in" / f"{number}.xml").write_bytes(without_order(samples, number))
    ran = world.edi("run", "--once")
    assert "Traceback" not in ran.err, ran.err
    (document,) = [one for one in world.edi("documents", "--json").json if one["number"] == number]
    return document


def test_what_a_change_would_refuse_is_shown_before_it_is_applied(
    world: Any, samples: ModuleType, tmp_path: Path
) -> None:
    """An operator sees whose invoices a flag stops; the next one is then refused with its rule."""
    flow = tmp_path / "F14.xml"
    flow.write_text(F14, encoding="utf-8")
    assert send(world, samples, "A-1")["step"] == "delivered"

    looked = world.edi("directory", "import", str(flow), "--dry-run", "--json").json
    asked = world.edi("directory", "import", str(flow), "--json")
    kept = world.edi("directory", "show", CITY, "--json").json
    applied = world.edi("directory", "import", str(flow), "--yes", "--json").json
    refused = send(world, samples, "A-2")

    (group,) = looked["redirected"]
    assert (looked["applied"], asked.json["applied"], applied["applied"]) == (False, False, True)
    assert asked.code != 0
    assert (group["buyer"], group["sender"], group["documents"]) == (CITY, "caterer", 1)
    assert group["before"] == {"codes": [], "route": "ville-exemple", "platform": None}
    assert group["after"] == {"codes": ["REJ_CONT_B2G"], "route": None, "platform": "0417"}
    assert looked["counts"] == {"added": 1, "changed": 1, "closed": 0}
    assert kept["structures"][0]["flags"]["engagement"] is False
    assert refused["step"] == "rejected"
    assert refused["reasons"] == "REJ_CONT_B2G"


def test_an_import_is_kept_by_apply_told_in_the_chain_and_looked_up_by_day(
    world: Any, tmp_path: Path
) -> None:
    """``config/`` proposes, the ledger decides; who imported which file stays on record."""
    flow = tmp_path / "F14.xml"
    flow.write_text(F14, encoding="utf-8")
    assert world.edi("directory", "import", str(flow), "--yes").code == 0

    applied = world.edi("apply", "--json").json
    shown = world.edi("directory", "show", CITY[:9], "--json").json
    (told,) = world.edi("directory", "history", "--json").json
    before = world.edi("directory", "show", CITY, "--at", "2020-01-01")

    assert applied["changes"] == []
    assert shown["structures"][0]["flags"]["engagement"] is True
    assert shown["structures"][0]["services"].keys() == {
        "SCOLAIRE",
        "TECHNIQUE",
        "CULTURE",
        "FETES",
    }
    assert [one["platform"] for one in shown["addresses"]] == ["0417"]
    assert told["by"].startswith("operator:")
    assert (told["file"], told["sha256"]) == ("F14.xml", sha256(F14.encode()).hexdigest())
    assert before.code != 0
    assert world.edi("verify").code == 0


def test_a_file_with_bad_rows_changes_nothing_and_names_each(world: Any, tmp_path: Path) -> None:
    """Line, field and reason of every one: half a directory would refuse the other half."""
    table = tmp_path / "structures.csv"
    table.write_text(
        "siret,name,active,kind\n"
        f"{CITY},Renommée,true,public\n"
        "21000123600013,Clé fausse,true,public\n"
        "26000456900018,Hôpital,true,ville\n",
        encoding="utf-8",
    )

    refused = world.edi("directory", "import", str(table), "--yes")

    assert refused.code != 0
    assert f"{table}:3: siret: " in refused.err
    assert f"{table}:4: kind: " in refused.err
    listed = world.edi("directory", "list", "--json").json
    assert {one["name"] for one in listed if one["siret"] == CITY} == {"Ville d'Exemple"}
