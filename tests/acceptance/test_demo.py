"""The demonstration does the whole job, and what it says is computed, never known beforehand."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tomllib
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.model.limits import WIDE
from pipeline.model.report import Syntax
from pipeline.syntax.parse import parse
from pipeline.syntax.recognise import recognise

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(20)


def test_the_demo_tells_what_became_of_every_file(edi: Callable[..., Any], tmp_path: Path) -> None:
    """Outcome, reason, answer and counts of the packaged files are those their makers expect."""
    expected = tomllib.loads((ROOT / "samples/demo/expected.toml").read_text(encoding="utf-8"))

    ran = edi("demo", "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert {
        (one["partner"], one["name"]): (
            one["outcome"],
            one["reason"],
            answer(one["acknowledgement"]),
        )
        for one in told["interchanges"]
    } == {
        (one["supplier"], one["name"]): (one["outcome"], one["reason"] or None, one["answer"])
        for one in expected["file"]
    }
    totals = Counter[str]()
    for one in expected["file"]:
        totals.update(one["documents"])
    assert told["documents"] == dict(totals)
    assert told["delivered"] == totals["accepted"]
    wanted = Counter[str]()
    for one in expected["file"]:
        wanted.update(one["delivered"])
    asked = {"lycee-exemple": "pivot", "musee-exemple": "cii"}
    assert told["recipients"] == {
        name: {"form": asked.get(name, "as-received"), "delivered": count}
        for name, count in wanted.items()
    }
    (pivot,) = (tmp_path / "var/demo/sftp/lycee-exemple/out").iterdir()
    assert pivot.name == "FEN0036A_LYC001_CPP0010036000000000000001"
    assert _kinds_of_files(pivot.read_bytes()) == {"": b"<?xm", "LISIBLE": b"%PDF"}
    (written,) = (tmp_path / "var/demo/sftp/musee-exemple/out").iterdir()
    assert recognise(parse(written.read_bytes(), WIDE)) is Syntax.CII
    assert told["acknowledged"] == len(expected["file"])
    assert told["notices"] == [f"gap-FSO1150A_PLA001-3-3.{form}" for form in ("json", "txt")]
    assert _kinds_of_answers(tmp_path / "var/demo/sftp") == {
        "papeterie": {"CSO1100A", "FEN1200A"},
        "traiteur": {"html", "json"},
        "plateforme": {"CSO1150A", "CSO1156A", "CSO1157A", "FEN1214A", "json", "txt"},
        "regie": {"CSO3110A", "html"},
    }


def _kinds_of_files(pivot: bytes) -> dict[str, bytes]:
    """Return how the files in a pivot begin, by their category."""
    return {
        one.findtext("CategoriePJ") or "": b64decode(one.findtext("Contenu") or "")[:4]
        for one in parse(pivot, WIDE).iter("PJ")
    }


def answer(name: str) -> str:
    """Return what an answer's name says of it: an interface code, or a suffix."""
    return name.rpartition(".")[2] if "." in name else name.partition("_")[0]


def _kinds_of_answers(root: Path) -> dict[str, set[str]]:
    """Return what lies in each sender's folder: CPPStatut, CDAR of both kinds, JSON, pages."""
    return {
        name: {answer(path.name) for path in (root / name / "out").iterdir()}
        for name in ("papeterie", "traiteur", "plateforme", "regie")
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One file drawn by a seed, with what an independent reading of the rules expects.

    `delivered` are the exact bytes that each recipient must find, by recipient.
    """

    supplier: str
    name: str
    payload: bytes
    outcome: str
    reason: str | None
    delivered: tuple[tuple[str, bytes], ...] = ()


def test_unknown_files_end_as_an_independent_computation_expects(
    edi: Callable[..., Any], samples: ModuleType, tmp_path: Path
) -> None:
    """Renumbered, changed, re-addressed and renamed files: outcome, reason, recipients' bytes."""
    drawn = [one for seed in SEEDS for one in _draw(samples, seed)]
    for one in drawn:
        path = tmp_path / "files" / one.supplier / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.payload)

    ran = edi("demo", "--json", "--files", str(tmp_path / "files"))

    assert ran.code == 0, ran.err
    assert {
        (one["partner"], one["name"]): (one["outcome"], one["reason"])
        for one in ran.json["interchanges"]
    } == {(one.supplier, one.name): (one.outcome, one.reason) for one in drawn}
    for recipient in ("ville-exemple", "hopital-exemple", "imprimerie-exemple"):
        wanted = Counter(
            payload for one in drawn for to, payload in one.delivered if to == recipient
        )
        assert Counter(_received(tmp_path / "var/demo/sftp" / recipient / "out")) == wanted


