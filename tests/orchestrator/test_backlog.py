"""Event messages that wait for the database."""

from __future__ import annotations

from mqtt_schemas.topics import Address
from orchestrator.backlog import Backlog
from orchestrator.deliveries import Delivery
from tests.orchestrator.histories import PRINTER, STATION


def _delivery(size: int, address: Address = PRINTER) -> Delivery:
    return Delivery(address, "topic", b"x" * size, None, None)


def test_first_in_first_out() -> None:
    """In the order in which they came, whoever sent them."""
    backlog = Backlog()
    deliveries = [_delivery(100, each) for each in (PRINTER, STATION, PRINTER)]
    assert all(backlog.put(each) for each in deliveries)
    assert len(backlog) == 3
    assert backlog.take() == deliveries
    assert backlog.take() == []


def test_a_transaction_holds_so_many_bytes() -> None:
    """What is left waits for the next; a single one is taken however large it is."""
    backlog = Backlog()
    for _ in range(3):
        backlog.put(_delivery(100))
    assert len(backlog.take(most_bytes=299)) == 2
    assert len(backlog.take(most_bytes=1)) == 1


def test_what_does_not_fit_is_dropped() -> None:
    """Memory is bounded, and room is given back when deliveries are taken."""
    backlog = Backlog(most_bytes=250, most_bytes_each=200)
    assert backlog.put(_delivery(150))
    assert not backlog.put(_delivery(51))
    assert backlog.put(_delivery(50))
    assert not backlog.put(_delivery(51, STATION))
    assert backlog.put(_delivery(50, STATION))
    backlog.take()
    assert backlog.put(_delivery(200))
