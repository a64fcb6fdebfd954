"""The device "this machine": login sessions of a seat, by systemd-logind."""

from __future__ import annotations

from agents.clock import Clock
from agents.devices.pc.catalogue import Catalogue
from agents.devices.pc.device import Pc
from agents.devices.pc.settings import PcSettings

__all__ = ["Pc", "PcSettings", "build"]


def build(settings: PcSettings, clock: Clock) -> Pc:
    """Return the device."""
    return Pc(
        seat=settings.seat,
        bus_address=settings.bus_address,
        proc=settings.proc,
        catalogue=Catalogue(programs=settings.programs, steam_apps=settings.steam_apps),
        helper_socket=settings.helper_socket,
        clock=clock,
    )
