"""PURE: what is booked of a source, and what it says now -> what is to be changed.

What has begun stays: the past is not rewritten, a running turn is only given another end. What
staff cancelled stays cancelled until the source itself changes it.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.topics import Address
from orchestrator.calendars.model import Entry, Fault, Parsed
from orchestrator.calendars.timeline import Claim, Timeline
from orchestrator.domain.bookings import Booking


@dataclass(frozen=True, slots=True)
class Known:
    """An entry that was imported before. digest: of what it said. booking: what became of it."""

    uid: str
    series: str
    digest: str
    booking: Booking


@dataclass(frozen=True, slots=True)
class Edit:
    """An entry that is to be taken. known: what it changes; None: it is new.

    digest: of what the source says, which of a running turn is not all taken.
    """

    entry: Entry
    digest: str
    known: Known | None = None


@dataclass(slots=True)
class Changes:
    """What is to be done. same, past: entries with which there is nothing to do."""

    add: list[Edit] = field(default_factory=list)
    change: list[Edit] = field(default_factory=list)
    remove: list[Known] = field(default_factory=list)
    same: int = 0
    past: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to be done."""
        return not (self.add or self.change or self.remove)


_Whose = Edit | Known | Booking


def digest_of(entry: Entry) -> str:
    """Return a digest of all that an entry says, but its id."""
    said = [
        str(entry.address),
        ms_from_utc(entry.starts_at),
        ms_from_utc(entry.ends_at),
        entry.target_group,
        entry.party_size,
        entry.purpose,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def changes(
    parsed: Parsed,
    known: Collection[Known],
    others: Mapping[Address, Iterable[Booking]],
    now: datetime,
) -> Changes:
    """Return what makes the bookings of a source say what the source says.

    others: live bookings of anybody else, by device. The faults are those of the file, and
    entries that would overlap; what these have to do with is left as it is.
    """
    return _Comparison(parsed, known, others, now).result()


class _Comparison:
    """One import, while it is being compared with what is there."""

    def __init__(
        self,
        parsed: Parsed,
        known: Collection[Known],
        others: Mapping[Address, Iterable[Booking]],
        now: datetime,
    ) -> None:
        self._parsed = parsed
        self._known = {each.uid: each for each in known}
        self._now = now
        self._found = Changes(faults=list(parsed.faults))
        self._taken: dict[Address, Timeline[_Whose]] = defaultdict(Timeline)
        for address, bookings in others.items():
            for booking in bookings:
                self._claim(address, booking.starts_at, booking.ends_at, booking)
        self._refused: dict[str, str] = {}

    def result(self) -> Changes:
        """Return what is to be done."""
        wishes = [edit for edit in map(self._wish, self._parsed.entries) if edit is not None]
        self._find_removals()
        edits = {edit.entry.uid: edit for edit in wishes}
        for edit in wishes:
            if edit.entry.uid not in self._refused:
                self._try(edit)
        for uid, edit in edits.items():
            if uid in self._refused:
                reason = self._refused[uid]
                fault = Fault(where=edit.entry.where, reason=reason, series=edit.entry.series)
                self._found.faults.append(fault)
            elif edit.known is None:
                self._found.add.append(edit)
            else:
                self._found.change.append(edit)
        return self._found

    def _wish(self, entry: Entry) -> Edit | None:
        """Return what an entry asks to have done, or None where that is nothing."""
        known, digest = self._known.get(entry.uid), digest_of(entry)
        if known is not None and known.digest == digest:
            self._found.same += 1
            self._keep(known)
            return None
        if entry.ends_at <= self._now:
            self._found.past += 1
            if known is not None:
                self._keep(known)
            return None
        if known is not None and self._is_over(known.booking):
            # Staff let go of it, or it is past; the source gives it another time.
            return Edit(entry, digest)
        if known is not None and known.booking.starts_at <= self._now:
            return Edit(_with_new_end(entry, known.booking), digest, known)
        return Edit(entry, digest, known)

    def _find_removals(self) -> None:
        """Find what the source has no longer, and does not speak of in a fault either."""
        there = {entry.uid for entry in self._parsed.entries}
        doubtful = {fault.series for fault in self._parsed.faults}
        for known in self._known.values():
            if known.uid in there:
                continue
            begun = known.booking.starts_at <= self._now
            in_doubt = None in doubtful or known.series in doubtful
            if begun or in_doubt or not known.booking.live:
                self._keep(known)
            else:
                self._found.remove.append(known)

    def _is_over(self, booking: Booking) -> bool:
        return not booking.live or booking.ends_at <= self._now

    def _try(self, edit: Edit) -> None:
        """Give an entry its time, or refuse it."""
        entry = edit.entry
        timeline = self._taken[entry.address]
        in_the_way = timeline.overlapping(entry.starts_at, entry.ends_at)
        if in_the_way:
            self._refuse(edit, in_the_way[0].whose)
        else:
            self._claim(entry.address, entry.starts_at, entry.ends_at, edit)

    def _refuse(self, edit: Edit, whose: _Whose) -> None:
        """Refuse an entry. What it was booked for stays, and so whoever was given that is next."""
        queue = [(edit, whose)]
        while queue:
            refused, by = queue.pop()
            self._refused[refused.entry.uid] = _reason(by)
            if refused.known is None:
                continue
            booking = refused.known.booking
            timeline = self._taken[booking.address]
            for claim in timeline.overlapping(booking.starts_at, booking.ends_at):
                if isinstance(claim.whose, Edit):
                    timeline.remove(claim)
                    queue.append((claim.whose, refused.known))
            self._keep(refused.known)

    def _keep(self, known: Known) -> None:
        if known.booking.live:
            booking = known.booking
            self._claim(booking.address, booking.starts_at, booking.ends_at, known)

    def _claim(
        self, address: Address, starts_at: datetime, ends_at: datetime, whose: _Whose
    ) -> None:
        self._taken[address].add(Claim(starts_at, ends_at, whose))


def _with_new_end(entry: Entry, booking: Booking) -> Entry:
    """Return what is taken of an entry whose turn runs already: its end."""
    same_place = entry.address == booking.address and entry.starts_at <= booking.ends_at
    return entry.model_copy(
        update={
            "site": booking.address.site,
            "device": booking.address.device,
            "starts_at": booking.starts_at,
            "ends_at": entry.ends_at if same_place else booking.ends_at,
        }
    )


def _reason(whose: _Whose) -> str:
    match whose:
        case Edit():
            return f"its device is taken by {whose.entry.where}"
        case Known():
            return "its device is taken by what an earlier import booked"
        case Booking():
            return "its device is booked otherwise"
