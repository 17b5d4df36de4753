"""The demonstration does the whole job, and what it says is computed, never known beforehand."""

from __future__ import annotations

import io
import random
import tarfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(20)


def test_the_demo_tells_what_became_of_every_file(edi: Callable[..., Any]) -> None:
    """Outcome, reason and counts of the packaged files are those their makers expect."""
    expected = tomllib.loads((ROOT / "samples/demo/expected.toml").read_text(encoding="utf-8"))

    ran = edi("demo", "--json")

    assert ran.code == 0, ran.err
    told = ran.json
    assert {
        (one["partner"], one["name"]): (one["outcome"], one["reason"])
        for one in told["interchanges"]
    } == {
        (one["supplier"], one["name"]): (one["outcome"], one["reason"] or None)
        for one in expected["file"]
    }
    totals = Counter[str]()
    for one in expected["file"]:
        totals.update(one["documents"])
    assert told["documents"] == dict(totals)
    assert told["delivered"] == totals["accepted"]
    assert told["acknowledged"] == len(expected["file"])
    assert all(one["acknowledgement"] for one in told["interchanges"])


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
    for recipient in ("ville-exemple", "hopital-exemple"):
        wanted = Counter(
            payload for one in drawn for to, payload in one.delivered if to == recipient
        )
        assert Counter(_received(tmp_path / "var/demo/sftp" / recipient / "out")) == wanted


def _draw(samples: ModuleType, seed: int) -> Iterator[Drawn]:
    """Draw four files of one seed; numbers are never shared between seeds."""
    dice = random.Random(seed)
    free = dice.sample(sorted(_FREE), 3)
    for place, kind in enumerate(free):
        yield from _FREE[kind](samples, dice, f"{seed:03d}{place}")
    yield from _historical(samples, dice, f"{seed:03d}")


def _invoice(samples: ModuleType, dice: random.Random, number: str, buyer: Any) -> Any:
    model = samples.BY_KEY[dice.choice(samples.MENU)]
    return samples.billed_to(model, buyer, f"S{number}", dice.randint(1, 9))


def _good(samples: ModuleType, dice: random.Random, number: str) -> Iterator[Drawn]:
    name, buyer = dice.choice(
        [("ville-exemple", samples.VILLE), ("hopital-exemple", samples.HOPITAL)]
    )
    payload = samples.to_ubl(_invoice(samples, dice, number, buyer))
    yield Drawn(
        supplier="traiteur",
        name=f"{dice.choice(['facture', 'Facture n°', 'x y'])} {number}.xml",
        payload=payload,
        outcome="accepted",
        reason=None,
        delivered=((name, payload),),
    )


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
    invoices = [
        _invoice(samples, dice, f"H{number}{place}", dice.choice([samples.VILLE, samples.HOPITAL]))
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


def _received(folder: Path) -> Iterator[bytes]:
    for path in folder.iterdir():
        if path.suffix == ".xml":
            yield path.read_bytes()
            continue
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r:gz") as lot:
            for member in lot:
                content = lot.extractfile(member)
                assert content is not None
                yield content.read()
