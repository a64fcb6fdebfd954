"""(topic, bytes) <-> message. Every payload from the bus passes here and nowhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from mqtt_schemas.base import Message
from mqtt_schemas.canonical import NotCanonical, canonical, chain, plan_digest
from mqtt_schemas.events import EVENT, Event, EventBody
from mqtt_schemas.messages import (
    Ack,
    EventFrame,
    Events,
    Link,
    Presence,
    Status,
    TimeAnswer,
    TimeRequest,
)
from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Address, Channel, Instance, InvalidTopic, parse

#: Bytes of payload. A plan of 2,000 turns is below it; nothing else comes near.
MAX_PAYLOAD = 1_048_576

M = TypeVar("M", bound=Message)

MODELS: dict[Channel, type[Message]] = {
    Channel.LINK: Link,
    Channel.STATUS: Status,
    Channel.EVENTS: Events,
    Channel.TIME_REQUEST: TimeRequest,
    Channel.TIME_ANSWER: TimeAnswer,
    Channel.ACK: Ack,
    Channel.PLAN: Plan,
}


class Fault(StrEnum):
    """What is wrong with a payload: the reason under which it is counted."""

    TOPIC = "topic"
    OVERSIZED = "oversized"
    NOT_JSON = "not_json"
    VERSION = "version"
    INVALID = "invalid"
    DIGEST = "digest"


class InvalidMessage(ValueError):
    """A payload that can't be taken. `fault` is its class; the text is one clear sentence."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Received:
    """One message and where it came from. `message` is None where a retained one was deleted."""

    source: Address | Instance
    channel: Channel | None
    message: Message | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event of a batch. `event` is None where the body is bad; `reason` then says why."""

    seq: int
    prev: str
    chain: str
    raw: bytes
    event: Event | None
    reason: str | None = None


def decode(topic: str, payload: bytes) -> Received:
    """Return the message on a topic. Raises InvalidMessage."""
    try:
        where = parse(topic)
    except InvalidTopic as error:
        raise InvalidMessage(Fault.TOPIC, str(error)) from None
    if len(payload) > MAX_PAYLOAD:
        raise InvalidMessage(Fault.OVERSIZED, f"{len(payload)} bytes are more than {MAX_PAYLOAD}")
    if isinstance(where, Instance):
        presence = _validated(Presence, payload) if payload else None
        return Received(where, None, presence)
    address, channel = where
    if not payload:
        return Received(address, channel, None)
    message = _validated(MODELS[channel], payload)
    if isinstance(message, Plan):
        _check_digest(message, payload)
    return Received(address, channel, message)


def encode(message: Message) -> bytes:
    """Return a message as JSON."""
    return message.model_dump_json().encode()


def sealed(plan: Plan) -> Plan:
    """Return the plan with its digest computed from its content."""
    return plan.model_copy(update={"digest": plan_digest(plan.model_dump(mode="json"))})


def event_bytes(seq: int, prev: str, body: EventBody) -> bytes:
    """Return an event as canonical JSON: what is stored, hashed and sent."""
    return canonical({**body.model_dump(mode="json"), "seq": seq, "prev": prev})


def batch_bytes(log: str, events: list[bytes]) -> bytes:
    """Return an `up/events` payload from stored events, to the byte as they were stored."""
    return b'{"v":1,"log":"%s","events":[%s]}' % (log.encode(), b",".join(events))


def incoming(raw: dict[str, Any]) -> Incoming:
    """Return one event of a batch, its body judged. Raises InvalidMessage without seq or prev."""
    try:
        frame = EventFrame.model_validate(raw)
    except ValidationError as error:
        _refuse(error)
    try:
        text = canonical(raw)
    except NotCanonical as error:
        # Still the sender's bytes in effect: kept as set aside, under a hash of their own.
        text = json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()
        return Incoming(frame.seq, frame.prev, chain(text), text, None, str(error))
    try:
        event = EVENT.validate_json(text)
    except ValidationError as error:
        return Incoming(frame.seq, frame.prev, chain(text), text, None, _sentence(error))
    return Incoming(frame.seq, frame.prev, chain(text), text, event)


def _validated(model: type[M], payload: bytes) -> M:
    try:
        message = model.model_validate_json(payload)
    except ValidationError as error:
        _refuse(error)
    if "v" not in message.model_fields_set:
        raise InvalidMessage(Fault.VERSION, "v: the version is missing")
    return message


def _check_digest(plan: Plan, payload: bytes) -> None:
    try:
        digest = plan_digest(json.loads(payload))
    except NotCanonical as error:
        raise InvalidMessage(Fault.INVALID, str(error)) from None
    if digest != plan.digest:
        raise InvalidMessage(Fault.DIGEST, "digest: it is not that of the plan's content")


def _refuse(error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        fault = Fault.NOT_JSON
    elif first["loc"] == ("v",):
        fault = Fault.VERSION
    else:
        fault = Fault.INVALID
    raise InvalidMessage(fault, _sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """Return where and what, never the value itself: it might be anything."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where or 'payload'}: {first['msg']}"
