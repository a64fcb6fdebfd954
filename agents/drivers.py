"""Which module drives which device. Each is imported only where a device asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from agents.clock import Clock
from agents.config import DeviceSettings, Driver, InvalidConfiguration
from agents.config_errors import sentences
from agents.model import Device


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a driver is built into.

    file: the configuration, to which relative paths in the driver's table are relative.
    memory: the device's folder of the agent's state; None: nothing is to be kept.
    """

    clock: Clock
    file: Path
    memory: Path | None


def _pc(settings: DeviceSettings, around: Surroundings) -> Device:
    from agents.devices.pc import PcSettings, build  # noqa: PLC0415 - only where asked for

    return build(PcSettings.model_validate(settings.own, context=around.file), around.clock)


def _octoprint(settings: DeviceSettings, around: Surroundings) -> Device:
    from agents.devices.octoprint import Settings, build  # noqa: PLC0415 - requests is 10 MB

    own = Settings.model_validate(settings.own, context=around.file)
    memory = around.memory / "print.json" if around.memory else None
    return build(own, around.clock, memory)


def _simulated(settings: DeviceSettings, around: Surroundings) -> Device:
    from agents.devices.simulated import (  # noqa: PLC0415 - only where asked for
        SimulatedSettings,
        build,
    )

    return build(SimulatedSettings.model_validate(settings.own, context=around.file))


_DRIVERS: dict[Driver, Callable[[DeviceSettings, Surroundings], Device]] = {
    "pc": _pc,
    "octoprint": _octoprint,
    "simulated": _simulated,
}


def build(settings: DeviceSettings, around: Surroundings) -> Device:
    """Return the device. Raises InvalidConfiguration; nothing is connected yet."""
    driver = settings.driver
    place = f"{around.file}: device {settings.address}: {driver}"
    try:
        return _DRIVERS[driver](settings, around)
    except ValidationError as error:
        raise InvalidConfiguration("\n".join(sentences(error, place))) from None
    except ValueError as error:
        raise InvalidConfiguration(f"{place}: {error}.") from None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "agents":
            raise
        raise InvalidConfiguration(
            f"{place}: {error.name} is not installed: install laitevuoro[{driver}]."
        ) from None
