"""Which module drives which device. Each is imported only where a device asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from agents.clock import Clock
from agents.config import Driver, InvalidConfiguration
from agents.model import Device


def _pc(own: Mapping[str, Any], clock: Clock) -> Device:
    from agents.devices.pc import PcSettings, build  # noqa: PLC0415 - only where asked for

    return build(PcSettings.model_validate(own), clock)


def _octoprint(own: Mapping[str, Any], clock: Clock) -> Device:
    from agents.devices.octoprint import (  # noqa: PLC0415 - requests is 10 MB of memory
        OctoPrintSettings,
        build,
    )

    return build(OctoPrintSettings.model_validate(own), clock)


def _simulated(own: Mapping[str, Any], clock: Clock) -> Device:
    from agents.devices.simulated import (  # noqa: PLC0415 - only where asked for
        SimulatedSettings,
        build,
    )

    return build(SimulatedSettings.model_validate(own), clock)


_DRIVERS: dict[Driver, Callable[[Mapping[str, Any], Clock], Device]] = {
    "pc": _pc,
    "octoprint": _octoprint,
    "simulated": _simulated,
}


def build(driver: Driver, own: Mapping[str, Any], clock: Clock) -> Device:
    """Return the device of a driver's table. Raises InvalidConfiguration."""
    try:
        return _DRIVERS[driver](own, clock)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([driver, *map(str, first["loc"])])
        raise InvalidConfiguration(f"device.{key}: {first['msg']}") from None
    except ImportError as error:
        raise InvalidConfiguration(
            f"device.{driver}: {error.name} is not installed: install laitevuoro[{driver}]"
        ) from None
