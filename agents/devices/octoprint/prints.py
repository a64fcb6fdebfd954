"""PURE: looks and events in, observations out. When a use of a printer begins and ends.

The session rule `octoprint/1`: a use is one print. It begins when OctoPrint starts the print
and ends when the print is done, cancelled or failed; while paused, heating up or on its way
between the two it goes on. It is active while the printer works on it, pauses left out.

A look says what is, an event what happened and when. Either can be missing or late: the push
socket may be down, a print may begin and end between two looks. Whichever comes first is
told, the other one then changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from agents.devices.octoprint.payloads import File, Happening, Phase, PrintEvent, Reading
from agents.model import Observation, UseEnd
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome

T = TypeVar("T")

#: OctoPrint tells the time printed in whole seconds. Less than before by more than that, it is
#: of another print.
_STEP_BACK_MS = 2000


@dataclass(frozen=True, slots=True)
class Print:
    """A print in hand: a use. Its figures are the newest that were told.

    seen_ms: boot time at which it was last seen. confirmed: its PrintStarted has come.
    cancel_ordered, by_firmware: who ends it, where it ends by being cancelled.
    """

    use: str
    file: File | None
    seen_ms: int
    paused: bool = False
    progress: float | None = None
    print_ms: int | None = None
    estimated_ms: int | None = None
    filament_mm: float | None = None
    confirmed: bool = False
    cancel_ordered: bool = False
    by_firmware: bool = False

    def figures(self) -> dict[str, int]:
        """Return the figures so far.

        `filament_mm` is an estimate: what OctoPrint's analysis says of the whole file, by the
        share of the file that was printed. `print_ms` leaves pauses out; `estimated_ms` is what
        the whole was to take by that analysis.
        """
        values: dict[str, int] = {}
        if self.progress is not None:
            values["progress_percent"] = int(self.progress * 100)
            if self.filament_mm is not None:
                values["filament_mm"] = round(self.filament_mm * self.progress)
        if self.print_ms is not None:
            values["print_ms"] = self.print_ms
        if self.estimated_ms is not None:
            values["estimated_ms"] = self.estimated_ms
        return values

    def is_of(self, file: File | None) -> bool:
        """Tell whether the print is of this file. Its path may be unknown after a restart."""
        if self.file is None or file is None:
            return False
        if self.file.path and file.path:
            return self.file.path == file.path
        known = self.file.size is not None and self.file.date is not None
        return known and (self.file.size, self.file.date) == (file.size, file.date)

    def goes_on_in(self, reading: Reading) -> bool:
        """Tell whether the reading shows this very print, still going on."""
        if reading.phase not in (Phase.PRINTING, Phase.PAUSED) or not self.is_of(reading.file):
            return False
        told, before = reading.print_ms, self.print_ms
        return told is None or before is None or told > before - _STEP_BACK_MS

    def updated(self, reading: Reading, at_ms: int) -> Print:
        """Return the print as the reading shows it. What is no longer told is kept.

        The figures of a print that is starting may still be those of the one before.
        """
        seen = replace(self, file=reading.file, seen_ms=at_ms, paused=reading.phase is Phase.PAUSED)
        if reading.toward is not None:
            return seen
        return replace(
            seen,
            progress=_newer(reading.progress, self.progress),
            print_ms=_newer(reading.print_ms, self.print_ms),
            estimated_ms=_newer(_ms(reading.estimated_s), self.estimated_ms),
            filament_mm=_newer(reading.filament_mm, self.filament_mm),
        )


class Prints:
    """The prints of one printer. Given its looks and events in turn, returns observations.

    new_use: makes the opaque id of a use. patience_ms: how long OctoPrint may be out of reach
    before a print in hand counts as over. in_hand: a print known from before a restart. part:
    whether a finished part is on the bed; None: OctoPrint knows best.
    """

    def __init__(
        self,
        *,
        new_use: Callable[[], str],
        patience_ms: int,
        in_hand: Print | None = None,
        part: bool | None = None,
    ) -> None:
        self._new_use = new_use
        self._patience_ms = patience_ms
        self.in_hand = in_hand
        self._reading = Reading(Phase.OFF)
        self._link = DeviceLink.DISCONNECTED
        self.part = part
        self._problems: tuple[str, ...] = ()
        self._told_ms = 0

    def agrees(self, reading: Reading) -> bool:
        """Tell whether the reading shows nothing that an event might explain better."""
        if self.in_hand is None:
            return reading.phase not in (Phase.PRINTING, Phase.PAUSED)
        return self.in_hand.goes_on_in(reading)

    def looked(
        self, at_ms: int, reading: Reading, problems: tuple[str, ...] = ()
    ) -> list[Observation]:
        """Return what a look comes to. `problems` are told along."""
        told: list[Observation] = []
        ended = None
        held = self.in_hand
        if held is not None and not held.goes_on_in(reading):
            if self._link is DeviceLink.DISCONNECTED:
                # It ended out of sight: at the moment it was last seen, for no time is counted
                # in which nobody knows whether it still ran.
                told.append(self._ends_unseen(held, _outcome(held, reading), reading))
            else:
                ended = self._end(held, _outcome(held, reading), reading)
        self._link, self._problems, self._reading = DeviceLink.CONNECTED, problems, reading
        if reading.phase in (Phase.PRINTING, Phase.PAUSED):
            held = self.in_hand or self._begin(reading.file, at_ms)
            self.in_hand = held.updated(reading, at_ms)
        elif self.in_hand is None and self.part is None and _done(reading):
            self.part = True
        return [*told, self._observation(at_ms, ended)]

    def lost(
        self, at_ms: int, problems: tuple[str, ...], *, fault: bool = True
    ) -> list[Observation]:
        """Return what it comes to that OctoPrint did not answer, or not to us.

        fault: a print that is given up for it counts as interrupted; else nobody can say.
        """
        self._link, self._problems = DeviceLink.DISCONNECTED, problems
        held = self.in_hand
        if held is None:
            self._reading = Reading(Phase.OFF)
            return [self._observation(at_ms)]
        if at_ms - held.seen_ms < self._patience_ms:
            return [self._observation(held.seen_ms)]
        outcome = Outcome.DEVICE_FAULT if fault else Outcome.UNKNOWN
        return [self._ends_unseen(held, outcome), self._observation(at_ms)]

    def happened(self, at_ms: int, event: PrintEvent) -> list[Observation]:
        """Return what an event comes to: nothing, where it tells nothing new."""
        held = self.in_hand
        if event.happening is Happening.STARTED:
            return self._started(at_ms, event)
        if held is None or held.file is None or held.file.path != event.path:
            return []
        if event.happening is Happening.ANALYSED:
            self.in_hand = replace(
                held,
                estimated_ms=_newer(_ms(event.estimated_s), held.estimated_ms),
                filament_mm=_newer(event.filament_mm, held.filament_mm),
            )
            return []
        if event.happening is Happening.CANCELLING:
            self.in_hand = replace(held, by_firmware=event.by_firmware, seen_ms=at_ms)
            return []
        if event.happening in (Happening.PAUSED, Happening.RESUMED):
            paused = event.happening is Happening.PAUSED
            self._reading = replace(self._reading, phase=Phase.PAUSED if paused else Phase.PRINTING)
            self.in_hand = replace(held, paused=paused, seen_ms=at_ms)
            return [self._observation(at_ms)]
        return self._finished(at_ms, held, event)

    def cancel_ordered(self) -> None:
        """Note that the print in hand is being cancelled by order, not by whoever began it."""
        if self.in_hand is not None:
            self.in_hand = replace(self.in_hand, cancel_ordered=True)

    def clear(self) -> None:
        """Note that the bed is free, though OctoPrint still shows the print that was on it."""
        if self.in_hand is None:
            self.part = False

    def _started(self, at_ms: int, event: PrintEvent) -> list[Observation]:
        held, ended = self.in_hand, None
        if held is not None:
            same = held.file is not None and held.file.path == event.path
            if same and not held.confirmed:
                # A look was faster than the event.
                self.in_hand = replace(held, confirmed=True)
                return []
            # A paused print that is started again was given up by whoever did so.
            outcome = Outcome.CUSTOMER if same and held.paused else Outcome.UNKNOWN
            ended = self._end(held, outcome)
        self._reading = replace(
            self._reading, phase=Phase.PRINTING, progress=None, estimated_s=None
        )
        self.in_hand = replace(self._begin(File(event.path), at_ms), confirmed=True)
        return [self._observation(at_ms, ended)]

    def _finished(self, at_ms: int, held: Print, event: PrintEvent) -> list[Observation]:
        held = replace(
            held,
            progress=_newer(event.progress, held.progress),
            print_ms=_newer(event.print_ms, held.print_ms),
        )
        phase = Phase.IDLE
        if event.happening is Happening.DONE:
            outcome = Outcome.CUSTOMER
            held = replace(held, progress=1.0)
            self.part = True
        elif event.happening is Happening.CANCELLED:
            outcome = _cancelled(held)
        else:
            outcome, phase = Outcome.DEVICE_FAULT, Phase.ERROR
        ended = self._end(held, outcome)
        self._reading = Reading(phase, temperatures=self._reading.temperatures)
        return [self._observation(at_ms, ended)]

    def _begin(self, file: File | None, at_ms: int) -> Print:
        self.part = None
        return Print(use=self._new_use(), file=file, seen_ms=at_ms)

    def _end(self, held: Print, outcome: Outcome, reading: Reading | None = None) -> UseEnd:
        if reading is not None and held.is_of(reading.file) and _done(reading):
            held = held.updated(reading, held.seen_ms)
        self.in_hand = None
        return UseEnd(held.use, outcome, held.figures())

    def _ends_unseen(
        self, held: Print, outcome: Outcome, reading: Reading | None = None
    ) -> Observation:
        self._link, self._reading = DeviceLink.DISCONNECTED, Reading(Phase.OFF)
        return self._observation(held.seen_ms, self._end(held, outcome, reading))

    def _observation(self, at_ms: int, ended: UseEnd | None = None) -> Observation:
        held, link = self.in_hand, self._link
        # A look and an event come by two threads: their stamps may be a few ms out of order.
        self._told_ms = max(at_ms, self._told_ms)
        return Observation(
            at_ms=self._told_ms,
            device_link=link,
            state=self._state(),
            use=held.use if held else None,
            active=held is not None and not held.paused and link is DeviceLink.CONNECTED,
            figures=held.figures() if held else {},
            ended=ended,
            readings=self._readings() if link is DeviceLink.CONNECTED else {},
            problems=self._problems,
        )

    def _state(self) -> DeviceState:
        if self.in_hand is not None:
            return DeviceState.PAUSED if self.in_hand.paused else DeviceState.IN_USE
        if self._reading.phase is Phase.ERROR:
            return DeviceState.FAULT
        if self._reading.phase is Phase.OFF or self._link is DeviceLink.DISCONNECTED:
            return DeviceState.OFF
        return DeviceState.TO_BE_CLEARED if self.part else DeviceState.FREE

    def _readings(self) -> Mapping[str, float]:
        values = dict(self._reading.temperatures)
        if self._reading.estimated_s is not None:
            # Also of a file that is only chosen: the desk can tell whether it would fit.
            values["estimated_seconds"] = float(round(self._reading.estimated_s))
        if self.in_hand is not None and self.in_hand.progress is not None:
            values["progress_ratio"] = self.in_hand.progress
            if self._reading.remaining_s is not None and self._reading.remaining_s >= 0:
                values["remaining_seconds"] = float(self._reading.remaining_s)
        return values


def _outcome(held: Print, reading: Reading) -> Outcome:
    """Return why a print ended that a look no longer shows.

    A file that is no longer chosen was dropped by a restart or a lost connection: interrupted,
    never done. A done one stands at 100 %, a cancelled one without progress.
    """
    if reading.phase in (Phase.OFF, Phase.ERROR) or reading.file is None:
        return Outcome.DEVICE_FAULT
    if not held.is_of(reading.file) or reading.phase is not Phase.IDLE:
        return Outcome.TURN_OVER if held.cancel_ordered else Outcome.UNKNOWN
    return Outcome.CUSTOMER if _done(reading) else _cancelled(held)


def _cancelled(held: Print) -> Outcome:
    if held.by_firmware:
        return Outcome.DEVICE_FAULT
    return Outcome.TURN_OVER if held.cancel_ordered else Outcome.CUSTOMER


def _done(reading: Reading) -> bool:
    return reading.phase is Phase.IDLE and reading.progress is not None and reading.progress >= 1.0


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _newer(told: T | None, known: T | None) -> T | None:
    return known if told is None else told
