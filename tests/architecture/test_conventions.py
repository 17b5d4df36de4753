"""The shape of the project, held by machine: what CONVENTIONS say and no linter can see."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import tomllib
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from pipeline.adapters.configuration import (
    read_connections,
    read_interfaces,
    read_profiles,
    read_settings,
    read_sheet,
)
from pipeline.adapters.directory_files import read_directory
from pipeline.model.controls import CONTROL
from pipeline.model.proposal import PROPOSAL_FOLLOWS
from pipeline.model.report import Trouble
from pipeline.model.settings import Settings
from pipeline.model.standing import SHEET_FOLLOWS
from pipeline.model.status import FOLLOWS, INTERCHANGE_FOLLOWS, OUTBOX_FOLLOWS
from pipeline.validate.rules.sets import RULES, SETS

Table = Mapping[Enum | None, Collection[Enum]]

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
#: Example sheets of doors of ours; that of the API is read by tests/unit/adapters.
SHEETS = sorted((CONFIG / "connections").glob("example-[rs]e*.sample"))
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
CODE = {
    path: ast.parse(path.read_text(encoding="utf-8"), str(path))
    for path in [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))]
}
#: The sets of rules of ours that a profile may name.
KNOWN = {each.name: frozenset(rule.identifier for rule in each.rules) for each in SETS}
TABLES: dict[str, Table] = {
    "documents": dict(FOLLOWS.items()),
    "interchanges": dict(INTERCHANGE_FOLLOWS.items()),
    "outbox": dict(OUTBOX_FOLLOWS.items()),
    "sheets": dict(SHEET_FOLLOWS.items()),
    "proposals": dict(PROPOSAL_FOLLOWS.items()),
}

#: The one module that parses XML and compiles XSDs with lxml.
PARSER = "pipeline/syntax/parse.py"
#: Reads no document: a page of ours on its way to paper, in a process that reaches nothing.
PRINTER = "pipeline/adapters/printer.py"
#: Where xmlschema may be named: it only explains what lxml has refused.
EXPLAINERS = {
    "pipeline/bootstrap/artefacts.py",
    "pipeline/validate/explain.py",
    "pipeline/validate/judge.py",
    "pipeline/validate/own_schemas.py",
    "pipeline/validate/structure.py",
}
#: The modules of lxml that may be imported, as code names them: they also write.
LXML = {"etree", "lxml.etree", "html", "lxml.html"}
#: Names in them that read a document, a schema or a stylesheet, or build what does.
READERS = {
    "DTD",
    "ETCompatXMLParser",
    "ElementTree",
    "HTML",
    "HTMLParser",
    "HTMLPullParser",
    "RelaxNG",
    "Schematron",
    "XML",
    "XMLDTDID",
    "XMLID",
    "XMLParser",
    "XMLPullParser",
    "XMLSchema",
    "XSLT",
    "document_fromstring",
    "fragment_fromstring",
    "fragments_fromstring",
    "fromstring",
    "fromstringlist",
    "iterparse",
    "parse",
    "parseid",
}
#: Other libraries that read XML, and what of them only writes.
OTHER_DOORS = (
    "xml.",
    "defusedxml.",
    "lxml.objectify.",
    "lxml.sax.",
    "lxml.isoschematron.",
)
HARMLESS = {"xml.sax.saxutils", "xml.sax.saxutils.escape", "xml.sax.saxutils.quoteattr"}


def relative(path: Path) -> str:
    """Return a path as it is written from the top of the project."""
    return path.relative_to(ROOT).as_posix()


CLASSES = [
    pytest.param(node, id=f"{path.stem}.{node.name}")
    for path in MODULES
    if relative(path).startswith("pipeline/model/")
    for node in ast.walk(CODE[path])
    if isinstance(node, ast.ClassDef)
]


def test_imports_point_one_way() -> None:
    """The contracts of setup.cfg hold."""
    found = lint_imports(config_filename=str(ROOT / "setup.cfg"), no_cache=True, no_logo=True)

    assert found == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("node", CLASSES)
def test_a_model_class_is_frozen_an_enum_or_an_error(node: ast.ClassDef) -> None:
    """Values do not change once made; what only says which shape one has is none itself."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    allowed = ("Enum", "Error", "Exception", "Protocol")

    assert any(base.endswith(allowed) for base in _bases(node)) or any(
        "frozen=True" in decorator and "slots=True" in decorator for decorator in decorators
    )


