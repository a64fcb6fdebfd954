"""What a scripted device and its agent say to each other."""

from __future__ import annotations

import pytest

from agents.devices.scripted.wire import (
    BadLine,
    Change,
    Command,
    Condition,
    Ending,
    Hello,
    Part,
    Present,
    Reply,
    Seen,
    from_agent,
    from_device,
    line,
)
from mqtt_schemas.base import DeviceState, Outcome
from mqtt_schemas.events import OrderOutcome, Step

CONDITION = Condition(since_ms=5, state=DeviceState.IN_USE, use="u-1", readings={"nozzle": 21.5})


@pytest.mark.parametrize(
    "message",
    [
        Change(
            epoch="e",
            seq=1,
            condition=CONDITION,
            ended=Ending(use="u-0", outcome=Outcome.CUSTOMER, figures={"filament_mm": 3}),
        ),
        Present(epoch="e", seq=1, at_ms=9, condition=CONDITION),
        Reply(id=1, outcome=OrderOutcome.FAILED, reason="not_obeyed"),
    ],
)
def test_what_the_device_says_comes_through(message: Part) -> None:
    """One line, read as it was meant."""
    assert line(message).count(b"\n") == 1
    assert from_device(line(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        Hello(),
        Hello(seen=Seen(epoch="e", seq=4)),
        Seen(epoch="e", seq=4),
        Command(id=1, step=Step.WARN, turn="t-1", seconds_left=60, phrase="turn_ends_in"),
    ],
)
def test_what_the_agent_says_comes_through(message: Part) -> None:
    """The same in the other direction."""
    assert from_agent(line(message)) == message


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"type": "seen"}',
        b'{"type": "seen", "epoch": "e", "seq": "4"}',
    ],
)
def test_what_is_no_message_is_refused(text: bytes) -> None:
    """With one sentence, whatever it is."""
    with pytest.raises(BadLine):
        from_agent(text + b"\n")
    with pytest.raises(BadLine):
        from_device(text + b"\n")
