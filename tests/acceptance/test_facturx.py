"""Factur-X, from the file a supplier drops to its answer."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

import pikepdf
import pytest


def a_factur_x(payload: bytes, script: str = "") -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(
            pdf, payload, filename="factur-x.xml"
        )
        if script:
            pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=script)
        written = io.BytesIO()
        pdf.save(written)
        return written.getvalue()


@pytest.mark.parametrize("packed", [False, True], ids=["alone", "in a flow"])
def test_a_factur_x_is_delivered_as_it_came_or_refused_with_a_reason(
    world: Any, samples: ModuleType, packed: bool
) -> None:
    """The recipient gets the very PDF; one that acts goes nowhere."""
    model = samples.billed_to(samples.BY_KEY["cii-380-fournitures"], samples.VILLE, "FX-1")
    good = a_factur_x(samples.to_cii(model))
    bad = a_factur_x(samples.to_cii(model), "app.alert(1)")
    files = {"good.pdf": good, "bad.pdf": bad}
    if packed:
        files = {"lot.tar.gz": samples.tar_gz(files)}
    for name, payload in files.items():
        (world.folders["caterer"] / "in" / name).write_bytes(payload)

    ran = world.edi("run", "--once")

    assert ran.code == 0, ran.err
    assert list(world.out("ville-exemple").values()) == [good]
    told = b"".join(world.out("caterer").values()).decode()
    assert "PDF-ACTIVE" in told
    assert "IRR_SYNTAX" in told
