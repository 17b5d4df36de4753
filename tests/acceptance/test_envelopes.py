"""Every envelope that suppliers send, over real SFTP: what is inside arrives, or is refused."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pikepdf
import pytest
from asn1crypto import cms


def ubl(samples: Any, number: str) -> bytes:
    """Write a small sound UBL invoice for the city."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    payload = samples.to_ubl(samples.billed_to(model, samples.VILLE, number))
    assert isinstance(payload, bytes)
    return payload


def factur_x(samples: Any, number: str) -> bytes:
    """Write a PDF that carries such an invoice as CII."""
    model = samples.BY_KEY["ubl-380-une-ligne"]
    xml = samples.to_cii(samples.billed_to(model, samples.VILLE, number))
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(
            pdf, xml, mime_type="text/xml", relationship=pikepdf.Name.Alternative
        )
        pdf.save(out)
    return out.getvalue()


def zipped(*files: tuple[str, bytes]) -> bytes:
    """Pack files into a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def signed(content: bytes | None) -> bytes:
    """Wrap a content as signed data; without one the signature is detached."""
    inside = {"content_type": "data"} | ({} if content is None else {"content": content})
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": inside,
            "signer_infos": [],
        }
    )
    whole = cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()
    assert isinstance(whole, bytes)
    return whole


def linked(name: str) -> bytes:
    """Pack a link into a tar.gz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    return out.getvalue()


def drop(world: Any, name: str, payload: bytes) -> None:
    """Leave a file as the caterer does."""
    (world.folders["caterer"] / "in" / name).write_bytes(payload)


def run(world: Any) -> None:
    """Do one pass."""
    ran = world.edi("run", "--once")
    assert (ran.code, "Traceback" in ran.err) == (0, False), ran.err


def answers(world: Any) -> dict[str, Any]:
    """Return the caterer's answers, by the name of the flow."""
    told = [
        json.loads(data) for name, data in world.out("caterer").items() if name[-5:] == ".json"
    ]
    return {one["interchange"]["name"]: one for one in told}


def test_every_envelope_is_opened_and_what_it_held_delivered(
    world: Any, samples: ModuleType
) -> None:
    """Byte for byte, a PDF as a PDF; that a signature was not judged is said with a warning."""
    xml = {n: ubl(samples, f"E{n}") for n in range(8)}
    pdf = {n: factur_x(samples, f"P{n}") for n in range(5)}
    flows = {
        "seule.xml": (xml[0], [xml[0]]),
        "seule.pdf": (pdf[0], [pdf[0]]),
        "zippee.xml.gz": (gzip.compress(xml[1]), [xml[1]]),
        "zippee.pdf.gz": (gzip.compress(pdf[1]), [pdf[1]]),
        "lot.tar.gz": (samples.tar_gz({"a.xml": xml[2], "a.pdf": pdf[2]}), [xml[2], pdf[2]]),
        "lot.zip": (zipped(("d/", b""), ("d/a.xml", xml[3]), ("b.pdf", pdf[3])), [xml[3], pdf[3]]),
        "signee.xml.p7m": (signed(xml[4]), [xml[4]]),
        "signee.pdf.p7m": (base64.encodebytes(signed(pdf[4])), [pdf[4]]),
        "lot.zip.p7m": (signed(zipped(("a.xml", xml[5]))), [xml[5]]),
        "mixte.zip": (zipped(("a.xml.p7m", signed(xml[6])), ("b.xml", xml[7])), [xml[6], xml[7]]),
    }
    for name, (payload, _) in flows.items():
        drop(world, name, payload)

    run(world)

    told = answers(world)
    assert {name: one["outcome"] for name, one in told.items()} == dict.fromkeys(flows, "accepted")
    received = world.out("ville-exemple")
    wanted = [one for _, inside in flows.values() for one in inside]
    assert sorted(received.values()) == sorted(wanted)
    assert all(name.endswith(".pdf") == (data[:5] == b"%PDF-") for name, data in received.items())
    warned = {
        document["name"]
        for one in told.values()
        for document in one["documents"]
        for finding in document["findings"]
        if (finding["rule"], finding["severity"]) == ("SIGNATURE", "warning")
    }
    assert warned == {"signee.xml", "signee.pdf", "a.xml", "a.xml.p7m"}
    document = told["signee.pdf.p7m"]["documents"][0]["id"]
    shown = world.edi("show", document)
    assert "SIGNATURE" in shown.out


