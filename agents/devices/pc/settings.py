"""The configuration's table `[device.pc]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents.devices.pc.catalogue import Category

SteamApp = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")]


class PcSettings(BaseModel):
    """What a PC's driver can be told. Every key has a default that fits a desktop of Debian.

    programs: application id or command name -> category, before the built-in lists.
    steam_apps: Steam's AppId -> category; an AppId in no list is a game.
    helper_socket: where the desktop helper finds this agent; its folder must exist.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seat: Annotated[str, StringConstraints(pattern=r"^seat[A-Za-z0-9_-]{1,32}$")] = "seat0"
    bus_address: str | None = Field(default=None, description="None: the system's own")
    proc: Path = Path("/proc")
    helper_socket: Path | None = Path("/run/laitevuoro-agent/helper.sock")
    programs: dict[str, Category] = {}
    steam_apps: dict[SteamApp, Category] = {}
