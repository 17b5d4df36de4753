"""What a sheet says of the agreement behind it: whose, where, from when until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipeline.adapters.configuration import (
    offered_connections,
    read_settings,
    read_sheet,
)
from pipeline.model.api_sheet import Access, ApiSheet
from pipeline.model.connection import Environment
from pipeline.model.errors import ConfigError
from pipeline.model.settings import Approval

SIRET = "21750001600019"
DOOR = 'host = "sftp.example.org"\nuser = "u"\nkey = "keys/u"\nhost_key = "ssh-ed25519 AAAA"\n'


def a_sheet(said: str, role: str = "receiver") -> str:
    """Write a sheet that says this, too."""
    scanner = 'scanner = "none"\n' if role == "sender" else ""
    return f'name = "city"\npartner = "City"\nrole = "{role}"\n{scanner}{said}\n[door]\n{DOOR}'


def test_a_sheet_names_the_agreement_behind_it() -> None:
    """Structure, environment, dates and contact are read as they are written."""
    sheet = read_sheet(
        a_sheet(
            f'structure = "{SIRET}"\nenvironment = "qualification"\nstart_date = 2026-09-01\n'
            'end_date = 2027-09-01\ncontact = "edi@city.example"\nprivate = true'
        )
    )

    assert sheet.structure == SIRET
    assert sheet.environment is Environment.QUALIFICATION
    assert (sheet.start_date, sheet.end_date) == (date(2026, 9, 1), date(2027, 9, 1))
    assert (sheet.contact, sheet.private) == ("edi@city.example", True)


def test_a_sheet_that_says_nothing_of_it_is_in_production_for_ever() -> None:
    """Sheets written before go on as they were."""
    sheet = read_sheet(a_sheet(""))

    assert sheet.environment is Environment.PRODUCTION
    assert sheet.agreed_on(date.min)
    assert sheet.agreed_on(date.max)


@pytest.mark.parametrize("folder", ["../x", "/x", ".hidden", "a/../b"])
def test_copies_of_a_trial_stay_below_their_receivers_folder(folder: str) -> None:
    """A folder that leads upwards may be somebody else's."""
    with pytest.raises(ConfigError, match="folder"):
        read_sheet(a_sheet("") + f'\n[trial]\nfolder = "{folder}"\n')


@pytest.mark.parametrize(
    ("said", "role", "place", "fault"),
    [
        pytest.param('structure = "2175"', "sender", "structure", "found: '2175'", id="short"),
        pytest.param('environment = "test"', "sender", "environment", "qualification", id="word"),
        pytest.param('contact = "edi"', "sender", "contact", "found: 'edi'", id="no address"),
        pytest.param(
            'contact = "a@b.example,c@d.example"', "sender", "contact", "found:", id="two of them"
        ),
        pytest.param(
            "start_date = 2026-09-01\nend_date = 2026-09-01",
            "sender",
            "end_date",
            "does not come after start_date, 2026-09-01",
            id="never in force",
        ),
        pytest.param("private = true", "receiver", "private", "its SIRET", id="who is private?"),
        pytest.param(
            f'structure = "{SIRET}"\nprivate = true',
            "sender",
            "private",
            "of a receiver's sheet",
            id="private sender",
        ),
    ],
)
def test_what_cannot_hold_is_refused_with_its_field(
    said: str, role: str, place: str, fault: str
) -> None:
    """The partner's side reads the same message, and must know what to write."""
    with pytest.raises(ConfigError) as caught:
        read_sheet(a_sheet(said, role), "city.toml")

    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"city.toml: {place}: ")
    assert fault in line


def test_a_hub_asks_for_a_second_person_only_where_it_is_told_to(tmp_path: Path) -> None:
    """A small site, and the demonstration, apply at once."""
    settings = tmp_path / "pipeline.toml"
    settings.write_text('approval = "four-eyes"\n')

    assert read_settings(tmp_path / "absent.toml").approval is Approval.NONE
    assert read_settings(settings).approval is Approval.FOUR_EYES


def test_the_example_of_an_api_sheet_can_be_used(tmp_path: Path) -> None:
    """Each of its keys, also those that it shows as comments."""
    example = Path(__file__).parents[3] / "config" / "connections" / "example-api.toml.sample"
    text = example.read_text(encoding="utf-8").replace("\n# ", "\n")
    (tmp_path / "api.toml").write_text(text.replace("oauth2", "certificate", 1))

    read = offered_connections(tmp_path)

    assert (read.faults, read.strays, dict(read.connections)) == ({}, (), {})
    sheet = read.apis["editeur"]
    assert (sheet.access, sheet.certificate) == (
        Access.CERTIFICATE,
        "certificates/editeur.pem",
    )
    assert (sheet.start_date, sheet.agreed_on(date(2027, 9, 1))) == (date(2026, 9, 1), False)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ('access = "certificate"', "certificate: va avec / goes with access = 'certificate'"),
        ('certificate = "c.pem"', "certificate: va avec / goes with access = 'certificate'"),
        ('[door]\nhost = "sftp"', "door: clé inconnue / Extra inputs are not permitted"),
    ],
)
def test_an_api_sheet_says_what_goes_with_its_access(
    tmp_path: Path, said: str, fault: str
) -> None:
    """It has no door of ours, and OAuth2 needs no certificate."""
    top = 'name = "api"\npartner = "P"\nrole = "api"\n'
    (tmp_path / "api.toml").write_text(top + said)

    ((name, (told,)),) = offered_connections(tmp_path).faults.items()

    assert name == "api"
    assert fault in told


def test_a_door_and_an_api_cannot_share_a_name(tmp_path: Path) -> None:
    """A name is one agreement, with one history."""
    (tmp_path / "a.toml").write_text(a_sheet(""))
    (tmp_path / "b.toml").write_text('name = "city"\npartner = "City"\nrole = "api"\n')

    read = offered_connections(tmp_path)

    assert (set(read.connections), dict(read.apis)) == ({"city"}, {})
    assert "existe déjà" in read.faults["city"][0]


def test_another_key_of_the_same_partner_renews_an_agreement() -> None:
    """Of another partner, or for another structure, it is another agreement."""
    known = ApiSheet(name="api", partner="P", access=Access.CERTIFICATE, certificate="a.pem")

    assert replace(known, certificate="b.pem").renews(known)
    assert not replace(known, partner="Q").renews(known)
    assert not replace(known, structure=SIRET).renews(known)
