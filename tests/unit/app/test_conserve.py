"""What was received, beside what became of it."""

from __future__ import annotations

from decimal import Decimal

from pipeline.app.conserve import is_balanced, lines_of
from pipeline.model.conserved import Became, Weighed
from pipeline.model.figures import Received
from pipeline.model.status import InterchangeStep, Step

RECEIVED = [Received("acme", 4, 5)]
BECAME = [
    Became("acme", InterchangeStep.CLOSED, 1),
    Became("acme", InterchangeStep.OPENED, 1),
    Became("acme", InterchangeStep.REFUSED, 1),
    Became("acme", InterchangeStep.RECEIVED, 1),
    Became("acme", Step.DELIVERED, 2),
    Became("acme", Step.ABANDONED, 1),
    Became("acme", Step.REJECTED, 1),
    Became("acme", Step.HELD, 1),
]


def weighed(
    told: str, found: str | None, step: Step | None = Step.DELIVERED, *, follows: bool = False
) -> Weighed:
    """Weigh one document in euros."""
    return Weighed(
        partner="acme",
        currency="EUR",
        told=Decimal(told),
        step=step,
        found=Decimal(found) if found is not None else None,
        follows=follows,
    )


def test_every_step_counts_once() -> None:
    """A delivery that was abandoned was accepted all the same; what waits is not lost."""
    flows, documents = lines_of(RECEIVED, BECAME, ())

    assert list(flows.became.values()) == [2, 0, 1, 0, 0, 1]
    assert list(documents.became.values()) == [3, 0, 1, 0, 1, 0]
    assert is_balanced((flows, documents))


def test_what_is_missing_and_what_is_too_many_show() -> None:
    """Also of a partner that the events do not know, and of rows that the ledger lost."""
    assert [one.difference for one in lines_of(RECEIVED, BECAME[1:], ())] == [1, 0]
    (extra, _) = lines_of((), BECAME[:1], ())
    assert (extra.partner, extra.difference) == ("acme", -1)
    assert not is_balanced([extra])


def test_amounts_are_exact_and_credit_notes_are_taken_off() -> None:
    """A cent that changed, or a document that went, is a difference in its currency."""
    sound = (weighed("0.1", "0.10"), weighed("0.2", "0.2", Step.REJECTED), weighed("-0.3", "-0.3"))

    (_, _, euros) = lines_of(RECEIVED, BECAME, sound)
    assert (euros.line, euros.received, euros.difference) == ("EUR", Decimal("0.0"), 0)
    assert euros.became["accepted"] == Decimal("-0.20")

    for wrong in (weighed("0.1", "0.11"), weighed("0.1", None), weighed("0.1", "0.1", None)):
        (_, _, euros) = lines_of(RECEIVED, BECAME, (*sound[1:], wrong))
        assert not is_balanced([euros])


def test_an_invoice_that_comes_back_is_accepted_once() -> None:
    """It is received twice, and let in twice; what its supplier is owed is in one column once."""
    became = [Became("acme", Step.DELIVERED, 1), Became("acme", Step.DELIVERED, 1, follows=True)]
    became.append(Became("acme", Step.REJECTED, 1, follows=True))
    amounts = (weighed("120.00", "120.00"), weighed("120.00", "120.00", follows=True))

    _, documents, euros = lines_of([Received("acme", 0, 3)], became, amounts)

    assert (documents.became["accepted"], documents.became["again"]) == (1, 1)
    assert documents.became["rejected"] == 1
    assert (euros.became["accepted"], euros.became["again"]) == (Decimal(120), Decimal(120))
    assert is_balanced((documents, euros))
