"""PURE: one use of a scripted device, from a customer's coming to going."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.devices.scripted.journal import EndedBy, Line, Right, Span, UseEnded
from agents.devices.scripted.script import Stretch, Visit
from mqtt_schemas.events import Step


@dataclass(slots=True)
class Use:
    """A use that has not ended. Times are boot time in milliseconds.

    begun_in: the turn that the device was open for when it began. span_ms: since when
    activity and right are as they are. stretch: what the customer is at, by its number.
    moves: grows whenever that changes. since: the turns that the device was opened for while it
    went on; an agent that saw it begin after its own turn's end gives it to one of them.
    """

    id: str
    visit: Visit
    began_ms: int
    right: Right
    turn: str | None
    begun_in: str | None
    span_ms: int
    stretch: int = 0
    paused: bool = False
    moves: int = 0
    active_ms: int = 0
    idle_ms: int = 0
    refused: int = 0
    since: set[str | None] = field(default_factory=set)

    @property
    def doing(self) -> Stretch:
        """What the customer is at."""
        return self.visit.does[self.stretch]

    @property
    def last(self) -> bool:
        """Whether the customer is at the last of it."""
        return self.stretch == len(self.visit.does) - 1

    def belongs_to(self, turn: str | None) -> bool:
        """Tell whether an order for this turn means this use; an order for none always does."""
        mine = {self.begun_in, self.turn} | self.since
        return turn is None or self.begun_in is None or turn in mine

    @property
    def active(self) -> bool:
        """Whether somebody is doing something."""
        return self.doing.active is not None and not self.paused

    @property
    def figures(self) -> dict[str, int]:
        """What the device measured up to the last change."""
        if not self.visit.filament_mm_per_second:
            return {}
        return {"filament_mm": round(self.active_ms * self.visit.filament_mm_per_second / 1000)}

    def close_span(self, now_ms: int) -> list[Line]:
        """Account the time since the last change, before the next one is made."""
        span_ms = now_ms - self.span_ms
        if span_ms <= 0:
            return []
        if self.active:
            self.active_ms += span_ms
        else:
            self.idle_ms += span_ms
        from_ms, self.span_ms = self.span_ms, now_ms
        return [
            Span(
                at_ms=now_ms,
                use=self.id,
                from_ms=from_ms,
                active=self.active,
                right=self.right,
                turn=self.turn,
            )
        ]

    def end(self, now_ms: int, by: EndedBy, order: Step | None) -> list[Line]:
        """Return the journal's lines of the end."""
        lines = self.close_span(now_ms)
        lines.append(
            UseEnded(
                at_ms=now_ms,
                use=self.id,
                from_ms=self.began_ms,
                active_ms=self.active_ms,
                idle_ms=self.idle_ms,
                by=by,
                order=order,
                right=self.right,
                turn=self.turn,
                refused=self.refused,
                figures=self.figures,
            )
        )
        return lines
