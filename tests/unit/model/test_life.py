"""The machine of an invoice's life: every pair of statuses, events and actors is decided."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import product

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.model.identity import DocumentId
from pipeline.model.life import (
    STATUS_WORDS,
    Actor,
    Cash,
    Circuit,
    Event,
    Given,
    Status,
    entry_id,
)
from pipeline.model.life_reasons import REASONS, UNCODED
from pipeline.model.life_step import Accepted, Refused, Why, is_stopped, onward, step
from pipeline.model.life_table import ACTIVE, DOUBT_WORDS, LATE, MOVES, TERMINAL, Doubt
from tests.lives import everything

AT = datetime(2026, 3, 2, tzinfo=UTC)
_ACTIVE = (
    "MISE_A_DISPOSITION PRISE_EN_CHARGE APPROUVEE APPROUVEE_PARTIELLEMENT EN_LITIGE SERVICE_FAIT"
    " MANDATEE MISE_A_DISPOSITION_COMPTABLE COMPTABILISEE SUSPENDUE COMPLETEE"
)
_MISNAMED = (
    "ERREUR_FOURNISSEUR_SUR_VALIDEUR ERREUR_COTRAITANT_SUR_VALIDEUR ERREUR_FOURNISSEUR_SUR_MOE"
    " ERREUR_MOE_SUR_MOA"
)
_ALL = " ".join(status.name for status in Status)
#: The reference's matrix, written down a second time: circuits (* for all), from, event, actor,
#: to; ``=`` leaves the invoice where it is.
MATRIX = f"""
* | - | deposit | hub | DEPOSEE
D | DEPOSEE | route | hub | EN_COURS_ACHEMINEMENT
A9 A9CO A12 | DEPOSEE ERREUR_FOURNISSEUR_SUR_VALIDEUR | ask-validation | hub | A_VALIDER_1
A9 A9CO A12 | A_VALIDER_1 | validate | validator | VALIDEE_1
A9 A9CO A12 | A_VALIDER_1 | refuse | validator | REFUSEE_1
A9 A9CO | A_VALIDER_1 | lapse | clock | ABSENCE_VALIDATION_1_HORS_DELAI
A9 A9CO A12 | A_VALIDER_1 | name-wrong-validator | validator | ERREUR_FOURNISSEUR_SUR_VALIDEUR
A9CO | VALIDEE_1 ABSENCE_VALIDATION_1_HORS_DELAI REFUSEE_1 ERREUR_COTRAITANT_SUR_VALIDEUR \
| ask-second-validation | hub | A_VALIDER_2
A9CO | A_VALIDER_2 | validate | validator | VALIDEE_2
A9CO | A_VALIDER_2 | refuse | validator | REFUSEE_2
A9CO | A_VALIDER_2 | lapse | clock | ABSENCE_VALIDATION_2_HORS_DELAI
A9CO | A_VALIDER_2 | name-wrong-validator | validator | ERREUR_COTRAITANT_SUR_VALIDEUR
A9 A12 | VALIDEE_1 | route | hub | EN_COURS_ACHEMINEMENT
A9 | ABSENCE_VALIDATION_1_HORS_DELAI REFUSEE_1 | route | hub | EN_COURS_ACHEMINEMENT
A9CO | VALIDEE_2 ABSENCE_VALIDATION_2_HORS_DELAI REFUSEE_2 | route | hub | EN_COURS_ACHEMINEMENT
W WW | DEPOSEE ERREUR_FOURNISSEUR_SUR_MOE | ask-validation | hub | A_VALIDER_MOE
W WW | A_VALIDER_MOE | validate | validator | PRISE_EN_COMPTE_MOE
W WW | A_VALIDER_MOE | refuse | validator | REFUSEE_MOE
W WW | A_VALIDER_MOE | lapse | clock | ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE
W WW | A_VALIDER_MOE | name-wrong-validator | validator | ERREUR_FOURNISSEUR_SUR_MOE
WW | PRISE_EN_COMPTE_MOE ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE ERREUR_MOE_SUR_MOA \
| ask-second-validation | hub | MISE_A_DISPOSITION_MOA
WO | DEPOSEE ERREUR_MOE_SUR_MOA | ask-validation | hub | MISE_A_DISPOSITION_MOA
WW WO | MISE_A_DISPOSITION_MOA | validate | validator | PRISE_EN_COMPTE_MOA
WW WO | MISE_A_DISPOSITION_MOA | refuse | validator | REFUSEE_MOA
WW WO | MISE_A_DISPOSITION_MOA | name-wrong-validator | validator | ERREUR_MOE_SUR_MOA
W | PRISE_EN_COMPTE_MOE ABSENCE_VALIDATION_MOE_DELAI_REGLEMENTAIRE | route | hub \
| EN_COURS_ACHEMINEMENT
WW WO | PRISE_EN_COMPTE_MOA | route | hub | EN_COURS_ACHEMINEMENT
* | {_MISNAMED} | name-validator | supplier | =
* | EN_COURS_ACHEMINEMENT | make-available | hub | MISE_A_DISPOSITION
* | ANNULEE | make-available | hub | =
* | {_ACTIVE} A_RECYCLER REJETEE | reroute | hub | EN_COURS_ACHEMINEMENT
* | {_ACTIVE} | make-available | recipient | MISE_A_DISPOSITION
* | {_ACTIVE} | take-in-charge | recipient | PRISE_EN_CHARGE
* | {_ACTIVE} | approve | recipient | APPROUVEE
* | {_ACTIVE} | approve-partly | recipient | APPROUVEE_PARTIELLEMENT
* | {_ACTIVE} | dispute | recipient | EN_LITIGE
* | {_ACTIVE} | return | recipient | A_RECYCLER
* | {_ACTIVE} | suspend | recipient | SUSPENDUE
* | {_ACTIVE} | reject | recipient | REJETEE
* | {_ACTIVE} | service-done | recipient | SERVICE_FAIT
* | {_ACTIVE} | mandate | recipient | MANDATEE
* | {_ACTIVE} | give-to-accountant | recipient | MISE_A_DISPOSITION_COMPTABLE
* | {_ACTIVE} | book | recipient | COMPTABILISEE
* | {_ACTIVE} | pay | recipient | MISE_EN_PAIEMENT
* | A_RECYCLER | resend | supplier | EN_COURS_ACHEMINEMENT
* | SUSPENDUE | complete | supplier | COMPLETEE
* | REJETEE | process-reject | supplier | =
* | {_ACTIVE} DEPOSEE EN_COURS_ACHEMINEMENT | cancel | supplier | ANNULEE
* | DEPOSEE A_VALIDER_1 A_VALIDER_2 A_VALIDER_MOE MISE_A_DISPOSITION_MOA {_MISNAMED} \
EN_COURS_ACHEMINEMENT | give-up | supplier | ABANDONNEE
* | {_ALL} | cash | supplier | =
* | {_ALL} | ask-direct-payment | supplier | =
* | {_ALL} | factor | supplier | =
* | {_ALL} | factor-confidentially | supplier | =
* | {_ALL} | change-payee | supplier | =
* | {_ALL} | not-factored | supplier | =
"""
_CIRCUITS = {
    "D": Circuit.DIRECT,
    "A9": Circuit.SUBCONTRACT,
    "A9CO": Circuit.SUBCONTRACT_TWICE,
    "A12": Circuit.COCONTRACT,
    "W": Circuit.WORKS,
    "WW": Circuit.WORKS_TWICE,
    "WO": Circuit.WORKS_OWNER,
}


@cache
def expected() -> dict[tuple[Circuit, Status | None, Event, Actor], Status | None]:
    """Read the matrix."""
    found: dict[tuple[Circuit, Status | None, Event, Actor], Status | None] = {}
    for line in MATRIX.strip().splitlines():
        circuits, before, event, actor, after = (part.strip() for part in line.split("|"))
        of = _CIRCUITS if circuits == "*" else circuits.split()
        for circuit, name in product(of, before.split()):
            status = None if name == "-" else Status[name]
            to = status if after == "=" else Status[after]
            found[_CIRCUITS[circuit], status, Event(event), Actor(actor)] = to
    return found


def test_every_status_event_and_actor_is_in_the_table_or_refused() -> None:
    """Nothing is left to chance: what the reference does not give leads nowhere."""
    matrix = expected()

    for key in product(Circuit, [None, *Status], Event, Actor):
        circuit, status, event, actor = key
        said = step(status, event, actor, everything(event, circuit))
        if key in matrix:
            assert isinstance(said, Accepted), key
            assert said.to is matrix[key], key
        else:
            assert isinstance(said, Refused), key
            assert said.code in {Why.NOT_YOURS, Why.NOT_NOW}, key
            assert said.fr
            assert said.en


def test_every_status_is_reached_and_every_row_is_taken() -> None:
    """A status that nothing leads to is a word without a meaning."""
    reached = {to for to in expected().values() if to is not None}

    assert reached == set(Status)
    assert {move.event for move in MOVES} == set(Event)
    assert set(STATUS_WORDS) == set(Status)
    assert set(DOUBT_WORDS) == set(Doubt)


def test_nothing_but_a_payment_or_a_word_follows_the_end() -> None:
    """What was rejected, paid or given up stays so, unless a wrong recipient had it."""
    for status, event, actor in product(TERMINAL, set(Event) - {Event.REROUTE}, Actor):
        said = step(status, event, actor, everything(event, Circuit.DIRECT))
        assert isinstance(said, Refused) or said.to is status


@pytest.mark.parametrize(
    ("event", "actor", "given", "why"),
    [
        pytest.param(Event.SUSPEND, Actor.RECIPIENT, Given(comment="x"), Why.REASON_MISSING),
        pytest.param(
            Event.SUSPEND, Actor.RECIPIENT, Given(reasons=("CMD_ERR",)), Why.COMMENT_MISSING
        ),
        pytest.param(
            Event.SUSPEND,
            Actor.RECIPIENT,
            Given(reasons=("CMD_ERR", "TX_TVA_ERR"), comment="x"),
            Why.REASON_UNKNOWN,
        ),
        pytest.param(Event.REJECT, Actor.RECIPIENT, Given(comment="x"), Why.REASON_MISSING),
        pytest.param(
            Event.REJECT, Actor.RECIPIENT, Given(coded=False, comment=" "), Why.COMMENT_MISSING
        ),
        pytest.param(Event.DISPUTE, Actor.RECIPIENT, Given(comment="x"), Why.REASON_MISSING),
        pytest.param(
            Event.APPROVE_PARTLY, Actor.RECIPIENT, Given(reasons=("DOUBLON",)), Why.REASON_UNKNOWN
        ),
        pytest.param(Event.CASH, Actor.SUPPLIER, Given(), Why.CASH_MISSING),
        pytest.param(
            Event.CASH,
            Actor.SUPPLIER,
            Given(cash=(Cash(amount=Decimal(-5), rate=Decimal(20)),)),
            Why.COMMENT_MISSING,
        ),
    ],
)
def test_what_is_missing_is_refused(event: Event, actor: Actor, given: Given, why: Why) -> None:
    """Reasons, comments and amounts are no courtesy."""
    said = step(Status.MISE_A_DISPOSITION, event, actor, given)

    assert isinstance(said, Refused)
    assert said.code is why


@pytest.mark.parametrize(
    ("status", "event", "given", "why"),
    [
        pytest.param(Status.SUSPENDUE, Event.COMPLETE, Given(), Why.ATTACHMENT_MISSING),
        pytest.param(
            Status.SUSPENDUE,
            Event.COMPLETE,
            Given(attachments=1, changed=frozenset({"BT-112"})),
            Why.MORE_CHANGED,
        ),
        pytest.param(Status.A_RECYCLER, Event.RESEND, Given(), Why.NOTHING_CHANGED),
        pytest.param(Status.DEPOSEE, Event.GIVE_UP, Given(comment="x"), Why.NOT_STOPPED),
        pytest.param(
            Status.A_RECYCLER,
            Event.RESEND,
            Given(changed=frozenset({"BT-13", "BT-112"})),
            Why.MORE_CHANGED,
        ),
    ],
)
def test_words_alone_do_nothing_to_the_invoice_itself(
    status: Status, event: Event, given: Given, why: Why
) -> None:
    """Papers are added, routing is put right, a delivery is stopped: or nothing is said."""
    said = step(status, event, Actor.SUPPLIER, given)

    assert isinstance(said, Refused)
    assert said.code is why


@pytest.mark.parametrize("status", sorted(ACTIVE, key=str))
def test_a_reject_for_a_missing_attachment_suspends(status: Status) -> None:
    """The supplier need not send a new invoice for a paper it forgot."""
    given = Given(reasons=("JUSTIF_ABS",), comment="bon de livraison absent")

    assert step(status, Event.REJECT, Actor.RECIPIENT, given) == Accepted(Status.SUSPENDUE)


def test_a_mandataire_refuses_for_two_kinds_of_reasons_only() -> None:
    """A co-contractor's invoice is refused by its mandataire for its addressing, not its price."""
    given = Given(reasons=("PU_ERR",), comment="x", circuit=Circuit.COCONTRACT)

    said = step(Status.A_VALIDER_1, Event.REFUSE, Actor.VALIDATOR, given)

    assert isinstance(said, Refused)
    assert said.code is Why.REASON_UNKNOWN


