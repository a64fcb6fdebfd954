"""The table of refused payloads."""

from __future__ import annotations

import sqlite3

import pytest

from orchestrator.store import refused
from orchestrator.store.counters import Counts
from orchestrator.store.refused import Refusal


def _refusal(number: int) -> Refusal:
    return Refusal(number, "topic", "invalid", "why", 3, "0" * 64)


def test_the_newest_are_kept(rows: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there were, in one write or many."""
    monkeypatch.setattr(refused, "KEPT", 3)
    refused.record(rows, counts=Counts(), refusals=[_refusal(number) for number in range(5)])
    refused.record(rows, counts=Counts(), refusals=[_refusal(5)])
    assert refused.newest(rows) == [_refusal(5), _refusal(4), _refusal(3)]
    assert refused.newest(rows, 1) == [_refusal(5)]
