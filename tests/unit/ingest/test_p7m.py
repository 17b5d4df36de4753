"""Signed envelopes: what they hold comes out byte for byte, or they are refused."""

from __future__ import annotations

import base64
import io
import random
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from asn1crypto import cms
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.entry import ArchiveFault
from pipeline.ingest.p7m import is_p7m, take_content
from pipeline.ingest.unwrap import EnvelopeRefused, unwrap
from pipeline.model.limits import Limits

Signed = Callable[..., bytes]
TarGz = Callable[..., bytes]
Zipped = Callable[..., bytes]

LIMITS = Limits()
FLOW = "facture.xml.P7M"
A, PDF = b"<a>1</a>", b"%PDF-1.7\nrest\n%%EOF"
BIG = b"<" + random.Random(4).randbytes(200_000)


def _members(data: bytes, limits: Limits = LIMITS) -> list[tuple[int, str, bytes | str, bool]]:
    """Return place, name, bytes or code of the fault, and whether it was signed, of each file."""
    return [
        (one.seq, one.name, one.fault.code if one.fault else b"".join(one.chunks), one.signed)
        for one in unwrap(io.BytesIO(data), limits, FLOW)
    ]


def _refusal(data: bytes) -> EnvelopeRefused:
    with pytest.raises(EnvelopeRefused) as caught:
        _members(data)
    return caught.value


def _armoured(data: bytes, label: str = "PKCS7") -> bytes:
    lines = base64.encodebytes(data).decode().replace("\n", "\r\n")
    return f"-----BEGIN {label}-----\r\n{lines}-----END {label}-----\r\n".encode()


@pytest.mark.parametrize("content", [A, PDF, BIG])
@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_content_comes_out_byte_for_byte(signed: Signed, content: bytes, version: str) -> None:
    """Binary, in base 64, in armour; of CMS and of PKCS #7, which was before it."""
    whole = signed(content, version)
    forms = [whole, base64.b64encode(whole), base64.encodebytes(whole), b"\n" + _armoured(whole)]
    forms += [_armoured(whole, "CMS"), _armoured(whole, "PKCS #7 SIGNED DATA")]

    assert [is_p7m(form[:4096]) for form in forms] == [True] * len(forms)
    assert [take_content(form) for form in forms] == [content] * len(forms)


@pytest.mark.parametrize("piece", [1, 7, 1000, 10**6])
def test_a_streamed_content_is_put_together(streamed: Signed, piece: int) -> None:
    """In indefinite lengths, as OpenSSL and BouncyCastle write; another reader agrees."""
    content = BIG[:3000]
    whole = streamed(content, piece)

    assert is_p7m(whole[:4096])
    assert take_content(whole) == content
    other = cms.ContentInfo.load(whole, strict=True)["content"]
    assert other["encap_content_info"]["content"].native == content


@pytest.mark.parametrize(
    "head",
    [b"0;1;2", b"MIME-Version: 1.0\n", b"MIIC" * 20, b"MI*?", b"", b"0", b"-----BEGIN X509"],
)
def test_other_files_are_no_envelopes(head: bytes) -> None:
    """A certificate in base 64, a mail, a table of numbers."""
    assert not is_p7m(head)


def test_a_document_alone_is_told_as_signed(signed: Signed) -> None:
    """Under its own name, without that of the envelope."""
    assert _members(signed(A)) == [(1, "facture.xml", A, True)]
    assert _members(signed(PDF)) == [(1, "facture.xml", PDF, True)]


def test_an_archive_in_an_envelope_is_opened(
    signed: Signed, streamed: Signed, tar_gz: TarGz, zip_of: Zipped
) -> None:
    """The envelope is no level of nesting; each document came signed."""
    for archive in (tar_gz(("a.xml", A), ("b.pdf", PDF)), zip_of(("a.xml", A), ("b.pdf", PDF))):
        for whole in (signed(archive), streamed(archive)):
            assert _members(whole) == [
                (1, "a.xml", A, True),
                (2, "b.pdf", PDF, True),
            ]


def test_envelopes_in_an_archive_are_opened(signed: Signed, tar_gz: TarGz, zip_of: Zipped) -> None:
    """Beside plain files; they keep the names under which the sender knows them."""
    files = [("a.xml.p7m", signed(A)), ("b.pdf", PDF), ("c.P7M", _armoured(signed(PDF)))]

    for archive in (tar_gz(*files), zip_of(*files)):
        assert _members(archive) == [
            (1, "a.xml.p7m", A, True),
            (2, "b.pdf", PDF, False),
            (3, "c.P7M", PDF, True),
        ]


