"""Configuration is taken whole or refused, naming file, key, line and fault."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.adapters.configuration import (
    read_connections,
    read_interfaces,
    read_profiles,
    read_reasons,
    read_retention,
    read_settings,
    read_sheet,
)
from pipeline.adapters.directory_files import read_directory
from pipeline.model.acknowledgement import ReasonCodes
from pipeline.model.carriage import Carriage, Grouping, LossRule, Original
from pipeline.model.connection import (
    Atomicity,
    Completeness,
    Connection,
    Door,
    Envelope,
    Naming,
    RetryPolicy,
    Role,
    Secret,
    SecretKind,
)
from pipeline.model.conversion import Form
from pipeline.model.directory import Directory, Route, Service, Structure
from pipeline.model.errors import ConfigError
from pipeline.model.finding import Severity
from pipeline.model.interface import Interface
from pipeline.model.limits import Limits
from pipeline.model.profile import Profile
from pipeline.model.retention import CountedFrom, Period
from pipeline.model.settings import ArchiveSettings, Encryption, SealSettings, Settings

ROOT = Path(__file__).resolve().parents[3]

TOP = """\
name = "papeterie"
partner = "Papeterie du Lac"
role = "sender"
scanner = "none"
"""
DOOR = """\
[door]
host = "sftp.example.org"
user = "edi"
key = "keys/papeterie"
host_key = "ssh-ed25519 AAAA"
"""
CITY, CLINIC = "21000123600012", "26000456900018"


def a_sheet(top: str = "", door: str = "", tables: str = "") -> str:
    """Return the text of a sheet with lines added."""
    return f"{TOP}{top}\n{DOOR}{door}\n{tables}\n"


def refusal(text: str) -> list[str]:
    """Return what a sheet is refused with, one line a fault."""
    with pytest.raises(ConfigError) as refused:
        read_sheet(text, "papeterie.toml")
    return str(refused.value).splitlines()


def test_a_sheet_needs_little() -> None:
    """Everything else is as the model says."""
    assert read_sheet(a_sheet()) == Connection(
        name="papeterie",
        partner="Papeterie du Lac",
        role=Role.SENDER,
        door=Door(
            host="sftp.example.org",
            port=22,
            user="edi",
            key="keys/papeterie",
            host_key="ssh-ed25519 AAAA",
        ),
    )


def test_a_sheet_may_name_the_sellers_it_sends_for() -> None:
    """Without the line it sends for anybody."""
    sheet = read_sheet(a_sheet(top='sellers = ["217500016", "123456789"]'))

    assert sheet.sellers == ("217500016", "123456789")
    assert read_sheet(a_sheet()).sellers is None


def test_a_sheet_may_say_everything() -> None:
    """Each key ends where it belongs, in its own unit."""
    text = a_sheet(
        top='naming = "grammar"\napplication_code = "PAP001"\ninterfaces = ["FSO1100A"]\n'
        'atomicity = "invoice"\nprofile = "en16931"\nenvelope = "tar.gz"',
        door="port = 2222\ntransports = 4\ntimeout_s = 5\ntransfer_timeout_s = 7.5",
        tables='[folders]\ninbox = "drop"\narchive = "done"\nout = "answers"\n'
        '[completeness]\nmarker = ".ok"\nstable_s = 1.5\npartial_wait_s = 0\n'
        "[retry]\nwaits_s = [1, 60]\n"
        "[limits]\nflow_bytes = 1\nfile_bytes = 2\nattachment_bytes = 3\ndocuments = 4\nratio = 5",
    )

    assert read_sheet(text) == Connection(
        name="papeterie",
        partner="Papeterie du Lac",
        role=Role.SENDER,
        door=Door(
            host="sftp.example.org",
            port=2222,
            user="edi",
            key="keys/papeterie",
            host_key="ssh-ed25519 AAAA",
            transports=4,
            timeout_s=5.0,
            transfer_timeout_s=7.5,
        ),
        inbox="drop",
        archive="done",
        out="answers",
        application_code="PAP001",
        naming=Naming.GRAMMAR,
        interfaces=("FSO1100A",),
        atomicity=Atomicity.INVOICE,
        profile="en16931",
        envelope=Envelope.TAR_GZ,
        completeness=Completeness(
            marker=".ok", stable_for=timedelta(seconds=1.5), partial_wait=timedelta(0)
        ),
        retry=RetryPolicy((timedelta(seconds=1), timedelta(minutes=1))),
        limits=Limits(flow_bytes=1, file_bytes=2, attachment_bytes=3, documents=4, ratio=5),
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param(a_sheet(top="colour = 1"), "colour", id="top"),
        pytest.param(a_sheet(door='colour = "x"'), "door.colour", id="in-a-table"),
        pytest.param(a_sheet(tables="[limits]\nbytes = 1"), "limits.bytes", id="in-limits"),
        pytest.param(a_sheet(tables="[retries]\nn = 1"), "retries", id="a-table"),
    ],
)
def test_a_key_that_nobody_knows_is_refused_with_its_path(text: str, place: str) -> None:
    """A misspelt key that is overlooked is a rule that is not in force."""
    (line,) = refusal(text)

    assert line.startswith(
        f"papeterie.toml: {place}: clé inconnue / Extra inputs are not permitted"
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param(a_sheet(top='naming = "regex"'), "naming", id="unknown-word"),
        pytest.param(a_sheet(top='application_code = "pap001"'), "application_code", id="case"),
        pytest.param(a_sheet().replace("papeterie", "Papeterie"), "name", id="name"),
        pytest.param(a_sheet().replace('"sender"', '"both"'), "role", id="role"),
        pytest.param(a_sheet().replace("ssh-ed25519 ", ""), "door.host_key", id="host-key"),
        pytest.param(a_sheet(door="port = 65536"), "door.port", id="port"),
        pytest.param(a_sheet(door="transports = 0"), "door.transports", id="transports"),
        pytest.param(a_sheet(door="timeout_s = inf"), "door.timeout_s", id="for-ever"),
        pytest.param(a_sheet(door="timeout_s = 0"), "door.timeout_s", id="no-time"),
        pytest.param(
            a_sheet(tables="[completeness]\nstable_s = inf"), "completeness.stable_s", id="stable"
        ),
        pytest.param(
            a_sheet(tables="[completeness]\npartial_wait_s = -1"),
            "completeness.partial_wait_s",
            id="negative-wait",
        ),
        pytest.param(a_sheet(tables="[retry]\nwaits_s = []"), "retry.waits_s", id="no-waits"),
        pytest.param(a_sheet(tables="[retry]\nwaits_s = [60, nan]"), "retry.waits_s.1", id="nan"),
        pytest.param(
            a_sheet(tables="[retry]\nwaits_s = [60, 1e300]"), "retry.waits_s.1", id="beyond-time"
        ),
        pytest.param(a_sheet(tables="[limits]\ndocuments = 0"), "limits.documents", id="limit"),
        pytest.param(a_sheet(top='sellers = ["21750001600019"]'), "sellers.0", id="sellers-siret"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_its_path(text: str, place: str) -> None:
    """At `edi apply`, not on the first night."""
    (line,) = refusal(text)

    assert line.startswith(f"papeterie.toml: {place}: ")
    assert "trouvé / found: " in line


@pytest.mark.parametrize(
    ("text", "place", "fault"),
    [
        pytest.param(
            a_sheet(top='naming = "grammar"'), "(sheet)", "application_code", id="grammar"
        ),
        pytest.param(
            a_sheet(top='sellers = ["217500016"]').replace('"sender"', '"receiver"'),
            "(sheet)",
            "sellers: only a sender",
            id="sellers-of-a-receiver",
        ),
        pytest.param(
            a_sheet(top="sellers = []"), "(sheet)", "one at least", id="sellers-of-nobody"
        ),
        pytest.param(
            a_sheet(tables='[folders]\nout = "in"'), "folders", "three folders", id="answers-in-in"
        ),
        pytest.param(
            a_sheet(tables='[folders]\narchive = "in/"'), "folders", "three folders", id="loop"
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused(text: str, place: str, fault: str) -> None:
    """An answer or a taken file that stands in the inbox would be pulled for ever."""
    (line,) = refusal(text)

    assert line.startswith(f"papeterie.toml: {place}: ")
    assert fault in line


def test_every_fault_of_a_sheet_is_told_at_once() -> None:
    """One line each, so that one correction is enough."""
    lines = refusal(a_sheet(top='role2 = "x"', door="port = 0\ntransports = 99"))

    assert sorted(line.split(": ")[1] for line in lines) == [
        "door.port",
        "door.transports",
        "role2",
    ]


def test_what_is_no_toml_is_refused_with_its_line() -> None:
    """The reader's own words say where."""
    (line,) = refusal("name = \n")

    assert line.startswith("papeterie.toml: ")
    assert "line 1" in line


