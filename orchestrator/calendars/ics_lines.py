"""PURE: an iCalendar file as its entries' lines, less all that may say who booked, or what for.

RFC 5545, section 3.1 (folding) and 3.4 (objects). Only properties that are asked for are ever
looked at: what else stands in an entry is gone before anything reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.calendars.model import MAX_SIZE, Unreadable

#: All that is read of an entry. No ATTENDEE, ORGANIZER, SUMMARY, DESCRIPTION, CONTACT, COMMENT.
KEPT = frozenset(
    {
        "UID",
        "RECURRENCE-ID",
        "DTSTART",
        "DTEND",
        "DURATION",
        "RRULE",
        "RDATE",
        "EXDATE",
        "EXRULE",
        "STATUS",
        "TRANSP",
        "SEQUENCE",
        "LOCATION",
        "RESOURCES",
        "CATEGORIES",
        "X-MICROSOFT-CDO-BUSYSTATUS",
        "X-LAITEVUORO-PARTY",
        "X-LAITEVUORO-PURPOSE",
    }
)
_ENTRY, _ZONE = "VEVENT", "VTIMEZONE"
#: Parts that are called by name; what else stands behind BEGIN or END may be anybody's words.
_PARTS = frozenset({"VCALENDAR", _ENTRY, _ZONE, "STANDARD", "DAYLIGHT", "VALARM", "VTODO"})
_BREAK = re.compile(rb"\r\n|\n|\r")
_NAME = re.compile(r"([A-Za-z0-9-]+)(?=[;:])")
#: A calendar's entry's alarm is the third.
_DEEPEST = 20
_FOLD = (b" ", b"\t")


@dataclass(frozen=True, slots=True)
class Line:
    """One unfolded line: where it begins in the file, its property's name, all of its text."""

    number: int
    name: str
    text: str

    @property
    def value(self) -> str:
        """What stands behind the name and its parameters."""
        quoted = False
        for at, letter in enumerate(self.text):
            if letter == '"':
                quoted = not quoted
            elif letter == ":" and not quoted:
                return self.text[at + 1 :]
        return ""


@dataclass(slots=True)
class Block:
    """An entry (VEVENT) or a time zone (VTIMEZONE). broken: the first thing wrong with its form."""

    kind: str
    number: int
    lines: list[Line] = field(default_factory=list)
    broken: str | None = None

    def first(self, name: str) -> Line | None:
        """Return the first line of a property."""
        return next((line for line in self.lines if line.name == name), None)

    def value(self, name: str) -> str:
        """Return a property's raw value; empty where there is none."""
        line = self.first(name)
        return line.value.strip() if line else ""

    def text(self) -> str:
        """Return the block as iCalendar."""
        lines = [f"BEGIN:{self.kind}", *(line.text for line in self.lines), f"END:{self.kind}"]
        return "\r\n".join(lines) + "\r\n"


@dataclass(slots=True)
class Blocks:
    """A whole file. cancels: it is a message that all its entries are off (METHOD:CANCEL)."""

    entries: list[Block] = field(default_factory=list)
    zones: list[Block] = field(default_factory=list)
    cancels: bool = False
    broken: tuple[int, str] | None = None


def blocks(data: bytes, *, kept: frozenset[str] = KEPT) -> Blocks:
    """Return a file's entries and time zones. Raises Unreadable if it is no calendar at all.

    kept: the properties that are read.
    """
    if len(data) > MAX_SIZE:
        raise Unreadable(f"The file is larger than {MAX_SIZE // 1024 // 1024} MB.")
    scan = _Scan(kept)
    lines = _unfolded(data)
    first = next(lines, (1, ""))
    if first[1].strip().upper() != "BEGIN:VCALENDAR":
        raise Unreadable("This is no iCalendar file: it does not begin with BEGIN:VCALENDAR.")
    scan.open.append("VCALENDAR")
    number = 1
    for number, text in lines:
        scan.take(number, text)
    if scan.open:
        scan.end_block("the file ends within it")
        part = _say_part(scan.open[-1])
        scan.found.broken = (number, f"the file ends within a {part}: it is cut off")
    return scan.found


