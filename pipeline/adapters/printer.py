"""Prints pages on paper sizes, as PDF/A-3: the one door of WeasyPrint.

What a page may hold is decided by whoever writes it; the printer takes nothing from outside
of it. The same page always gives the same bytes on one machine: no clock and no chance is in
them, and the identifier of the file is derived from its content. Fonts are the machine's.

Source:
    ISO 19005-3 (PDF/A-3), conformance level B: fonts embedded, colours by an output intent
    (sRGB), metadata as XMP.
"""

from __future__ import annotations

import gc
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from lxml import etree

from pipeline.model.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

    import weasyprint

#: Debian's names of what the printer needs and no Python package brings.
PACKAGES = (
    "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-liberation fonts-dejavu-core"
)

_VARIANT = "pdf/a-3b"
#: Style sheets kept ready: one a kind of page would do.
_STYLES = 8
#: How elements are set where a page says nothing, for those that an invoice is made of. The
#: library's own sheet knows all of HTML, and gives every element six that nobody sees: with it,
#: and with a parser of HTML in Python, a page took a fifth more calls.
DEFAULTS = """
html, body, main, header, footer, section, div, p, h1, h2, ol, ul { display:block }
head { display:none }
li { display:list-item }
table { display:table; text-indent:initial; box-sizing:border-box }
thead { display:table-header-group; vertical-align:middle }
tbody { display:table-row-group; vertical-align:middle }
tr { display:table-row; vertical-align:inherit }
th, td { display:table-cell; vertical-align:inherit }
b, th, h1, h2 { font-weight:bold }
h1, h2 { bookmark-label:content(text); break-inside:avoid; hyphens:manual }
h1 { bookmark-level:1 }
h2 { bookmark-level:2 }
ol, ul { counter-reset:list-item; break-before:avoid }
ol { list-style-type:decimal }
ul { list-style-type:disc }
li::marker { font-variant-numeric:tabular-nums; white-space:pre }
"""
#: What WeasyPrint only warns of, and nobody should print without.
_MISSING = r"No fonts configured.*|FontConfig cannot load.*|HarfBuzz-Subset will be required.*"


class WeasyPrinter:
    """`ports.outside.Printer` on WeasyPrint; what can be reused lives as long as it does."""

    def __init__(self) -> None:
        """Load WeasyPrint; see `load`."""
        self._weasyprint = load()
        # one for all pages: each leaves some 200 kB behind that nothing gives back
        self._fonts = self._weasyprint.text.fonts.FontConfiguration()
        self._fetcher = _fetcher(self._weasyprint)
        self._page = _page_class(self._weasyprint, self._read_style(DEFAULTS))
        self._style = lru_cache(_STYLES)(self._read_style)

    def print(self, page: str) -> bytes:
        """Print a page; see `ports.outside.Printer`."""
        html = self._page(page, self._fetcher)
        styles = [self._style(text) for text in _taken_styles(html)]
        with _uncollected(), warnings.catch_warnings():
            # it reads its colour profile without closing the file: the last reference does
            warnings.simplefilter("ignore", ResourceWarning)
            printed: bytes = html.write_pdf(
                stylesheets=styles, font_config=self._fonts, pdf_variant=_VARIANT
            )
        return printed

    def _read_style(self, text: str) -> weasyprint.CSS:
        return self._weasyprint.CSS(
            string=text, font_config=self._fonts, url_fetcher=self._fetcher
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles of garbage meanwhile: all of a page lives until it is printed.

    A tenth of the time went into looking.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _taken_styles(html: weasyprint.HTML) -> list[str]:
    """Take the style sheets out of a page: they are read once a process, not once a page."""
    root = html.etree_element
    taken = []
    for head in root.iter("head"):
        for style in list(head.iter("style")):
            taken.append(style.text or "")
            head.remove(style)
    return taken


def _page_class(library: ModuleType, defaults: weasyprint.CSS) -> Callable[..., weasyprint.HTML]:
    """Return the class of a page that libxml2 reads, and that `DEFAULTS` set."""
    from cssselect2 import ElementWrapper

    # what is read is a page of ours, in a process that holds and reaches nothing
    parser = etree.HTMLParser(remove_comments=True, remove_pis=True, huge_tree=True)

    class Page(library.HTML):  # type: ignore[name-defined,misc]  # loaded late
        """One page."""

        def __init__(self, page: str, fetcher: object) -> None:
            root = etree.fromstring(page, parser)  # noqa: TID251  # see above
            self.base_url = None
            self.url_fetcher = fetcher
            self.media_type = "print"
            self.wrapper_element = ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = root

        def _ua_stylesheets(self, *_: object) -> list[weasyprint.CSS]:
            return [defaults]

    return Page


def _fetcher(library: ModuleType) -> object:
    class NoFetcher(library.URLFetcher):  # type: ignore[name-defined,misc]  # loaded late
        """Fetches nothing: neither from the network nor from this machine."""

        def fetch(self, url: str, headers: object = None) -> NoReturn:
            """Refuse; the page is printed without whatever that was."""
            raise ValueError(f"{url}: not fetched ({headers})")

    return NoFetcher()


def load() -> ModuleType:
    """Import WeasyPrint, which takes about half a second.

    Raises:
        ConfigError: The machine lacks its libraries, or any font.
    """
    try:
        # it prints a page of advice where a library is missing
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("error", message=_MISSING)
            import weasyprint
            import weasyprint.text.fonts
    except (OSError, UserWarning, DeprecationWarning) as error:
        raise ConfigError(
            "impression PDF : il manque une bibliothèque ou une police à cette machine"
            f" ({error}) ; sous Debian : apt-get install {PACKAGES}"
            " / PDF printing: this machine lacks a library or a font; on Debian:"
            f" apt-get install {PACKAGES}"
        ) from error
    loaded: ModuleType = weasyprint
    return loaded