def test_sheets_are_read_by_name_and_examples_are_not(tmp_path: Path) -> None:
    """Only `*.toml` is in force."""
    (tmp_path / "one.toml").write_text(a_sheet())
    (tmp_path / "two.toml").write_text(a_sheet().replace('"papeterie"', '"traiteur"'))
    (tmp_path / "example.toml.sample").write_text("not even TOML")

    found = read_connections(tmp_path)

    assert found == {
        "papeterie": read_sheet(a_sheet()),
        "traiteur": read_sheet(a_sheet().replace('"papeterie"', '"traiteur"')),
    }


def test_two_sheets_of_one_name_are_refused(tmp_path: Path) -> None:
    """One would silently win."""
    for name in ("one.toml", "two.toml"):
        (tmp_path / name).write_text(a_sheet())

    with pytest.raises(ConfigError, match=r"two\.toml: name: « papeterie » existe déjà"):
        read_connections(tmp_path)


def test_a_sheet_that_is_no_text_is_refused_with_its_file(tmp_path: Path) -> None:
    """An editor of another age saved it."""
    (tmp_path / "one.toml").write_bytes(a_sheet().replace("Lac", "Château").encode("latin-1"))

    with pytest.raises(ConfigError, match=r"one\.toml: .*utf-8"):
        read_connections(tmp_path)


