"""What systemd is told, by sd_notify(3). Without systemd each of these does nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

from systemd_watchdog.systemd_watchdog import WatchDog


class Notify:
    """The service manager that `environment` tells of, or none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        microseconds = environment.get("WATCHDOG_USEC", "")
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._interval = int(microseconds) / 2e6 if microseconds.isdecimal() and for_us else None

    def ready(self) -> None:
        """Say that the service is up (Type=notify)."""
        self._tell(lambda systemd: systemd.ready())

    def status(self, text: str) -> None:
        """Say in one line how the service is, for `systemctl status`."""
        line = " ".join(text.split())
        self._tell(lambda systemd: systemd.status(line))

    async def keep_alive(self) -> None:
        """Say every half of WatchdogSec= that the event loop turns. For ever."""
        while self._interval is not None:
            self._tell(lambda systemd: systemd.notify())
            await asyncio.sleep(self._interval)

    def _tell(self, say: Callable[[WatchDog], None]) -> None:
        if not self._address:
            return
        # Never blocking: a stuck manager must not stop the loop.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
            datagram.settimeout(0)
            try:
                say(WatchDog(sock=datagram, addr=self._address))
            except OSError:
                return
