"""PURE: local times as people write and read them. Everything else is UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from mqtt_schemas.base import to_utc

_LOCAL = "2026-11-25 14:00"
_WITH_OFFSET = "2026-11-25T14:00+02:00"

_UNITS = {"s": 1, "min": 60, "h": 3600}
_LENGTH = re.compile(r"(\d{1,6})\s*(s|min|h)")


class InvalidTime(ValueError):
    """The text names no moment, or two. The message is one sentence for the person who wrote it."""


def parse_moment(text: str, zone: tzinfo, *, now: datetime) -> datetime:
    """Return the UTC time that a person wrote: local, ISO 8601 with an offset, or `now`.

    Raises InvalidTime, also for local times that a clock change skips or repeats.
    """
    if text.strip().lower() == "now":
        return to_utc(now)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidTime(
            f"{text!r} is no time; write it as {_LOCAL!r}, {_WITH_OFFSET!r} or 'now'."
        ) from None
    try:
        if moment.tzinfo is None:
            moment = _only_reading(moment, zone)
        return to_utc(moment)
    except (OverflowError, ValueError) as error:
        if isinstance(error, InvalidTime):
            raise
        raise InvalidTime(f"{text!r} is outside the years 1970 to 9999.") from None


def at_wall(wall: datetime, zone: tzinfo) -> datetime:
    """Return the one UTC time at which clocks in `zone` show `wall`. Raises InvalidTime."""
    try:
        return to_utc(_only_reading(wall, zone))
    except (OverflowError, ValueError) as error:
        if isinstance(error, InvalidTime):
            raise
        raise InvalidTime(f"{wall:%Y-%m-%d %H:%M} is outside the years 1970 to 9999.") from None


def _only_reading(wall: datetime, zone: tzinfo) -> datetime:
    """Return the one moment at which clocks in `zone` show this.

    PEP 495: around a change the two folds have different offsets; only a time that exists
    comes back from UTC as it went.
    """
    readings = [wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    offsets = [reading.utcoffset() for reading in readings]
    if offsets[0] == offsets[1]:
        return readings[0]
    back = readings[0].astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if back != wall:
        raise InvalidTime(
            f"The clocks are put forward then: {wall:%Y-%m-%d %H:%M} does not exist in {zone}."
        )
    first, second = (reading.isoformat(timespec="minutes") for reading in readings)
    raise InvalidTime(
        f"The clocks are put back then: {wall:%Y-%m-%d %H:%M} comes twice in {zone}; "
        f"write {first} or {second}."
    )


def parse_length(text: str) -> timedelta:
    """Return a length such as `90min`, `2h` or `45s`. Raises InvalidTime."""
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidTime(f"{text!r} is no length of time; write it as '90min', '2h' or '45s'.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def say_moment(moment: datetime, zone: tzinfo, *, beside: datetime | None = None) -> str:
    """Return a UTC time as people in `zone` read it; the date only where it is not `beside`'s."""
    local = to_local(moment, zone)
    form = "%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M"
    if beside is not None and to_local(beside, zone).date() == local.date():
        form = form.removeprefix("%Y-%m-%d ")
    return local.strftime(form)


def say_length(length: timedelta) -> str:
    """Return a length of time in the largest units that say it whole: `2 h`, `90 min`, `45 s`."""
    seconds = round(length.total_seconds())
    for unit, size in (("day", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"{seconds} s"


def to_local(moment: datetime, zone: tzinfo) -> datetime:
    """Return a moment by the clock on the wall; in the last hours of 9999, by UTC's."""
    try:
        return moment.astimezone(zone)
    except OverflowError:  # the last hours of the year 9999
        return moment
