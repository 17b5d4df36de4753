"""Whatever is typed, closed or interrupted, ``edi`` answers plainly and safely."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import __version__
from pipeline.app.apply import Change, differences
from pipeline.entry.cli.output import complain, say, say_table
from pipeline.model.directory import Directory, Route
from pipeline.ports.ledger import Sheets

ROOT = Path(__file__).resolve().parents[2]
EDI = Path(sys.executable).parent / "edi"
INVOICE = ROOT / "samples" / "invoices" / "cii-380-fournitures.xml"


@pytest.fixture
def edi(edi_from_nothing: Callable[..., Any]) -> Callable[..., Any]:
    """Run ``edi`` as a shell does: here it is tried that it starts from nothing."""
    return edi_from_nothing


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run one line that begins with ``edi``, redirections included; nothing may block."""
    return subprocess.run(
        ["/bin/sh", "-c", f"{shlex.quote(str(EDI))} {line}"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        pytest.param("validate - <&-", 2, "entrée standard fermée", id="input"),
        pytest.param("interchanges >&-", 2, "sortie standard fermée", id="output"),
        pytest.param("interchanges >&- 2>&-", 2, "", id="output-and-errors"),
        pytest.param("validate nosuch.xml 2>&-", 2, "fichier illisible", id="errors"),
        pytest.param(f"validate --layers syntax {INVOICE} <&-", 0, "valide", id="input-unused"),
        pytest.param(f"validate --layers syntax {INVOICE} <&- 2>&-", 0, "valide", id="two"),
    ],
)
def test_closed_streams_get_a_plain_answer(line: str, code: int, told: str) -> None:
    """A service manager or cron may close any of them."""
    ran = shell(line)

    assert (ran.returncode, "Traceback" in ran.stderr) == (code, False), ran.stderr
    assert told in ran.stdout + ran.stderr


@pytest.mark.parametrize("output", ["text", "json"])
def test_names_that_are_not_utf8_are_shown_escaped(
    edi: Callable[..., Any], tmp_path: Path, output: str
) -> None:
    """Output is UTF-8 and JSON whatever a file is called, named itself or found in a folder."""
    odd = tmp_path / os.fsdecode(b"caf\xe9.xml")
    odd.write_bytes(INVOICE.read_bytes())

    ran = edi("validate", "--layers", "syntax", "--format", output, str(tmp_path), str(odd))

    lines = [line for line in ran.out.splitlines() if line[0] != " "]
    shown = [json.loads(x)["path"] if output == "json" else x.split("  ")[0] for x in lines]
    assert (ran.code, shown) == (0, [f"{tmp_path}/caf\\xe9.xml"] * 2)


@pytest.mark.parametrize(
    ("line", "known"),
    [
        (
            "documents --step bogus",
            "received, accepted, rejected, duplicate, held, routed, delivered, abandoned, tried",
        ),
        (
            "interchanges --step held --step routed",
            "received, held, refused, duplicate, opened, closed",
        ),
    ],
)
def test_an_unknown_step_is_refused_with_those_there_are(line: str, known: str) -> None:
    """An empty listing would say that nothing is wrong."""
    ran = shell(line)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "étape inconnue / unknown step" in ran.stderr
    assert f"({known})" in ran.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("validate {folder}/empty", "aucun fichier trouvé", id="empty-folder"),
        pytest.param("validate {folder}/pipe", "ni fichier ordinaire ni dossier", id="pipe"),
        pytest.param("validate /dev/null", "ni fichier ordinaire ni dossier", id="device"),
        pytest.param("validate - - </dev/null", "une seule fois", id="input-twice"),
        pytest.param("validate ''", "chemin vide", id="no-path"),
        pytest.param("trace ''", "texte vide", id="trace-nothing"),
        pytest.param("show ' '", "identifiant", id="show-nothing"),
    ],
)
def test_what_cannot_be_looked_at_is_named_at_once(tmp_path: Path, line: str, told: str) -> None:
    """Neither silence, nor all there is, nor waiting for ever."""
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")

    ran = shell(line.format(folder=tmp_path))

    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False), ran.stderr
    assert told in ran.stdout + ran.stderr


