"""The bodies of events."""

from __future__ import annotations

from hypothesis import given
from pydantic import TypeAdapter

from mqtt_schemas.base import COUNTED, Basis
from mqtt_schemas.canonical import canonical
from mqtt_schemas.codec import event_bytes, incoming
from mqtt_schemas.events import EVENT, EventBody
from tests.mqtt_schemas.strategies import LARGEST, bodies, digests

TYPES = {
    "turn_opened",
    "checked_in",
    "extension_requested",
    "started",
    "group_set",
    "ended",
    "order_result",
    "observed",
}


def test_the_types_are_those_of_the_design() -> None:
    """A new type of event is a change of the contract, made on purpose."""
    schema = TypeAdapter.json_schema(EVENT)
    assert set(schema["discriminator"]["mapping"]) == TYPES


@given(bodies, digests)
def test_a_body_comes_back_as_it_was_written(body: EventBody, prev: str) -> None:
    """What the agent logs is what the orchestrator counts, field for field."""
    text = event_bytes(LARGEST, prev, body)
    got = incoming(EVENT_JSON.validate_json(text))
    assert (got.event, got.seq, got.prev, got.raw) == (body, LARGEST, prev, text)


@given(bodies)
def test_every_body_has_a_canonical_form(body: EventBody) -> None:
    """No field of any event holds what canonical JSON can't."""
    assert canonical(body.model_dump(mode="json"))


def test_only_use_by_right_is_counted() -> None:
    """Use outside turns on a closed device, and use that would not end, are seen, not counted."""
    assert {Basis.TURN, Basis.OPEN} == COUNTED


EVENT_JSON: TypeAdapter[dict[str, object]] = TypeAdapter(dict[str, object])
