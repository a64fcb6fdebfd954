"""asyncapi.json: what a device maker has, held against the models and against itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from mqtt_schemas import asyncapi
from mqtt_schemas.asyncapi import ROUTES
from mqtt_schemas.base import Message
from mqtt_schemas.codec import MODELS, InvalidMessage, batch_bytes, decode, encode, event_bytes
from mqtt_schemas.events import EventBody
from mqtt_schemas.messages import Events, Presence
from mqtt_schemas.topics import Address, Channel, Instance, device_topic, instance_topic
from tests.mqtt_schemas.strategies import MESSAGES, bodies, digests, presences, uuids

CHECKED_IN = Path(asyncapi.__file__).with_name("asyncapi.json")
DOCUMENT: dict[str, Any] = json.loads(CHECKED_IN.read_text(encoding="utf-8"))
VECTORS = DOCUMENT["x-test-vectors"]
DIALOGUE = DOCUMENT["x-dialogue"]
WITHOUT_EVENTS = st.sampled_from([channel for channel in Channel if channel != Channel.EVENTS])


def validator(name: str) -> Draft7Validator:
    """Return what validates against one of the document's schemas."""
    return Draft7Validator({**DOCUMENT, "$ref": f"#/components/schemas/{name}"})


MODELS_OF_ALL: tuple[type[Message], ...] = (*MODELS.values(), Presence)
VALIDATORS = {model.__name__: validator(model.__name__) for model in MODELS_OF_ALL}


def canonical(value: object) -> bytes:
    """Return canonical JSON as the prose tells it."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256(text: bytes) -> str:
    """Return what the prose calls SHA-256."""
    return hashlib.sha256(text).hexdigest()


def walk(part: object) -> Iterator[dict[str, Any]]:
    """Return every object of the document."""
    if isinstance(part, dict):
        yield part
        for item in part.values():
            yield from walk(item)
    elif isinstance(part, list):
        for item in part:
            yield from walk(item)


def test_the_file_is_what_the_models_say() -> None:
    """Made anew by `python -m mqtt_schemas.asyncapi > mqtt_schemas/asyncapi.json`."""
    assert CHECKED_IN.read_text(encoding="utf-8") == asyncapi.text()


def test_every_reference_leads_somewhere() -> None:
    """No reader of the file ends at a name that is not there."""
    for part in walk(DOCUMENT):
        if (reference := part.get("$ref")) is not None:
            place: Any = DOCUMENT
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]


def test_every_channel_has_both_sides_and_its_prose() -> None:
    """Each topic has one sender, one receiver, a schema, an example and an explanation."""
    assert {route.model for route in ROUTES} == set(MODELS_OF_ALL)
    for name, channel in DOCUMENT["channels"].items():
        assert len(channel["description"]) > 100
        (message,) = channel["messages"]
        assert DOCUMENT["components"]["messages"][message]["examples"]
        sides = [
            (operation["action"], operation["tags"][0]["name"])
            for operation in DOCUMENT["operations"].values()
            if operation["channel"]["$ref"] == f"#/channels/{name}"
        ]
        assert sorted(sides) in (
            [("receive", "agent"), ("send", "orchestrator")],
            [("receive", "orchestrator"), ("send", "agent")],
        )


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_the_examples_are_valid(name: str) -> None:
    """By the file's own schema and by the codec."""
    channel = {model: channel for channel, model in MODELS.items()}
    by_name = {model.__name__: model for model in channel}
    for example in DOCUMENT["components"]["messages"][name]["examples"]:
        VALIDATORS[name].validate(example["payload"])
        topic = instance_topic(Instance("library"))
        if name in by_name:
            topic = device_topic(Address("main", "lathe-1"), channel[by_name[name]])
        assert decode(topic, json.dumps(example["payload"]).encode()).message is not None


@given(WITHOUT_EVENTS.flatmap(lambda channel: MESSAGES[channel]) | presences)
def test_every_message_is_valid_by_its_schema(message: Message) -> None:
    """The file refuses nothing that we send."""
    VALIDATORS[type(message).__name__].validate(json.loads(encode(message)))


@given(uuids, digests, st.lists(bodies, min_size=1, max_size=3))
def test_every_event_is_valid_by_its_schema(log: str, prev: str, events: list[EventBody]) -> None:
    """The same for events, with seq and prev."""
    stored = [event_bytes(seq, prev, body) for seq, body in enumerate(events, start=1)]
    VALIDATORS["Events"].validate(json.loads(batch_bytes(log, stored)))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Link", {"v": 2}),
        ("Link", {"v": None}),
        ("Link", {"kind": "Lathe"}),
        ("Status", {"readings": {"Spindle": 1}}),
        ("Status", {"readings": {"spindle_rpm": "802"}}),
        ("Status", {"clock": {"wall": "2026-11-25"}}),
        ("Events", {"events": []}),
        ("Ack", {"chain": "x"}),
        ("Plan", {"turns": [{"id": "b-1"}]}),
        ("Plan", {"after_expiry": "out_of_service"}),
    ],
)
def test_what_the_schema_refuses_the_codec_refuses(name: str, change: dict[str, Any]) -> None:
    """A maker who validates by the file is not surprised afterwards. None: left out."""
    example = DOCUMENT["components"]["messages"][name]["examples"][0]["payload"] | change
    payload = {key: value for key, value in example.items() if value is not None or key != "v"}
    assert not VALIDATORS[name].is_valid(payload)
    (topic,) = [
        device_topic(Address("main", "lathe-1"), channel)
        for channel, model in MODELS.items()
        if model.__name__ == name
    ]
    with pytest.raises(InvalidMessage):
        decode(topic, json.dumps(payload).encode())


