"""What is found in files of certificates and keys, and what it is worth on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pipeline.adapters.credential_files import CredentialFiles
from pipeline.model.connection import Connection, Door, Protocol, Role, Successors
from pipeline.model.credential import Chain, Credential, CredentialKind, Turn, faults_of
from tests.authority import DAY, Issued, certify, generate, issue, signed_with_sha1
from tests.clocks import NOON

LOCAL = Door(protocol=Protocol.LOCAL, path="somewhere")


class Desk:
    """A workspace, and what is found in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.anchors = home / "anchors"
        self.anchors.mkdir()
        self.files = CredentialFiles(home, self.anchors, home / "host_key")

    def believe(self, *authorities: Issued) -> None:
        """Put authorities where they are believed."""
        for place, one in enumerate(authorities):
            (self.anchors / f"{place}.pem").write_bytes(one.pem)

    def certificate(self, content: bytes, turn: Turn = Turn.CURRENT) -> Credential:
        """Return what is found of a partner's certificate."""
        (self.home / "partner.pem").write_bytes(content)
        (found,) = self.files.of_sheet(sheet(certificate="partner.pem"))
        return replace(found, turn=turn)

    def account(self, **door: object) -> Sequence[Credential]:
        """Return what is found of a door to an SFTP account."""
        return self.files.of_sheet(sheet(door=account(**door)))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give an empty workspace."""
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def root() -> Issued:
    """Give an authority."""
    return issue("Root", authority=True)


def sheet(**more: object) -> Connection:
    """Return a sheet with what is named."""
    given: dict[str, object] = {"door": LOCAL, **more}
    return Connection(name="acme", partner="Acme", role=Role.SENDER, **given)  # type: ignore[arg-type]


def account(**more: object) -> Door:
    """Return a door to an account, with what is named."""
    given: dict[str, object] = {"host": "sftp.example.org", "user": "edi", **more}
    return Door(**given)  # type: ignore[arg-type]


def codes(one: Credential, days: float = 0) -> list[str]:
    """Return what is wrong with a credential some days from now."""
    return [each.code for each in faults_of(one, NOON + timedelta(days=days))]


@pytest.mark.parametrize("form", ["pem", "der", "pkcs7-pem", "pkcs7-der"])
def test_a_certificate_is_read_in_the_forms_that_partners_send(
    desk: Desk, root: Issued, form: str
) -> None:
    """An authority's mail holds any of them, with its intermediates or without."""
    desk.believe(root)
    leaf = issue("Papeterie du Lac", root)
    chain = [leaf.certificate, root.certificate]
    written = {
        "pem": leaf.pem + root.pem,
        "der": leaf.der,
        "pkcs7-pem": pkcs7.serialize_certificates(chain, Encoding.PEM),
        "pkcs7-der": pkcs7.serialize_certificates(chain, Encoding.DER),
    }

    found = desk.certificate(written[form])

    assert (found.subject, found.issuer) == ("CN=Papeterie du Lac", "CN=Root")
    assert (found.algorithm, found.bits, found.digest) == ("ecdsa", 256, "sha256")
    assert (found.chain, found.until) == (Chain.TRUSTED, leaf.certificate.not_valid_after_utc)
    assert codes(found) == []


def test_an_intermediate_in_the_partners_file_leads_to_the_anchor(
    desk: Desk, root: Issued
) -> None:
    """Authorities sign with another key than the one that is believed."""
    desk.believe(root)
    between = issue("Between", root, authority=True, until=NOON + 20 * DAY)
    leaf = issue("Acme", between)

    with_it, alone = desk.certificate(leaf.pem + between.pem), desk.certificate(leaf.pem)

    assert (codes(with_it), codes(alone)) == ([], ["UNTRUSTED"])
    assert with_it.days_left(NOON) == 20, "it ends with whoever vouches for it"
    assert codes(with_it, days=21) == ["CHAIN_EXPIRED"]


def test_an_intermediate_may_issue_no_deeper_than_it_says(desk: Desk, root: Issued) -> None:
    """A path length of 0 lets it vouch for partners, not for further authorities."""
    desk.believe(root)
    between = issue("Between", root, authority=True, path_length=0)
    below = issue("Below", between, authority=True)

    deep = desk.certificate(issue("Acme", below).pem + below.pem + between.pem)

    assert codes(deep) == ["UNTRUSTED"]
    assert codes(desk.certificate(issue("Acme", between).pem + between.pem)) == []


def test_whoever_is_no_authority_vouches_for_nobody(desk: Desk, root: Issued) -> None:
    """Else each partner could issue certificates for every other."""
    desk.believe(root)
    partner = issue("Acme", root)

    forged = desk.certificate(issue("Rival", partner).pem + partner.pem)

    assert codes(forged) == ["UNTRUSTED"]