def _bases(node: ast.ClassDef) -> list[str]:
    """Return what a class is made from, and what those of the model are made from."""
    direct = [ast.unparse(base) for base in node.bases]
    classes = [value for parameter in CLASSES for value in parameter.values]
    above = [one for one in classes if isinstance(one, ast.ClassDef) and one.name in direct]
    return direct + [base for one in above for base in _bases(one)]


def test_every_module_says_why_it_exists() -> None:
    """Nobody has to read a module to learn what it is for."""
    silent = [relative(path) for path in CODE if not ast.get_docstring(CODE[path])]

    assert MODULES
    assert silent == []


def test_package_folders_are_packages_and_test_folders_are_not() -> None:
    """Else modules are missing from the wheel, and tests of one name hide each other."""
    packages = {path.parent for path in CODE if path.name == "__init__.py"}

    assert packages == {path.parent for path in MODULES}


def test_the_wheel_holds_every_package() -> None:
    """A room that setup.cfg does not include works in the clone and nowhere else."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = setup["options.packages.find"]["include"].split()
    packages = [
        relative(init.parent).replace("/", ".")
        for init in (ROOT / "pipeline").rglob("__init__.py")
    ]

    left_out = [name for name in packages if not any(fnmatch(name, p) for p in patterns)]

    assert "pipeline.model" in packages
    assert left_out == []


@pytest.mark.parametrize("follows", TABLES.values(), ids=TABLES)
def test_every_step_has_a_row_and_can_be_reached(
    follows: Table,
) -> None:
    """A step without a row crashes its first reader; one that nothing leads to is dead."""
    first = next(iter(follows[None]))
    reached: set[Enum | None] = {None}
    border: set[Enum | None] = {None}
    while border:
        border = {after for before in border for after in follows[before] if after not in reached}
        reached |= border

    assert set(follows) == {None, *type(first)}
    assert reached == set(follows)


@pytest.mark.parametrize("follows", TABLES.values(), ids=TABLES)
def test_nothing_leads_back_to_before_the_start(
    follows: Table,
) -> None:
    """What was once seen is never unseen, and a step is no way to itself."""
    assert all(None not in after and before not in after for before, after in follows.items())


@pytest.mark.parametrize("path", SHEETS, ids=relative)
def test_an_example_sheet_can_be_used(path: Path) -> None:
    """An operator's first sheet is a copy of the example."""
    text = path.read_text(encoding="utf-8")

    assert read_sheet(text, path.name).name == tomllib.loads(text)["name"]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_ours_has_samples(rule: str) -> None:
    """A rule is seen to hold and seen to fail."""
    folder = ROOT / "samples" / "rules" / rule

    assert list(folder.glob("pass-*.xml"))
    assert list(folder.glob("fail-*.xml"))


def test_there_is_no_sample_of_a_rule_that_is_gone() -> None:
    """It would never be run."""
    assert {path.name for path in (ROOT / "samples" / "rules").iterdir()} == set(RULES)


def test_there_is_an_example_sheet_for_each_role() -> None:
    """A sender and a receiver need other keys."""
    roles = [read_sheet(path.read_text(encoding="utf-8")).role.value for path in SHEETS]

    assert sorted(roles) == ["receiver", "sender"]


def test_the_shipped_configuration_loads_and_names_no_partner() -> None:
    """`edi init` copies it: it must work as it is, and bill nobody."""
    directory = read_directory(CONFIG / "directory")

    assert read_connections(CONFIG / "connections") == {}
    assert (dict(directory.structures), directory.routes) == ({}, ())


def test_the_shipped_settings_are_the_defaults() -> None:
    """The file says that what stands in it is the default."""
    assert read_settings(CONFIG / "pipeline.toml") == Settings()


