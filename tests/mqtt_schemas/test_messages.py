"""Every message through the wire and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Message
from mqtt_schemas.codec import MODELS, InvalidMessage, decode, encode
from mqtt_schemas.messages import MAX_EVENTS, Events, Presence
from mqtt_schemas.topics import Address, Channel, Instance, device_topic, instance_topic
from tests.mqtt_schemas.strategies import MESSAGES, presences

ADDRESS = Address("main", "printer-1")
EXAMPLES = st.sampled_from(Channel).flatmap(
    lambda channel: st.tuples(st.just(channel), MESSAGES[channel])
)


@given(EXAMPLES)
def test_every_message_comes_back_as_it_was_sent(example: tuple[Channel, Message]) -> None:
    """Encoding and decoding are each other's inverse on every channel."""
    channel, message = example
    received = decode(device_topic(ADDRESS, channel), encode(message))
    assert (received.source, received.channel, received.message) == (ADDRESS, channel, message)
    assert type(received.message) is MODELS[channel]


@given(presences)
def test_a_presence_comes_back_as_it_was_sent(presence: Presence) -> None:
    """The same for an orchestrator's presence."""
    instance = Instance("library")
    received = decode(instance_topic(instance), encode(presence))
    assert (received.source, received.channel, received.message) == (instance, None, presence)


@given(EXAMPLES, st.integers(0, 2**32), st.sampled_from(['"5"', "5", "true", "null", "[]", "{}"]))
def test_a_value_of_another_type_is_never_made_to_fit(
    example: tuple[Channel, Message], choice: int, other: str
) -> None:
    """A field is refused, or read as exactly the JSON value that was sent."""
    channel, message = example
    fields = json.loads(encode(message))
    name = sorted(fields)[choice % len(fields)]
    fields[name] = json.loads(other)
    if name == "digest":
        return
    try:
        received = decode(device_topic(ADDRESS, channel), json.dumps(fields).encode())
    except InvalidMessage:
        return
    assert received.message is not None
    assert json.loads(encode(received.message))[name] == fields[name]
    assert type(json.loads(encode(received.message))[name]) is type(fields[name])


@pytest.mark.parametrize("count", [0, MAX_EVENTS + 1])
def test_a_batch_holds_1_to_50_events(count: int) -> None:
    """An empty batch says nothing, and a large one would hold up the others."""
    event = {"seq": 1, "prev": "0" * 64}
    payload = {"v": 1, "log": "9b2d4f60-1c3e-4a5b-8c7d-0e1f2a3b4c5d", "events": [event] * count}
    with pytest.raises(InvalidMessage):
        decode(device_topic(ADDRESS, Channel.EVENTS), json.dumps(payload).encode())


def test_every_channel_has_its_model() -> None:
    """No topic of the contract is without a message."""
    assert set(MODELS) == set(Channel) == set(MESSAGES)
    assert MODELS[Channel.EVENTS] is Events
