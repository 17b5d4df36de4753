"""How a proposal may go on."""

from __future__ import annotations

import pytest

from pipeline.model.proposal import PROPOSAL_FOLLOWS, PROPOSAL_WORDS, ProposalState
from pipeline.model.status import check_step, is_final


@pytest.mark.parametrize("after", list(ProposalState))
@pytest.mark.parametrize("before", [None, *ProposalState])
def test_a_move_that_the_table_lacks_is_our_bug(
    before: ProposalState | None, after: ProposalState
) -> None:
    """Every pair is either in the table or refused, loudly."""
    if after in PROPOSAL_FOLLOWS[before]:
        check_step(PROPOSAL_FOLLOWS, before, after)
        return

    with pytest.raises(ValueError, match=f"^{after.value} cannot follow "):
        check_step(PROPOSAL_FOLLOWS, before, after)


def test_what_is_in_force_or_stale_is_so_for_ever() -> None:
    """What was refused or replaced may be proposed again."""
    final = {one for one in ProposalState if is_final(PROPOSAL_FOLLOWS, one)}

    assert final == {ProposalState.APPROVED, ProposalState.STALE}
    assert set(PROPOSAL_WORDS) == set(ProposalState)
