"""A worked dialogue and test vectors: what a device maker tries a first agent against."""

from __future__ import annotations

import json

from mqtt_schemas.asyncapi_examples import (
    ADDRESS,
    BOOT_MS,
    LOG,
    NONCE,
    OFFSET_MS,
    WORDS,
    Json,
    ack,
    check_in_code,
    first_status,
    last_status,
    link,
    plan,
    status,
    stored,
    time_answer,
)
from mqtt_schemas.base import Message, format_utc, ms_from_utc, utc_from_ms
from mqtt_schemas.canonical import NOT_DIGESTED, canonical, chain, first_link
from mqtt_schemas.codec import encode, relinked
from mqtt_schemas.messages import Events, TimeRequest
from mqtt_schemas.topics import Channel, device_topic

#: The log that the first two events' agent begins when event 3 turns out to be another's.
FORKED_LOG = "2f6a1c80-5b9d-4e37-9a41-c0d2e4f6a8b0"


def dialogue() -> list[Json]:
    """Return a connection in the order of its messages."""
    events = [json.loads(event) for event in stored()]
    agent, orchestrator = "agent", "orchestrator"
    return [
        _said(agent, Channel.LINK, link("online"), "After CONNACK and SUBACK.", retain=True),
        _said(agent, Channel.STATUS, first_status(), "No plan is in force yet.", retain=True),
        _said(agent, Channel.TIME_REQUEST, TimeRequest(nonce=NONCE), "What time is it?", qos=0),
        _said(orchestrator, Channel.TIME_ANSWER, time_answer(), "See the vector `time`.", qos=0),
        _said(orchestrator, Channel.PLAN, plan(), "Taken, written, carried out.", retain=True),
        _said(agent, Channel.STATUS, status(), "The plan is in force, and used.", retain=True),
        _said(agent, Channel.EVENTS, _events(events[:2]), "A turn opened, a session began."),
        _said(orchestrator, Channel.ACK, ack(2), "Both are committed.", qos=0),
        _said(agent, Channel.STATUS, last_status(), "The turn is over.", retain=True),
        _said(agent, Channel.EVENTS, _events(events[2:]), "The end; no answer for 5 s."),
        _said(agent, Channel.EVENTS, _events(events[2:]), "The same again."),
        _said(orchestrator, Channel.ACK, ack(4), "Committed, however often they came.", qos=0),
        _said(orchestrator, Channel.ACK, ack(2), "It was restored from a backup.", qos=0),
        _said(agent, Channel.EVENTS, _events(events[2:]), "So it gets the rest again."),
        _said(orchestrator, Channel.ACK, ack(4), "Committed.", qos=0),
        _said(agent, Channel.LINK, link("offline"), "Before DISCONNECT.", retain=True),
    ]


def vectors() -> Json:
    """Return every hash and sum of the contract, with what it is made of."""
    sample = {"b": [True, None, -1], "a": 'ä€"\\/\n\u0001', "B": {}}
    code, turned = check_in_code(), json.loads(encode(plan()))
    digested = {name: value for name, value in turned.items() if name not in NOT_DIGESTED}
    answer = time_answer()
    now_ms = ms_from_utc(answer.sent) + 20
    return {
        "canonical": {"value": sample, "text": canonical(sample).decode()},
        "chain": {
            "log": LOG,
            "prev_of_the_first": first_link(LOG),
            "events": [{"text": event.decode(), "chain": chain(event)} for event in stored()],
        },
        "fork": _fork(),
        "plan": {
            "plan": turned,
            "digested_text": canonical(digested).decode(),
            "digest": plan().digest,
        },
        "check_in": {"typed": WORDS, **code.model_dump()},
        "time": {
            "answer": json.loads(encode(answer)),
            "boot_ms_at_sending": BOOT_MS,
            "boot_ms_at_arrival": BOOT_MS + 43,
            "wall_at_arrival": format_utc(utc_from_ms(now_ms - OFFSET_MS)),
            "round_trip_ms": 40,
            "now": format_utc(utc_from_ms(now_ms)),
            "offset_ms": OFFSET_MS,
        },
    }


def _fork() -> Json:
    """Return what becomes at a fork of events 3 and 4, the earlier ones being no longer kept."""
    anew, prev = [], first_link(FORKED_LOG)
    for seq, event in enumerate(stored()[2:], start=1):
        anew.append(relinked(event, seq, prev))
        prev = chain(anew[-1])
    return {
        "first_kept": 3,
        "new_log": FORKED_LOG,
        "events": [{"text": event.decode(), "chain": chain(event)} for event in anew],
    }


def _events(events: list[Json]) -> Events:
    return Events(log=LOG, events=tuple(events))


def _said(
    who: str, channel: Channel, message: Message, note: str, *, qos: int = 1, retain: bool = False
) -> Json:
    return {
        "from": who,
        "note": note,
        "topic": device_topic(ADDRESS, channel),
        "qos": qos,
        "retain": retain,
        "payload": json.loads(encode(message)),
    }
