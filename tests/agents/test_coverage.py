"""The intervals in which a device was watched."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents.coverage import TELL_EVERY_MS, Watch, watch, why
from mqtt_schemas.base import DeviceLink
from mqtt_schemas.events import WatchEnd

CONNECTED, DISCONNECTED = DeviceLink.CONNECTED, DeviceLink.DISCONNECTED
#: (link that was seen, or None where only time passed; milliseconds since the last look)
looks = st.lists(
    st.tuples(st.sampled_from([CONNECTED, DISCONNECTED, None]), st.integers(-2000, 4_000_000))
)


def test_nothing_is_watched_before_the_first_look() -> None:
    """Time that passes before the device was looked at is covered by nothing."""
    assert watch(None, None, 5) == (None, None)


def test_the_first_look_opens_an_interval() -> None:
    """It begins where the device was looked at."""
    assert watch(None, CONNECTED, 5) == (None, Watch(5, 5, CONNECTED))


def test_an_interval_is_told_where_the_link_changes() -> None:
    """The moment belongs to the old interval's end and the new one's begin."""
    told, kept = watch(Watch(5, 20, CONNECTED), DISCONNECTED, 30)
    assert told == Watch(5, 30, CONNECTED)
    assert kept == Watch(30, 30, DISCONNECTED)
    assert why(told, kept) is WatchEnd.LINK_CHANGED


def test_a_link_that_was_seen_to_change_late_changed_when_it_did() -> None:
    """What was taken for watched meanwhile was not."""
    told, kept = watch(Watch(5, 40, CONNECTED), DISCONNECTED, 30)
    assert told == Watch(5, 30, CONNECTED)
    assert kept == Watch(30, 40, DISCONNECTED)


def test_a_change_from_before_the_interval_leaves_nothing_of_it() -> None:
    """What was told before stays told."""
    told, kept = watch(Watch(5, 40, CONNECTED), DISCONNECTED, 1)
    assert told == Watch(5, 5, CONNECTED)
    assert kept == Watch(5, 40, DISCONNECTED)


def test_an_interval_is_told_after_an_hour() -> None:
    """So that a power cut leaves little untold."""
    held = Watch(0, TELL_EVERY_MS - 1, CONNECTED)
    told, kept = watch(held, None, TELL_EVERY_MS)
    assert told == Watch(0, TELL_EVERY_MS, CONNECTED)
    assert kept == Watch(TELL_EVERY_MS, TELL_EVERY_MS, CONNECTED)
    assert why(told, kept) is WatchEnd.HOUR


@given(looks)
def test_the_intervals_follow_each_other_without_hole_or_overlap(
    looks: list[tuple[DeviceLink | None, int]],
) -> None:
    """From the first look on, each millisecond is told once, late stamps or not."""
    told: list[Watch] = []
    held: Watch | None = None
    at, seen = 10_000, list[int]()
    for link, step in looks:
        at += step
        interval, held = watch(held, link, at)
        told += [interval] if interval else []
        seen += [at] if held is not None else []
    assert (held is None) == (not seen)
    if held is None:
        return
    whole = [*told, held]
    assert (whole[0].from_ms, whole[-1].to_ms) == (seen[0], max(seen))
    assert all(earlier.to_ms == later.from_ms for earlier, later in pairwise(whole))
    assert all(part.from_ms <= part.to_ms for part in whole)
    assert held.to_ms - held.from_ms < TELL_EVERY_MS


@given(looks)
def test_an_interval_holds_one_link_until_another_is_seen(
    looks: list[tuple[DeviceLink | None, int]],
) -> None:
    """Two intervals of the same link follow each other only where an hour was full."""
    told: list[Watch] = []
    held: Watch | None = None
    for link, step in looks:
        before = held
        interval, held = watch(held, link, (held.to_ms if held else 0) + abs(step))
        told += [interval] if interval else []
        expected = link or (before.device_link if before else None)
        assert (held.device_link if held else None) == expected
    for earlier, later in pairwise(told):
        if earlier.device_link is later.device_link:
            assert earlier.to_ms - earlier.from_ms >= TELL_EVERY_MS