def _draw(samples: ModuleType, seed: int) -> Iterator[Drawn]:
    """Draw some files of one seed; numbers are never shared between seeds."""
    dice = random.Random(seed)
    free = dice.sample(sorted(_FREE), 3)
    for place, kind in enumerate(free):
        yield from _FREE[kind](samples, dice, f"{seed:03d}{place}")
    yield from _historical(samples, dice, f"{seed:03d}")
    yield from _platform(samples, dice, f"{seed:03d}")


def _invoice(samples: ModuleType, dice: random.Random, number: str, buyer: Any) -> Any:
    model = samples.BY_KEY[dice.choice(samples.MENU)]
    return samples.billed_to(model, buyer, f"S{number}", dice.randint(1, 9))


def _good(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    """A sound invoice in some envelope; its recipient gets what was in it."""
    name, buyer = dice.choice(
        [
            ("ville-exemple", samples.VILLE),
            ("hopital-exemple", samples.HOPITAL),
            ("imprimerie-exemple", samples.IMPRIMERIE),
        ]
    )
    invoice = _invoice(samples, dice, number, buyer)
    write = dice.choice([samples.to_ubl, samples.to_cii, samples.to_facturx])
    payload = write(invoice)
    suffix = "pdf" if write is samples.to_facturx else "xml"
    wrap = dice.choice(sorted(_WRAPPED))
    yield Drawn(
        supplier="traiteur",
        name=f"{dice.choice(['facture', 'Facture n°', 'x y'])} {number}.{suffix}{wrap}",
        payload=_WRAPPED[wrap](samples, f"{number}.{suffix}", payload),
        outcome="accepted",
        reason=None,
        delivered=((name, payload),),
    )


_WRAPPED: dict[str, Callable[[ModuleType, str, bytes], bytes]] = {
    "": lambda _samples, _name, payload: payload,
    ".gz": lambda _samples, _name, payload: gzip.compress(payload),
    ".p7m": lambda samples, _name, payload: bytes(samples.signed(payload)),
    ".tar.gz": lambda samples, name, payload: bytes(samples.tar_gz({name: payload})),
    ".zip": lambda samples, name, payload: bytes(samples.zipped({name: payload})),
}


def _wrong_amount(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    payload = samples.with_wrong_total(_invoice(samples, dice, number, samples.VILLE))
    yield Drawn(
        supplier="traiteur",
        name=f"montant-{number}.xml",
        payload=payload,
        outcome="rejected",
        reason="REJ_SEMAN",
    )


def _unknown(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    known = _invoice(samples, dice, number, samples.VILLE)
    yield Drawn(
        supplier="traiteur",
        name=f"inconnu-{number}.xml",
        payload=samples.to_ubl(replace(known, buyer=samples.INCONNUE)),
        outcome="rejected",
        reason="DEST_INC",
    )


def _no_route(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    yield Drawn(
        supplier="traiteur",
        name=f"college-{number}.xml",
        payload=samples.to_ubl(_invoice(samples, dice, number, samples.COLLEGE)),
        outcome="held",
        reason="NO_ROUTE",
    )


def _undated(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    good = samples.to_ubl(_invoice(samples, dice, number, samples.VILLE))
    yield Drawn(
        supplier="traiteur",
        name=f"sans-date-{number}.xml",
        payload=samples.without_issue_date(good),
        outcome="rejected",
        reason="IRR_SYNTAX",
    )


def _twice(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    """The same bytes under two names; names decide which one is first."""
    payload = samples.to_ubl(_invoice(samples, dice, number, samples.HOPITAL))
    yield Drawn(
        supplier="traiteur",
        name=f"a-premier-{number}.xml",
        payload=payload,
        outcome="accepted",
        reason=None,
        delivered=(("hopital-exemple", payload),),
    )
    yield Drawn(
        supplier="traiteur",
        name=f"b-second-{number}.xml",
        payload=payload,
        outcome="duplicate",
        reason="IRR_UNICITE",
    )


def _same_number(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    """One number, two amounts: the first counts."""
    invoice = _invoice(samples, dice, number, samples.VILLE)
    first, *others = invoice.lines
    changed = replace(invoice, lines=(replace(first, quantity=first.quantity + 1), *others))
    yield Drawn(
        supplier="traiteur",
        name=f"c-premiere-{number}.xml",
        payload=samples.to_ubl(invoice),
        outcome="accepted",
        reason=None,
        delivered=(("ville-exemple", samples.to_ubl(invoice)),),
    )
    yield Drawn(
        supplier="traiteur",
        name=f"d-corrigee-{number}.xml",
        payload=samples.to_ubl(changed),
        outcome="rejected",
        reason="DOUBLON",
    )


_FREE: dict[str, Callable[[ModuleType, random.Random, str], Iterator[Drawn]]] = {
    "good": _good,
    "wrong-amount": _wrong_amount,
    "unknown-recipient": _unknown,
    "no-route": _no_route,
    "undated": _undated,
    "twice": _twice,
    "same-number": _same_number,
}


def _historical(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    """A flow of several invoices, sound, spoilt in one place, or badly named."""
    buyers = [samples.VILLE, samples.HOPITAL]
    invoices = [
        samples.as_historical(_invoice(samples, dice, f"H{number}{place}", dice.choice(buyers)))
        for place in range(dice.randint(2, 5))
    ]
    files = {f"{place}.xml": samples.to_ubl(one) for place, one in enumerate(invoices)}
    to = {samples.VILLE.siret: "ville-exemple", samples.HOPITAL.siret: "hopital-exemple"}
    kind = dice.choice(["good", "spoilt", "name", "interface"])
    sequence = f"PAP0011100{int(number) + 1000:015d}"
    name = f"FSO1100A_PAP001_{sequence}"
    outcome, reason = "accepted", None
    if kind == "spoilt":
        spoilt = dice.choice(sorted(files))
        files[spoilt] = samples.without_issue_date(files[spoilt])
        outcome, reason = "rejected", "IRR_SYNTAX"
    elif kind == "name":
        name, outcome, reason = f"{name}.xml", "rejected", "IRR_FORM"
    elif kind == "interface":
        name = f"FSO1301A_PAP001_PAP0011301{int(number) + 1000:015d}"
        outcome, reason = "rejected", "IRR_CODE_INTER"
    yield Drawn(
        supplier="papeterie",
        name=name,
        payload=samples.tar_gz(files),
        outcome=outcome,
        reason=reason,
        delivered=tuple(
            (to[one.buyer.siret], payload)
            for one, payload in zip(invoices, files.values(), strict=True)
            if outcome == "accepted"
        ),
    )


def _platform(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    """A platform's flow with a manifest that is true or not; in one flow, mentions are missing."""
    invoices = [
        _invoice(samples, dice, f"P{number}{place}", dice.choice([samples.VILLE, samples.HOPITAL]))
        for place in range(dice.randint(1, 4))
    ]
    kind = dice.choice(["good", "manifest", "mentions"])
    if kind == "mentions":
        invoices[-1] = replace(invoices[-1], notes=())
    files = {f"{place}.xml": samples.to_ubl(one) for place, one in enumerate(invoices)}
    cents = Decimal(dice.randint(1, 500)) / 100 if kind == "manifest" else Decimal(0)
    told = samples.with_manifest(files, invoices, cents)
    good = invoices if kind == "good" else invoices[:-1] if kind == "mentions" else []
    to = {samples.VILLE.siret: "ville-exemple", samples.HOPITAL.siret: "hopital-exemple"}
    yield Drawn(
        supplier="plateforme",
        name=f"FSO1150A_PLA001_PLA0011150{int(number) + 1:015d}",
        payload=dice.choice([samples.tar_gz, samples.zipped])(told),
        outcome={0: "rejected", len(invoices): "accepted"}.get(len(good), "partly accepted"),
        reason={"good": None, "manifest": "MANIFEST", "mentions": "REJ_SEMAN"}[kind],
        delivered=tuple((to[one.buyer.siret], samples.to_ubl(one)) for one in good),
    )


def _received(folder: Path) -> Iterator[bytes]:
    for path in folder.iterdir():
        if path.suffix in {".xml", ".pdf"}:
            yield path.read_bytes()
            continue
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as lot:
            for member in lot:
                content = lot.extractfile(member)
                assert content is not None
                yield content.read()