def test_a_signature_by_another_key_of_the_same_name_is_no_link(desk: Desk, root: Issued) -> None:
    """A name proves nothing."""
    desk.believe(root)
    namesake = issue("Root", authority=True)

    assert codes(desk.certificate(issue("Acme", namesake).pem)) == ["UNTRUSTED"]


def test_a_self_signed_certificate_is_believed_only_as_an_anchor(desk: Desk) -> None:
    """Small partners have no authority: theirs is put among the anchors, or refused."""
    own = issue("Acme")
    before = codes(desk.certificate(own.pem))
    desk.believe(issue("Other", authority=True))
    between = codes(desk.certificate(own.pem))
    desk.believe(own)

    assert before == ["UNCHECKED"]
    assert between == ["UNTRUSTED"]
    assert codes(desk.certificate(own.pem)) == []


def test_what_is_too_weak_is_refused(desk: Desk) -> None:
    """What could be forged proves nothing."""
    strong, short = (rsa.generate_private_key(65537, bits) for bits in (2048, 1024))
    root = issue("Root", authority=True, key=strong)
    desk.believe(root)

    assert codes(desk.certificate(issue("Acme", root, key=short).pem)) == ["WEAK_KEY"]
    old = desk.certificate(signed_with_sha1(issue("Acme", root), root))
    assert (old.digest, "WEAK_DIGEST" in codes(old)) == ("sha1", True)
    between = issue("Between", root, authority=True)
    weak = x509.load_der_x509_certificate(signed_with_sha1(between, root))
    through = desk.certificate(issue("Acme", between).pem + weak.public_bytes(Encoding.PEM))
    assert codes(through) == ["UNTRUSTED"]


def test_a_certificate_is_worth_something_between_its_days(desk: Desk, root: Issued) -> None:
    """One that takes over later may lie there before."""
    desk.believe(root)
    leaf = issue("Acme", root, since=NOON + DAY, until=NOON + 5 * DAY)
    current, coming = desk.certificate(leaf.pem), desk.certificate(leaf.pem, Turn.NEXT)

    assert [codes(current, day) for day in (0, 1, 4, 5)] == [
        ["NOT_YET_VALID"],
        [],
        [],
        ["EXPIRED"],
    ]
    assert codes(coming) == []


def test_an_authority_is_no_partner(desk: Desk, root: Issued) -> None:
    """Whoever has its certificate on a sheet would be anybody that it vouches for."""
    desk.believe(root)

    assert codes(desk.certificate(issue("Below", root, authority=True).pem)) == ["AUTHORITY"]


def test_a_private_key_beside_a_certificate_is_refused(desk: Desk, root: Issued) -> None:
    """It is the partner's own, and now a secret of two."""
    desk.believe(root)
    leaf = issue("Acme", root)

    found = desk.certificate(leaf.pem + leaf.private_pem())

    assert [each.code for each in found.found] == ["UNREADABLE"]
    assert "clé privée" in found.found[0].says["fr"]
    assert found.fingerprint == ""


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_told_with_what_was_expected(desk: Desk, content: bytes) -> None:
    """The partner sent another file."""
    (fault,) = faults_of(desk.certificate(content), NOON)

    assert fault.code == "UNREADABLE"
    assert "PKCS#7" in fault.says["fr"]


def test_certificates_that_do_not_belong_together_are_refused(desk: Desk, root: Issued) -> None:
    """Nobody can tell which of two is the partner's."""
    found = desk.certificate(issue("Acme", root).pem + issue("Rival", root).pem)

    assert codes(found) == ["UNREADABLE"]


def test_a_file_that_is_replaced_is_read_again(desk: Desk, root: Issued) -> None:
    """What was read is remembered by what the file system says of the file."""
    desk.believe(root)
    first, second = issue("Acme", root), issue("Acme", root)
    found = [desk.certificate(one.pem).fingerprint for one in (first, first, second)]

    assert found[0] == found[1] != found[2]


def test_a_missing_file_is_told(desk: Desk) -> None:
    """The sheet names what was never put there."""
    (found,) = desk.files.of_sheet(sheet(certificate="gone.pem"))

    assert (found.place, codes(found)) == ("gone.pem", ["ABSENT"])


# -- SSH
def test_our_key_is_told_as_ssh_tells_it(desk: Desk) -> None:
    """Operators compare it with what the partner's server shows."""
    line = generate(desk.home / "key")

    own, host = desk.account(key="key", host_key=line)

    assert own.fingerprint == host.fingerprint
    assert own.fingerprint.startswith("SHA256:")
    assert (own.kind, own.algorithm, codes(own)) == (CredentialKind.KEY, "ed25519", [])


