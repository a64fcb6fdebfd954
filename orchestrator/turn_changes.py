"""What time and devices change of bookings, within a transaction.

Each change is made only to what still is as it was seen, and told in the audit log with the
time when it was due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mqtt_schemas.base import ms_from_utc, to_utc
from mqtt_schemas.plan import Notice
from mqtt_schemas.topics import Address
from orchestrator.bookkeeping import Bookkeeping
from orchestrator.domain.bookings import Booking, BookingState
from orchestrator.domain.extension import Denied, grant
from orchestrator.domain.turn_states import NOTHING_SEEN, Standing, stand
from orchestrator.store import audit, bookings, staff_words, turns_seen
from orchestrator.store.database import Connection
from orchestrator.store.turns_seen import Asked

#: A wish for more time that arrives later than this is not answered any more.
ANSWERED_WITHIN = timedelta(minutes=5)
#: So far ahead bookings are looked at; what is later is looked at when it is nearer.
LOOKED_AHEAD, LOOKED_AGAIN = timedelta(days=2), timedelta(days=1)
#: So long after its end, a no-show may still turn out to have come: the device was away.
REVIVED_WITHIN = timedelta(days=7)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The phrase of agents' lists; and how long it is shown to whoever asked.
NO_EXTENSION = "no_extension"
SHOWN = timedelta(minutes=2)

#: (rows, the turn, why, now): tells a device's customer that there is no more time.
Deny = Callable[[Connection, Booking, Denied, datetime], None]


def show_notice(rows: Connection, booking: Booking, _: Denied, now: datetime) -> None:
    """Have the device show it. Why is not said: others are nobody's business."""
    notice = Notice(
        id=f"no-extension-{ms_from_utc(now)}", phrase=NO_EXTENSION, until=to_utc(now + SHOWN)
    )
    staff_words.add_notice(rows, booking.address, notice, now=now)


@dataclass(slots=True)
class Look:
    """How a device's bookings stand.

    changed: those that are to change. deadline: when time alone will change more. overdue: one
    waits for the device's word. asked: somebody waits for an answer.
    """

    changed: list[Booking] = field(default_factory=list)
    deadline: datetime | None = None
    overdue: bool = False
    asked: bool = False

    def note(self, standing: Standing) -> None:
        """Take a booking's standing in."""
        self.overdue |= standing.overdue
        if standing.deadline is not None:
            earlier = self.deadline is None or standing.deadline < self.deadline
            self.deadline = standing.deadline if earlier else self.deadline


class TurnChanges:
    """Looks at the bookings of a device, and changes what is due."""

    def __init__(self, books: Bookkeeping, deny: Deny = show_notice) -> None:
        self._books = books
        self._deny = deny

    def look(self, rows: Connection, address: Address, told_until: datetime | None) -> Look:
        """Return how a device's bookings stand; `changed` are those that are to change."""
        look = Look(deadline=to_utc(self._books.office.now()) + LOOKED_AGAIN)
        for booking, standing in self._standings(rows, address, told_until):
            look.note(standing)
            if standing.state is not booking.state:
                look.changed.append(booking)
        look.asked = bool(turns_seen.unanswered(rows, address))
        return look

    def change(
        self, rows: Connection, address: Address, told_until: datetime | None
    ) -> tuple[list[Booking], Look]:
        """Change what is due, answer who asked, and look again."""
        changed = [
            after
            for booking, standing in self._standings(rows, address, told_until)
            if standing.state is not booking.state
            and (after := self._set(rows, booking, standing)) is not None
        ]
        answered: set[str] = set()
        for asked in turns_seen.unanswered(rows, address):
            if asked.turn in answered:  # pressed again before the answer came
                turns_seen.answer(rows, asked, "again")
                continue
            turn = self._answer(rows, asked)
            if turn is not None:
                answered.add(turn.id)
                changed.append(turn)
        return changed, self.look(rows, address, told_until)

    def _standings(
        self, rows: Connection, address: Address, told_until: datetime | None
    ) -> Iterator[tuple[Booking, Standing]]:
        """Yield how each booking stands beside what the caller made of those before it."""
        now, policy = to_utc(self._books.office.now()), self._books.office.devices[address].policy
        found = bookings.unfinished(
            rows,
            address,
            starts_before=now + LOOKED_AHEAD,
            no_shows_since=max(now - REVIVED_WITHIN, _EPOCH),
        )
        seen = turns_seen.of_turns(rows, address, [booking.id for booking in found])
        for booking in found:
            known = seen.get(booking.id, NOTHING_SEEN)
            standing = stand(booking, policy, known, now, told_until=told_until)
            if not self._taken(rows, booking, standing):
                yield booking, standing

    def _taken(self, rows: Connection, booking: Booking, standing: Standing) -> bool:
        """Tell whether the time of a no-show who had come was given to another meanwhile."""
        if booking.state is not BookingState.NO_SHOW or standing.state is booking.state:
            return False
        return bool(bookings.touching(rows, booking.address, booking.starts_at, booking.ends_at))

    def _set(self, rows: Connection, booking: Booking, standing: Standing) -> Booking | None:
        after = bookings.set_state(rows, booking, standing.state)
        if after is None or standing.state is BookingState.USED:
            return after
        by_device = standing.state is BookingState.CHECKED_IN
        what = {
            BookingState.CHECKED_IN: "checked_in",
            BookingState.NO_SHOW: "no_show_released",
            BookingState.RELEASED: "offer_lapsed",
        }[standing.state]
        self._note(rows, what, booking, standing.since, role="device" if by_device else "system")
        return after

    def _answer(self, rows: Connection, asked: Asked) -> Booking | None:
        """Answer a customer who asked for more time, once.

        Returns the turn where its device is to be told.
        """
        now = to_utc(self._books.office.now())
        booking = bookings.find(rows, asked.turn)
        if booking is None or booking.address != asked.address or not booking.live:
            turns_seen.answer(rows, asked, Denied.OVER)
            return None
        if now - asked.at > ANSWERED_WITHIN:
            turns_seen.answer(rows, asked, "late")
            return None
        desk = self._books.desk_of(booking)
        until = booking.ends_at + timedelta(seconds=desk.policy.extension)
        case = self._books.running(rows, desk, booking, until)
        granted = grant(case, asked.seconds)
        if isinstance(granted, Denied):
            turns_seen.answer(rows, asked, granted)
            self._deny(rows, booking, granted, now)
            return booking
        turns_seen.answer(rows, asked, "extended")
        longer = replace(booking, ends_at=granted)
        bookings.change(rows, longer)
        seconds = round((granted - booking.ends_at).total_seconds())
        self._note(rows, "extended", booking, now, role="device", seconds=seconds)
        return longer

    def _note(
        self,
        rows: Connection,
        what: str,
        booking: Booking,
        at: datetime,
        *,
        role: str,
        seconds: int | None = None,
    ) -> None:
        details: dict[str, str | int | None] = {"device": str(booking.address)}
        if seconds is not None:
            details["seconds"] = seconds
        audit.record(
            rows, audit.Entry(at=at, role=role, what=what, target=booking.id, details=details)
        )
