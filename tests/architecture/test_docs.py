"""The documentation tells what stands: links, commands, options, codes and diagrams."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from pipeline.adapters.database.tables import metadata
from pipeline.entry.cli import VERBS, command_line
from pipeline.model.controls import CONTROL
from pipeline.model.facturx import FacturxProfile
from pipeline.model.finding import Layer, LayerResult, Outcome
from pipeline.model.report import Judged, ValidationReport
from pipeline.route.registration import REGISTERED
from pipeline.validate.render import report_object
from pipeline.validate.rules.sets import RULES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "samples" / "README.md",
    *sorted(DOCS.rglob("*.md")),
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}

#: Programs that documents may name besides our own; each comes with git, OpenSSH, SQLite
#: or the shell.
PROGRAMS = {"cd", "cp", "git", "mkdir", "python", "sqlite3", "ssh-keygen", "ssh-keyscan"}

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`((?:\.venv/bin/)?edi [^`\n]+)`")
_LOG = re.compile(
    r"(?:log\.(?:info|warning|error|exception)|say|trouble)\(\s*(?:log,\s*)?\"([a-z_]+\.[a-z_]+)\""
)


def without_code(text: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", text)


def shell_lines(text: str) -> Iterator[str]:
    """Yield a page's commands: lines of ``sh`` blocks, and ``$`` lines of ``console`` ones."""
    for language, block in _FENCE.findall(text):
        for line in filter(None, (line.strip() for line in block.splitlines())):
            if language == "sh":
                yield line
            elif language == "console" and line.startswith("$ "):
                yield line.removeprefix("$ ")


def words(line: str) -> list[str]:
    """Split a command; settings before it and redirections after it are dropped.

    The program is named without its folder.
    """
    parts = shlex.split(line.split(" < ", maxsplit=1)[0])
    while re.fullmatch(r"[A-Z_]+=.*", parts[0]):
        parts.pop(0)
    return [Path(parts[0]).name, *parts[1:]]


def drawing(docs: Path) -> ModuleType:
    """Load ``draw.py`` out of a folder of documents, which is the one it draws in."""
    spec = spec_from_file_location("draw", docs / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def slug(heading: str) -> str:
    """Return the anchor that a heading gets where these pages are shown."""
    plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return plain.replace(" ", "-")


def verb(arguments: list[str]) -> tuple[Any, list[str]]:
    """Find the command that `edi` arguments name; return it and what follows its name."""
    command: Any = get_command(command_line(()))
    while hasattr(command, "commands"):
        assert arguments, f"{command.name}: no verb"
        name, *arguments = arguments
        assert name in command.commands, f"no such verb: {name}"
        command = command.commands[name]
    return command, arguments


COMMANDS = [
    pytest.param(line, id=f"{page}: {line}")
    for page, text in TEXTS.items()
    for line in shell_lines(text)
]
NAMED = sorted(
    {
        named.removeprefix(".venv/bin/")
        for text in TEXTS.values()
        for named in _INLINE.findall(without_code(text))
    }
)


def test_what_the_code_tells_is_drawn_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """Step diagrams and reasons are those of the tables that the code obeys."""
    code = drawing(DOCS).main(["--check"])

    assert (code, capsys.readouterr().out) == (0, ""), "run: python docs/draw.py"


def test_a_stale_drawing_is_noticed(tmp_path: Path) -> None:
    """A check that never fails checks nothing."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    for name in ("draw.py", *{name for name, _, _ in drawing(DOCS).PARTS}):
        text = (DOCS / name).read_text(encoding="utf-8")
        (docs / name).write_text(text.replace("received --> held", ""), encoding="utf-8")
    draw = drawing(docs).main

    checks = [draw(["--check"]), draw([]), draw(["--check"])]

    assert checks == [1, 0, 0]


@pytest.mark.parametrize("page", TEXTS)
def test_relative_links_lead_somewhere(page: str) -> None:
    """A reader who clicks finds the page, and the place on it."""
    here = ROOT / page
    dead: list[str] = []
    for target in _LINK.findall(without_code(TEXTS[page])):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (here.parent / path).resolve() if path else here
        if not found.exists():
            dead.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            dead += [] if anchor in {slug(heading) for heading in headings} else [target]

    assert dead == []


def test_pages_with_commands_are_seen() -> None:
    """The tests below prove nothing where nothing is found."""
    assert len(COMMANDS) > 30
    assert len(NAMED) > 15


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_a_block_can_be_typed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs, options, arguments, make targets and programs exist; nothing is run."""
    monkeypatch.chdir(ROOT)
    program, *arguments = words(line)

    if program == "edi":
        command, rest = verb(arguments)
        command.make_context(command.name, rest)
    elif program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
        assert set(arguments) <= targets
    else:
        assert program in PROGRAMS


@pytest.mark.parametrize("named", NAMED)
def test_a_verb_named_in_a_sentence_exists(named: str) -> None:
    """With the options it is named with; arguments may be left out there."""
    _, *arguments = shlex.split(named)

    command, rest = verb(arguments)

    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("edi frobnicate", id="verb"),
        pytest.param("edi packs burn", id="verb-of-a-family"),
        pytest.param("edi show", id="missing-argument"),
        pytest.param("edi run --twice", id="option"),
        pytest.param("edi bench everything", id="choice"),
    ],
)
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    """A search that finds nothing proves nothing unless it is seen to find something."""
    with pytest.raises(
        Exception, match=r"no such verb|[Mm]issing|[Nn]o such option|is not one of"
    ):
        _parse(line)