def write_directory(
    folder: Path, structures: str | bytes, services: str = "", routes: str = ""
) -> Path:
    """Write the three files of a directory; an empty text makes no file."""
    raw = structures if isinstance(structures, bytes) else structures.encode()
    (folder / "structures.csv").write_bytes(raw)
    if services:
        (folder / "services.csv").write_text(services, encoding="utf-8")
    if routes:
        (folder / "routes.toml").write_text(routes, encoding="utf-8")
    return folder


def test_a_directory_is_read_from_three_files(tmp_path: Path) -> None:
    """Structures with their services, and the routes in their order."""
    folder = write_directory(
        tmp_path,
        f'siret,name,active\n{CITY},"Ville, l\'Exemple",true\n{CLINIC},Clinique,false\n',
        f"siret,code,name,active\n{CITY},FETES,Comité des fêtes,false\n{CITY},ECOLE,École,true\n",
        f'[[route]]\nconnection = "ville"\nbuyer_siret = "{CITY}"\ntype_codes = ["380"]\n'
        '[[route]]\nconnection = "reste"\n',
    )

    assert read_directory(folder) == Directory(
        {
            CITY: Structure(
                siret=CITY,
                name="Ville, l'Exemple",
                active=True,
                services={
                    "FETES": Service(name="Comité des fêtes", active=False),
                    "ECOLE": Service(name="École"),
                },
            ),
            CLINIC: Structure(siret=CLINIC, name="Clinique", active=False),
        },
        (
            Route(connection="ville", buyer_siret=CITY, type_codes=("380",)),
            Route(connection="reste"),
        ),
    )


def test_an_absent_directory_is_an_empty_one(tmp_path: Path) -> None:
    """A hub may start without recipients; it refuses every invoice and says why."""
    assert read_directory(tmp_path) == Directory()


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """It puts a byte order mark first and ends lines its own way."""
    text = f"\ufeffsiret,name,active\r\n{CITY},Ville,TRUE\r\n"

    found = read_directory(write_directory(tmp_path, text))

    assert found.structures == {CITY: Structure(siret=CITY, name="Ville")}


