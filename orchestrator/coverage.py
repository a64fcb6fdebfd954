"""Which time was observed: for a period that somebody asks for, and of today for the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial

import structlog

from mqtt_schemas.base import ms_from_utc, to_utc
from mqtt_schemas.topics import Address
from orchestrator.attendant import Now
from orchestrator.domain.coverage import Attendance, Coverage, Reason, Record
from orchestrator.domain.devices import Device
from orchestrator.domain.naming import device_named
from orchestrator.domain.periods import By, Part, begin_of, parts
from orchestrator.domain.spans import Span, Spans, union
from orchestrator.store import attendance, coverage
from orchestrator.store.coverage import Watching
from orchestrator.store.database import Connection, Database
from orchestrator.store.errors import StoreFailed

#: The longest period: ten years.
LONGEST_MS = 3660 * 86_400_000
#: Seconds from one look at today to the next; and how old what is looked at is at least, so
#: that every agent that lives has told of it.
TODAY_EVERY, TODAY_SETTLED_MS = 60.0, 60_000
#: Devices read at once. Who asks meanwhile waits no longer than for these.
TOGETHER = 10

_LOG = structlog.get_logger(__name__)


class BadPeriod(ValueError):
    """The period can't be told of. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Found:
    """A period, and how each device was observed in it: in all of it, and in each part."""

    span: Span
    devices: Mapping[Address, Coverage]
    cut: Sequence[Part]
    by_part: Mapping[Address, Sequence[Coverage]]


class Coverages:
    """Looks at the store and at what is known at this moment.

    today: each device's share of the day so far, or of what passed since it was first seen.
    live: what a running orchestrator knows beyond the store; None for one that rests.
    """

    def __init__(
        self,
        *,
        database: Database,
        devices: Mapping[Address, Device],
        zone: tzinfo,
        now: Callable[[], datetime],
        live: Callable[[Iterable[Address]], Now] | None = None,
    ) -> None:
        self.today: Mapping[Address, float] = {}
        self.devices = devices
        self._database = database
        self._zone = zone
        self._now = now
        self._live = live

    async def of(
        self,
        from_: datetime,
        to: datetime,
        *,
        device: str | None = None,
        by: By | None = None,
        within: Spans | None = None,
    ) -> Found:
        """Return how one device, or each, was observed, up to now at the latest.

        Raises BadPeriod, NotKnown, StoreFailed.
        """
        span = self._span(from_, to)
        whose = [device_named(device, self.devices).address] if device else sorted(self.devices)
        cut = list(parts(*span, by, self._zone)) if by else []
        return await self._find(whose, span, cut, within)

    async def refresh(self) -> None:
        """Look at today. Raises StoreFailed."""
        now = self._now()
        begins = begin_of(now.astimezone(self._zone).date(), self._zone)
        span = Span(ms_from_utc(to_utc(begins)), ms_from_utc(to_utc(now)) - TODAY_SETTLED_MS)
        found = await self._find(sorted(self.devices), span, [], None)
        self.today = {
            address: each.observed_ms / known_ms
            for address, each in found.devices.items()
            if (known_ms := each.asked_ms - each.missing_ms.get(Reason.NEVER_SEEN, 0))
        }

    async def run(self) -> None:
        """Look at today, for ever."""
        while True:
            try:
                await self.refresh()
            except StoreFailed as error:
                _LOG.warning("coverage_not_read", reason=str(error))
            await asyncio.sleep(TODAY_EVERY)

    def _span(self, from_: datetime, to: datetime) -> Span:
        try:
            span = Span(ms_from_utc(to_utc(from_)), ms_from_utc(to_utc(min(to, self._now()))))
        except ValueError as error:
            raise BadPeriod(f"from, to: {error}.") from None
        if from_ >= to:
            raise BadPeriod("The period ends before it begins.")
        if span.from_ms >= span.to_ms:
            raise BadPeriod("The period has not begun yet.")
        if span.to_ms - span.from_ms > LONGEST_MS:
            raise BadPeriod("The period is longer than ten years.")
        return span

    async def _find(
        self, whose: Sequence[Address], span: Span, cut: Sequence[Part], within: Spans | None
    ) -> Found:
        devices: dict[Address, Coverage] = {}
        by_part: dict[Address, Sequence[Coverage]] = {}
        for first in range(0, len(whose), TOGETHER):
            some = whose[first : first + TOGETHER]
            now = self._live(some) if self._live else None
            look = partial(_look, whose=some, span=span, cut=cut, within=within, now=now)
            for address, (whole, each) in (await self._database.read(look)).items():
                devices[address], by_part[address] = whole, each
        return Found(span, devices, cut, by_part)


def _look(
    connection: Connection,
    *,
    whose: Sequence[Address],
    span: Span,
    cut: Sequence[Part],
    within: Spans | None,
    now: Now | None,
) -> dict[Address, tuple[Coverage, list[Coverage]]]:
    """Return each device's coverage, and that of each part. Beside the event loop."""
    now_ms = now.at_ms if now else None
    service = attendance.of_service(connection, span, now_ms)
    found = {}
    for address in whose:
        agent = attendance.of_agent(connection, address, span, now_ms)
        told: list[Watching] = []
        if now is not None and address in now.heard:
            agent = union(agent, [Span(now.heard[address], now.at_ms)])
        if now is not None and address in now.told:
            told = [now.told[address]]
        boots = coverage.read(connection, address, *span, told)
        record = Record(boots, Attendance(service.orchestrator, service.broker, agent))
        whole = record.coverage(*span, within)
        found[address] = whole, [record.coverage(*part.span, within) for part in cut]
    return found
