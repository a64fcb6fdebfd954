"""The access model: who may do what, and nobody more."""

from __future__ import annotations

import pytest
from hypothesis import given

from mqtt_schemas.topics import Address, Channel, Instance, device_topic, instance_topic
from orchestrator.broker.access import AccessError, Hashes, User, orchestrator_user, users
from tests.orchestrator.broker.strategies import HASHES, addresses, matches

MAIN = Instance("main")


def everybody(devices: list[Address]) -> tuple[User, ...]:
    """Return all users of these devices and the orchestrator of all their sites."""
    names = [orchestrator_user(MAIN), *(device.user for device in devices)]
    return users(
        instance=MAIN,
        sites=sorted({device.site for device in devices}),
        devices=devices,
        hashes=dict.fromkeys(names, HASHES),
    )


def may(filters: tuple[str, ...], topic: str) -> bool:
    """Tell whether one of the filters matches the topic."""
    return any(matches(each, topic) for each in filters)


@given(addresses(min_size=2))
def test_a_device_may_exactly_its_own(devices: list[Address]) -> None:
    """Each device publishes all its up/ channels, reads all its down/ ones, and no one else's."""
    for user, own in zip(everybody(devices)[1:], devices, strict=True):
        for other in devices:
            for channel in Channel:
                topic = device_topic(other, channel)
                assert may(user.publish, topic) == (other == own and channel.upward)
                assert may(user.subscribe, topic) == (other == own and not channel.upward)
        assert may(user.subscribe, instance_topic(MAIN))
        assert not may(user.publish, instance_topic(MAIN))


@given(addresses(min_size=1))
def test_the_orchestrator_reads_up_and_writes_down(devices: list[Address]) -> None:
    """The orchestrator serves all devices of its sites, in the one direction each."""
    user = everybody(devices)[0]
    for device in devices:
        for channel in Channel:
            topic = device_topic(device, channel)
            assert may(user.subscribe, topic) == channel.upward
            assert may(user.publish, topic) == (not channel.upward)


@given(addresses(min_size=1))
def test_no_orchestrator_reaches_another_site_or_presence(devices: list[Address]) -> None:
    """What is not of its sites is closed to it, and so is another orchestrator's presence."""
    site = devices[0].site
    only = users(instance=MAIN, sites=[site], devices=(), hashes={orchestrator_user(MAIN): HASHES})[
        0
    ]
    foreign = [device for device in devices if device.site != site]
    for topic in [device_topic(device, channel) for device in foreign for channel in Channel]:
        assert not may(only.publish, topic)
        assert not may(only.subscribe, topic)
    assert may(only.publish, instance_topic(MAIN))
    assert not may(only.publish, instance_topic(Instance("other")))


@given(addresses(min_size=1))
def test_user_names_are_unique(devices: list[Address]) -> None:
    """No two users share a name, and no device has the orchestrator's."""
    names = [user.name for user in everybody(devices)]
    assert len(set(names)) == len(names)


def test_a_device_without_credentials_is_no_user() -> None:
    """Deny by default: what is not enrolled can't connect, what is not configured neither."""
    one, two, gone = Address("a", "one"), Address("a", "two"), Address("a", "gone")
    hashes = dict.fromkeys([orchestrator_user(MAIN), one.user, gone.user], HASHES)
    found = users(instance=MAIN, sites=["a"], devices=[one, two], hashes=hashes)
    assert [user.name for user in found] == [orchestrator_user(MAIN), one.user]


@pytest.mark.parametrize(
    ("sites", "devices", "known", "sentence"),
    [
        ([], [], True, "serves no site"),
        (["a"], [], False, "has no credentials"),
        (["a", "a"], [], True, "a site stands twice"),
        (["orchestrator"], [], True, "can't be the name of a site"),
        (["a/#"], [], True, "can't be the name of a site"),
        (["a"], [Address("b", "x")], True, "b/x is at a site that"),
        (["a"], [Address("a", "x"), Address("a", "x")], True, "a device stands twice"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    sites: list[str], devices: list[Address], *, known: bool, sentence: str
) -> None:
    """Nothing is rendered from a model that contradicts itself."""
    hashes: dict[str, Hashes] = {orchestrator_user(MAIN): HASHES} if known else {}
    with pytest.raises(AccessError, match=sentence):
        users(instance=MAIN, sites=sites, devices=devices, hashes=hashes)


def test_a_user_without_filters_is_refused() -> None:
    """An empty list would mean "everything" to NATS."""
    with pytest.raises(AccessError, match="no topic to publish"):
        User(name="a.b", hashes=HASHES, publish=(), subscribe=("x",))