@pytest.mark.parametrize(
    ("rows", "line", "fault"),
    [
        pytest.param(
            "123,Ville,true\n",
            2,
            "siret: n'a pas la forme attendue / String should match",
            id="siret",
        ),
        pytest.param(f"{CITY},Ville,peut-être\n", 2, "active: ", id="active"),
        pytest.param(f"{CITY},Ville\n", 2, "active: ", id="too-few"),
        pytest.param(f"{CITY},Ville,true,x\n", 2, "(trop de colonnes", id="too-many"),
        pytest.param(f"{CITY},Ville,true\n\n\n123,x,true\n", 5, "siret: ", id="after-blank-lines"),
        pytest.param(f'{CITY},"Vil\nle",true\n123,x,true\n', 4, "siret: ", id="after-two-lines"),
        pytest.param(f"{CITY},a,true\n{CITY},b,false\n", 3, f"siret: {CITY} existe", id="twice"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(
    tmp_path: Path, rows: str, line: int, fault: str
) -> None:
    """As an editor counts lines, however rows are spread over them."""
    folder = write_directory(tmp_path, f"siret,name,active\n{rows}")

    with pytest.raises(ConfigError) as refused:
        read_directory(folder)

    assert str(refused.value).startswith(f"{folder}/structures.csv:{line}: {fault}")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        pytest.param(f"{CLINIC},ECOLE,École,true\n", f"siret: {CLINIC} absent de", id="orphan"),
        pytest.param(f"{CITY},A,a,true\n{CITY},A,b,false\n", "code: A existe déjà", id="twice"),
        pytest.param(f"{CITY},,École,true\n", "code: ", id="no-code"),
    ],
)
def test_a_service_that_cannot_be_meant_is_refused(tmp_path: Path, rows: str, fault: str) -> None:
    """A service that silently did not count would refuse its invoices."""
    folder = write_directory(
        tmp_path, f"siret,name,active\n{CITY},Ville,true\n", f"siret,code,name,active\n{rows}"
    )

    with pytest.raises(ConfigError, match=rf"services\.csv:\d: {fault}"):
        read_directory(folder)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(f"siret,name,active\n{CITY},Château,true\n".encode("latin-1"), id="latin-1"),
        pytest.param(f"siret,name,active\n{CITY},{'x' * 200_000},true\n".encode(), id="too-long"),
    ],
)
def test_a_table_that_is_no_csv_is_refused_with_its_file(tmp_path: Path, raw: bytes) -> None:
    """It is a fault of the configuration, not of the program."""
    with pytest.raises(ConfigError, match=r"structures\.csv: "):
        read_directory(write_directory(tmp_path, raw))


@pytest.mark.parametrize(
    ("route", "place"),
    [
        pytest.param('buyer_siret = "1"', "route.0.buyer_siret", id="siret"),
        pytest.param('buyer_siren = "1"', "route.0.buyer_siren", id="siren"),
        pytest.param('buyer = "x"', "route.0.buyer", id="unknown-key"),
    ],
)
def test_a_bad_route_is_refused_with_its_place(tmp_path: Path, route: str, place: str) -> None:
    """A route that is not read as it was meant leads invoices to the wrong recipient."""
    folder = write_directory(
        tmp_path, "siret,name,active\n", routes=f'[[route]]\nconnection = "ville"\n{route}\n'
    )

    with pytest.raises(ConfigError, match=rf"routes\.toml: {place}: "):
        read_directory(folder)


INTERFACE = """\
[interface.FSO1100A]
title = "UBL"
syntaxes = ["ubl-invoice"]
refused_by = "CSO1100A"
taken_by = "FEN1200A"
atomicity = "flow"
profile = "chorus-historical"
source = "DSE"
"""


def test_the_interface_table_is_read_by_code(tmp_path: Path) -> None:
    """What a deposit under each code may carry, and how it is answered."""
    path = tmp_path / "interfaces.toml"
    path.write_text(INTERFACE)

    assert read_interfaces(path) == {
        "FSO1100A": Interface(
            code="FSO1100A",
            title="UBL",
            syntaxes=("ubl-invoice",),
            refused_by="CSO1100A",
            taken_by="FEN1200A",
            atomicity=Atomicity.FLOW,
            profile="chorus-historical",
            source="DSE",
        )
    }


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        pytest.param("FSO1100A", "FSO110", "interface.FSO110", id="code"),
        pytest.param('"ubl-invoice"', '"ubl"', "interface.FSO1100A.syntaxes.0", id="syntax"),
        pytest.param('"flow"', '"file"', "interface.FSO1100A.atomicity", id="atomicity"),
    ],
)
def test_a_bad_interface_is_refused_with_its_path(
    tmp_path: Path, before: str, after: str, place: str
) -> None:
    """A syntax that nobody knows would stop the first flow, not the start."""
    path = tmp_path / "interfaces.toml"
    path.write_text(INTERFACE.replace(before, after, 1))

    with pytest.raises(ConfigError, match=rf"interfaces\.toml: {place}"):
        read_interfaces(path)


