"""PURE: what holds at a scripted device, and what of it is to be written down and told."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.devices.scripted.journal import EndedBy, Line, Ordered
from agents.devices.scripted.use import Use
from agents.devices.scripted.wire import Asked, Change, Command, Condition, Ending
from agents.model import Answer
from mqtt_schemas.base import DeviceState, Outcome
from mqtt_schemas.events import Step

_OUTCOMES = {
    EndedBy.CUSTOMER: Outcome.CUSTOMER,
    EndedBy.ORDER: Outcome.TURN_OVER,
    EndedBy.FAULT: Outcome.DEVICE_FAULT,
    EndedBy.STOP: Outcome.POWER_LOSS,
    EndedBy.CUT: Outcome.POWER_LOSS,
}


@dataclass(slots=True)
class Told:
    """What is to be written to the journal first, and told to the agent then."""

    lines: list[Line] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


class Truth:
    """The device's condition and the use it is in. Every change of them is made here."""

    def __init__(self, *, epoch: str, now_ms: int, readings: dict[str, float]) -> None:
        self.condition = Condition(since_ms=now_ms, state=DeviceState.FREE, readings=readings)
        self.seq = 0
        self.use: Use | None = None
        self._epoch = epoch
        self._readings = readings
        self._told = Told()

    def take(self) -> Told:
        """Return what happened since the last call."""
        told, self._told = self._told, Told()
        return told

    def note(self, *lines: Line) -> None:
        """Have lines written to the journal."""
        self._told.lines += lines

    def ask(self, asked: Asked) -> None:
        """Have a request told to the agent."""
        self._told.asked.append(asked)

    def ordered(self, command: Command, answer: Answer, now_ms: int) -> None:
        """Note an order and what came of it."""
        self.note(
            Ordered(
                at_ms=now_ms,
                step=command.step,
                turn=command.turn,
                seconds_left=command.seconds_left,
                phrase=command.phrase,
                outcome=answer.outcome,
                reason=answer.reason,
            )
        )

    def become(self, now_ms: int, state: DeviceState, ended: Ending | None = None) -> None:
        """Change the device's condition."""
        use = self.use
        self.condition = Condition(
            since_ms=now_ms,
            state=state,
            use=use.id if use else None,
            active=use.active if use else False,
            category=use.visit.category if use and use.active else None,
            figures=use.figures if use else {},
            readings=self._readings,
        )
        self.seq += 1
        change = Change(epoch=self._epoch, seq=self.seq, condition=self.condition, ended=ended)
        self._told.changes.append(change)

    def end(
        self, now_ms: int, *, by: EndedBy, then: DeviceState, order: Step | None = None
    ) -> None:
        """End the present use, if any."""
        use, self.use = self.use, None
        if use is None:
            self.become(now_ms, then)
            return
        self.note(*use.end(now_ms, by, order))
        self.become(now_ms, then, Ending(use=use.id, outcome=_OUTCOMES[by], figures=use.figures))

    def cut(self, use: str, now_ms: int) -> None:
        """Tell of a use that ended while this process was dead."""
        ended = Ending(use=use, outcome=_OUTCOMES[EndedBy.CUT])
        self.become(now_ms, self.condition.state, ended)