def test_a_key_that_others_may_read_is_refused(desk: Desk) -> None:
    """It proves nothing any more."""
    generate(desk.home / "key")
    (desk.home / "key").chmod(0o640)

    (own,) = desk.account(key="key")

    assert codes(own) == ["OPEN_TO_OTHERS"]
    assert "chmod 600" in own.found[0].says["en"]


def test_a_key_with_a_passphrase_is_told(desk: Desk) -> None:
    """The hub has nobody to ask for it."""
    (desk.home / "key").write_bytes(issue("x").private_pem("secret"))

    (own,) = desk.account(key="key")

    assert codes(own) == ["UNREADABLE"]
    assert "phrase secrète" in own.found[0].says["fr"]


def test_short_host_keys_are_refused(desk: Desk) -> None:
    """A server with such a key could be anybody's by next year."""
    line = generate(desk.home / "host", "-b", "1024", kind="rsa")

    (host,) = desk.account(host_key=line)

    assert codes(host) == ["WEAK_KEY"]


def test_bare_keys_end_on_the_day_that_the_sheet_says(desk: Desk) -> None:
    """They know of none; it begins when it does in the sheet's time zone."""
    line = generate(desk.home / "key")
    end = date(2026, 3, 11)

    own, host = desk.account(key="key", key_expires=end, host_key=line, host_key_expires=end)

    assert str(own.until) == str(host.until) == "2026-03-10 23:00:00+00:00"
    assert (own.days_left(NOON), codes(own, 8.4), codes(own, 8.5)) == (8, [], ["EXPIRED"])


def test_a_key_certificate_is_held_against_its_key_and_account(desk: Desk) -> None:
    """A server would only say that the login is refused."""
    generate(desk.home / "authority")
    for name in ("key", "other"):
        generate(desk.home / name)
    certify(desk.home / "authority", desk.home / "key", "edi", days=(-1, 40))
    certify(desk.home / "authority", desk.home / "other", "edi", days=(-1, 40))

    _, good = desk.account(key="key", certificate="key-cert.pub")
    _, anothers = desk.account(key="key", certificate="other-cert.pub")
    _, elsewhere = desk.account(user="root", key="key", certificate="key-cert.pub")

    assert (good.days_left(NOON), codes(good), codes(good, 41)) == (40, [], ["EXPIRED"])
    assert codes(anothers) == ["OF_ANOTHER_KEY"]
    assert codes(elsewhere) == ["OF_ANOTHER_USER"]
    assert good.subject == "edi (edi)"


def test_a_bare_key_in_place_of_a_certificate_is_told(desk: Desk) -> None:
    """`.pub` files look alike."""
    generate(desk.home / "key")

    _, found = desk.account(key="key", certificate="key.pub")

    assert codes(found) == ["UNREADABLE"]


def test_what_takes_over_is_found_beside_what_is_in_use(desk: Desk, root: Issued) -> None:
    """All of a sheet are told, each with its turn."""
    desk.believe(root)
    for name in ("old", "new"):
        (desk.home / f"{name}.pem").write_bytes(issue(name, root).pem)
        generate(desk.home / name)
    pub = {name: (desk.home / f"{name}.pub").read_text().strip() for name in ("old", "new")}
    given = sheet(
        certificate="old.pem",
        door=account(key="old", host_key=pub["old"]),
        next=Successors(certificate="new.pem", key="new", host_key=pub["new"]),
    )

    found = desk.files.of_sheet(given)

    kinds = [CredentialKind.CERTIFICATE, CredentialKind.KEY, CredentialKind.HOST_KEY]
    assert [(one.turn, one.kind) for one in found] == [
        (turn, kind) for turn in Turn for kind in kinds
    ]
    assert all(codes(one) == [] for one in found)


def test_what_belongs_to_no_sheet_is_told_too(desk: Desk, root: Issued) -> None:
    """Our own host key, and authorities; one that cannot be read hides no other."""
    desk.believe(root)
    (desk.anchors / "1.pem").write_bytes(b"nothing")
    generate(desk.home / "host_key")

    own, first, second = desk.files.of_hub()

    assert (own.kind, own.algorithm) == (CredentialKind.OWN_HOST_KEY, "ed25519")
    assert (first.kind, first.subject, codes(first)) == (CredentialKind.ANCHOR, "CN=Root", [])
    assert codes(second) == ["UNREADABLE"]
    assert codes(desk.certificate(issue("Acme", root).pem)) == []
