"""Who was there, and when, as rows."""

from __future__ import annotations

import sqlite3

from orchestrator.domain.coverage import Attendance
from orchestrator.domain.spans import Span
from orchestrator.store.attendance import Stay, Who, end_all, keep, of_agent, of_service
from tests.orchestrator.histories import PRINTER, STATION

ALWAYS = Span(0, 2**62)


def service(first: int, last: int, who: Who = Who.ORCHESTRATOR) -> Stay:
    """Return a stay of the orchestrator or its broker."""
    return Stay(who, None, first, last)


def test_a_stay_grows_until_it_ends(rows: sqlite3.Connection) -> None:
    """One row, however often it is written."""
    keep(rows, [service(10, 20), Stay(Who.BROKER, None, 12, None)])
    keep(rows, [service(10, 30), service(12, 25, Who.BROKER), service(40, 50)])
    assert of_service(rows, ALWAYS) == Attendance([Span(10, 30), Span(40, 50)], [Span(12, 25)])
    assert len(rows.execute("SELECT * FROM attendance").fetchall()) == 3


def test_who_is_still_there_is_so_as_long_as_the_orchestrator_runs(
    rows: sqlite3.Connection,
) -> None:
    """No row is written for each heartbeat of each device."""
    keep(rows, [service(10, 20), Stay(Who.AGENT, PRINTER, 15, None)])
    assert of_agent(rows, PRINTER, ALWAYS) == [Span(15, 20)]
    keep(rows, [service(10, 90)])
    assert of_agent(rows, PRINTER, ALWAYS) == [Span(15, 90)]
    assert of_agent(rows, STATION, ALWAYS) == []


def test_a_running_orchestrator_was_there_until_now(rows: sqlite3.Connection) -> None:
    """What it has not written yet, too; cut to the period."""
    keep(rows, [service(10, 20), Stay(Who.AGENT, PRINTER, 15, None), service(5, 8, Who.BROKER)])
    assert of_agent(rows, PRINTER, ALWAYS, 60) == [Span(15, 60)]
    assert of_service(rows, ALWAYS, 60) == Attendance([Span(10, 60)], [Span(5, 8)])
    assert of_service(rows, Span(30, 40), 60).orchestrator == [Span(30, 40)]


def test_what_a_killed_orchestrator_left_open_ended_with_it(rows: sqlite3.Connection) -> None:
    """At the moment up to which it is known to have run; one that had just begun is empty."""
    agent = Stay(Who.AGENT, PRINTER, 15, None)
    late = Stay(Who.AGENT, STATION, 25, None)
    keep(rows, [service(10, 20), agent, late])
    end_all(rows)
    keep(rows, [service(60, 90)])
    assert of_agent(rows, PRINTER, ALWAYS) == [Span(15, 20)]
    assert of_agent(rows, STATION, Span(0, 25)) == [Span(25, 26)]


def test_a_period_holds_what_overlaps_it_and_the_first_sign_of_all(
    rows: sqlite3.Connection,
) -> None:
    """Since when a device is known matters for every period."""
    keep(rows, [service(0, 100), service(5, 10, Who.BROKER), service(50, 60, Who.BROKER)])
    keep(rows, [Stay(Who.AGENT, PRINTER, 5, 10), Stay(Who.AGENT, PRINTER, 50, 60)])
    assert of_service(rows, Span(40, 55)).broker == [Span(50, 60)]
    assert of_agent(rows, PRINTER, Span(40, 55)) == [Span(5, 6), Span(50, 60)]
