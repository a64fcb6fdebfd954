"""Devices by the names that people use."""

from __future__ import annotations

import pytest

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.bookings import NotKnown
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.naming import device_named, devices_of_kind


def device(site: str, name: str, kind: str) -> Device:
    """Return a device."""
    return Device(Address(site, name), kind, Policy(AtEnd.LOCK), name.upper())


ALL = [device("paja", "pc-1", "pc"), device("paja", "vr-1", "vr"), device("sivu", "pc-1", "pc")]
DEVICES = {each.address: each for each in ALL}


def test_a_device_is_named_by_its_id_or_with_its_site() -> None:
    """Whatever is clear."""
    assert device_named("vr-1", DEVICES) is ALL[1]
    assert device_named("sivu/pc-1", DEVICES) is ALL[2]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pc-1", "There are several devices called 'pc-1': paja/pc-1 or sivu/pc-1."),
        ("vr1", "There is no device 'vr1'; did you mean 'vr-1'?"),
        ("printer", "There is no device 'printer'."),
    ],
)
def test_what_is_not_clear_is_refused(name: str, sentence: str) -> None:
    """With what may have been meant."""
    with pytest.raises(NotKnown) as refusal:
        device_named(name, DEVICES)
    assert str(refusal.value) == sentence


def test_devices_of_a_kind_are_of_one_site() -> None:
    """A customer stands in one library."""
    assert devices_of_kind("vr", ALL) == [ALL[1]]
    assert devices_of_kind("sivu/pc", ALL) == [ALL[2]]
    with pytest.raises(NotKnown, match="at several sites: paja/pc or sivu/pc"):
        devices_of_kind("pc", ALL)
    with pytest.raises(NotKnown, match="no device of the kind 'tv'; there are pc, vr"):
        devices_of_kind("tv", ALL)
