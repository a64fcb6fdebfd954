"""Topics: built here, parsed here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.topics import (
    Address,
    Channel,
    Instance,
    InvalidTopic,
    device_topic,
    down_filter,
    instance_topic,
    instances_filter,
    is_id,
    parse,
    site_filter,
    up_filter,
)
from tests.mqtt_schemas.strategies import addresses, ids

channels = st.sampled_from(Channel)


@given(addresses, channels)
def test_a_device_topic_is_read_as_it_was_built(address: Address, channel: Channel) -> None:
    """Building and parsing are each other's inverse."""
    assert parse(device_topic(address, channel)) == (address, channel)


@given(ids)
def test_an_instance_topic_is_read_as_it_was_built(name: str) -> None:
    """An orchestrator's presence is told from every device's topics."""
    assert parse(instance_topic(Instance(name))) == Instance(name)


@given(
    st.text() | st.lists(st.sampled_from(["laitevuoro", "v1", "a", "up", "link", ""])).map("/".join)
)
def test_any_other_text_is_an_invalid_topic(text: str) -> None:
    """Parsing raises InvalidTopic and nothing else, or returns what builds the same text."""
    try:
        found = parse(text)
    except InvalidTopic:
        return
    assert isinstance(found, tuple)
    assert device_topic(*found) == text


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/laitevuoro/v1/a/b/up/link",
        "laitevuoro/v2/a/b/up/link",
        "laitevuoro/v1/a/b/up",
        "laitevuoro/v1/a/b/up/link/x",
        "laitevuoro/v1/a/b/up/nothing",
        "laitevuoro/v1/a/b/sideways/link",
        "laitevuoro/v1/A/b/up/link",
        "laitevuoro/v1/a/+/up/link",
        "laitevuoro/v1//b/up/link",
        "laitevuoro/v1/a/b-/up/link",
        "laitevuoro/v1/orchestrator/b/up/link",
        "laitevuoro/v1/orchestrator/B",
        "laitevuoro/v1/orchestrator",
    ],
)
def test_foreign_topics_are_refused(topic: str) -> None:
    """Another prefix, version, depth, channel or spelling is none of ours."""
    with pytest.raises(InvalidTopic):
        parse(topic)


def test_no_site_is_called_orchestrator() -> None:
    """Its topics would be the orchestrators' own."""
    with pytest.raises(InvalidTopic):
        Address("orchestrator", "printer-1")


def test_a_refusal_is_short_however_long_the_name() -> None:
    """What a stranger sends does not fill the log."""
    with pytest.raises(InvalidTopic) as caught:
        parse(f"laitevuoro/v1/{'A' * 60_000}/b/up/link")
    assert len(str(caught.value)) < 200


def test_the_user_name_is_of_one_device_only() -> None:
    """No id holds a full stop, so two devices never share a user name."""
    assert Address("main", "printer-1").user == "main.printer-1"
    assert not is_id("main.printer")


def test_filters_match_what_their_side_needs() -> None:
    """An agent hears its own device alone; an orchestrator its sites' devices."""
    address = Address("main", "printer-1")
    assert down_filter(address) == "laitevuoro/v1/main/printer-1/down/#"
    assert up_filter(address) == "laitevuoro/v1/main/printer-1/up/#"
    assert site_filter("main") == "laitevuoro/v1/main/+/up/#"
    assert instances_filter() == "laitevuoro/v1/orchestrator/#"


def test_upward_are_those_that_the_agent_publishes() -> None:
    """The direction stands in the topic, so that access can be given by it."""
    assert {channel for channel in Channel if channel.upward} == {
        Channel.LINK,
        Channel.STATUS,
        Channel.EVENTS,
        Channel.TIME_REQUEST,
    }
