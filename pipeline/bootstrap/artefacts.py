"""Takes schemas, packs and rules of our own from their shelves, for a process that judges."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.model.report import PackRun

if TYPE_CHECKING:
    import xmlschema

    from pipeline.adapters.packs import PackShelf
    from pipeline.model.invoice import Invoice
    from pipeline.model.rule import RuleSet
    from pipeline.validate.judge import Artefacts

#: Schemas that this project writes itself, of those that messages are held against.
_OWN_SCHEMAS = frozenset({"CPPStatut-V1_19"})


def open_artefacts(shelf: PackShelf, sentences: str) -> Artefacts:
    """Take from the shelf when asked; what is taken is kept, what is missing asked for again.

    Args:
        shelf: The packs.
        sentences: Text of ``sentences.toml``.
    """
    from pipeline.adapters.saxon_worker import SaxonPacks
    from pipeline.adapters.sentences import read_sentences
    from pipeline.syntax.parse import compile_schema
    from pipeline.validate.judge import Artefacts

    saxon = cache(SaxonPacks)
    path_of = partial(_schema_path, shelf)

    @cache
    def opened(name: str) -> tuple[Path, PackRun]:
        pack = shelf.pack(name)
        return shelf.path(name), PackRun(name, pack.version, pack.sha256, pack.rules)

    def run_pack(name: str, text: str) -> tuple[str, PackRun]:
        path, run = opened(name)
        return saxon().run(path, text), run

    return Artefacts(
        schema=cache(lambda name: compile_schema(str(path_of(name)))),
        explainer=_explainers(path_of),
        run_pack=run_pack,
        sentences=cache(partial(read_sentences, sentences)),
        rule_set=cache(_rule_set),
        schema_run=lambda name: opened(name)[1],
    )


def _schema_path(shelf: PackShelf, name: str) -> Path:
    """Return where a schema lies: one of ours among our own files, any other on the shelf."""
    from pipeline.adapters.resources import data_folder

    return data_folder("schemas") / f"{name}.xsd" if name in _OWN_SCHEMAS else shelf.path(name)


def _explainers(path_of: Callable[[str], Path]) -> Callable[[str], xmlschema.XMLSchema]:
    """Return what opens the schemas that explain refusals; each of them is kept."""
    opened: dict[Path, xmlschema.XMLSchema] = {}

    @cache
    def explainer(name: str) -> xmlschema.XMLSchema:
        import xmlschema

        path = path_of(name)
        # the two of UBL import the same files, which are read and kept once
        beside = opened.get(path.parent)
        # skip: the bytes are pinned and lxml has compiled them; to hold UBL against the
        # schema of schemas takes 3 s. Documents are held against all of it all the same
        made = xmlschema.XMLSchema(
            str(path),
            allow="local",
            defuse="always",
            validation="skip",
            global_maps=None if beside is None else beside.maps,
        )
        opened.setdefault(path.parent, made)
        return made

    return explainer


def _rule_set(name: str) -> tuple[RuleSet[Invoice], PackRun]:
    """Return a set of rules of our own, known by the code and the sentences it is made of.

    Raises:
        KeyError: There is none of this name: the profile was read without a look at it.
    """
    from pipeline.validate.rules.sets import RULE_SETS

    found = RULE_SETS[name]
    return found, PackRun(name, __version__, _rules_sha256(), len(found.rules))


@cache
def _rules_sha256() -> str:
    """Return the hash of every module that rules of our own are written in."""
    from pipeline.validate import rules

    content = sha256()
    for path in sorted(Path(rules.__path__[0]).glob("*.py")):
        content.update(path.read_bytes())
    return content.hexdigest()