def test_profiles_are_read_by_name(tmp_path: Path) -> None:
    """With the weight that was agreed."""
    path = tmp_path / "profiles.toml"
    path.write_text(
        '[profiles.lenient]\nweigh_all = "warning"\npacks.ubl = ["en16931-ubl"]\n'
        '[profiles.lenient.reweighed]\nBR-CO-15 = "fatal"\n'
    )

    assert read_profiles(path) == {
        "lenient": Profile(
            name="lenient",
            packs={"ubl": ("en16931-ubl",)},
            weigh_all=Severity.WARNING,
            reweighed={"BR-CO-15": Severity.FATAL},
        )
    }


#: Sets of rules of our own, as the stage that runs them knows them.
RULES = {"cpro": frozenset({"BR-FR-CPRO-10", "CP-20"}), "g2b": frozenset({"CP-06"})}
DATED = """
[profiles.p]
packs.ubl = ["en16931-ubl"]
rules = ["cpro"]
reweighed = { CP-20 = "fatal" }
[[versions]]
profile = "p"
valid_from = 2027-07-01
rules = []
[[versions]]
profile = "p"
valid_from = 2027-01-01
reweighed = { BR-FR-CPRO-10 = "warning" }
"""


def test_a_profile_changes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    """Each version stands on the one before it, whatever their order in the file."""
    path = tmp_path / "profiles.toml"
    path.write_text(DATED)

    first = read_profiles(path, RULES)["p"]

    packs = {"ubl": ("en16931-ubl",)}
    winter, summer = first.later
    assert (first.valid_from, first.rules, first.reweighed) == (
        None,
        ("cpro",),
        {"CP-20": Severity.FATAL},
    )
    assert winter == Profile(
        name="p",
        packs=packs,
        rules=("cpro",),
        reweighed={"BR-FR-CPRO-10": Severity.WARNING},
        valid_from=date(2027, 1, 1),
    )
    assert summer == replace(winter, rules=(), valid_from=date(2027, 7, 1))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('rules = ["cpro"]', 'rules = ["cpor"]', r"profiles\.p\.rules: 'cpor' .*\(cpro, g2b\)"),
        ("rules = []", 'rules = ["x"]', r"versions\.0\.rules: 'x'"),
        ("CP-20", "CP-21", r"profiles\.p\.reweighed: 'CP-21'"),
        ("BR-FR-CPRO-10", "BR-FR-CPRO-1", r"versions\.1\.reweighed: 'BR-FR-CPRO-1'"),
        ('profile = "p"', 'profile = "q"', r"versions\.0\.profile: 'q'"),
        ("2027-07-01", "2027-01-01", r"versions\.1\.valid_from: p 2027-01-01 deux fois / twice"),
        ("rules = []", 'attachments = "x"', r"versions\.0\.attachments: 'x'"),
        ("rules = []", "ruels = []", r"versions\.0\.ruels"),
    ],
)
def test_a_profile_that_names_what_is_not_there_is_refused(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    """A rule that silently never runs is worse than a hub that does not start."""
    path = tmp_path / "profiles.toml"
    path.write_text(DATED.replace(before, after, 1))

    with pytest.raises(ConfigError, match=rf"profiles\.toml: .*{told}"):
        read_profiles(path, RULES)


def test_a_packs_rule_may_bear_any_name(tmp_path: Path) -> None:
    """Which rules a pack holds is not known before it is opened."""
    path = tmp_path / "profiles.toml"
    path.write_text(DATED.replace("CP-20", "BR-CO-25"))

    assert read_profiles(path, RULES)["p"].reweighed == {"BR-CO-25": Severity.FATAL}


def test_settings_that_nobody_wrote_are_the_defaults(tmp_path: Path) -> None:
    """A missing file, an empty one and the model say the same."""
    empty = tmp_path / "pipeline.toml"
    empty.write_text("")

    assert read_settings(tmp_path / "absent.toml") == read_settings(empty) == Settings()


def test_settings_are_read_in_their_units(tmp_path: Path) -> None:
    """Hours, seconds and megabytes."""
    path = tmp_path / "pipeline.toml"
    path.write_text(
        'hub_code = "HUB001"\ndefault_profile = "en16931"\nheld_for_h = 12\nlease_s = 90\n'
        "workers = 3\ntime_limit_s = 2.5\nmemory_limit_mb = 400\nevery_s = 5\n"
        "print_limit_s = 30\n"
        "reconcile_s = 600\n"
    )

    assert read_settings(path) == Settings(
        hub_code="HUB001",
        default_profile="en16931",
        held_for=timedelta(hours=12),
        lease=timedelta(seconds=90),
        workers=3,
        time_limit_s=2.5,
        memory_limit_mb=400,
        print_limit_s=30.0,
        every=timedelta(seconds=5),
        reconcile_every=timedelta(minutes=10),
    )


def test_a_setting_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    """A worker needs its 300 MB for the rules alone."""
    path = tmp_path / "pipeline.toml"
    path.write_text("memory_limit_mb = 100\n")

    with pytest.raises(ConfigError, match=r"pipeline\.toml: memory_limit_mb: .*300"):
        read_settings(path)


def test_where_keys_are_is_read_as_every_secret_is(tmp_path: Path) -> None:
    """A file, the environment or a credential; never the key itself."""
    path = tmp_path / "pipeline.toml"
    path.write_text(
        '[archive]\nencryption = "none"\nmaster_key = { env = "A" }\n'
        'previous_master_key = { credential = "b" }\n'
        f'[seal]\nfolder = "/srv/x"\nkey = {{ file = "c" }}\ntrusted = ["{"ab" * 16}"]\n'
    )

    settings = read_settings(path)

    assert settings.archive == ArchiveSettings(
        encryption=Encryption.NONE,
        master_key=Secret(SecretKind.ENV, "A"),
        previous_master_key=Secret(SecretKind.CREDENTIAL, "b"),
    )
    assert settings.seal == SealSettings(
        folder="/srv/x", key=Secret(SecretKind.FILE, "c"), trusted=("ab" * 16,)
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[archive]\nencryption = "aes"', "archive.encryption"),
        ('[archive]\nmaster_key = "abcd"', "archive.master_key"),
        ('[archive]\nmaster_key = { file = "a", env = "B" }', "archive.master_key"),
        ('[seal]\nfolder = ""', "seal.folder"),
        ('[seal]\ntrusted = ["x"]', "seal.trusted.0"),
    ],
)
def test_keys_that_are_named_wrongly_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    """A slip here would be found out when it is too late."""
    path = tmp_path / "pipeline.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=f"pipeline.toml: {fault}"):
        read_settings(path)


