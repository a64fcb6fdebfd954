"""The rules of group events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.bookings import (
    BookingRefused,
    BookingState,
    Desk,
    Purpose,
    clash,
    spacing,
)
from orchestrator.domain.devices import CheckInBy
from orchestrator.domain.group_events import (
    LONGEST_LABEL,
    Count,
    EventState,
    GroupEvent,
    as_told,
    check_event,
    check_people,
    clean_label,
    clean_why,
    participants,
    pause_after,
    place_reason,
    turn_of,
)
from tests.orchestrator.domain.queues import NOW, POLICY, VR, at, booked

DESK = Desk(VR, NOW, UTC)
EVENT = GroupEvent(
    id="e1",
    site="paja",
    label="Class 4B",
    starts_at=at(60),
    ends_at=at(120),
    target_group="nuoret",
    rotate=360,
)
COUNT = Count(at=at(130), role="staff", under_18=22, over_18=2, unknown=0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": ""}, "Give the event a short label."),
        ({"label": "x" * (LONGEST_LABEL + 1)}, "An event's label is at most 60 letters long."),
        ({"ends_at": at(60)}, "The end of the event is not after its start."),
        ({"ends_at": at(60) + timedelta(hours=25)}, "An event is at most 1 day long."),
        ({"starts_at": at(-5)}, "The start of the event is in the past."),
        ({"rotate": 29}, "Places are changed at most every 30 s."),
        ({"rotate": 3600}, "Places are changed within the event, not after it."),
        ({"buffer": -1}, "The pause after an event is 0 s to 24 h long."),
        ({"buffer": 86_401}, "The pause after an event is 0 s to 24 h long."),
    ],
)
def test_an_event_that_can_not_be_is_refused(change: dict[str, object], sentence: str) -> None:
    """With one sentence."""
    check_event(EVENT, NOW)
    with pytest.raises(BookingRefused) as refused:
        check_event(replace(EVENT, **change), NOW)  # type: ignore[arg-type] # of the table
    assert str(refused.value) == sentence


def test_a_label_is_one_line() -> None:
    """Nothing in it moves a cursor or hides."""
    assert clean_label(" Class\n4B \x1b[31m\u202e ") == "Class 4B [31m"
    assert clean_label("\u0000") == ""


def test_a_reason_is_given_in_few_words() -> None:
    """It is kept beside the figures."""
    assert clean_why(" two came\nlate ") == "two came late"
    for wrong in (None, "", " \n", "x" * 201):
        with pytest.raises(BookingRefused):
            clean_why(wrong)


def test_a_turn_of_an_event_counts_nobody() -> None:
    """No party of its own, no check-in; the rotation is the event's."""
    turn = turn_of(EVENT, DESK, "b1", over_closing=False)
    assert (turn.starts_at, turn.ends_at, turn.address) == (at(60), at(120), VR.address)
    assert (turn.purpose, turn.event, turn.rotate) == (Purpose.EVENT, "e1", 360)
    assert (turn.party_size, turn.check_in, turn.state) == (
        None,
        CheckInBy.NONE,
        BookingState.BOOKED,
    )


@given(
    buffer=st.none() | st.integers(0, 7200),
    own=st.sampled_from((0, 60, 600)),
    grace=st.sampled_from((0, 60, 300)),
)
def test_the_pause_after_an_event_is_never_shorter_than_it_says(
    buffer: int | None, own: int, grace: int
) -> None:
    """Nor than the device's own, and longer by at most its grace and a minute."""
    policy = replace(POLICY, buffer=own, grace=grace)
    turn = turn_of(EVENT, DESK, "b1", over_closing=False)
    event = replace(EVENT, buffer=buffer)
    pause = pause_after(event, turn, policy, "p1")
    held = [turn] if pause is None else [turn, pause]
    needed = grace + max(own, buffer or 0)
    early = turn.ends_at + timedelta(seconds=needed)
    last = early + timedelta(seconds=grace + 60)

    def free(start: object) -> bool:
        ends_at = start + timedelta(minutes=30)  # type: ignore[operator] # a time
        return clash(held, start, ends_at, spacing=spacing(policy)) is None  # type: ignore[arg-type] # likewise

    assert not free(early - timedelta(seconds=1))
    assert free(last)
    if buffer is None or buffer <= own or buffer - own > grace + 60:
        assert free(early)
    if pause is not None:
        assert pause.starts_at >= turn.ends_at + timedelta(seconds=grace)
        assert (pause.purpose, pause.event) == (Purpose.BLOCK, "e1")


def test_a_device_needs_its_own_pause_in_any_case() -> None:
    """Hygiene is not waived for a group; nor is how far ahead it is booked."""
    assert place_reason(DESK, EVENT) is None
    short = replace(EVENT, buffer=60)
    assert place_reason(DESK, short) == "VR 1 needs a pause of at least 4 min after each use"
    near = Desk(replace(VR, policy=replace(POLICY, ahead=60)), NOW, UTC)
    assert place_reason(near, EVENT) == "VR 1 can be booked at most 1 min ahead"


def test_figures_are_corrected_with_a_reason() -> None:
    """The first ones need none."""
    check_people(EVENT, COUNT, [])
    with pytest.raises(BookingRefused, match="say why they are corrected"):
        check_people(EVENT, COUNT, [COUNT])
    check_people(EVENT, replace(COUNT, why="two came late"), [COUNT])


@pytest.mark.parametrize("wrong", [{"under_18": -1}, {"over_18": 10_001}, {"unknown": -5}])
def test_figures_that_can_not_be_are_refused(wrong: dict[str, int]) -> None:
    """Zero is a figure: nobody came."""
    check_people(EVENT, replace(COUNT, under_18=0, over_18=0), [])
    with pytest.raises(BookingRefused, match="Each figure is from 0 to 10000"):
        check_people(EVENT, replace(COUNT, **wrong), [])  # type: ignore[arg-type] # of the table


def test_a_cancelled_event_has_no_participants() -> None:
    """They are not even zero."""
    with pytest.raises(BookingRefused, match="The event is cancelled: nobody took part"):
        check_people(replace(EVENT, state=EventState.CANCELLED), COUNT, [])


def test_what_is_told_before_an_event_is_an_estimate() -> None:
    """Nobody has counted them yet."""
    assert as_told(EVENT, COUNT) == COUNT
    assert as_told(EVENT, replace(COUNT, at=at(59))) == replace(COUNT, at=at(59), estimated=True)


def test_the_last_figures_hold() -> None:
    """None told is not zero; a correction and an estimate are marked."""
    nobody = participants(EVENT, [])
    assert (nobody.count, nobody.corrected, nobody.estimated, nobody.counted) == (
        None,
        False,
        False,
        True,
    )
    guessed = replace(COUNT, estimated=True)
    assert participants(EVENT, [guessed]).estimated
    exact = replace(COUNT, under_18=20, why="counted at the door")
    last = participants(replace(EVENT, not_counted="hobby club"), [guessed, exact])
    assert (last.count, last.corrected, last.estimated, last.counted) == (exact, True, False, False)
    assert exact.total == 22


def test_bookings_of_others_are_no_matter_of_the_event() -> None:
    """A pause is made only after the event's own turn."""
    assert pause_after(EVENT, booked(0, 10), POLICY, "p") is None