def test_every_verb_is_documented() -> None:
    """What can be typed is named in the README or the runbook."""
    told = "\n".join(
        (TEXTS["README.md"], TEXTS["docs/operating.md"], TEXTS["docs/performance.md"])
    )

    silent = [name for name in VERBS if f"edi {name}" not in told]

    assert [name for name in silent if name != "demo"] == []
    assert "make demo" in told


@pytest.mark.parametrize("code", CONTROL)
def test_every_reason_is_told_to_partners(code: str) -> None:
    """A supplier who reads a code in an answer finds it on one page."""
    assert f"`{code}`" in TEXTS["docs/partners.md"]


@pytest.mark.parametrize("table", metadata.tables)
def test_every_table_of_the_ledger_is_described(table: str) -> None:
    """Whoever opens the database with other tools knows what they look at."""
    assert f"`{table}`" in TEXTS["docs/architecture.md"]


def test_every_log_event_is_described() -> None:
    """An operator who reads a line of the log finds it in the runbook."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pipeline").rglob("*.py"))

    events = set(_LOG.findall(code))

    assert len(events) > 10
    assert [
        event for event in sorted(events) if f"`{event}`" not in TEXTS["docs/operating.md"]
    ] == []


def test_the_keys_of_a_report_are_those_of_the_readme() -> None:
    """Programs that read `edi validate --format json` are written from that page."""
    layers = tuple(LayerResult(layer, Outcome.SKIPPED) for layer in Layer)
    keys = report_object("a.xml", None, Judged(ValidationReport(syntax=None, layers=layers)))

    assert [key for key in keys if not re.search(rf"`{key}(\[\])?`", TEXTS["README.md"])] == []


#: Rules that are published for the public sector, and Chorus Pro's checks of a document.
PUBLISHED = [
    *(f"BR-FR-CPRO-{number:02}" for number in range(1, 45)),
    *(f"CP-{number:02}" for number in range(1, 25)),
]


@pytest.mark.parametrize("identifier", PUBLISHED)
def test_a_published_rule_is_ours_or_the_page_says_why_not(identifier: str) -> None:
    """Nobody has to guess whether silence means that it holds, or that nobody looked."""
    _, _, table = TEXTS["docs/rules.md"].partition("## What is no rule here")
    left_out = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]

    assert (identifier in RULES) != any(f"`{identifier}`" in cell for cell in left_out)


def test_each_published_check_says_where_it_is_decided() -> None:
    """By a rule, beside the directory, by a control that exists; or not, and why."""
    draw = drawing(DOCS)
    ours = {*RULES, *REGISTERED}
    codes = {
        code
        for told in draw.ELSEWHERE.values()
        for code in re.findall(r"`([A-Z]+(?:_[A-Z]+)*)`", told)
    }

    assert {*PUBLISHED, *(f"CP-S{number}" for number in range(1, 7))} == set(draw.published())
    assert set(draw.published()) - ours == set(draw.ELSEWHERE)
    assert codes - set(CONTROL) == set()
    assert len(codes) > 10


def test_the_keys_of_an_answer_are_those_of_the_partners_page() -> None:
    """Suppliers' programs are written from that page: it names every key that is written."""
    tree = ast.parse((ROOT / "pipeline/acknowledge/machine.py").read_text(encoding="utf-8"))
    keys = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }

    told = TEXTS["docs/partners.md"]

    assert "outcome" in keys
    assert [key for key in sorted(keys) if not re.search(rf"`{key}(\[\])?`", told)] == []


def _parse(line: str) -> None:
    command, rest = verb(words(line)[1:])
    command.make_context(command.name, rest)


@pytest.mark.parametrize("profile", FacturxProfile)
def test_every_profile_of_factur_x_is_described(profile: FacturxProfile) -> None:
    """With its name, its level, its URN, and what its XML is to the page."""
    row = (
        f"| `{profile.value}` | {profile.level} | `{profile.urn}` | {profile.relationship.value} |"
    )

    assert row in TEXTS["docs/formats.md"]


def test_every_clause_of_pdf_a_that_is_looked_at_is_described() -> None:
    """A clause of the code lies within one of the page."""
    code = (ROOT / "pipeline" / "syntax" / "pdfa.py").read_text(encoding="utf-8")
    looked_at = set(re.findall(r'"((?:PDF/A-1 )?6(?:\.[0-9]+)+)"', code))
    page = TEXTS["docs/formats.md"]
    told = set(re.findall(r"\b6(?:\.[0-9]+)+", page))

    assert len(looked_at) > 20
    assert not [
        clause
        for clause in looked_at
        if not any(f"{clause.rpartition(' ')[2]}.".startswith(f"{each}.") for each in told)
    ]
