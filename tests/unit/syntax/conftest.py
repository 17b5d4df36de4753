"""PDFs made for the test, with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

import pikepdf
import pytest

from pipeline.adapters.printer import WeasyPrinter

MakePdf = Callable[..., bytes]
PAGE = """
<html lang="fr">
  <head><title>Facture F-1 é</title><meta name="author" content="Vendeur SARL"></head>
  <body><h1 style="opacity: .5; color: #123">Facture</h1><a href="https://example.org">x</a>
  <table><tr><td>Chaise</td><td>12,50 €</td></tr></table></body>
</html>
"""


@pytest.fixture(scope="session")
def make_pdf() -> MakePdf:
    """Make a PDF: ``make_pdf({name: bytes}, edit=lambda pdf: …, **how_to_save)``."""

    def make(
        files: Mapping[str, bytes],
        edit: Callable[[pikepdf.Pdf], None] = lambda _: None,
        **how: object,
    ) -> bytes:
        with pikepdf.new() as pdf:
            pdf.add_blank_page()
            for name, payload in files.items():
                pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, payload, filename=name)
            edit(pdf)
            written = BytesIO()
            pdf.save(written, **how)  # type: ignore[arg-type]  # by keyword
            return written.getvalue()

    return make


@pytest.fixture(scope="session")
def page() -> bytes:
    """Print a page as PDF/A-3b: text, a table, a link and half-transparent ink."""
    return WeasyPrinter().print(PAGE)
