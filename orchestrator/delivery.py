"""How far a change of a booking has come on its way to the device."""

from __future__ import annotations

from enum import StrEnum


class Delivery(StrEnum):
    """Where the change is.

    in_force: the device has confirmed the plan with it. sent: not confirmed yet. offline: it
    waits at the broker. later: the turn is beyond the plan's reach. not_stored: the plan could
    not be written. not_running: there is no orchestrator to plan it now. at_desk: the device has no
    agent to be told; it holds at once, by staff's hand.
    """

    IN_FORCE = "in_force"
    SENT = "sent"
    OFFLINE = "offline"
    LATER = "later"
    NOT_STORED = "not_stored"
    NOT_RUNNING = "not_running"
    AT_DESK = "at_desk"


_SENTENCES = {
    Delivery.IN_FORCE: "{name} has it.",
    Delivery.SENT: "{name} was told and has not confirmed it yet.",
    Delivery.OFFLINE: "{name} is offline; it is told when it is back.",
    Delivery.LATER: "{name} is told in good time; its plan does not reach that far yet.",
    Delivery.NOT_STORED: "The plan of {name} can't be written now; it is told as soon as it can.",
    Delivery.NOT_RUNNING: "The orchestrator is not running; {name} is told when it runs again.",
    Delivery.AT_DESK: "{name} has no agent: it holds at the desk.",
}


def say(delivery: Delivery, name: str) -> str:
    """Return one sentence on where the change is, for the person who asked."""
    return _SENTENCES[delivery].format(name=name)
