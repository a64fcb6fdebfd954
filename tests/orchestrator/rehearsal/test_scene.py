"""The rehearsed library's files, read by those who are to read them."""

from __future__ import annotations

from pathlib import Path

from agents.config import load as load_agent
from agents.devices.scripted.script import load as load_script
from mqtt_schemas.plan import OutsideTurns
from orchestrator.config import load as load_orchestrator
from orchestrator.rehearsal import scene
from orchestrator.rehearsal.faults import agents, devices, devices_of


def test_the_orchestrators_configuration_has_every_device_open_outside_turns(
    tmp_path: Path,
) -> None:
    """So that there is use all the time, and every use counts."""
    path = tmp_path / "orchestrator.toml"
    path.write_text(
        scene.orchestrator_toml(
            broker_port=1883, http_port=0, username="orchestrator.x", devices=devices()
        )
    )
    config = load_orchestrator(path, {})
    assert {device.address.device for device in config.devices.values()} == set(devices())
    for device in config.devices.values():
        assert device.policy.outside_turns is OutsideTurns.OPEN
        assert device.policy.after_expiry is OutsideTurns.OPEN


def test_each_agents_configuration_has_its_devices(tmp_path: Path) -> None:
    """Each at a socket of its own, and open without a plan."""
    for agent in agents():
        path = tmp_path / f"{agent}.toml"
        sockets = {device: tmp_path / device for device in devices_of(agent)}
        path.write_text(scene.agent_toml(broker_port=1883, state_dir=agent, sockets=sockets))
        config = load_agent(path, {})
        assert [device.id for device in config.device] == devices_of(agent)
        assert {device.outside for device in config.device} == {OutsideTurns.OPEN}
        assert [device.own["socket"] for device in config.device] == [
            str(socket) for socket in sockets.values()
        ]


def test_each_device_has_customers_of_its_own(tmp_path: Path) -> None:
    """The same for the same seed."""
    path, seeds = tmp_path / "script.toml", []
    for seed in (1, 2):
        for number in range(len(devices())):
            path.write_text(scene.script(seed, number))
            crowd = load_script(path).crowd
            assert crowd is not None
            seeds.append(crowd.seed)
    assert len(set(seeds)) == len(seeds)
