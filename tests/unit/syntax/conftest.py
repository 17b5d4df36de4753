"""PDFs made for the test, with one thing changed at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

import pikepdf
import pytest

MakePdf = Callable[..., bytes]


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
