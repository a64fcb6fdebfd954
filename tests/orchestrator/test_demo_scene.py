"""What the demo shows, and when."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from agents.config import load as load_agent
from agents.devices.scripted.script import load as load_script
from mqtt_schemas.topics import Address
from orchestrator import demo_scene as scene
from orchestrator.config import load as load_orchestrator

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SPEEDS = [scene.LEAST_SPEED, 3, scene.MOST_SPEED]


@pytest.mark.parametrize("speed", SPEEDS)
def test_turns_of_a_device_do_not_overlap(speed: int) -> None:
    """Nor does a round reach into the next one."""
    following = NOW + timedelta(seconds=scene.round_seconds(speed))
    turns = [*scene.booked_turns(NOW, speed), *scene.booked_turns(following, speed)]
    for device in (scene.PRINTER, scene.VR):
        mine = sorted(
            (turn for turn in turns if turn.device == device), key=lambda turn: turn.starts_at
        )
        assert len(mine) == 4
        for one, other in pairwise(mine):
            assert one.ends_at < other.starts_at


def test_a_turn_is_ended_and_counted_within_40_seconds() -> None:
    """What the issue promises of the first round, bookings laid at once."""
    turns = scene.booked_turns(NOW + timedelta(seconds=scene.LEAD), 1)
    for device in (scene.PRINTER, scene.VR):
        first = min(turn.ends_at for turn in turns if turn.device == device)
        assert first <= NOW + timedelta(seconds=30)


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_last_turn_of_a_round_is_over_in_time(speed: int) -> None:
    """So a round that has room leaves no use open when the demo ends."""
    last = max(turn.ends_at for turn in scene.booked_turns(NOW, speed))
    assert last + timedelta(seconds=1 / speed) <= NOW + timedelta(seconds=scene.ROUND_USED / speed)


def test_there_is_room_for_a_round_only_where_it_ends_in_time() -> None:
    """Without an end there always is."""
    assert scene.has_room(0, 45, 1)
    assert not scene.has_room(3, 45, 1)
    assert scene.has_room(10_000, None, 1)


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_orchestrator_takes_its_configuration(tmp_path: Path, speed: int) -> None:
    """And allows what is booked: each turn is long enough, and is warned of at least once."""
    path = tmp_path / "orchestrator.toml"
    path.write_text(scene.orchestrator_toml(broker_port=1883, http_port=0, speed=speed))
    configuration = load_orchestrator(path, {})
    for turn in scene.booked_turns(NOW, speed):
        policy = configuration.devices[Address(scene.SITE, turn.device)].policy
        length = (turn.ends_at - turn.starts_at).total_seconds()
        assert turn.group in configuration.orchestrator.target_groups
        assert length >= policy.shortest
    longest = {turn.device: 0.0 for turn in scene.booked_turns(NOW, speed)}
    for turn in scene.booked_turns(NOW, speed):
        length = (turn.ends_at - turn.starts_at).total_seconds()
        longest[turn.device] = max(longest[turn.device], length)
    assert all(min(policy.warn_before) < length for length in longest.values())


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("device", sorted(scene.SCRIPTS))
def test_a_device_takes_its_script(tmp_path: Path, device: str, speed: int) -> None:
    """One customer overstays and one leaves, in turn."""
    path = tmp_path / "script.toml"
    path.write_text(scene.script(device, speed))
    script = load_script(path)
    assert script.speed == speed
    assert [visit.nth for visit in script.visit] == [1, 2]


def test_an_agent_takes_its_configuration(tmp_path: Path) -> None:
    """Strings of any kind are quoted."""
    path = tmp_path / "agent.toml"
    own = {"socket": '/run/with "quotes" and \\/vr.sock'}
    text = scene.agent_toml(
        scene.VR, driver="simulated", broker_port=1, own=own, without_plan="closed"
    )
    path.write_text(text)
    (device,) = load_agent(path, {}).device
    assert device.own == own
    assert tomllib.loads(text)["broker"] == {"port": 1}


def test_the_demo_never_ends_what_runs_on_this_computer(tmp_path: Path) -> None:
    """The PC is open to everybody, and its turns only notify."""
    path = tmp_path / "orchestrator.toml"
    path.write_text(scene.orchestrator_toml(broker_port=1883, http_port=0, speed=1))
    policy = load_orchestrator(path, {}).devices[Address(scene.SITE, scene.PC)].policy
    assert (policy.at_end, policy.outside_turns, policy.after_expiry) == ("notify", "open", "open")
