"""Time zones of iCalendar files: the machine's, by Windows' names too, and those defined there.

The `icalendar` package keeps what it learns of zones for the whole process, so a file is read
in a process of its own (reading.py); what an earlier one defined is forgotten first.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import suppress

from icalendar import Calendar
from icalendar.error import GloballyUniqueTZIDGuessed
from icalendar.timezone import tzp

from orchestrator.calendars.ics_lines import Block

#: A file defines a handful; working out thousands of invented ones is nobody's need.
MAX_ZONES = 200


def know_zones(zones: Iterable[Block]) -> None:
    """Let names of time zones mean what these definitions say, where nobody else knows them.

    A definition that can't be read is left out: what uses it is told that it isn't known.
    """
    tzp.use_default()
    for count, block in enumerate(zones):
        if count >= MAX_ZONES:
            return
        name = block.value("TZID")
        # The machine's own rules are newer, and faster, than a file's copy of them.
        if block.broken is None and name and not knows(name):
            _define(block)


def knows(name: str) -> bool:
    """Tell whether a zone's name means anything."""
    with warnings.catch_warnings():
        # `/vendor/Europe/Helsinki` is Europe/Helsinki: a guess that can hardly be wrong.
        warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)
        try:
            return tzp.timezone(name.strip('"')) is not None
        except (OSError, ValueError):  # a name that is no file's either
            return False


def _define(block: Block) -> None:
    text = f"BEGIN:VCALENDAR\r\n{block.text()}END:VCALENDAR\r\n"
    with suppress(Exception):  # any of three libraries may choke on it
        Calendar.from_ical(text)
