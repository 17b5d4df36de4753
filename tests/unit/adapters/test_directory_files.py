"""What files say of the directory: every column read, every fault named with line and field."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipeline.bootstrap import directory_update
from pipeline.model.directory import (
    Address,
    Flags,
    Kind,
    Platform,
    Service,
    Structure,
    Validity,
)
from pipeline.model.directory_update import Table
from pipeline.model.errors import ConfigError

CITY = "21000123600012"
IN_2026 = Validity(date(2026, 1, 1), date(2027, 1, 1))


def refused(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(ConfigError) as caught:
        directory_update(path, full=False)
    return str(caught.value)


def test_every_column_of_every_table_is_read(tmp_path: Path) -> None:
    """A folder holds several tables; their columns tell which, whatever the files are called."""
    tables = {
        "a.csv": "siret,name,active,kind,since,until,engagement,service,engagement_or_service,"
        "works,works_only,payment_status\n"
        f"{CITY},Ville,true,public,2026-01-01,2027-01-01,true,true,true,true,true,true\n",
        "b.csv": "siret,code,name,active,since,until,engagement,engagement_since,"
        "engagement_until\n"
        f"{CITY},EAU,Eau,false,2026-01-01,2027-01-01,true,2026-01-01,2027-01-01\n",
        "c.csv": f"address,platform,masked,since,until\n{CITY[:9]}_{CITY}_EAU,0417,true,"
        "2026-01-01,2027-01-01\n",
        "d.csv": "matricule,name,active,since,until\n0417,Une,false,2026-01-01,2027-01-01\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    update = directory_update(tmp_path, full=True)

    flags = Flags(
        engagement=True,
        service=True,
        engagement_or_service=True,
        works=True,
        works_only=True,
        payment_status=True,
    )
    city = Structure(siret=CITY, name="Ville", kind=Kind.PUBLIC, validity=IN_2026, flags=flags)
    service = Service(name="Eau", active=False, validity=IN_2026, engagement=IN_2026)
    line = f"{CITY[:9]}_{CITY}_EAU"
    assert update.structures == {CITY: city}
    assert update.services == {CITY: {"EAU": service}}
    assert update.addresses == (
        Address(identifier=line, platform="0417", masked=True, validity=IN_2026),
    )
    assert update.platforms == {
        "0417": Platform(matricule="0417", name="Une", active=False, validity=IN_2026)
    }
    assert update.full == set(Table)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("a,b\n1,2\n", ":1: colonnes inconnues", id="no-table"),
        pytest.param("", ":1: colonnes inconnues", id="empty"),
        pytest.param("address\n210001236_X_Y\n210001237\n", ":3: address: ", id="siren"),
        pytest.param(f"address\n999999999_{CITY}\n", ":2: address: ", id="siret-of-others"),
        pytest.param(f"address\n{CITY[:9]}_21000123600013\n", ":2: address: ", id="siret-key"),
        pytest.param("address,platform\n210001236,9998\n", ":2: platform: ", id="reserved"),
        pytest.param("matricule,name,active\n41,Une,true\n", ":2: matricule: ", id="matricule"),
        pytest.param(
            f"siret,name,active,since,until\n{CITY},V,true,2026-02-01,2026-02-01\n",
            ":2: since, until: ",
            id="no-day",
        ),
        pytest.param(
            f"siret,name,active,since\n{CITY},V,true,01/02/2026\n", ":2: since: ", id="day"
        ),
        pytest.param(f"siret,code,name,active\n{CITY},,X,true\n", ":2: code: ", id="no-code"),
        pytest.param("address\n210001236\n210001236\n", ":3: address: ", id="twice"),
        pytest.param("<F14><LigneAnnuaire/></F14>", ":1: LigneAnnuaire/IdLinSIREN: ", id="f14"),
        pytest.param("<F14/>", "aucun bloc d'annuaire", id="f14-empty"),
        pytest.param("<F14><", ":1: ", id="f14-cut"),
        pytest.param(
            '<!DOCTYPE F14 [<!ENTITY a SYSTEM "file:///etc/passwd">]><F14>&a;</F14>',
            "DOCTYPE",
            id="f14-hostile",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    """Whoever made the file finds the line; nothing of it is applied."""
    path = tmp_path / "annuaire"
    path.write_text(text, encoding="utf-8")

    assert says in refused(path)


def test_every_bad_row_is_told_up_to_a_number(tmp_path: Path) -> None:
    """All are counted; a screen full is enough to see the pattern."""
    path = tmp_path / "platforms.csv"
    rows = "".join(f"x{number},Une,true\n" for number in range(60))
    path.write_text(f"matricule,name,active\n{rows}", encoding="utf-8")

    lines = refused(path).splitlines()

    assert len(lines) == 51
    assert lines[-1] == "… 10 de plus / more"


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    """It would be an import of nothing, or with ``--full`` of everything out."""
    assert "aucun fichier .csv" in refused(tmp_path)