@pytest.mark.parametrize(
    ("status", "event", "given", "doubt"),
    [
        pytest.param(Status.COMPTABILISEE, Event.MANDATE, Given(), Doubt.BACKWARDS),
        pytest.param(Status.MANDATEE, Event.RETURN, Given(), Doubt.AFTER_WORK_BEGAN),
        pytest.param(
            Status.MANDATEE, Event.PAY, Given(tells_payment=False), Doubt.UNANNOUNCED_PAYMENT
        ),
    ],
)
def test_the_unusual_is_accepted_with_a_warning(
    status: Status, event: Event, given: Given, doubt: Doubt
) -> None:
    """Recipients' statuses come in no imposed order; somebody may still want to look."""
    said = step(status, event, Actor.RECIPIENT, given)

    assert isinstance(said, Accepted)
    assert said.warnings == (doubt.value,)


@pytest.mark.parametrize("status", [Status.MISE_EN_PAIEMENT, Status.REJETEE, Status.COMPTABILISEE])
def test_what_comes_late_is_noted_and_moves_nothing(status: Status) -> None:
    """Two files that overtake each other end where the recipient's clock says."""
    said = step(status, Event.SERVICE_DONE, Actor.RECIPIENT, Given(late=True))

    assert said == Accepted(status, (LATE,))