def test_interfaces_and_settings_name_profiles_that_exist() -> None:
    """A profile that is missing would stop every flow of its interface."""
    profiles = read_profiles(CONFIG / "profiles.toml", KNOWN)
    interfaces = read_interfaces(CONFIG / "interfaces.toml")

    served = {one.profile for one in interfaces.values() if one.is_deposit and not one.unserved}
    named = served | {Settings().default_profile}

    assert interfaces
    assert named <= set(profiles)


def test_profiles_name_packs_that_exist() -> None:
    """A pack that is missing would hold every document of its profile."""
    packs = tomllib.loads((CONFIG / "packs.toml").read_text(encoding="utf-8"))["packs"]
    profiles = read_profiles(CONFIG / "profiles.toml").values()

    named = {pack for one in profiles for names in one.packs.values() for pack in names}

    assert named
    assert {packs[name]["kind"] for name in named} == {"rules"}


def test_every_trouble_of_the_engine_stands_in_the_control_table() -> None:
    """A held document names its trouble; a code without words would crash its answer."""
    assert {trouble.value for trouble in Trouble} <= set(CONTROL)


def test_documents_and_schemas_are_read_in_one_place() -> None:
    """One safe parser: whoever reads XML elsewhere opens the doors that it closed."""
    readers = {
        relative(path)
        for path in MODULES
        if any(_reads_xml(node) for node in _statements(CODE[path]))
    }

    assert readers <= {PARSER, PRINTER}


def test_xmlschema_comes_in_where_failures_are_explained() -> None:
    """It fetches what documents name, unless it is called with care."""
    users = {
        relative(path)
        for path in MODULES
        if any("xmlschema" in _imported(node) for node in ast.walk(CODE[path]))
    }

    assert users <= EXPLAINERS


def test_no_module_resolves_inclusions() -> None:
    """XInclude reads local files, at the will of whoever wrote the document."""
    callers = [
        relative(path)
        for path in MODULES
        if any(
            isinstance(node, ast.Attribute) and node.attr == "xinclude"
            for node in ast.walk(CODE[path])
        )
    ]

    assert callers == []


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        pytest.param("etree.fromstring(data)", True, id="call"),
        pytest.param("lxml.etree.XMLSchema(data)", True, id="dotted"),
        pytest.param("read = etree.parse", True, id="alias"),
        pytest.param("from lxml.etree import iterparse", True, id="from"),
        pytest.param("html.fromstring(page)", True, id="html"),
        pytest.param("from lxml import objectify", True, id="another-module"),
        pytest.param("import xml.dom.minidom", True, id="standard-library"),
        pytest.param("def check(schema: etree.XMLSchema) -> None: ...", False, id="annotation"),
        pytest.param("etree.tostring(root)", False, id="writing"),
        pytest.param("json.loads(text)", False, id="not-xml"),
    ],
)
def test_the_search_for_parsers_sees_what_it_should(source: str, *, reads: bool) -> None:
    """A search that finds nothing proves nothing unless it is seen to find something."""
    code = ast.parse(source)

    assert any(_reads_xml(node) for node in _statements(code)) is reads


def test_nothing_names_the_machine_it_was_written_on() -> None:
    """What works only beside somebody's home folder does not work elsewhere."""
    private = re.compile(r"(?<![\w./:-])/(?:work|root)(?:/|\b)")
    hosts = ("pypi" + ".org", "python" + "hosted.org", "registry." + "npmjs")

    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if private.search(line) or any(host in line for host in hosts)
    ]

    assert found == []


def _reads_xml(node: ast.AST) -> bool:
    """Tell whether a node names a way to read XML: lxml's, or another library's."""
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) in LXML:
        return node.attr in READERS
    if isinstance(node, ast.ImportFrom) and node.module in LXML:
        return any(alias.name in READERS | {"*"} for alias in node.names)
    return any(f"{name}.".startswith(OTHER_DOORS) for name in _imported(node) - HARMLESS)


def _imported(node: ast.AST) -> set[str]:
    """Return the dotted names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every node outside annotations: to name a schema's type is not to read one."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        named = (getattr(node, "annotation", None), getattr(node, "returns", None))
        waiting.extend(child for child in ast.iter_child_nodes(node) if child not in named)


def _texts() -> Iterator[tuple[str, str]]:
    """Yield every text file of the project, tracked or about to be, with its name."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes()):
            yield name, data.decode("utf-8", "replace")
