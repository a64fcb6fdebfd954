"""Local times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.local_time import (
    InvalidTime,
    parse_length,
    parse_moment,
    say_length,
    say_moment,
)

HELSINKI = ZoneInfo("Europe/Helsinki")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-25 14:00", "2026-11-25T12:00:00+00:00"),
        ("2026-07-01 14:00", "2026-07-01T11:00:00+00:00"),
        ("2026-11-25T14:00:30", "2026-11-25T12:00:30+00:00"),
        ("2026-11-25T14:00+00:00", "2026-11-25T14:00:00+00:00"),
        ("2026-11-25T14:00Z", "2026-11-25T14:00:00+00:00"),
        (" now ", "2026-11-25T12:00:00+00:00"),
    ],
)
def test_a_moment_is_local_or_has_an_offset_or_is_now(text: str, utc: str) -> None:
    """Without an offset a time is meant in the library's zone, summer and winter."""
    assert parse_moment(text, HELSINKI, now=NOW).isoformat() == utc


def test_a_time_that_a_clock_change_skips_is_refused() -> None:
    """On 29 March 2026 clocks in Finland go from 03:00 to 04:00."""
    with pytest.raises(InvalidTime, match="put forward then: 2026-03-29 03:30 does not exist"):
        parse_moment("2026-03-29 03:30", HELSINKI, now=NOW)


def test_a_time_that_a_clock_change_repeats_is_refused_naming_both() -> None:
    """On 25 October 2026 the hour from 03:00 comes twice; an offset tells them apart."""
    with pytest.raises(
        InvalidTime, match=r"comes twice .* 2026-10-25T03:30\+03:00 or 2026-10-25T03:30\+02:00"
    ):
        parse_moment("2026-10-25 03:30", HELSINKI, now=NOW)
    assert parse_moment("2026-10-25T03:30+03:00", HELSINKI, now=NOW).hour == 0


@pytest.mark.parametrize("text", ["2026-03-29 02:59", "2026-03-29 04:00", "2026-10-25 04:00"])
def test_times_beside_a_clock_change_are_taken(text: str) -> None:
    """Only the hour that is skipped or repeated is in doubt."""
    assert say_moment(parse_moment(text, HELSINKI, now=NOW), HELSINKI) == text


@pytest.mark.parametrize("text", ["", "tomorrow", "14:00", "2026-13-01 10:00", "2026-11-25 25:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The sentence shows how to write one."""
    with pytest.raises(InvalidTime, match="is no time; write it as '2026-11-25 14:00'"):
        parse_moment(text, HELSINKI, now=NOW)


@pytest.mark.parametrize(
    "text", ["0001-01-01 00:00", "1969-12-31T23:59Z", "9999-12-31T23:59-05:00"]
)
def test_years_that_arithmetic_can_not_hold_are_refused(text: str) -> None:
    """The contract's times are of the years 1970 to 9999."""
    with pytest.raises(InvalidTime, match="outside the years 1970 to 9999"):
        parse_moment(text, HELSINKI, now=NOW)


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001 - local on purpose
def test_every_time_is_taken_back_as_said_or_refused(wall: datetime) -> None:
    """What is shown to people is what they may type."""
    text = wall.replace(second=0, microsecond=0).isoformat(" ", "minutes")
    try:
        moment = parse_moment(text, HELSINKI, now=NOW)
    except InvalidTime:
        return
    assert say_moment(moment, HELSINKI) == text


def test_the_last_hours_of_9999_are_said_in_utc() -> None:
    """There is no local time for them; saying it must not fail."""
    assert say_moment(datetime(9999, 12, 31, 23, 30, tzinfo=UTC), HELSINKI) == "9999-12-31 23:30"


def test_the_date_is_left_out_beside_another_time_of_the_day() -> None:
    """A day is one of the library's, not of UTC."""
    evening = datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
    assert say_moment(evening, HELSINKI, beside=NOW) == "23:30"
    assert say_moment(evening + timedelta(hours=1), HELSINKI, beside=NOW) == "2026-11-26 00:30"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90min", 5400), ("2h", 7200), ("45s", 45), (" 10 MIN ", 600)]
)
def test_a_length_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    """The three units that turns are told in."""
    assert parse_length(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "90", "-5min", "1.5h", "1h30min", "99999999min"])
def test_what_is_no_length_is_refused(text: str) -> None:
    """A bare number is refused too: minutes or hours would be a guess."""
    with pytest.raises(InvalidTime, match="is no length of time"):
        parse_length(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (5400, "90 min"), (7200, "2 h"), (86_400, "1 day"), (1_209_600, "14 days")],
)
def test_lengths_are_said_whole_in_the_largest_unit(seconds: int, text: str) -> None:
    """Nothing is rounded away."""
    assert say_length(timedelta(seconds=seconds)) == text
