"""Feeds of other systems: asked every so often, and what they say is kept until they say else.

A feed that is down changes nothing: its last good import stays, and its state says since when.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Protocol

import structlog

from mqtt_schemas.base import to_utc
from orchestrator.calendars.hours_reading import dated
from orchestrator.config_feeds import FeedSection, UrlUnknown
from orchestrator.domain.bookings import BookingRefused
from orchestrator.fetch import Fetched, FetchFailed, Version, fetch
from orchestrator.import_service import ImportService, Source
from orchestrator.store import imports as stored
from orchestrator.store.database import Database
from orchestrator.store.errors import StoreFailed

#: Seconds. After failures a feed is asked ever more seldom, but at least so often.
SELDOM = 3600.0
#: How old the stored time of the last good reading may be.
STORED_WITHIN = timedelta(hours=1)

Fetch = Callable[..., Awaitable[Fetched]]


class TakeHours(Protocol):
    """Takes a site's opening hours (hours_service)."""

    async def __call__(self, site: str, data: bytes, *, partial: bool) -> int:
        """Return how many entries can't be taken. Raises BookingRefused, StoreFailed."""


_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FeedState:
    """How a feed stands. problem: a sentence; None while it is well.

    last_good: when what it said was last taken; None: never. faults: entries of its newest file
    that can't be taken, although the others are where it is `partial`.
    """

    id: str
    kind: str
    last_good: datetime | None = None
    problem: str | None = None
    faults: int = 0


@dataclass(slots=True)
class _Feed:
    """A feed between two readings.

    version, digest, day: of the file that was last taken whole, and the local day on which that
    was: a feed is read anew every day, since what recurs for ever is taken only so far ahead.
    """

    section: FeedSection
    state: FeedState
    version: Version = field(default_factory=Version)
    digest: bytes = b""
    day: date | None = None
    failures: int = 0
    stored: datetime | None = None


class Feeds:
    """Reads all feeds, each in a task of its own."""

    def __init__(
        self,
        *,
        feeds: Sequence[FeedSection],
        database: Database,
        imports: ImportService,
        now: Callable[[], datetime],
        zone: tzinfo,
        take_hours: TakeHours | None = None,
        fetch: Fetch = fetch,
    ) -> None:
        self._feeds = [_Feed(each, FeedState(each.id, each.kind)) for each in feeds]
        self._database = database
        self._imports = imports
        self._now = now
        self._zone = zone
        self._take_hours = take_hours
        self._fetch = fetch

    def states(self) -> Iterator[FeedState]:
        """Yield how each feed stands."""
        return (feed.state for feed in self._feeds)

    async def load(self) -> None:
        """Learn when each feed was last good. Raises StoreFailed."""
        found = await self._database.read(stored.last_good)
        for feed in self._feeds:
            feed.stored = found.get(feed.section.id)
            feed.state = FeedState(feed.section.id, feed.section.kind, feed.stored)

    async def run(self) -> None:
        """Read each feed for ever."""
        async with asyncio.TaskGroup() as tasks:
            for feed in self._feeds:
                tasks.create_task(self._keep_reading(feed), name=f"feed {feed.section.id}")

    async def read(self, feed_id: str) -> float:
        """Read a feed once; return the seconds until it is to be read again."""
        return await self._read(next(feed for feed in self._feeds if feed.section.id == feed_id))

    async def _keep_reading(self, feed: _Feed) -> None:
        while True:
            seconds = await self._read(feed)
            await asyncio.sleep(seconds)

    async def _read(self, feed: _Feed) -> float:
        every, wait = float(feed.section.every), 0
        try:
            problem, faults = await self._take(feed)
        except FetchFailed as error:
            problem, faults, wait = str(error), feed.state.faults, error.wait
        except (BookingRefused, StoreFailed, UrlUnknown) as error:
            problem, faults = str(error), feed.state.faults
        except Exception as error:  # noqa: BLE001 - a feed must not end what others rely on
            # Its text may hold the URL, or what the feed says.
            problem, faults = f"Reading it failed ({type(error).__name__}).", feed.state.faults
        else:
            feed.failures = 0
            await self._settle(feed, problem, faults)
            return every
        feed.failures += 1
        await self._settle(feed, problem, faults)
        return max(min(every * 2.0 ** min(feed.failures, 10), max(every, SELDOM)), wait)

    async def _take(self, feed: _Feed) -> tuple[str | None, int]:
        """Fetch and take a feed's file. Returns what is wrong with it, and how many entries."""
        section, today = feed.section, self._now().astimezone(self._zone).date()
        known = feed.version if feed.day == today else None
        url = dated(section.read_url(), today)
        fetched = await self._fetch(url, known=known)
        if fetched.data is None:
            return None, 0
        digest = hashlib.sha256(fetched.data).digest()
        if (digest, today) == (feed.digest, feed.day):
            feed.version = fetched.version
            return None, 0
        problem, faults = await self._use(section, fetched.data)
        if faults == 0:
            feed.version, feed.digest, feed.day = fetched.version, digest, today
        else:
            # Once more the next time: what is in the way here may be gone by then.
            feed.day = None
        return problem, faults

    async def _use(self, section: FeedSection, data: bytes) -> tuple[str | None, int]:
        if section.kind == "hours":
            if self._take_hours is None:
                raise BookingRefused("Hours can't be read here.")
            faults = await self._take_hours(section.site, data, partial=section.partial)
            well = section.partial or faults == 0
            return (None if well else f"{faults} of its days can't be taken."), faults
        outcome = await self._imports.take(data, source_of(section), partial=section.partial)
        if outcome.added or outcome.changed or outcome.removed:
            _LOG.info(
                "feed_read",
                feed=section.id,
                done=outcome.done,
                added=outcome.added,
                changed=outcome.changed,
                removed=outcome.removed,
            )
        return (None if outcome.done else outcome.say()), len(outcome.faults)

    async def _settle(self, feed: _Feed, problem: str | None, faults: int) -> None:
        """Note how a reading went, and say it once."""
        before, now = feed.state, to_utc(self._now())
        last_good = now if problem is None else before.last_good
        feed.state = FeedState(feed.section.id, feed.section.kind, last_good, problem, faults)
        if problem is not None and problem != before.problem:
            _LOG.warning("feed_problem", feed=feed.section.id, problem=problem)
        elif problem is None and before.problem is not None:
            _LOG.info("feed_well", feed=feed.section.id)
        if problem is None and (feed.stored is None or now - feed.stored >= STORED_WITHIN):
            try:
                note = partial(stored.set_last_good, source=feed.section.id, at=now)
                await self._database.write(note)
            except StoreFailed:
                return  # it says so itself, and this is only for after a restart
            feed.stored = now


def source_of(section: FeedSection) -> Source:
    """Return a feed as a source of bookings."""
    return Source(
        name=section.id,
        device=section.address,
        places=section.meant,
        site=section.site,
        format=section.format,
        free=section.free,
    )