def test_retention_classes_are_read_with_their_source(tmp_path: Path) -> None:
    """Those that are shipped keep invoices for ten years from the end of the year."""
    shipped = read_retention(ROOT / "config" / "retention.toml")
    assert shipped["invoice"].keep == Period(years=10)
    assert shipped["invoice"].counted_from is CountedFrom.YEAR_END
    assert all(one.source for one in shipped.values())

    path = tmp_path / "retention.toml"
    path.write_text('[class.x]\nkeep = "10y"\ncounted_from = "receipt"\nsource = "us"\n')
    with pytest.raises(ConfigError, match=r"class\.invoice is needed"):
        read_retention(path)
    path.write_text('[class.invoice]\nkeep = "ten"\ncounted_from = "receipt"\nsource = "us"\n')
    with pytest.raises(ConfigError, match=r"class\.invoice\.keep: .*10y"):
        read_retention(path)


def test_reasons_are_read_and_held_against_the_published_lists(tmp_path: Path) -> None:
    """A code that the rules do not list for the status would be refused by every partner."""
    path = tmp_path / "reasons.toml"
    path.write_text('[flow]\nIRR_FORM = "IRR_NOM_F"\n')

    assert read_reasons(path) == ReasonCodes({"IRR_FORM": "IRR_NOM_F"}, {})

    path.write_text('[invoice]\nOPERATOR = "IRR_NOM_F"\n')
    with pytest.raises(ConfigError, match=r"reasons\.toml: .*not a published reason: IRR_NOM_F"):
        read_reasons(path)


RECEIVER = (
    'name = "ville"\npartner = "Ville"\nrole = "receiver"\n{}\n'
    '[door]\nprotocol = "local"\npath = "/ville"\n'
)


