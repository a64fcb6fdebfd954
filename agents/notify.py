"""What systemd is told, by sd_notify(3). Without systemd each of these does nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

from systemd_watchdog.systemd_watchdog import WatchDog


def ready(environment: Mapping[str, str] = os.environ) -> None:
    """Say that the service is up (Type=notify)."""
    _tell(environment, lambda systemd: systemd.ready())


def watchdog(environment: Mapping[str, str] = os.environ) -> None:
    """Say that the service is alive (WatchdogSec=)."""
    _tell(environment, lambda systemd: systemd.notify())


def status(text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Say in one line how the service is, for `systemctl status`."""
    line = " ".join(text.split())
    _tell(environment, lambda systemd: systemd.status(line))


def stopping(environment: Mapping[str, str] = os.environ) -> None:
    """Say that the service is on its way out, as its status: systemd sees the rest itself."""
    status("stopping", environment)


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return how often `watchdog` is to be called: half of WatchdogSec=; None where it is not."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 2e6 if microseconds.isdecimal() and for_us else None


def _tell(environment: Mapping[str, str], say: Callable[[WatchDog], None]) -> None:
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    # Never blocking: a stuck manager must not stop the loop. The library's own clock for
    # "is a ping due" is the wall clock, so it is not used.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        datagram.settimeout(0)
        try:
            say(WatchDog(sock=datagram, addr=address))
        except OSError:
            return