@pytest.mark.parametrize("missing", ["seq", "prev", "type", "rule", "active_ms"])
def test_the_schema_of_an_event_asks_for_all_of_it(missing: str) -> None:
    """Body, seq and prev, told apart by type."""
    event = json.loads(VECTORS["chain"]["events"][3]["text"])
    validator("Ended").validate(event)
    del event[missing]
    assert not validator("Ended").is_valid(event)
    batch = {"v": 1, "log": VECTORS["chain"]["log"], "events": [event]}
    assert not VALIDATORS["Events"].is_valid(batch)


def test_the_dialogue_can_be_said() -> None:
    """Each message is valid, from the side that may send it, as its channel demands."""
    operations = DOCUMENT["operations"]
    for said in DIALOGUE:
        received = decode(said["topic"], json.dumps(said["payload"]).encode())
        assert received.channel is not None
        VALIDATORS[MODELS[received.channel].__name__].validate(said["payload"])
        (route,) = [route for route in ROUTES if route.address.endswith(received.channel)]
        binding = operations[f"{said['from']}_sends_{route.name}"]["bindings"]["mqtt"]
        assert (binding["qos"], binding["retain"]) == (said["qos"], said["retain"])


def test_the_dialogue_acknowledges_its_own_events() -> None:
    """The acks name the chain values of the events that were sent before them."""
    chains = [event["chain"] for event in VECTORS["chain"]["events"]]
    sent: dict[int, str] = {}
    for said in DIALOGUE:
        for event in said["payload"].get("events", ()):
            sent[event["seq"]] = sha256(canonical(event))
        if said["topic"].endswith("/down/ack"):
            assert sent[said["payload"]["seq"]] == said["payload"]["chain"]
    assert list(sent.values()) == chains


# The vectors, by another implementation than ours: hashlib, json and the prose.


def test_vector_canonical() -> None:
    """The text is what any careful JSON writer gives."""
    assert VECTORS["canonical"]["text"].encode() == canonical(VECTORS["canonical"]["value"])


@pytest.mark.parametrize("name", ["chain", "fork"])
def test_vector_chain(name: str) -> None:
    """Each event names the chain value of the one before, the first that of its log."""
    vector = VECTORS[name]
    log = vector["log"] if name == "chain" else vector["new_log"]
    prev = sha256(log.encode())
    assert prev == vector.get("prev_of_the_first", prev)
    for seq, event in enumerate(vector["events"], start=1):
        fields = json.loads(event["text"])
        assert canonical(fields) == event["text"].encode()
        assert (fields["seq"], fields["prev"]) == (seq, prev)
        prev = sha256(event["text"].encode())
        assert prev == event["chain"]


def test_vector_fork() -> None:
    """What was not acknowledged keeps its fields under the new log."""
    rest = VECTORS["chain"]["events"][VECTORS["fork"]["first_kept"] - 1 :]
    for before, after in zip(rest, VECTORS["fork"]["events"], strict=True):
        old, new = json.loads(before["text"]), json.loads(after["text"])
        assert old | {"seq": None, "prev": None} == new | {"seq": None, "prev": None}


def test_vector_plan() -> None:
    """The digest is over the plan as it was received, less two fields."""
    vector = VECTORS["plan"]
    content = dict(vector["plan"])
    assert content.pop("digest") == vector["digest"]
    del content["issued_at"]
    assert canonical(content) == vector["digested_text"].encode()
    assert sha256(canonical(content)) == vector["digest"]


def test_vector_check_in() -> None:
    """The hash is scrypt over the typed words."""
    vector = VECTORS["check_in"]
    got = hashlib.scrypt(
        vector["typed"].encode(),
        salt=bytes.fromhex(vector["salt"]),
        n=vector["n"],
        r=vector["r"],
        p=vector["p"],
        dklen=32,
    )
    assert got.hex() == vector["hash"]


def test_vector_time() -> None:
    """The sums are those of the prose."""
    vector = VECTORS["time"]
    received = datetime.fromisoformat(vector["answer"]["received"])
    sent = datetime.fromisoformat(vector["answer"]["sent"])
    away = vector["boot_ms_at_arrival"] - vector["boot_ms_at_sending"]
    round_trip = timedelta(milliseconds=away) - (sent - received)
    assert round_trip == timedelta(milliseconds=vector["round_trip_ms"])
    now = datetime.fromisoformat(vector["now"])
    assert now == sent + round_trip / 2
    offset = now - datetime.fromisoformat(vector["wall_at_arrival"])
    assert offset == timedelta(milliseconds=vector["offset_ms"])


def test_the_events_of_the_example_are_those_of_the_vector() -> None:
    """A maker can follow one history through the whole file."""
    (example,) = DOCUMENT["components"]["messages"][Events.__name__]["examples"]
    texts = [event["text"] for event in VECTORS["chain"]["events"]]
    assert [canonical(event).decode() for event in example["payload"]["events"]] == texts
