"""Pages are printed in a process that can be killed: one page is lost, never the hub."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import pytest

from pipeline.adapters.child import attend
from pipeline.adapters.confined_printer import ConfinedPrinter, PrintLimits, serve_pages
from pipeline.adapters.printer import PACKAGES, WeasyPrinter
from pipeline.model.errors import ConfigError, NotPrinted
from pipeline.model.labels import Language
from pipeline.syntax.readable.build import build_view
from pipeline.syntax.readable.write import write_paper
from tests.unit.syntax.readable.examples import SOURCE, usual

PAGE = """<!DOCTYPE html>
<html lang="fr"><head><title>Facture 1</title><style>@page { size:A4 } p { color:#123 }</style>
</head><body><p>Été à Noël : 12,50 €</p></body></html>"""
#: Minutes of layout, if it were let.
ENDLESS = PAGE.replace("</p>", "<table><tr><td>x</td></tr></table></p>" * 60_000)

Made = Callable[..., ConfinedPrinter]


@pytest.fixture
def make() -> Iterator[Made]:
    """Make printers: ``make(limits, entry)``; their processes end with the test."""
    made: list[ConfinedPrinter] = []

    def one(*given: object) -> ConfinedPrinter:
        made.append(ConfinedPrinter(*given))  # type: ignore[arg-type]  # as the printer takes them
        return made[-1]

    yield one
    for each in made:
        each.close()


def processes() -> set[int]:
    """Return the printing processes that live now."""
    children = multiprocessing.active_children()
    return {child.pid or 0 for child in children if child.name == "edi-print"}


@pytest.fixture
def before() -> set[int]:
    """The printing processes of others."""
    return processes()


def test_it_prints_what_the_library_prints(make: Made, printer: WeasyPrinter) -> None:
    """Fonts and all: nothing that a page needs was taken from the process."""
    page = write_paper(build_view(usual(3), SOURCE, Language.FRENCH))
    confined = make(PrintLimits())

    printed = [hashlib.sha256(confined.print(one)).hexdigest() for one in (page, PAGE, page)]

    here = [hashlib.sha256(printer.print(one)).hexdigest() for one in (page, PAGE)]
    assert printed == [*here, here[0]]


@pytest.mark.usefixtures("printer")
def test_the_process_starts_with_the_first_page_and_is_kept(make: Made, before: set[int]) -> None:
    """Who prints nothing pays nothing; who prints many pays once."""
    confined = make(PrintLimits())
    at_first = processes() - before

    confined.print(PAGE)
    (first,) = processes() - before
    confined.print(PAGE)

    assert at_first == set()
    assert processes() - before == {first}
    confined.close()
    assert processes() == before


@pytest.mark.usefixtures("printer")
def test_a_page_that_takes_too_long_is_killed_and_the_next_one_prints(
    make: Made, before: set[int]
) -> None:
    """The person reads how long it took, and which setting allows more."""
    confined = make(PrintLimits(time_s=2))
    confined.print(PAGE)
    (first,) = processes() - before

    began = time.monotonic()
    with pytest.raises(NotPrinted, match=r"après 2 s.*print_limit_s.* / .*print_limit_s"):
        confined.print(ENDLESS)
    took = time.monotonic() - began

    assert confined.print(PAGE).startswith(b"%PDF")
    assert processes() - before != {first}
    assert took < 20


@pytest.mark.usefixtures("printer")
def test_a_page_that_takes_too_much_memory_is_killed_and_the_next_one_prints(
    make: Made, before: set[int]
) -> None:
    """The machine has other things to do."""
    confined = make(PrintLimits(memory_bytes=120_000_000))

    with pytest.raises(NotPrinted, match=r"à 1\d\d Mo.*memory_limit_mb.* / .*memory_limit_mb"):
        confined.print(ENDLESS)

    assert processes() == before
    assert confined.print(PAGE).startswith(b"%PDF")


def _hoards(connection: Connection, _: None) -> None:
    kept: list[bytearray] = []

    def printed(page: str) -> bytes:
        if "large" in page:
            kept.append(bytearray(b"x" * 60_000_000))
        return b"%PDF-1.7"

    attend()
    serve_pages(connection, printed)


def test_what_a_large_page_took_is_given_back(make: Made, before: set[int]) -> None:
    """A process keeps what it once had; so it is ended."""
    confined = make(PrintLimits(resting_bytes=70_000_000), _hoards)
    confined.print("small")
    at_first = processes() - before

    confined.print("large")

    assert len(at_first) == 1
    assert processes() == before
    assert confined.print("small") == b"%PDF-1.7"


@pytest.mark.usefixtures("printer")
def test_a_process_is_replaced_after_so_many_pages(make: Made, before: set[int]) -> None:
    """Each page leaves some memory behind."""
    confined = make(PrintLimits(pages=2))
    confined.print(PAGE)
    kept = processes() - before

    confined.print(PAGE)

    assert len(kept) == 1
    assert processes() == before


@pytest.mark.usefixtures("printer")
def test_a_process_that_is_killed_in_mid_page_costs_that_page(
    make: Made, before: set[int]
) -> None:
    """As by the kernel, where the machine runs out of memory; or by a fault in a library."""
    confined = make(PrintLimits())
    confined.print(PAGE)
    (victim,) = processes() - before
    killer = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))

    killer.start()
    with pytest.raises(NotPrinted, match=r"code -9.*recommencez.* / .*try again"):
        confined.print(ENDLESS)
    killer.join()

    assert confined.print(PAGE).startswith(b"%PDF")


@pytest.mark.usefixtures("printer")
def test_a_process_that_was_killed_between_pages_costs_none(make: Made, before: set[int]) -> None:
    """Nobody had it in hand."""
    confined = make(PrintLimits())
    confined.print(PAGE)
    (victim,) = processes() - before

    os.kill(victim, signal.SIGKILL)
    while victim in processes():
        time.sleep(0.01)

    assert confined.print(PAGE).startswith(b"%PDF")


@pytest.mark.usefixtures("printer")
def test_a_process_that_stands_still_is_killed(make: Made, before: set[int]) -> None:
    """Also one that does not even take the page in: it is too large for the pipe."""
    confined = make(PrintLimits(time_s=1))
    confined.print(PAGE)
    (stopped,) = processes() - before
    os.kill(stopped, signal.SIGSTOP)

    with pytest.raises(NotPrinted, match="print_limit_s"):
        confined.print(ENDLESS)

    assert processes() == before


@pytest.mark.usefixtures("printer")
def test_two_who_print_at_once_both_get_their_page(make: Made) -> None:
    """One waits for the other; none gets the other's."""
    confined = make(PrintLimits())
    pages = [PAGE.replace("12,50", f"{number},00") for number in range(4)]
    found: dict[str, bytes] = {}
    threads = [
        threading.Thread(target=lambda one=page: found.update({one: confined.print(one)}))
        for page in pages
    ]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert found == {page: confined.print(page) for page in pages}


def _fails(connection: Connection, _: None) -> None:
    def printed(page: str) -> bytes:
        if "hostile" in page:
            raise ValueError("unprintable\n\x1b[2J")
        return b"%PDF-1.7"

    attend()
    serve_pages(connection, printed)


def test_what_a_process_says_of_a_failure_is_one_line_of_text(make: Made) -> None:
    """It laid out what anybody may have written; a terminal would obey it."""
    confined = make(PrintLimits(), _fails)

    with pytest.raises(NotPrinted) as told:
        confined.print("hostile")

    assert "ValueError: unprintable\\x0a\\x1b[2J" in str(told.value)
    assert str(told.value).isprintable()
    assert confined.print("honest") == b"%PDF-1.7"


def _does_not_start(_: Connection, __: None) -> None:
    os._exit(3)


def test_a_process_that_does_not_start_is_told(make: Made, before: set[int]) -> None:
    """It is not waited for until a limit."""
    confined = make(PrintLimits(), _does_not_start)

    with pytest.raises(NotPrinted, match=r"code 3\b"):
        confined.print(PAGE)

    assert processes() == before


@pytest.mark.usefixtures("printer")
def test_a_machine_without_fonts_is_told_what_to_install(
    make: Made, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The process says so before it is confined; it is no fault of the page."""
    bare = tmp_path_factory.mktemp("fonts") / "fonts.conf"
    bare.write_text("<fontconfig/>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(bare))

    with pytest.raises(ConfigError, match=f"apt-get install {PACKAGES}"):
        make(PrintLimits()).print(PAGE)