def test_deliveries_are_taken_out_of_their_envelopes_again(
    world: Any, samples: ModuleType
) -> None:
    """Scratch space may be lost between judging and sending: the same bytes come out."""
    xml, pdf = ubl(samples, "R1"), factur_x(samples, "R2")
    drop(world, "lot.zip.p7m", signed(zipped(("a.xml", xml), ("b.pdf", pdf))))
    sheet = world.home / "config/connections/ville-exemple.toml"
    closed = sheet.read_text().replace(f"port = {world.port}", "port = 1")
    open_ = sheet.read_text()
    sheet.write_text(closed)
    assert world.edi("apply").code == 0
    world.edi("run", "--once")
    assert world.out("ville-exemple") == {}
    for path in sorted((world.home / "spool").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    sheet.write_text(open_)
    assert world.edi("apply").code == 0

    run(world)

    assert sorted(world.out("ville-exemple").values()) == sorted([xml, pdf])


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "bombe.zip": (lambda _: zipped(("a.xml", b"<" * 20_000_000)), "IRR_EXTRAC"),
    "bombe.xml.gz": (lambda _: gzip.compress(b"<" * 20_000_000), "IRR_EXTRAC"),
    "bombe.zip.p7m": (lambda _: signed(zipped(("a.xml", b"<" * 20_000_000))), "IRR_EXTRAC"),
    "sortie.zip": (lambda xml: zipped(("../../a.xml", xml)), "IRR_EXTRAC"),
    "absolu.zip": (lambda xml: zipped(("/etc/cron.d/a.xml", xml)), "IRR_EXTRAC"),
    "lien.tar.gz": (lambda _: linked("a.xml"), "IRR_EXTRAC"),
    "coupe.zip": (lambda xml: zipped(("a.xml", xml))[:-30], "IRR_EXTRAC"),
    "ment.zip": (
        lambda xml: zipped(("a.xml", xml)).replace(b"PK\3\4", b"PK\3\4\0", 1),
        "IRR_EXTRAC",
    ),
    "detachee.p7m": (lambda _: signed(None), "IRR_EXTRAC"),
    "double.p7m": (lambda xml: signed(signed(xml)), "IRR_EXTRAC"),
    "vide.zip": (lambda _: zipped(), "IRR_VIDE"),
    "image.png": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(100), "IRR_TYPE"),
    "poupee.zip": (lambda xml: zipped(("a.zip", zipped(("a.xml", xml)))), "IRR_TYPE_F"),
    "poupee.gz": (lambda xml: gzip.compress(gzip.compress(xml)), "IRR_TYPE_F"),
    "programme.zip": (lambda _: zipped(("a.exe", b"MZ")), "IRR_TYPE_F"),
    "saut.zip": (lambda xml: zipped(("a\nb.xml", xml)), "IRR_NOM_F"),
    "sans-facture.pdf": (lambda _: b"%PDF-1.7\nnothing\n%%EOF\n", "IRR_SYNTAX"),
}


def test_every_hostile_envelope_is_refused_and_answered(world: Any, samples: ModuleType) -> None:
    """Each with its own code, on the flow or on its one file; nothing leaves, nothing is left."""
    xml = ubl(samples, "H1")
    before = sorted(path for path in world.home.parent.rglob("*.xml"))
    for name, (make, _) in HOSTILE.items():
        drop(world, name, make(xml))

    run(world)

    told = answers(world)
    codes = {
        name: (one["reasons"] or one["documents"][0]["reasons"])[0]["code"]
        for name, one in told.items()
    }
    assert codes == {name: code for name, (_, code) in HOSTILE.items()}
    assert {one["outcome"] for one in told.values()} == {"rejected"}
    assert world.out("ville-exemple") == {}
    assert world.edi("interchanges", "--step", "received", "--json").json == []
    after = sorted(path for path in world.home.parent.rglob("*.xml"))
    assert after == before
    assert list((world.folders["caterer"] / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(b"saut\nde ligne.zip", "saut\\x0ade ligne.zip", id="newline"),
        pytest.param("\u202epiz.eruof.zip".encode(), "\\xe2\\x80\\xaepiz.eruof.zip", id="rtl"),
        pytest.param(b"caf\xe9.zip", "caf\\xe9.zip", id="not-utf-8"),
        pytest.param(b"-rf", "-rf", id="option"),
        pytest.param(b"n" * 251 + b".zip", "n" * 251 + ".zip", id="255-bytes"),
    ],
)
def test_no_name_keeps_a_flow_from_its_answer(
    world: Any, samples: ModuleType, raw: bytes, shown: str
) -> None:
    """Nor one inside it, of as many bytes as the limit."""
    xml = ubl(samples, "N1")
    long = "d/" * 400 + "n" * 220 + ".xml"
    drop(world, os.fsdecode(raw), zipped((long, xml), ("\u202elmx.b.xml", ubl(samples, "N2"))))

    run(world)

    (answer,) = answers(world).values()
    assert (answer["interchange"]["name"], answer["outcome"]) == (shown, "accepted")
    names = [document["name"] for document in answer["documents"]]
    assert (len(names[0]), names[1]) == (1000, "\\xe2\\x80\\xaelmx.b.xml")
    assert xml in world.out("ville-exemple").values()
    listed = world.edi("interchanges")
    assert (listed.code, "\u202e" in listed.out) == (0, False)
