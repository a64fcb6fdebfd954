"""What comes from the bus: anything at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mqtt_schemas.base import Basis, Outcome, utc_from_ms
from mqtt_schemas.canonical import chain, first_link
from mqtt_schemas.codec import (
    MAX_PAYLOAD,
    MODELS,
    Fault,
    InvalidMessage,
    _as_we_write,
    _judged,
    batch_bytes,
    decode,
    encode,
    event_bytes,
    incoming,
    relinked,
    seal,
    sealed,
)
from mqtt_schemas.events import Ended, EventBody
from mqtt_schemas.messages import Events, TimeRequest
from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Address, Channel, Instance, device_topic, instance_topic
from tests.mqtt_schemas.strategies import (
    MESSAGES,
    bodies,
    digests,
    frames,
    json_objects,
    json_values,
    plans,
    uuids,
)

ADDRESS = Address("main", "printer-1")
TOPICS = [device_topic(ADDRESS, channel) for channel in Channel]
TOPICS.append(instance_topic(Instance("library")))
topics = st.sampled_from(TOPICS)
LOG = "9b2d4f60-1c3e-4a5b-8c7d-0e1f2a3b4c5d"
BOOT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
NONCE = "0123456789abcdef0123456789abcdef"
TIME_TOPIC = device_topic(ADDRESS, Channel.TIME_REQUEST)
EVENTS_TOPIC = device_topic(ADDRESS, Channel.EVENTS)
PLAN_TOPIC = device_topic(ADDRESS, Channel.PLAN)
ENDED = Ended(
    rule="octoprint/1",
    wall=utc_from_ms(1_800_000_000_000),
    boot_id=BOOT,
    boot_ms=6_000_000,
    basis=Basis.TURN,
    outcome=Outcome.TURN_OVER,
    active_ms=60_000,
    idle_ms=0,
)


def refusal(topic: str, payload: bytes) -> InvalidMessage:
    """Return why a payload is refused."""
    with pytest.raises(InvalidMessage) as caught:
        decode(topic, payload)
    return caught.value


def take(topic: str, payload: bytes) -> None:
    """Read a payload through to its events, as an orchestrator does."""
    try:
        message = decode(topic, payload).message
        if isinstance(message, Events):
            for raw in message.events:
                incoming(raw)
    except InvalidMessage as error:
        refused = error
    else:
        return
    assert isinstance(refused.fault, Fault)
    assert 0 < len(refused.reason) < 300


@given(topics | st.text(), st.binary())
def test_bytes_of_any_kind_are_taken_or_refused(topic: str, payload: bytes) -> None:
    """Nothing but InvalidMessage comes out of any bytes on any topic."""
    take(topic, payload)


@given(topics, json_values | json_objects.map(lambda value: {"v": 1} | value))
def test_json_of_any_kind_is_taken_or_refused(topic: str, value: object) -> None:
    """The same for JSON that means nothing, with and without the right version."""
    take(topic, json.dumps(value).encode())


@given(st.sampled_from(Channel).flatmap(lambda c: st.tuples(st.just(c), MESSAGES[c])), st.data())
def test_a_message_with_one_field_replaced_is_taken_or_refused(
    example: tuple[Channel, Any], data: st.DataObject
) -> None:
    """The same close to real messages, where a wrong value gets furthest."""
    channel, message = example
    fields = json.loads(encode(message))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(json_values)
    take(device_topic(ADDRESS, channel), json.dumps(fields).encode())


NASTY = {
    "5,000 levels": "[" * 5_000 + "]" * 5_000,
    "150 levels": "[" * 150 + "]" * 150,
    "5,000 digits": "9" * 5_000,
    "400 digits": "-" + "9" * 400,
    "NaN": "NaN",
    "infinity": "1e999",
    "half a surrogate pair": '"\\ud800"',
    "NUL": '"\\u0000"',
    "a key twice": '{"a":1,"a":2}',
    "a key that is not ASCII": '{"ä":1}',
}


@pytest.mark.parametrize("value", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("topic", TOPICS)
def test_nasty_json_is_taken_or_refused(topic: str, value: str) -> None:
    """Whatever JSON readers stumble over, in an unknown field and in an event."""
    known = f'"v":1,"nonce":"{NONCE}","log":"{LOG}"'
    events = f'"events":[{{"seq":1,"prev":"{"0" * 64}","x":{value}}}]'
    take(topic, f'{{{known},"x":{value}}}'.encode())
    take(topic, f"{{{known},{events}}}".encode())


@pytest.mark.parametrize("value", ["NaN", "1.5", "9" * 400, '{"ä":1}'])
def test_an_event_without_canonical_form_is_set_aside(value: str) -> None:
    """It keeps its seq and its text, says why, and spoils no other event of its batch."""
    good = event_bytes(2, "0" * 64, ENDED).decode()
    bad = f'{{"seq":1,"prev":"{"0" * 64}","x":{value}}}'
    message = decode(EVENTS_TOPIC, f'{{"v":1,"log":"{LOG}","events":[{bad},{good}]}}'.encode())
    assert isinstance(message.message, Events)
    first, second = [incoming(raw) for raw in message.message.events]
    assert (first.seq, first.event) == (1, None)
    assert first.reason
    assert json.loads(first.raw).keys() == {"seq", "prev", "x"}
    assert (second.seq, second.event) == (2, ENDED)


@given(json_objects, frames)
def test_any_json_object_with_seq_and_prev_takes_its_place(
    rest: dict[str, Any], frame: dict[str, Any]
) -> None:
    """A bad body is kept whole under its seq, with a reason, so that it blocks nobody."""
    got = incoming(rest | frame)
    assert (got.seq, got.prev) == (frame["seq"], frame["prev"])
    assert json.loads(got.raw) == rest | frame
    assert got.chain == chain(got.raw)
    assert (got.event is None) == bool(got.reason)


@given(json_objects)
def test_any_other_json_object_is_refused(value: dict[str, Any]) -> None:
    """Without seq and prev it has no place in the log."""
    with pytest.raises(InvalidMessage):
        incoming(value)


@given(bodies, frames, st.data())
def test_the_short_way_leads_where_the_long_one_does(
    body: EventBody, frame: dict[str, Any], data: st.DataObject
) -> None:
    """What agents of this version send takes it; what differs from it, in anything, does not."""
    raw = json.loads(event_bytes(frame["seq"], frame["prev"], body))
    assert _as_we_write(raw) == _judged(raw)
    key = data.draw(st.sampled_from(sorted(raw)))
    values = json_values | st.dictionaries(st.sampled_from("ba"), st.integers(0, 9))
    for spoilt in (
        raw | {key: data.draw(values)},
        {each: value for each, value in raw.items() if each != key},
        {each: value for each, value in raw.items() if each != key} | {key: raw[key]},
        raw | {"zz": data.draw(json_values)},
    ):
        got = _as_we_write(spoilt)
        assert got is None or got == _judged(spoilt)


def test_what_decode_never_lets_through_is_refused_all_the_same() -> None:
    """Integers and nesting that can't be written down again are refused, no crash."""
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    for value in (10**5_000, deep):
        with pytest.raises(InvalidMessage):
            incoming({"seq": 1, "prev": "0" * 64, "x": value})


