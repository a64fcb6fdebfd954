"""Whether a device can be given to the next customer."""

from __future__ import annotations

import pytest

from mqtt_schemas.base import DeviceLink, DeviceState
from orchestrator.conditions import condition_of
from orchestrator.domain.next_turn import Condition
from orchestrator.twins import ALIVE_SECONDS, Twin
from tests.orchestrator.fakes import PRINTER, status


@pytest.mark.parametrize(
    ("state", "condition"),
    [
        (DeviceState.FREE, Condition.READY),
        (DeviceState.LOCKED, Condition.READY),
        (DeviceState.IN_USE, Condition.BUSY),
        (DeviceState.PAUSED, Condition.BUSY),
        (DeviceState.TO_BE_CLEARED, Condition.BUSY),
        (DeviceState.FAULT, Condition.AWAY),
        (DeviceState.OFF, Condition.AWAY),
    ],
)
def test_the_state_decides_while_the_agent_lives(state: DeviceState, condition: Condition) -> None:
    """Past three heartbeats nothing is known."""
    twin = Twin(PRINTER.address)
    assert condition_of(twin, 0.0) is Condition.AWAY
    said = status().model_copy(update={"state": state})
    twin.take_status(said, now=0.0, retained=False)
    assert condition_of(twin, ALIVE_SECONDS) is condition
    assert condition_of(twin, ALIVE_SECONDS + 1) is Condition.AWAY


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        ({"device_link": DeviceLink.DISCONNECTED}, Condition.AWAY),
        ({"blocked": "not_locked"}, Condition.AWAY),
        ({"to_be_cleared": "s1"}, Condition.BUSY),
    ],
)
def test_a_free_device_may_be_of_no_use_all_the_same(
    told: dict[str, object], condition: Condition
) -> None:
    """It can't be reached, does not obey, or the last customer's part is on it."""
    twin = Twin(PRINTER.address)
    twin.take_status(status().model_copy(update=told), now=0.0, retained=False)
    assert condition_of(twin, 0.0) is condition
