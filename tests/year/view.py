"""A record, sorted so that any moment of it can be asked about."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.year.calendar_of_minutes import MINUTE, Minutes, minutes_of
from tests.year.record import Issued, Record, Rules, Version

SECOND = 1000


class Held(NamedTuple):
    """A booking held its device from `starts` up to before `ends`, as was known at each moment."""

    starts: int
    ends: int
    booking: Version


class View:
    """Everything by device and by booking, in order of time."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.zone = ZoneInfo(record.zone)
        self.minutes: dict[str, Minutes] = {
            name: minutes_of(record, rules) for name, rules in record.devices.items()
        }
        self.histories: dict[str, list[Version]] = defaultdict(list)
        for version in sorted(record.versions, key=attrgetter("at")):
            self.histories[version.id].append(version)
        self.plans: dict[str, list[Issued]] = {name: [] for name in record.devices}
        for plan in record.plans:
            self.plans[plan.device].append(plan)
        self.held: dict[str, list[Held]] = {name: [] for name in record.devices}
        for version, until in self.versions():
            held = Held(max(version.starts, version.at), min(version.ends, until), version)
            if version.live and held.starts < held.ends:
                self.held[version.device].append(held)
        self._waited = _waited(record)
        self.of_card: dict[tuple[str, str], list[list[Version]]] = defaultdict(list)
        for versions in self.histories.values():
            if versions[0].card is not None:
                kind = self.rules(versions[0]).kind
                self.of_card[versions[0].card, kind].append(versions)
        self._lives: dict[str, list[list[Version]]] = defaultdict(list)
        for each in self.held.values():
            each.sort(key=lambda held: held[:2])

    def rules(self, booking: Version) -> Rules:
        """Return the rules of a booking's device."""
        return self.record.devices[booking.device]

    def versions(self) -> Iterator[tuple[Version, int]]:
        """Return each version with the moment until which it held."""
        for versions in self.histories.values():
            yield versions[-1], self.record.ends
            for version, after in pairwise(versions):
                yield version, after.at

    def booked_at(self, name: str, ms: int) -> Version | None:
        """Return the booking that held a device at a moment."""
        held = self.held[name]
        place = bisect_right(held, ms, key=attrgetter("starts")) - 1
        if place < 0:
            return None
        found = held[place]
        return found.booking if ms < found.ends else None

    def out_at(self, name: str, ms: int) -> bool:
        """Tell whether staff had taken a device out of service."""
        return any(s.device == name and s.starts <= ms < s.ends for s in self.record.out)

    def waited_for(self, name: str, ms: int) -> bool:
        """Tell whether somebody waited for a device like this."""
        spans = self._waited[self.record.devices[name].kind]
        place = bisect_right(spans, ms, key=itemgetter(0)) - 1
        return place >= 0 and ms < spans[place][1]

    def in_pause(self, name: str, ms: int) -> bool:
        """Tell whether a turn that was not given back ended so short a while ago (hygiene)."""
        rules, held = self.record.devices[name], self.held[name]
        place = bisect_right(held, ms, key=attrgetter("starts")) - 1
        if place < 0 or not rules.buffer:
            return False
        versions = self.histories[held[place].booking.id]
        last = [version for version in versions if version.at <= ms][-1]
        room = (rules.grace + rules.buffer) * SECOND
        counts = last.live and last.device == name and last.purpose != "block"
        return counts and last.ends <= ms < last.ends + room

    def live_at(self, name: str, ms: int) -> list[Version]:
        """Return the bookings of a device that took time of it, as was known at a moment."""
        if not self._lives:
            for versions in self.histories.values():
                for device in {version.device for version in versions}:
                    self._lives[device].append(versions)
        found = []
        for versions in self._lives[name]:
            known = [version for version in versions if version.at <= ms]
            if known and known[-1].live and known[-1].device == name:
                found.append(known[-1])
        return found

    def plan_at(self, name: str, ms: int) -> Issued | None:
        """Return the plan that a device had at a moment."""
        plans = self.plans[name]
        place = bisect_right(plans, ms, key=attrgetter("at")) - 1
        return plans[place] if place >= 0 else None

    def changes(self, name: str) -> list[Version]:
        """Return all that became of a device's bookings, in order of time."""
        mine = [each for versions in self.histories.values() for each in versions]
        # Of one moment, what gives time back first: a booking is moved in one step.
        return sorted(
            (each for each in mine if each.device == name or self._was_on(each, name)),
            key=lambda each: (each.at, each.live and each.device == name),
        )

    def _was_on(self, version: Version, name: str) -> bool:
        return any(each.device == name for each in self.histories[version.id])

    def boundaries(self, name: str) -> list[int]:
        """Return every moment at which anything changes at a device."""
        moments = {self.record.starts, self.record.ends}
        for held in self.held[name]:
            moments |= {held.starts, held.ends}
        for plan in self.plans[name]:
            moments |= {plan.at, *(edge for window in plan.windows for edge in window[:2])}
        minutes = self.minutes[name]
        for marks in (minutes.usable, minutes.group):
            for index, (before, after) in enumerate(pairwise(marks), start=1):
                if before != after:
                    moments.add(minutes.first + index * MINUTE)
        return sorted(ms for ms in moments if self.record.starts <= ms <= self.record.ends)

    def local(self, ms: int) -> datetime:
        """Return a moment by the clock on the library's wall."""
        return datetime.fromtimestamp(ms / SECOND, UTC).astimezone(self.zone)

    def say(self, name: str, ms: int, sentence: str) -> str:
        """Return a sentence with its place and time."""
        return f"{name}, {self.local(ms):%Y-%m-%d %H:%M:%S%z}: {sentence}"


def _waited(record: Record) -> dict[str, list[tuple[int, int]]]:
    """Return when somebody waited for each kind, as spans that do not touch."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for wait in sorted(record.waits, key=attrgetter("at")):
        spans = found[wait.kind]
        if spans and wait.at <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], wait.until))
        else:
            spans.append((wait.at, wait.until))
    return found