def test_an_unknown_event_is_set_aside() -> None:
    """A type of a later version keeps its place and waits for an upgrade."""
    got = incoming({"seq": 7, "prev": "0" * 64, "type": "teleported"})
    assert (got.seq, got.event, got.reason) == (7, None, "type: no such event in this version")


@pytest.mark.parametrize(
    ("payload", "fault", "reason"),
    [
        (b"\xff", Fault.NOT_JSON, "payload: Invalid JSON"),
        (b'{"v":1', Fault.NOT_JSON, "payload: Invalid JSON"),
        (b'\xef\xbb\xbf{"v":1}', Fault.NOT_JSON, "payload: Invalid JSON"),
        (b"[]", Fault.INVALID, "payload: Input should be an object"),
        (b'{"v":2}', Fault.VERSION, "v: it is not 1"),
        (b'{"v":true,"nonce":"%s"}' % NONCE.encode(), Fault.VERSION, "v: it is not 1"),
        (b'{"nonce":"%s"}' % NONCE.encode(), Fault.VERSION, "v: the version is missing"),
        (b'{"v":1}', Fault.INVALID, "nonce: Field required"),
        (b'{"v":1,"nonce":5}', Fault.INVALID, "nonce: Input should be a valid string"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(payload: bytes, fault: Fault, reason: str) -> None:
    """The class is what is counted; the sentence is for the person who looks into it."""
    error = refusal(TIME_TOPIC, payload)
    assert error.fault is fault
    assert error.reason.startswith(reason)


def test_a_version_of_the_future_is_told_before_anything_else() -> None:
    """Version 2 may look quite different: its other faults are none."""
    assert refusal(PLAN_TOPIC, b'{"turns":5,"v":2}').fault is Fault.VERSION


@pytest.mark.parametrize(
    "change",
    [
        {"state": "Maija"},
        {"problems": ["Maija M"]},
        {"readings": {"Maija": 1}},
        {"session": "Maija"},
    ],
    ids=["value", "item", "key", "part"],
)
def test_a_refusal_repeats_nothing_of_the_sender(change: dict[str, Any]) -> None:
    """Values and keys of a payload might be anything, a name too."""
    status = {
        "v": 1,
        "connection": NONCE,
        "device_link": "connected",
        "state": "free",
        "clock": {
            "wall": "2026-11-25T09:30:00.000Z",
            "boot_id": BOOT,
            "boot_ms": 1,
            "offset_ms": None,
            "offset_age_ms": None,
        },
        "outbox": {"log": LOG, "first_kept": 0, "last": 0, "oldest_age_ms": None},
    }
    topic = device_topic(ADDRESS, Channel.STATUS)
    assert decode(topic, json.dumps(status).encode()).message is not None
    reason = refusal(topic, json.dumps(status | change).encode()).reason
    assert next(iter(change)) in reason
    assert "Maija" not in reason


def test_a_reason_repeats_nothing_of_an_event() -> None:
    """The same for an event that is set aside."""
    event = {"seq": 1, "prev": "0" * 64, "type": "Maija", "Maija": 1}
    assert "Maija" not in str(incoming(event).reason)


def test_too_large_a_payload_is_not_even_parsed() -> None:
    """One byte over the limit is refused for its size alone."""
    padding = b" " * (MAX_PAYLOAD - len(b'{"v":1,"nonce":"%s"}' % NONCE.encode()))
    largest = b'{"v":1,"nonce":"%s"}' % NONCE.encode() + padding
    assert decode(TIME_TOPIC, largest).message == TimeRequest(nonce=NONCE)
    assert refusal(TIME_TOPIC, largest + b" ").fault is Fault.OVERSIZED


def test_a_foreign_topic_is_refused() -> None:
    """A payload is not looked at where its topic is none of ours."""
    assert refusal("laitevuoro/v2/main/printer-1/up/time", b"{}").fault is Fault.TOPIC


@pytest.mark.parametrize("topic", TOPICS)
def test_an_empty_payload_is_a_deletion(topic: str) -> None:
    """So MQTT clears a retained message."""
    assert decode(topic, b"").message is None


@pytest.mark.parametrize(
    ("channel", "fields"),
    [
        (Channel.STATUS, {"readings": {f"k{n:x}": "x" for n in range(70_000)}}),
        (Channel.STATUS, {"problems": [1] * 400_000}),
        (Channel.EVENTS, {"events": [1] * 400_000}),
        (Channel.PLAN, {"turns": [{}] * 300_000}),
    ],
    ids=["readings", "problems", "events", "turns"],
)
def test_of_a_million_faults_only_the_first_few_are_listed(
    channel: Channel, fields: dict[str, Any]
) -> None:
    """One bad device can't hold up the others: listing every fault took ten seconds."""
    payload = json.dumps({"v": 1, **fields}, separators=(",", ":")).encode()
    assert MAX_PAYLOAD // 2 < len(payload) < MAX_PAYLOAD
    with pytest.raises(ValidationError) as caught:
        MODELS[channel].model_validate_json(payload)
    assert caught.value.error_count() < 20
    assert refusal(device_topic(ADDRESS, channel), payload).fault is Fault.INVALID


@given(plans)
def test_a_plan_is_taken_only_with_the_digest_of_its_content(plan: Plan) -> None:
    """A plan that was altered on its way is refused as such."""
    fields = json.loads(encode(plan))
    fields["revision"] = fields["revision"] % 2**52 + 1
    if fields["revision"] != plan.revision:
        assert refusal(PLAN_TOPIC, json.dumps(fields).encode()).fault is Fault.DIGEST
    assert sealed(plan) == plan


@given(plans, uuids)
def test_an_unknown_field_of_a_plan_is_ignored_but_digested(plan: Plan, text: str) -> None:
    """Both ends upgrade alone, and still agree on what the plan says."""
    fields = json.loads(encode(plan)) | {"new_in_v2": {"text": text}}
    payload = json.dumps(fields).encode()
    assert refusal(PLAN_TOPIC, payload).fault is Fault.DIGEST
    digest = sealed_json(fields)
    received = decode(PLAN_TOPIC, json.dumps(fields | {"digest": digest}).encode())
    assert received.message == plan.model_copy(update={"digest": digest})


def sealed_json(plan: dict[str, Any]) -> str:
    """Return the digest as another implementation would compute it."""
    content = {key: value for key, value in plan.items() if key not in ("digest", "issued_at")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return chain(text.encode())


def test_a_plan_with_a_fraction_is_refused() -> None:
    """Canonical JSON has whole numbers only, in fields that this version does not know too."""
    fields = {"v": 1, "issuer": "library", "revision": 1, "digest": "0" * 64}
    fields |= dict.fromkeys(("issued_at", "valid_until"), "2026-11-25T09:30:00.000Z")
    fields |= {"after_expiry": "open", "outside_turns": "open", "x": 0.5}
    error = refusal(PLAN_TOPIC, json.dumps(fields).encode())
    assert (error.fault, error.reason) == (Fault.INVALID, "a number is not whole")


@given(bodies, digests)
def test_an_unknown_field_of_an_event_is_ignored_but_chained(body: EventBody, prev: str) -> None:
    """A later agent's event counts for an earlier orchestrator, and its chain holds."""
    raw = json.loads(event_bytes(1, prev, body)) | {"new_in_v2": [1, "ä"]}
    got = incoming(raw)
    assert got.event == body
    assert json.loads(got.raw) == raw
    assert got.chain != incoming(json.loads(event_bytes(1, prev, body))).chain


@given(st.lists(bodies, min_size=1, max_size=4), uuids)
def test_a_batch_carries_stored_events_to_the_byte(events: list[EventBody], log: str) -> None:
    """Seq and prev hold the events together, on the agent's disk and after the journey."""
    stored: list[bytes] = []
    prev = first_link(log)
    for seq, body in enumerate(events, start=1):
        stored.append(event_bytes(seq, prev, body))
        prev = chain(stored[-1])
    message = decode(EVENTS_TOPIC, batch_bytes(log, stored)).message
    assert isinstance(message, Events)
    got = [incoming(raw) for raw in message.events]
    assert [each.raw for each in got] == stored
    assert [each.event for each in got] == events
    assert [each.prev for each in got] == [first_link(log), *(each.chain for each in got[:-1])]


def test_an_event_moves_to_another_log_with_its_body() -> None:
    """After a fork the body stays as it was; only its place changes."""
    moved = relinked(event_bytes(9, "0" * 64, ENDED), 1, first_link(LOG))
    assert moved == event_bytes(1, first_link(LOG), ENDED)


@given(plan=plans)
def test_a_plan_is_sealed_and_encoded_at_once(plan: Plan) -> None:
    """The bytes are those of encoding it afterwards, so they are written once."""
    made, payload = seal(plan)
    assert made == sealed(plan)
    assert payload == encode(made)