@pytest.mark.parametrize(
    ("asked", "envelope", "carriage"),
    [
        pytest.param("", Envelope.SINGLE, Carriage(), id="as-received"),
        pytest.param(
            'format = "cii"',
            Envelope.TAR_GZ,
            Carriage(form=Form.CII, original=Original.BESIDE, group=Grouping.INVOICE),
            id="the-original-goes-along",
        ),
        pytest.param(
            'format = "ubl"\noriginal = "none"\nloss = "allow"',
            Envelope.SINGLE,
            Carriage(form=Form.UBL, loss=LossRule.ALLOW, group=Grouping.INVOICE),
            id="the-converted-one-alone",
        ),
        pytest.param(
            'application_code = "VIL750"\nformat = "pivot"\ngroup = "day"\n'
            "group_documents = 20\ngroup_bytes = 1000",
            Envelope.SINGLE,
            Carriage(
                form=Form.PIVOT,
                original=Original.BESIDE,
                loss=LossRule.ALLOW,
                group=Grouping.DAY,
                documents=20,
                bytes=1000,
            ),
            id="a-pivot-a-day",
        ),
        pytest.param(
            'format = "factur-x"\nfacturx_profile = "basic"\ngroup = "flow"',
            Envelope.TAR_GZ,
            Carriage(
                form=Form.FACTURX,
                facturx_profile="basic",
                original=Original.BESIDE,
                loss=LossRule.ALLOW,
                group=Grouping.FLOW,
            ),
            id="factur-x",
        ),
    ],
)
def test_a_receiver_asks_for_a_form(asked: str, envelope: Envelope, carriage: Carriage) -> None:
    """The original goes along unless the sheet says otherwise, and what fits follows."""
    sheet = read_sheet(RECEIVER.format(asked))

    assert (sheet.envelope, sheet.carriage) == (envelope, carriage)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('format = "edifact"', "format"),
        ('facturx_profile = "basic"', "facturx_profile goes with format = 'factur-x'"),
        ('format = "factur-x"\nfacturx_profile = "comfort"', "facturx_profile"),
        ('original = "beside"', "original = 'beside' goes with a format"),
        ('loss = "allow"', "what leaves as received loses nothing"),
        ('format = "ubl"\nenvelope = "single"', "several files leave in one archive"),
        ('envelope = "single"\ngroup = "run"', "several files leave in one archive"),
        ("group_documents = 5", "group_documents: go with a group"),
        ('group = "month"', "group"),
    ],
)
def test_what_does_not_fit_together_is_refused(asked: str, said: str) -> None:
    """Whoever wrote it reads which keys contradict each other."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_sheet(RECEIVER.format(asked))


def test_a_sender_asks_for_no_form() -> None:
    """It gets answers, no invoices."""
    sender = RECEIVER.replace("receiver", "sender").format('scanner = "none"\nformat = "ubl"')

    with pytest.raises(ConfigError, match="format: of a receiver's sheet only"):
        read_sheet(sender)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[next]\nkey_from = 2027-01-01\n", "goes with key", id="day-of-nothing"),
        pytest.param("[next]\n", "name certificate, key or host_key", id="empty"),
        pytest.param('[next]\ncertificate = "c.pem"\n', "has none now", id="no-certificate"),
        pytest.param('[next]\nkey = "keys/papeterie"\n', "is the one in use", id="same-key"),
        pytest.param('[next]\nhost_key = "AAAA"\n', "next.host_key", id="no-line"),
        pytest.param('[next]\nkeys = "x"\n', "next.keys", id="unknown"),
    ],
)
def test_what_takes_over_must_follow_something(text: str, said: str) -> None:
    """A slip of the pen is found when it is written, and not in the night of the switch."""
    config = Path(__file__).resolve().parents[3] / "config"
    sample = (config / "connections" / "example-sender.toml.sample").read_text(encoding="utf-8")

    with pytest.raises(ConfigError, match=said):
        read_sheet(f"{sample}\n{text}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('host = "smtp.example.org"', "sender", id="from-nobody"),
        pytest.param('user = "edi"', "password", id="no-password"),
        pytest.param(
            'user = "edi"\nsecurity = "none"\npassword = { env = "X" }', "clair", id="in-clear"
        ),
        pytest.param('operators = ["ops"]', "operators", id="no-address"),
    ],
)
def test_mail_settings_that_could_write_to_nobody_are_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    """Else the first warning shows it, when it is needed."""
    path = tmp_path / "pipeline.toml"
    path.write_text(f"[mail]\n{text}\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=said):
        read_settings(path)
