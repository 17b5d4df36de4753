"""Step 9 of the control table and Factur-X, from the file a supplier drops to its answer."""

from __future__ import annotations

import base64
import io
import json
from types import ModuleType
from typing import Any

import pikepdf
import pytest


def with_attachment(samples: Any, number: str, name: str, payload: bytes) -> bytes:
    """Write a small sound UBL invoice with one attachment."""
    model = samples.billed_to(samples.BY_KEY["ubl-380-une-ligne"], samples.VILLE, number)
    document: bytes = samples.to_ubl(model)
    reference = (
        b"<cac:AdditionalDocumentReference><cbc:ID>ANNEXE</cbc:ID><cac:Attachment>"
        b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="%s">%s'
        b"</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
        b"</cac:AdditionalDocumentReference>"
    ) % (name.encode(), base64.b64encode(payload))
    at = document.index(b"<cac:AccountingSupplierParty>")
    return document[:at] + reference + document[at:]


BAD = {
    "IRR_VID_PJ": ("a.pdf", b""),
    "IRR_NOM_PJ": ("../a.pdf", b"x"),
    "IRR_EXT_DOC": ("plan.dwg", b"x"),
    "IRR_TAILLE_PJ": ("a.pdf", b"x" * 5000),
}
SUPPLIER = (
    'role = "sender"\nscanner = "none"\nnaming = "grammar"\napplication_code = "SUP001"\n'
    'interfaces = ["FSO1100A"]\n[limits]\nattachment_bytes = 4000\n'
)
CATERER = (
    'role = "sender"\nscanner = "none"\nprofile = "chorus-historical"\n[limits]\n'
    "attachment_bytes = 4000\n"
)


def test_each_fault_of_an_attachment_has_its_code_in_the_answer(
    world: Any, samples: ModuleType
) -> None:
    """By Chorus Pro's names the whole flow is irrecevable, by free names the invoice."""
    world.sheet("supplier", SUPPLIER)
    world.sheet("caterer", CATERER)
    assert world.edi("apply").code == 0
    files = {code: with_attachment(samples, f"PJ-{code}", *bad) for code, bad in BAD.items()}
    files["good"] = with_attachment(samples, "PJ-GOOD", "bon.pdf", b"x")
    for code, payload in files.items():
        (world.folders["caterer"] / "in" / f"{code}.xml").write_bytes(payload)
    flow = "FSO1100A_SUP001_SUP0011100000000000000001"
    packed = samples.tar_gz({f"{code}.xml": payload for code, payload in files.items()})
    (world.folders["supplier"] / "in" / flow).write_bytes(packed)

    ran = world.edi("run", "--once")

    assert ran.code == 0, ran.err
    answers = [json.loads(each) for name, each in world.out("caterer").items() if "json" in name]
    told = {
        answer["interchange"]["name"]: [
            reason["code"] for one in answer["documents"] for reason in one["reasons"]
        ]
        for answer in answers
    }
    assert told == {**{f"{code}.xml": [code] for code in BAD}, "good.xml": []}
    ((name, text),) = world.out("supplier").items()
    assert name.startswith("CSO1100A")
    assert all(code in text.decode() for code in BAD)


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
