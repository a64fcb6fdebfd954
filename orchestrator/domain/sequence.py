"""PURE: whether an event is the next one of its log. Exactly-once rests on this alone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from mqtt_schemas.canonical import first_link
from mqtt_schemas.codec import Incoming


class Verdict(StrEnum):
    """What an event is to what is committed.

    next: follows it. duplicate: is in it. gap: events are missing before it; the sender has
    them, so it is asked again. loss: events are missing before it, and the sender no longer
    has them. fork: contradicts it.
    """

    NEXT = "next"
    DUPLICATE = "duplicate"
    GAP = "gap"
    LOSS = "loss"
    FORK = "fork"


class Water(NamedTuple):
    """The high water of a log: its newest committed event, and the chain value of that."""

    seq: int
    chain: str


def empty(log: str) -> Water:
    """Return the high water of a log before its first event."""
    return Water(0, first_link(log))


def judge(
    water: Water, event: Incoming, *, committed: Mapping[int, str], first_kept: int | None
) -> Verdict:
    """Return what an event is to the committed history that ends at `water`.

    committed: chain values of committed events by seq; one that is missing was deleted long
    ago, by retention, and can't be compared. first_kept: the oldest event that the sender
    says it still has; None where it has not said.
    """
    if event.seq == water.seq + 1:
        return Verdict.NEXT if event.prev == water.chain else Verdict.FORK
    if event.seq <= water.seq:
        same = committed.get(event.seq, event.chain) == event.chain
        return Verdict.DUPLICATE if same else Verdict.FORK
    return Verdict.LOSS if event.seq == first_kept else Verdict.GAP
