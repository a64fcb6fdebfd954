"""PURE: tables (CSV) -> bookings of devices.

The first line names the columns, in Finnish, Swedish or English; those that are not ours are
never looked at. Commas, semicolons or tabs between them; UTF-8, or Windows-1252 as Excel writes
it. Times are local, as people write them; a time that a clock change skips or repeats is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from orchestrator.calendars.model import (
    LARGEST_PARTY,
    MAX_ENTRIES,
    MAX_SIZE,
    BadEntry,
    Entry,
    Findings,
    Frame,
    Parsed,
    Unreadable,
    at_most,
    check_span,
    external_uid,
    place_key,
)
from orchestrator.domain.bookings import Purpose
from orchestrator.domain.local_time import InvalidTime, parse_moment

_COLUMNS = {
    "device": ("device", "laite", "apparat", "enhet"),
    "start": ("start", "alku", "alkaa", "början", "börjar", "starts"),
    "end": ("end", "loppu", "päättyy", "slut", "slutar", "ends"),
    "group": ("group", "target group", "kohderyhmä", "målgrupp"),
    "party": ("party", "people", "henkilömäärä", "henkilöitä", "antal", "personer"),
    "id": ("id", "tunnus", "uid"),
    "type": ("type", "tyyppi", "typ"),
}
_MEANT = {place_key(word): name for name, words in _COLUMNS.items() for word in words}
_NEEDED = ("start", "end")
_BLOCKS = frozenset({"block", "blocked", "esto", "estetty", "spärrad", "huolto", "underhåll"})
#: 25.11.2026 14.00 or 25.11.2026 klo 14:00, as Finnish and Swedish spreadsheets write it.
_NORDIC = re.compile(
    r"(\d{1,2})\.(\d{1,2})\.(\d{4})\s+(?:klo\s+|kl\.?\s+)?(\d{1,2})[.:](\d{2})(?:[.:](\d{2}))?"
)
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}[\d:.,+Z-]*$")
_LONGEST_TIME = 40
_NO_TIME = "its {name} is no time; write it as 2026-11-25 14:00"
_WIDEST = 10_000


def parse(data: bytes, frame: Frame) -> Parsed:
    """Return a table's bookings within the frame. Raises Unreadable."""
    rows = _rows(_text(data))
    _, first = next(rows, (1, []))
    columns = _columns(first)
    found = Findings()
    seen: dict[str, int] = {}
    told = at_most(rows, MAX_ENTRIES, f"There are more than {MAX_ENTRIES} lines in the table.")
    for number, cells in told:
        if any(cell.strip() for cell in cells):
            _take(number, _named(columns, cells), frame, found, seen)
    return found.parsed()


def _take(
    number: int, row: Mapping[str, str], frame: Frame, found: Findings, seen: dict[str, int]
) -> None:
    """Take a line into the findings."""
    where = f"line {number}"
    try:
        entry = _entry(where, row, frame)
    except BadEntry as error:
        own = row.get("id")
        found.fault(where, error, series=external_uid("id", own) if own else None)
        return
    before = seen.setdefault(entry.uid, number)
    if not frame.touches(entry.starts_at, entry.ends_at):
        found.outside += 1
    elif before != number:
        what = "its id stands" if row.get("id") else "its device and start stand"
        found.fault(where, f"{what} on line {before} too", series=entry.series)
    else:
        found.add([entry])


def _entry(where: str, row: Mapping[str, str], frame: Frame) -> Entry:
    """Return the booking of a line. Raises BadEntry."""
    device = _device(row, frame)
    starts_at, ends_at = (_moment(row, name, frame) for name in _NEEDED)
    check_span(starts_at, ends_at)
    site, _, name = device.partition("/")
    own = row.get("id", "")
    parts = ("id", own) if own else ("row", device, starts_at.isoformat())
    uid = external_uid(*parts)
    block = place_key(row.get("type", "")) in _BLOCKS
    return Entry(
        uid=uid,
        series=uid,
        where=where,
        site=site,
        device=name,
        starts_at=starts_at,
        ends_at=ends_at,
        target_group=_group(row, frame),
        party_size=_party(row),
        purpose=Purpose.BLOCK if block else Purpose.TURN,
    )


def _device(row: Mapping[str, str], frame: Frame) -> str:
    found = frame.device_of([row.get("device", "")])
    if found:
        return found[0]
    if row.get("device"):
        raise BadEntry("the device's name is that of no device here")
    raise BadEntry("it names no device")


def _moment(row: Mapping[str, str], name: str, frame: Frame) -> datetime:
    text = row.get(name, "")
    if not text:
        raise BadEntry(f"its {name} is missing")
    if text.lower() == "now":  # a word of the command line's, which a table has no moment for
        raise BadEntry(_NO_TIME.format(name=name))
    nordic = _NORDIC.fullmatch(text)
    if nordic is not None:
        day, month, year, hour, minute, second = (part or "0" for part in nordic.groups())
        text = f"{year}-{month:0>2}-{day:0>2} {hour:0>2}:{minute}:{second:0>2}"
    try:
        return parse_moment(text, frame.zone, now=frame.first)
    except InvalidTime as error:
        if not _DATED.match(text) or len(text) > _LONGEST_TIME:
            # It may be anything, a name in the wrong column too: it is not repeated.
            raise BadEntry(_NO_TIME.format(name=name)) from None
        raise BadEntry(f"its {name}: {str(error).rstrip('.')}") from None


def _group(row: Mapping[str, str], frame: Frame) -> str | None:
    said = row.get("group", "")
    group = frame.group_of([said])
    if said and group is None:
        raise BadEntry(f"its group is none of {', '.join(frame.groups)}")
    return group


def _party(row: Mapping[str, str]) -> int | None:
    said = row.get("party", "")
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:5]) <= LARGEST_PARTY):
        raise BadEntry(f"its party is no number of people from 1 to {LARGEST_PARTY}")
    return int(said)


def _text(data: bytes) -> str:
    """Return the file's text. Raises Unreadable."""
    if len(data) > MAX_SIZE:
        raise Unreadable(f"The file is larger than {MAX_SIZE // 1024 // 1024} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "\x00" in text:
        raise Unreadable("This is no table of text: it holds bytes that no text has.")
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells). Raises Unreadable."""
    head = text.lstrip().partition("\n")[0]
    between = max([",", ";", "\t"], key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    begun = 1
    try:
        for cells in reader:
            if begun == 1 and not any(cell.strip() for cell in cells):
                continue
            yield begun, cells[:_WIDEST]
            begun = reader.line_num + 1
    except csv.Error:
        raise Unreadable(
            f"The table can't be read from line {begun} on: a quotation mark is not closed, "
            "or a cell is endless."
        ) from None


def _columns(first: list[str]) -> list[str | None]:
    """Return what each column means, None where it is not ours. Raises Unreadable."""
    columns = [_MEANT.get(place_key(cell)) for cell in first]
    for name in _NEEDED:
        if name not in columns:
            raise Unreadable(
                f"This is no table of bookings: its first line names no column {name!r} "
                f"({' or '.join(_COLUMNS[name])})."
            )
    for each in columns:
        if each is not None and columns.count(each) > 1:
            raise Unreadable(f"Two columns are called {each!r}.")
    return columns


def _named(columns: list[str | None], cells: list[str]) -> dict[str, str]:
    """Return the cells that are ours, by what they mean."""
    return {
        name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name is not None
    }
