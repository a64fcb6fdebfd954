"""Batches that wait for the database."""

from __future__ import annotations

from orchestrator.backlog import Backlog
from tests.orchestrator.histories import PRINTER, STATION, History, started


def test_first_in_first_out() -> None:
    """In the order in which they came, whoever sent them."""
    backlog = Backlog()
    batches = [History(each).add(started()).batch() for each in (PRINTER, STATION, PRINTER)]
    assert all(backlog.put(batch, 100) for batch in batches)
    assert len(backlog) == 3
    assert backlog.take() == batches
    assert backlog.take() == []


def test_a_transaction_holds_so_many_events() -> None:
    """What is left waits for the next; a single batch is taken however large it is."""
    backlog = Backlog()
    batch = History().add(started("a"), started("b")).batch()
    for _ in range(3):
        backlog.put(batch, 100)
    assert len(backlog.take(most_events=5)) == 2
    assert len(backlog.take(most_events=1)) == 1


def test_what_does_not_fit_is_dropped() -> None:
    """Memory is bounded, and room is given back when batches are taken."""
    backlog = Backlog(most_bytes=250, most_bytes_each=200)
    mine, other = History().add(started()).batch(), History(STATION).add(started()).batch()
    assert backlog.put(mine, 150)
    assert not backlog.put(mine, 51)
    assert backlog.put(mine, 50)
    assert not backlog.put(other, 51)
    assert backlog.put(other, 50)
    backlog.take()
    assert backlog.put(mine, 200)
