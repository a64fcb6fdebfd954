"""The queue as rows."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime

from mqtt_schemas.plan import HashedCode
from orchestrator.domain.queue import Ticket, TicketState
from orchestrator.store import queue

NOW = datetime(2026, 11, 25, 12, 0, 0, 123_000, tzinfo=UTC)
DAY = date(2026, 11, 25)
CODE = HashedCode(salt="0" * 32, hash="0" * 64)
FIRST = Ticket(
    site="paja",
    kind="vr",
    day=DAY,
    number=1,
    joined_at=NOW,
    target_group="nuoret",
    party_size=2,
    code=CODE,
    mark="f" * 64,
)
SECOND = replace(FIRST, number=2, target_group=None, party_size=None, code=None, mark=None)


def test_numbers_come_back_as_they_were_kept(rows: sqlite3.Connection) -> None:
    """To the millisecond, with group, party and code or without; in the order of joining."""
    for ticket in (SECOND, FIRST):
        queue.insert(rows, ticket)
    assert queue.at_hand(rows, "paja", "vr") == [FIRST, SECOND]
    assert queue.find(rows, "paja", "vr", DAY, 2) == SECOND
    assert queue.find(rows, "paja", "vr", DAY, 3) is None


def test_only_those_without_an_offer_wait(rows: sqlite3.Connection) -> None:
    """Whoever is offered a turn, took it, or gave up keeps nobody from more time."""
    assert queue.waiting(rows, "paja", "vr") == 0
    for ticket in (FIRST, SECOND, replace(FIRST, kind="pc"), replace(FIRST, site="sivu")):
        queue.insert(rows, ticket)
    assert queue.waiting(rows, "paja", "vr") == 2
    offered = queue.move(rows, FIRST, TicketState.OFFERED, "b1")
    assert queue.waiting(rows, "paja", "vr") == 1
    assert queue.at_hand(rows, "paja", "vr") == [offered, SECOND]
    queue.move(rows, SECOND, TicketState.LEFT)
    assert queue.waiting(rows, "paja", "vr") == 0
    assert queue.lines(rows) == [("paja", "pc"), ("paja", "vr"), ("sivu", "vr")]


def test_numbers_count_from_one_each_day_and_none_comes_twice(rows: sqlite3.Connection) -> None:
    """Also after the last one left; each kind of each site has its own."""
    assert queue.next_number(rows, "paja", "vr", DAY) == 1
    queue.insert(rows, FIRST)
    queue.move(rows, FIRST, TicketState.LEFT)
    assert queue.next_number(rows, "paja", "vr", DAY) == 2
    assert queue.next_number(rows, "paja", "pc", DAY) == 1
    assert queue.next_number(rows, "paja", "vr", date(2026, 11, 26)) == 1


def test_what_a_customer_is_known_by_is_kept_no_longer_than_needed(
    rows: sqlite3.Connection,
) -> None:
    """The code's hash and the quota's mark go with the number; the offered turn stays on record."""
    queue.insert(rows, FIRST)
    offered = queue.move(rows, FIRST, TicketState.OFFERED, "b1")
    assert offered == replace(FIRST, state=TicketState.OFFERED, booking="b1")
    assert queue.find(rows, "paja", "vr", DAY, 1) == offered
    taken = queue.move(rows, offered, TicketState.TAKEN)
    assert taken == replace(offered, state=TicketState.TAKEN, code=None, mark=None)
    assert queue.find(rows, "paja", "vr", DAY, 1) == taken


def test_what_staff_took_out_of_service_is_told(rows: sqlite3.Connection) -> None:
    """Of one site."""
    for site, device, reason in (
        ("paja", "vr-1", "broken"),
        ("paja", "vr-2", None),
        ("sivu", "vr-3", "x"),
    ):
        rows.execute(
            "INSERT INTO staff_words (site, device, out_of_service) VALUES (?, ?, ?)",
            (site, device, reason),
        )
    assert queue.out_of_service(rows, "paja") == {"vr-1"}
