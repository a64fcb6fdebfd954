"""The contract's scalars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mqtt_schemas.base import (
    Code,
    Id,
    Message,
    Milliseconds,
    OpaqueId,
    Rule,
    UtcTime,
    Uuid,
    format_utc,
    ms_from_utc,
    to_utc,
    utc_from_ms,
)
from tests.mqtt_schemas.strategies import times

TIME: TypeAdapter[datetime] = TypeAdapter(UtcTime)
LAST_MS = ms_from_utc(datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC))


def read(text: str) -> datetime:
    """Return what a JSON text is read as."""
    return TIME.validate_json(f'"{text}"', strict=True)


@given(times)
def test_a_time_is_written_in_one_spelling_and_read_back(time: datetime) -> None:
    """The text has three decimals and Z, and keeps whole milliseconds exactly."""
    text = format_utc(time)
    assert len(text) == len("2026-11-25T09:30:00.000Z")
    assert read(text) == to_utc(time)
    assert TIME.dump_json(time).decode() == f'"{text}"'


@given(st.integers(0, LAST_MS))
def test_milliseconds_and_times_are_the_same(milliseconds: int) -> None:
    """Every millisecond of the years 1970 to 9999 is a time, and back."""
    assert ms_from_utc(utc_from_ms(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-25T09:30:00Z", datetime(2026, 11, 25, 9, 30, tzinfo=UTC)),
        ("2026-11-25T09:30:00.5Z", datetime(2026, 11, 25, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-11-25T09:30:00.123999999Z", datetime(2026, 11, 25, 9, 30, 0, 123_000, tzinfo=UTC)),
        ("2026-11-25T11:30:00.000+02:00", datetime(2026, 11, 25, 9, 30, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("1970-01-01T00:00:00.000Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_other_spellings_of_rfc_3339_are_read(text: str, time: datetime) -> None:
    """Fewer or more decimals and an offset from UTC are read; what is below 1 ms is cut off."""
    assert read(text) == time
    assert read(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "1732500000",  # pydantic alone takes seconds in quotes
        "2026-11-25",
        "2026-11-25T09:30Z",
        "2026-11-25 09:30:00Z",
        "2026-11-25T09:30:00",  # no zone: whose clock?
        "2026-11-25T09:30:60Z",
        "2026-11-25T24:00:00Z",
        "2026-02-29T09:30:00Z",
        "2026-11-25T09:30:00+24:00",
        "9999-12-31T23:59:59-01:00",  # is in the year 10000 in UTC
        "0001-01-01T00:00:00+01:00",
        "1969-12-31T23:59:59.999Z",
        "",
    ],
)
def test_anything_else_is_no_time(text: str) -> None:
    """The refusal is one sentence for all of them, and holds nothing of the text."""
    with pytest.raises(ValidationError) as caught:
        read(text)
    (error,) = caught.value.errors()
    assert error["msg"] == "it is no RFC 3339 time of the years 1970 to 9999"


@pytest.mark.parametrize("value", ["1732500000", "true", "null", "1e3", "[]"])
def test_a_time_is_a_json_string(value: str) -> None:
    """A number is no time, whatever pydantic would make of it."""
    with pytest.raises(ValidationError):
        TIME.validate_json(value, strict=True)


@pytest.mark.parametrize(
    "time",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime(1969, 12, 31, 23, tzinfo=UTC),
    ],
)
def test_a_time_out_of_bounds_is_a_value_error(time: datetime) -> None:
    """Arithmetic that Python can't do is told as what it is: a wrong value."""
    with pytest.raises(ValueError, match="outside the years"):
        to_utc(time)


def test_a_time_in_python_keeps_its_zone_out() -> None:
    """A datetime with another zone becomes UTC; one without a zone is refused."""
    helsinki = timezone(timedelta(hours=2))
    time = datetime(2026, 11, 25, 11, 30, tzinfo=helsinki)
    assert TIME.validate_python(time) == datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
    with pytest.raises(ValidationError):
        TIME.validate_python(datetime(2026, 11, 25, 11, 30))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Id, ["a", "printer-1", "0", "a" * 40], ["", "-a", "a-", "A", "a_b", "ä", "a" * 41, "a\n"]),
        (Code, ["a", "game", "nozzle_celsius"], ["", "1a", "_a", "a-b", "A", "a" * 41]),
        (OpaqueId, ["A", "b-4711", "x" * 64], ["", "-a", "a b", "a/b", "x" * 65]),
        (Rule, ["pc/1", "octoprint/20"], ["pc", "pc/0", "pc/01", "/1", "PC/1"]),
        (Uuid, ["7c9e6679-7425-40de-944b-e07fc1f90ae7"], ["7C9E6679-7425-40DE-944B-E07FC1F90AE7"]),
        (Milliseconds, [0, 2**53 - 1], [-1, 2**53, 1.0, True, "1"]),
    ],
)
def test_scalars_take_their_form_and_nothing_near_it(
    kind: type[object], good: list[object], bad: list[object]
) -> None:
    """Lengths, letters, ends and bounds hold, and no value is made to fit."""
    adapter: TypeAdapter[object] = TypeAdapter(kind)
    for value in good:
        assert adapter.validate_python(value, strict=True) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value, strict=True)


@pytest.mark.parametrize("version", ["2", "0", "true", "1.0", '"1"', "null"])
def test_the_version_is_the_whole_number_1(version: str) -> None:
    """What merely compares equal to 1 is another version."""
    with pytest.raises(ValidationError):
        Message.model_validate_json(f'{{"v":{version}}}')


def test_a_message_is_frozen() -> None:
    """Nobody alters a message after it was read."""
    with pytest.raises(ValidationError):
        Message().v = 1  # type: ignore[misc] # mypy knows it too