def test_what_comes_late_still_needs_its_reason() -> None:
    """Being late excuses nothing."""
    said = step(Status.REJETEE, Event.SUSPEND, Actor.RECIPIENT, Given(late=True))

    assert isinstance(said, Refused)
    assert said.code is Why.REASON_MISSING


def test_a_reason_in_words_alone_has_a_code_to_be_told_by() -> None:
    """A recipient without codes and a supplier who reads nothing else still understand."""
    assert set(UNCODED) == set(REASONS)
    assert all(code in REASONS[event] for event, code in UNCODED.items())


@settings(max_examples=150, deadline=None)
@drawn(
    st.sampled_from(Circuit),
    st.lists(st.tuples(st.sampled_from(Event), st.sampled_from(Actor)), max_size=40),
)
def test_no_sequence_of_events_reaches_what_the_table_does_not_give(
    circuit: Circuit, events: list[tuple[Event, Actor]]
) -> None:
    """Whoever says whatever in whatever order, an invoice stands at a status of the table."""
    status: Status | None = None
    matrix = expected()
    for event, actor in events:
        said = step(status, event, actor, everything(event, circuit))
        if isinstance(said, Accepted):
            assert matrix[circuit, status, event, actor] is said.to
            status = said.to


@pytest.mark.parametrize("circuit", Circuit)
def test_what_was_answered_leaves_is_asked_on_or_stops(circuit: Circuit) -> None:
    """No answer of a validator, and no silence, leaves an invoice where nobody looks after it."""
    answers = {Event.VALIDATE, Event.REFUSE, Event.LAPSE}
    for (of, _, event, _), to in expected().items():
        if of is circuit and event in answers and to is not None:
            assert (onward(to, circuit) is None) is is_stopped(to, circuit)


def test_what_the_hub_does_again_is_another_line() -> None:
    """An invoice that comes back is made available twice, whatever the clock says."""
    act = [
        entry_id(DocumentId("F-0001"), Event.MAKE_AVAILABLE, actor, AT, Given(), place)
        for actor in (Actor.HUB, Actor.RECIPIENT)
        for place in (3, 6)
    ]

    assert len(set(act[:2])) == 2
    assert len(set(act[2:])) == 1