def test_a_pipe_among_files_stops_none_of_them(edi: Callable[..., Any], tmp_path: Path) -> None:
    """What was named beside it gets its report."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    ran = edi("validate", "--layers", "syntax", "--format", "json", str(pipe), str(INVOICE))

    told = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 2
    assert [(one["path"], one["outcome"]) for one in told] == [
        (str(pipe), "unclear"),
        (str(INVOICE), "valid"),
    ]


#: Runs `edi packs list` and interrupts itself when a module is looked for, or at the end.
INTERRUPTED = """
import atexit, os, runpy, signal, sys

how, moment, edi = sys.argv[1:]

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == moment:
            interrupt()

# whatever the tests themselves were started with
heard = signal.default_int_handler if how == "heard" else signal.SIG_IGN
signal.signal(signal.SIGINT, heard)
if moment == "the end":
    atexit.register(interrupt)
sys.meta_path.insert(0, Finder)
sys.argv = ["edi", "packs", "list", "--json"]
runpy.run_path(edi, run_name="__main__")
"""
MOMENTS = [
    "pipeline.entry",
    "typer",
    "pipeline.bootstrap",
    "pipeline.adapters.configuration",
    "pipeline.adapters.packs",
    "the end",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupt_ends_without_a_traceback(moment: str) -> None:
    """From the first line to the last: while the program loads, works and has worked."""
    command = [sys.executable, "-c", INTERRUPTED, "heard", moment, str(EDI)]

    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)

    assert (ran.returncode, ran.stderr) == (130, b"")


@pytest.mark.parametrize("moment", ["typer", "pipeline.adapters.packs", "the end"])
def test_where_interrupts_are_ignored_they_stay_so(moment: str) -> None:
    """As under ``nohup``, or behind ``&`` in a script."""
    command = [sys.executable, "-c", INTERRUPTED, "ignored", moment, str(EDI)]

    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)

    assert (ran.returncode in {0, 1}, ran.stderr) == (True, b"")
    assert json.loads(ran.stdout)


CONTROLS = [
    *(chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
    "\u200e",
    "\u200f",
    "\x1b",
    "\x9b",
    "\u2028",
]


@pytest.mark.parametrize("char", CONTROLS, ids=ascii)
def test_characters_that_a_terminal_obeys_are_shown_escaped(
    capsys: pytest.CaptureFixture[str], char: str
) -> None:
    """A partner's text turns no line round and recolours nothing."""
    text = f"Été [b]a{char}b"

    say(text)
    say_table("", ("seller",), [(text,)])
    complain(text)

    out, err = capsys.readouterr()
    escaped = f"Été [b]a{ascii(char)[1:-1]}b"
    assert (out.count(escaped), err.count(escaped)) == (2, 1)
    assert char not in out + err


def test_spaces_and_line_breaks_of_french_texts_stay(capsys: pytest.CaptureFixture[str]) -> None:
    """No-break spaces are no tricks."""
    say("1\u202f234,50\u00a0€ :\n\tpayé")

    assert capsys.readouterr().out == "1\u202f234,50\u00a0€ :\n\tpayé\n".expandtabs()


def test_what_a_document_says_is_shown_escaped(edi: Callable[..., Any]) -> None:
    """`edi validate` quotes what its author wrote."""
    ran = edi("validate", "--layers", "syntax", "-", stdin='<a xmlns="urn:\u202ex"/>'.encode())

    assert ran.code == 1
    assert "urn:\\u202ex" in ran.out
    assert "\u202e" not in ran.out


VILLE = Route(connection="ville", buyer_siret="21000123600012")
HOPITAL = Route(connection="hopital", buyer_siren="260004569", type_codes=("380", "381"))
REST = Route(connection="ville")
ON_VILLE = "route buyer_siret=21000123600012"
ON_HOPITAL = "route buyer_siren=260004569 type_codes=380,381"


