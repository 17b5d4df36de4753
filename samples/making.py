"""From invoices to files: written for somebody else, spoilt, put into an envelope."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

from catalogue import SAMPLES, liable
from invoice_maker import Invoice, Party, to_cii, to_ubl
from supports import facturx_pdf, stored

#: The catalogue's invoices by key.
BY_KEY = {sample.key: sample.invoice for sample in SAMPLES}
#: When every file of a zip was changed last: the first moment that a zip can tell.
_ZIP_MOMENT = (1980, 1, 1, 0, 0, 0)


def billed_to(invoice: Invoice, buyer: Party, number: str, times: int = 1) -> Invoice:
    """Return `invoice` under another number, for another buyer, with a first line `times` as big.

    The buyer keeps a VAT number only where the invoice had one: category O forbids it.
    """
    first, *others = invoice.lines
    return replace(
        invoice,
        number=number,
        buyer=liable(buyer) if invoice.buyer.vat else buyer,
        lines=(replace(first, quantity=first.quantity * times), *others),
    )


def with_wrong_total(invoice: Invoice) -> bytes:
    """Write an invoice whose total with VAT is one unit too high: BR-CO-15 alone fails."""
    right = invoice.totals
    return to_ubl(invoice, replace(right, with_vat=right.with_vat + 1, due=right.due + 1))


def without_issue_date(xml: bytes) -> bytes:
    """Take out an element that the XSD requires."""
    head, _, rest = xml.partition(b"  <cbc:IssueDate>")
    return head + rest.partition(b"</cbc:IssueDate>\n")[2]


def with_doctype(xml: bytes, subset: str, entity: str) -> bytes:
    """Add a document type and refer to its `entity` in the first note."""
    declaration, _, body = xml.decode().partition("\n")
    body = body.replace("<cbc:Note>", f"<cbc:Note>&{entity};", 1)
    return f"{declaration}\n<!DOCTYPE Invoice [\n{subset}\n]>\n{body}".encode()


def with_external_entity(xml: bytes) -> bytes:
    """Ask the reader to read one of its own files."""
    return with_doctype(xml, '  <!ENTITY local SYSTEM "file:///etc/passwd">', "local")


def with_laughs(xml: bytes) -> bytes:
    """Ask the reader to unfold one entity into ten to the ninth."""
    levels = (f'  <!ENTITY lol{n} "{f"&lol{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    return with_doctype(xml, "\n".join(levels), "lol9")


def in_utf16(xml: bytes) -> bytes:
    """Write the same text in UTF-16, where a search for ``<!DOCTYPE`` in bytes finds nothing."""
    text = xml.decode().replace("UTF-8", "UTF-16", 1)
    return codecs.BOM_UTF16_LE + text.encode("utf-16-le")


def tar(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` in order, with nothing in it that changes from one day to the next."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Pack and compress `files`."""
    return gzip.compress(tar(files), mtime=0)


def cut_tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Return two thirds of an archive, not compressed so that the cut is the same everywhere."""
    data = tar(files)
    tail = struct.pack("<II", zlib.crc32(data), len(data))
    whole = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + stored(data)[2:-4] + tail
    return whole[: len(whole) * 2 // 3]


def to_facturx(invoice: Invoice) -> bytes:
    """Write an invoice as a Factur-X PDF of profile EN 16931."""
    title = f"Facture {invoice.number}"
    due = f"À payer : {invoice.totals.due} {invoice.currency}"
    return facturx_pdf(to_cii(invoice), title, f"De {invoice.seller.name}", due)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` into a zip, in order, with nothing in it that changes from day to day."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_MOMENT), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def with_manifest(
    files: Mapping[str, bytes], invoices: Sequence[Invoice], too_much: Decimal = Decimal(0)
) -> dict[str, bytes]:
    """Put a manifest before the files of a flow.

    Args:
        files: The flow's files.
        invoices: What is written in them; credit notes are taken off the sums.
        too_much: How much more than what is true the manifest announces in euros.
    """
    sums = {"EUR": too_much}
    for one in invoices:
        sign = -1 if one.is_credit_note else 1
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + sign * one.totals.with_vat
    told = {
        "count": len(files),
        "sums": {currency: f"{amount:.2f}" for currency, amount in sums.items()},
        "files": [
            {"name": name, "sha256": sha256(content).hexdigest()}
            for name, content in files.items()
        ],
    }
    return {"manifest.json": json.dumps(told, indent=1).encode(), **files}
