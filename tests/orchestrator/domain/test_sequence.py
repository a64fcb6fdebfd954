"""Whether an event is the next one of its log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.canonical import first_link
from mqtt_schemas.codec import Incoming
from orchestrator.domain.sequence import Verdict, Water, empty, judge
from tests.orchestrator.histories import log_id

LOG = log_id(1)
WATER = Water(3, "c3")
COMMITTED = {1: "c1", 2: "c2", 3: "c3"}


def _at(seq: int, prev: str, chain: str) -> Incoming:
    return Incoming(seq, prev, chain, b"{}", None)


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (_at(4, "c3", "c4"), Verdict.NEXT),
        (_at(4, "x3", "x4"), Verdict.FORK),
        (_at(3, "c2", "c3"), Verdict.DUPLICATE),
        (_at(3, "c2", "x3"), Verdict.FORK),
        (_at(5, "c4", "c5"), Verdict.GAP),
    ],
)
def test_seq_and_chain_decide(event: Incoming, verdict: Verdict) -> None:
    """Only the event after the high water with the right chain is accepted."""
    assert judge(WATER, event, committed=COMMITTED, first_kept=None) is verdict


def test_a_log_begins_with_its_own_first_link() -> None:
    """Event 1 of another log, or of a log gone wrong, does not begin this one."""
    right, wrong = _at(1, first_link(LOG), "c1"), _at(1, first_link(log_id(2)), "c1")
    assert judge(empty(LOG), right, committed={}, first_kept=None) is Verdict.NEXT
    assert judge(empty(LOG), wrong, committed={}, first_kept=None) is Verdict.FORK


def test_a_gap_that_the_device_can_no_longer_fill_is_a_loss() -> None:
    """The event that it says is its oldest is accepted, with the chain value that it has."""
    event = _at(7, "c6", "c7")
    assert judge(WATER, event, committed={}, first_kept=7) is Verdict.LOSS
    assert judge(WATER, event, committed={}, first_kept=6) is Verdict.GAP


def test_what_retention_deleted_is_taken_for_a_repetition() -> None:
    """An event too old to be compared is not counted again."""
    assert judge(WATER, _at(2, "?", "?"), committed={}, first_kept=None) is Verdict.DUPLICATE


@given(st.lists(st.integers(1, 8), max_size=60))
def test_any_delivery_accepts_each_event_once_and_in_order(delivery: list[int]) -> None:
    """However often and in whatever order events of one log come, none is taken twice."""
    chains = {seq: f"c{seq}" for seq in range(1, 9)} | {0: first_link(LOG)}
    water, taken = empty(LOG), []
    for seq in delivery:
        event = _at(seq, chains[seq - 1], chains[seq])
        verdict = judge(water, event, committed=chains, first_kept=1)
        assert verdict is not Verdict.FORK
        if verdict in {Verdict.NEXT, Verdict.LOSS}:
            taken.append(seq)
            water = Water(seq, chains[seq])
    assert taken == list(range(1, len(taken) + 1))
