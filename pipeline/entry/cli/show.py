"""``edi show``: what the hub knows of an id, or an invoice as people read it."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pipeline import bootstrap
from pipeline.app.readable import (
    Shape,
    judge_one,
    one_of,
    take_out,
    view_of,
    view_of_document,
    written,
)
from pipeline.entry.cli.output import AsJson, say, typed, typed_subject, whole_file
from pipeline.entry.cli.read import tell
from pipeline.model.errors import ConfigError
from pipeline.model.labels import Language
from pipeline.model.limits import Limits
from pipeline.ports.outside import Printer
from pipeline.syntax.readable.view import View

#: Forms that an invoice is shown in, and the end of a file's name that asks for each.
_SUFFIXES = {".html": Shape.HTML, ".htm": Shape.HTML, ".pdf": Shape.PDF, ".txt": Shape.TEXT}


def show(
    subject: Annotated[str, typer.Argument(metavar="ID|FILE")],
    html: Annotated[bool, typer.Option("--html", help="Page HTML / HTML page.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="PDF/A-3 à imprimer / to print.")] = False,
    lang: Annotated[str, typer.Option(help="fr | en")] = "fr",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Fichier à créer / file to make.")
    ] = None,
    document: Annotated[
        str | None,
        typer.Option(help="Document d'un fichier qui en a plusieurs / one of several."),
    ] = None,
    findings: Annotated[
        bool, typer.Option(help="Avec les constats du contrôle / with what checks find.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Tout montrer d'un flux ou d'un document ; une facture lisible / show an id or an invoice.

    D'un fichier (UBL, CII, Factur-X, archive) : la facture, en texte, HTML ou PDF. D'un
    identifiant : ce que le concentrateur en sait ; sa facture avec --html, --pdf ou -o.
    Code de sortie 2 si rien n'est lisible / exit code 2 where nothing can be read.
    """
    form = _form(output, html=html, pdf=pdf)
    is_file = subject == "-" or Path(subject).exists()
    if not is_file and not bootstrap.workspace().config.is_dir():
        raise ConfigError(
            f"{typed_subject(subject)}: aucun fichier de ce nom, ni espace de travail où chercher"
            " un identifiant / no such file, and no workspace to look for an id in"
        )
    if not is_file and form is None:
        tell(typed_subject(subject), as_json=as_json)
        return
    if as_json:
        raise ConfigError("--json : pour un identifiant, sinon « edi validate » / for ids only")
    language = _language(lang)
    if is_file:
        view = _of_file(subject, document, language, findings=findings)
    else:
        view = _of_document(typed_subject(subject), language, findings=findings)
    form = form or Shape.TEXT
    _put(written(view, form, _printer), output, form)


def _printer() -> Printer:
    return bootstrap.printer(bootstrap.settings(bootstrap.workspace()))


def _of_file(name: str, document: str | None, language: Language, *, findings: bool) -> View:
    """Make the view of a document in a file; what the checks find is found now."""
    with _opened(name) as stream:
        taken = one_of(take_out(stream, typed(name), Limits()), document)
    if not findings:
        return view_of(taken, language, Limits(), None)
    place = bootstrap.workspace()
    with bootstrap.checking(workers=1) as (engine, spool):
        profile = bootstrap.profiles(place)["auto"].at(bootstrap.now())
        report = judge_one(taken, engine, spool, profile)
    return view_of(taken, language, Limits(), report)


def _of_document(subject: str, language: Language, *, findings: bool) -> View:
    """Make the view of a document that the hub received; what was found then stands beside."""
    with bootstrap.open_hub(
        bootstrap.workspace(), by=bootstrap.operator(), log_to_file=True
    ) as hub:
        return view_of_document(hub, subject, language, findings=findings)


def _language(given: str) -> Language:
    try:
        return Language(given)
    except ValueError:
        known = ", ".join(each.value for each in Language)
        raise ConfigError(f"langue / language: {known}; trouvé / found: {given}") from None


def _form(output: Path | None, *, html: bool, pdf: bool) -> Shape | None:
    """Return the form that is asked for: by an option, else by the name of the file to make."""
    if html and pdf:
        raise ConfigError("--html ou --pdf / --html or --pdf")
    if html or pdf:
        return Shape.HTML if html else Shape.PDF
    if output is None:
        return None
    form = _SUFFIXES.get(output.suffix.lower())
    if form is None:
        known = ", ".join(_SUFFIXES)
        raise ConfigError(f"{output}: {known}, --html ou / or --pdf ?")
    return form


def _opened(name: str) -> BinaryIO:
    if name == "-":
        return io.BytesIO(sys.stdin.buffer.read())
    path = Path(name)
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe waits for its writer
        raise ConfigError(f"{typed(name)}: pas un fichier ordinaire / no regular file")
    return path.open("rb")


def _put(shown: bytes, output: Path | None, form: Shape) -> None:
    if output is not None:
        with whole_file(output) as file:
            file.write(shown)
        say(f"+ {output}")
    elif form is Shape.TEXT:
        say(shown.decode().rstrip("\n"))
    elif form is Shape.PDF and sys.stdout.isatty():
        raise ConfigError("PDF : ajoutez -o FICHIER / add -o FILE")
    else:
        sys.stdout.buffer.write(shown)
        sys.stdout.flush()
