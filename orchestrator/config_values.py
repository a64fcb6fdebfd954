"""How hours, days and lists are written in the configuration: `12:00`, `mon-fri`, `600, 60`."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from orchestrator.domain.opening_hours import MIDNIGHT
from orchestrator.domain.policy_words import DAYS

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")


class Section(BaseModel):
    """A table of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def split(value: object) -> object:
    """Return the parts of a list that is written with commas; anything else as it is."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _clock(value: object) -> int:
    """Return the seconds after midnight of `12:00`, of `24:00`, or of TOML's own local time."""
    if isinstance(value, time) and value.tzinfo is None and not value.microsecond:
        return value.hour * 3600 + value.minute * 60 + value.second
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"it is a time of the day such as '12:00', not {value!r}")
    return MIDNIGHT if found[1] is None else int(found[1]) * 3600 + int(found[2]) * 60


def _time(value: object) -> time:
    """Return a time before midnight."""
    seconds = _clock(value)
    if seconds == MIDNIGHT:
        raise ValueError("24:00 is the end of a day; here it is a time before that")
    return time(seconds // 3600, seconds % 3600 // 60, seconds % 60)


def _days(value: object) -> object:
    """Return days of the week of `mon`, `mon-fri`, `mon, wed` or a list of such."""
    found: set[int] = set()
    parts = split(value)
    for part in parts if isinstance(parts, list) else [parts]:
        first, dash, last = str(part).strip().lower().partition("-")
        if not isinstance(part, str) or first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"days are {', '.join(DAYS)} or such as 'mon-fri', not {part!r}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        if end < begin:
            raise ValueError(f"{part!r} goes backwards; a week begins on Monday")
        found.update(range(begin, end + 1))
    if not found:
        raise ValueError("it names no day")
    return sorted(found)


def _date(value: object) -> object:
    """Refuse what pydantic would take for a day, too: numbers, and times of a day."""
    if isinstance(value, datetime) or not isinstance(value, (date, str)):
        raise ValueError(f"it is a day such as 2026-12-24, not {value!r}")  # noqa: TRY004 - pydantic takes no TypeError
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"it is a day such as 2026-12-24, not {value!r}") from None
    return value


#: Seconds after midnight by the clock on the wall, up to 24:00.
Clock = Annotated[int, BeforeValidator(_clock)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
#: 0 is Monday.
Days = Annotated[tuple[int, ...], BeforeValidator(_days)]
Day = Annotated[date, BeforeValidator(_date)]
