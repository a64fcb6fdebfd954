"""What systemd is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents import notify


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen where a service manager would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(1)
        yield listening


def test_the_manager_hears_the_words_of_sd_notify(manager: socket.socket) -> None:
    """Ready, alive, a status line and the end, each as one datagram."""
    environment = {"NOTIFY_SOCKET": manager.getsockname()}
    notify.ready(environment)
    notify.watchdog(environment)
    notify.status("2 devices,\nREADY=1", environment)
    notify.stopping(environment)
    heard = [manager.recv(200).decode().strip() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=2 devices, READY=1", "STATUS=stopping"]


def test_an_abstract_socket_is_understood() -> None:
    """`@` stands for the zero byte of an abstract name (sd_notify(3))."""
    name = f"laitevuoro-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(1)
        notify.ready({"NOTIFY_SOCKET": f"@{name}"})
        assert listening.recv(200).strip() == b"READY=1"


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    """Started by hand, or with a manager that has gone, the agent is not disturbed."""
    notify.ready({})
    notify.watchdog({"NOTIFY_SOCKET": ""})
    notify.ready({"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_a_stuck_manager_is_not_waited_for(manager: socket.socket) -> None:
    """Datagrams past the manager's queue are dropped."""
    for _ in range(2000):
        notify.watchdog({"NOTIFY_SOCKET": manager.getsockname()})
    assert manager.recv(200).strip() == b"WATCHDOG=1"


def test_the_watchdogs_pace_is_half_of_its_time() -> None:
    """As sd_watchdog_enabled(3) asks, and only where the time is meant for this process."""
    own = str(os.getpid())
    assert notify.watchdog_seconds({"WATCHDOG_USEC": "30000000"}) == 15.0
    assert notify.watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": own}) == 15.0
    assert notify.watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert notify.watchdog_seconds({"WATCHDOG_USEC": "soon"}) is None
    assert notify.watchdog_seconds({}) is None