class _Scan:
    """Where we are in a file: the components that are open, and the block that is being read."""

    def __init__(self, kept: frozenset[str]) -> None:
        self.found = Blocks()
        self._kept = kept
        self.open: list[str] = []
        self._block: Block | None = None
        self._depth = 0
        self._number = 1

    def take(self, number: int, text: str) -> None:
        """Take the next line."""
        self._number = number
        match = _NAME.match(text)
        if match is None:
            self._spoil(f"line {number} is no line of iCalendar")
            return
        name = match[1].upper()
        if name == "BEGIN":
            self._begin(number, text[6:].strip().upper())
        elif name == "END":
            self._end(text[4:].strip().upper())
        else:
            self._property(Line(number, name, text))

    def _begin(self, number: int, kind: str) -> None:
        if kind == _ENTRY and _ENTRY in self.open:
            self.end_block(f"another entry begins in it, on line {number}")
            del self.open[self.open.index(_ENTRY) :]
        self.open.append(kind)
        if len(self.open) > _DEEPEST:
            raise Unreadable(f"Its parts are nested more than {_DEEPEST} deep, on line {number}.")
        if kind in (_ENTRY, _ZONE) and self._block is None:
            self._block, self._depth = Block(kind, number), len(self.open)
        elif self._block is not None and self._block.kind == _ZONE:
            self._block.lines.append(Line(number, "BEGIN", f"BEGIN:{kind}"))

    def _end(self, kind: str) -> None:
        if kind not in self.open:
            self._spoil(f"END:{_say_part(kind)} without its BEGIN")
            return
        while self.open.pop() != kind:
            self._spoil("a part of it does not end")
        block = self._block
        if block is None:
            return
        if len(self.open) < self._depth:
            self.end_block(None if block.kind == kind else "it does not end")
        elif block.kind == _ZONE:
            block.lines.append(Line(0, "END", f"END:{kind}"))

    def _property(self, line: Line) -> None:
        block = self._block
        if block is None:
            self._of_calendar(line)
        elif block.kind == _ZONE or (line.name in self._kept and len(self.open) == self._depth):
            block.lines.append(line)

    def _of_calendar(self, line: Line) -> None:
        if self.open != ["VCALENDAR"]:
            return
        value = line.value.strip().upper()
        if line.name == "METHOD" and value == "CANCEL":
            self.found.cancels = True
        if line.name == "CALSCALE" and value != "GREGORIAN":
            raise Unreadable("Only Gregorian calendars can be read.")

    def _spoil(self, reason: str) -> None:
        if self._block is not None:
            self._block.broken = self._block.broken or reason
        elif self.open in ([], ["VCALENDAR"]):
            self.found.broken = self.found.broken or (self._number, reason)

    def end_block(self, reason: str | None) -> None:
        """Keep the block that is being read."""
        block, self._block = self._block, None
        if block is None:
            return
        block.broken = block.broken or reason
        of_kind = self.found.entries if block.kind == _ENTRY else self.found.zones
        of_kind.append(block)


def _say_part(kind: str) -> str:
    return kind if kind in _PARTS else "…"


def _unfolded(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of lines that are not empty.

    Unfolded as bytes: a fold may stand within a letter.
    """
    parts: list[bytes] = []
    begun = 1
    raw_lines = _BREAK.split(data.removeprefix(b"\xef\xbb\xbf"))
    for number, raw in enumerate(raw_lines, start=1):
        if raw.startswith(_FOLD) and parts:
            parts.append(raw[1:])
            continue
        if parts:
            yield begun, b"".join(parts).decode("utf-8", "replace")
        parts, begun = ([raw], number) if raw.strip() else ([], number)
    if parts:
        yield begun, b"".join(parts).decode("utf-8", "replace")
