"""PURE: devices by the names that people use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import NotKnown
from orchestrator.domain.devices import Device


def device_named(name: str, devices: Mapping[Address, Device]) -> Device:
    """Return the device that somebody named, by its id or as site/id. Raises NotKnown."""
    found = [
        device for address, device in devices.items() if name in (str(address), address.device)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = " or ".join(str(device.address) for device in found)
        raise NotKnown(f"There are several devices called {name!r}: {several}.")
    names = [text for each in devices for text in (str(each), each.device)]
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise NotKnown(f"There is no device {name!r}{hint}")


def devices_of_kind(name: str, devices: Collection[Device]) -> list[Device]:
    """Return the devices of a kind, or of site/kind, all at one site. Raises NotKnown."""
    site, _, kind = name.rpartition("/")
    found = [
        device
        for device in devices
        if device.kind == kind and (not site or device.address.site == site)
    ]
    sites = sorted({device.address.site for device in found})
    if len(sites) > 1:
        several = " or ".join(f"{each}/{kind}" for each in sites)
        raise NotKnown(f"There are devices of the kind {kind!r} at several sites: {several}.")
    if not found:
        kinds = sorted({device.kind for device in devices})
        raise NotKnown(f"There is no device of the kind {name!r}; there are {', '.join(kinds)}.")
    return found