def counted(before: int, after: int, *counts: int) -> Change:
    """Return the line that counts routes: removed, added, changed, moved."""
    words = ("retirée(s) / removed", "ajoutée(s) / added", "modifiée(s) / changed")
    told = zip(counts, (*words, "déplacée(s) / moved"), strict=True)
    sums = ", ".join(f"{count} {word}" for count, word in told)
    return Change("routes", "", f"{before} route(s)", f"{after} route(s): {sums}")


def differing(before: tuple[Route, ...], after: tuple[Route, ...]) -> tuple[Change, ...]:
    """Compare two directories that have nothing but routes."""
    old, new = (Sheets(directory=Directory(routes=routes)) for routes in (before, after))
    return differences(old, new)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        pytest.param((VILLE, REST), (VILLE, REST), (), id="same"),
        pytest.param(
            (VILLE, HOPITAL),
            (Route(connection="ailleurs", buyer_siret="21000123600012"), HOPITAL),
            (counted(2, 2, 0, 0, 1, 0), Change(ON_VILLE, "connection", "ville", "ailleurs")),
            id="changed",
        ),
        pytest.param(
            (VILLE, REST),
            (HOPITAL, REST),
            (
                counted(2, 2, 1, 1, 0, 0),
                Change(ON_VILLE, "", "ville", None),
                Change(ON_HOPITAL, "", None, "hopital"),
            ),
            id="removed-and-added",
        ),
        pytest.param(
            (VILLE, HOPITAL, REST),
            (HOPITAL, VILLE, REST),
            (
                counted(3, 3, 0, 0, 0, 2),
                Change(ON_HOPITAL, "rank", "2", "1"),
                Change(ON_VILLE, "rank", "1", "2"),
            ),
            id="moved",
        ),
        pytest.param(
            (REST,),
            (REST, Route(connection="hopital")),
            (counted(1, 2, 0, 1, 0, 0), Change("route * (2)", "", None, "hopital")),
            id="same-criteria-twice",
        ),
    ],
)
def test_differences_of_routes_name_what_differs(
    before: tuple[Route, ...], after: tuple[Route, ...], changes: tuple[Change, ...]
) -> None:
    """A route's target decides who gets an invoice: a count hides it."""
    assert differing(before, after) == changes


def test_of_many_routes_all_are_counted_and_ten_shown() -> None:
    """A new directory does not scroll everything else away."""
    routes = tuple(Route(connection="ville", buyer_siret=f"{n:014d}") for n in range(25))

    changes = differing(routes[:12], tuple(reversed(routes[12:])))

    assert changes[0] == counted(12, 13, 12, 13, 0, 0)
    assert [each.subject for each in changes[1:]] == [
        f"route buyer_siret={n:014d}" for n in (*range(10), *range(24, 14, -1))
    ]


def test_apply_shows_which_routes_are_new(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Before they are in force."""
    assert edi("init").code == 0
    config = tmp_path / "var" / "config"
    (config / "connections" / "ville.toml").write_text(SHEET, encoding="utf-8")
    (config / "directory" / "routes.toml").write_text(ROUTE, encoding="utf-8")

    ran = edi("apply", "--dry-run", "--json")

    assert [one for one in ran.json["changes"] if one["subject"].startswith("route ")] == [
        {
            "subject": "route buyer_siren=260004569",
            "key": "",
            "before": None,
            "after": "ville",
        }
    ]


ROUTE = '[[route]]\nconnection = "ville"\nbuyer_siren = "260004569"\n'
SHEET = """name = "ville"
partner = "ville"
role = "receiver"
[door]
host = "127.0.0.1"
port = 1
user = "hub"
key = "keys/ville"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""


@pytest.mark.parametrize("heavy", ["pandas", "apscheduler", "pipeline.entry.measure"])
def test_a_verb_does_not_wait_for_what_others_need(heavy: str) -> None:
    """Loading that takes longer than most verbs take to run."""
    load = (
        "import sys; from pipeline.entry.cli import command_line; command_line(['interchanges'])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", f"{load}; print('{heavy}' in sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert ran.stdout == "False\n"


def test_the_version_is_told(edi: Any) -> None:
    """It is what a report of a fault begins with."""
    ran = edi("--version")

    assert (ran.code, ran.out) == (0, f"{__version__}\n")