@pytest.mark.parametrize("kind", ["detached", "twice", "cut", "tar.gz", "empty", "other-suffix"])
def test_an_envelope_that_does_not_fit_is_refused_alone(
    signed: Signed, tar_gz: TarGz, zip_of: Zipped, kind: str
) -> None:
    """In an archive it is one faulty file among others."""
    name, code = "b.p7m", "IRR_TYPE_F"
    match kind:
        case "detached":
            envelope = signed(None)
        case "twice":
            envelope = signed(signed(A))
        case "cut":
            envelope = signed(A)[:-1]
        case "tar.gz":
            envelope = signed(tar_gz(("a.xml", A)))
        case "empty":
            envelope, code = signed(b""), "IRR_VIDE_F"
        case _:
            envelope, name = signed(A), "b.pdf.p7m"

    found = _members(zip_of(("a.xml", A), (name, envelope), ("c.xml", A)))

    assert [what for _, _, what, _ in found] == [A, code, A]


def test_what_is_no_signed_content_refuses_the_flow(signed: Signed) -> None:
    """With words that say what to send instead."""
    inside = {"content_type": "data", "content_encryption_algorithm": {"algorithm": "aes256_cbc"}}
    data = cms.EncryptedData({"version": "v0", "encrypted_content_info": inside})
    encrypted = cms.ContentInfo({"content_type": "encrypted_data", "content": data}).dump()
    told = {
        "détachée": signed(None),
        "chiffrée": encrypted,
        "dans une enveloppe": signed(signed(A)),
        "après la fin": signed(A) + b"x",
        "illisible": b"-----BEGIN PKCS7-----\nMII*\n-----END PKCS7-----\n",
    }

    refusals = {words: _refusal(data) for words, data in told.items()}

    assert {one.code for one in refusals.values()} == {"IRR_EXTRAC"}
    assert [words for words, one in refusals.items() if words not in one.message["fr"]] == []
    assert (_refusal(signed(b"")).code, _refusal(signed(b"a;b")).code) == ("IRR_VIDE", "IRR_TYPE")


def test_an_envelope_too_large_for_memory_is_a_file_too_large(signed: Signed) -> None:
    """To the byte, before it is read."""
    whole = signed(A)

    kept, refused = (
        _members(whole, replace(LIMITS, file_bytes=size)) for size in (len(whole), len(whole) - 1)
    )

    assert kept == [(1, "facture.xml", A, True)]
    assert refused == [(1, FLOW, "IRR_TAILLE_F", False)]


def test_countless_pieces_cost_no_time(streamed: Signed) -> None:
    """Given up after two hundred thousand, whatever they hold."""
    whole = streamed(b"<" * 210_000, 1)
    started = time.perf_counter()

    refusal = _refusal(whole)

    assert refusal.code == "IRR_EXTRAC"
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize("level", [b"\x24\x80", b"\x24\x82\xff\xff", b"\x30\x80"])
def test_endless_nesting_is_refused(level: bytes) -> None:
    """No stack of ours is at a partner's disposal."""
    start = bytes.fromhex("308006092a864886f70d010702a0803080020103")

    for head in (start, start + bytes.fromhex("3100308006092a864886f70d010701a080")):
        with pytest.raises(ArchiveFault):
            take_content(head + level * 20_000)


@pytest.mark.parametrize("form", ["der", "ber", "base64", "armour"])
def test_an_envelope_truncated_anywhere_is_refused(
    signed: Signed, streamed: Signed, form: str
) -> None:
    """At every byte, and said to be partial: the rest may still come."""
    whole = {
        "der": signed(A),
        "ber": streamed(A * 3, 5),
        "base64": base64.b64encode(signed(A)),
        "armour": _armoured(signed(A)).rstrip(),
    }[form]
    assert take_content(whole)

    for cut in range(1, len(whole)):
        with pytest.raises(ArchiveFault) as caught:
            take_content(whole[:cut])
        assert caught.value.partial


@given(data=st.data())
@settings(max_examples=300)
def test_any_bytes_are_opened_or_refused(
    signed: Signed, streamed: Signed, data: st.DataObject
) -> None:
    """A byte changed, taken out or put in: another content, a refusal, never a crash."""
    whole = data.draw(st.sampled_from([signed(A), streamed(A, 3), base64.b64encode(signed(A))]))
    at = data.draw(st.integers(0, len(whole) - 1))
    taken = data.draw(st.integers(0, 2))
    flow = whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + taken :]

    try:
        content = take_content(flow)
    except ArchiveFault as fault:
        assert fault.fr  # noqa: PT017  # either is right
        assert fault.en  # noqa: PT017
    else:
        assert isinstance(content, bytes)
