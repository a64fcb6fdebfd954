"""When each device may be used, minute by minute: as slow and as simple as it can be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.year.record import Record, Rules

MINUTE = 60_000
DAYS = 20


@dataclass(slots=True)
class Minutes:
    """One device's minutes, from the local midnight before the record's first.

    usable: 1 where it may be used. closing: 1 where it would be but for "finish before closing".
    group: index of the hours of a group; 0: none.
    """

    first: int
    usable: bytearray
    group: bytearray

    def at(self, ms: int) -> int:
        """Return the index of the minute that holds a moment."""
        return (ms - self.first) // MINUTE

    def holds(self, ms: int) -> bool:
        """Tell whether a moment is within the minutes that are known."""
        return 0 <= self.at(ms) < len(self.usable)

    def all_usable(self, starts: int, ends: int) -> bool:
        """Tell whether each minute of a span is usable."""
        span = self.usable[self.at(starts) : self.at(ends - 1) + 1]
        return len(span) == self.at(ends - 1) + 1 - self.at(starts) and 0 not in span

    def is_usable(self, ms: int) -> bool:
        """Tell whether the minute that holds a moment is usable."""
        return self.usable[self.at(ms)] == 1


def minutes_of(record: Record, rules: Rules) -> Minutes:
    """Return the minutes of a device with those rules. All times of its hours are whole minutes."""
    zone = ZoneInfo(record.zone)
    day = datetime.fromtimestamp(record.starts / 1000, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(record.ends / 1000, UTC).astimezone(zone).date()
    first = _ms(day, time(0), zone)
    count = (_ms(last + timedelta(days=DAYS), time(0), zone) - first) // MINUTE
    found = Minutes(first, bytearray(count), bytearray(count))
    while day < last + timedelta(days=DAYS):
        _open(found, record, rules, day, zone)
        _group(found, rules, day, zone)
        day += timedelta(days=1)
    return found


def _open(found: Minutes, record: Record, rules: Rules, day: date, zone: ZoneInfo) -> None:
    """Mark the minutes of one day: opened span by span, then what the rules take away."""
    spans = sorted(
        (_ms(day, hours.from_, zone), _ms(day, hours.to, zone))
        for hours in record.hours.get(day, ())
        if hours.staffed or not rules.staffed_only
    )
    for starts, ends in spans:
        for minute in range(found.at(starts), found.at(ends)):
            found.usable[minute] = 1
    for _, ends in spans:
        if any(starts == ends for starts, _ in spans):
            continue  # another span follows at once: nothing closes
        for minute in range(found.at(ends - rules.finish_before_closing * 1000), found.at(ends)):
            found.usable[minute] = 0
    if rules.school_days_from and day.weekday() < 5 and day not in record.public_holidays:
        for minute in range(
            found.at(_ms(day, time(0), zone)), found.at(_ms(day, rules.school_days_from, zone))
        ):
            found.usable[minute] = 0


def _group(found: Minutes, rules: Rules, day: date, zone: ZoneInfo) -> None:
    for number, hours in enumerate(rules.groups, start=1):
        if day.weekday() in hours.days:
            for minute in range(
                found.at(_ms(day, hours.from_, zone)), found.at(_ms(day, hours.to, zone))
            ):
                found.group[minute] = number


def _ms(day: date, clock: time, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, clock, zone).timestamp() * 1000)
