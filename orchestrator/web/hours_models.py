"""The shapes of opening hours over HTTP."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.domain.opening_hours import Source


class _Answered(BaseModel):
    model_config = ConfigDict(frozen=True)


class SpanView(_Answered):
    """A part of a day, by the clock on the wall; `to` is at most 24:00."""

    from_: str = Field(serialization_alias="from", validation_alias="from")
    to: str
    staffed: bool


class HoursView(_Answered):
    """The hours of a local day; no spans: closed. holiday: a hint; it closes nothing.

    source: `exception` and `weekly` are configured, `import` is imported; `always`: no hours are
    known of the site; `unknown`: days are imported, but this one is not.
    """

    day: date
    spans: tuple[SpanView, ...]
    source: Source
    note: str | None
    holiday: str | None


class HoursImportView(_Answered):
    """What an import did, in days. done: whether it was; else nothing was changed.

    outside: days that are over or too far ahead. faults: a sentence for each entry that can't
    be taken, by date, line or UID, at most 200; there are `fault_count`. on_holidays: public
    holidays on which the library is open. stranded: ids of bookings that are no longer within
    the hours, at most 200; there are `stranded_count`.
    """

    done: bool
    added: int
    changed: int
    removed: int
    same: int
    outside: int
    fault_count: int
    faults: tuple[str, ...]
    on_holidays: tuple[HoursView, ...]
    stranded_count: int
    stranded: tuple[str, ...]
    message: str
