"""The shapes of imports and exports over HTTP."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ImportView(BaseModel):
    """What an import did, or would do. done: whether it was; else nothing was changed.

    same: entries with which there is nothing to do. cancelled, free, outside, past: passed over
    since they are cancelled, shown as free, too far away, or over. faults: a sentence for each
    entry that can't be taken, by line or UID, at most 200; there are `fault_count`.
    """

    model_config = ConfigDict(frozen=True)

    done: bool
    added: int
    changed: int
    removed: int
    same: int
    cancelled: int
    free: int
    outside: int
    past: int
    fault_count: int
    faults: tuple[str, ...]
    message: str


class CalendarView(BaseModel):
    """Bookings as one iCalendar object."""

    model_config = ConfigDict(frozen=True)

    calendar: str
    bookings: int
