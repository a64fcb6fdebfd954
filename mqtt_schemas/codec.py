"""(topic, bytes) <-> message. Every payload from the bus passes here and nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn, TypeVar, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from mqtt_schemas.base import VERSION, Message
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

#: Bytes of payload. The largest plan is below it; nothing else comes near.
MAX_PAYLOAD = 1_048_576

M = TypeVar("M", bound=Message)

_PLACE = re.compile(r"[a-z0-9_]{1,40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: The keys of each event as a writer of this version sends them, in canonical order.
_KEYS = {
    model.model_fields["type"].default: tuple(sorted({*model.model_fields, "seq", "prev"}))
    for model in get_args(get_args(Event)[0])
}
#: TypeAdapter's own method costs a tenth more.
_VALIDATE: Callable[[bytes], Event] = EVENT.validator.validate_json

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


class Incoming(NamedTuple):
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
    return seal(plan)[0]


def seal(plan: Plan) -> tuple[Plan, bytes]:
    """Return the plan with its digest computed from its content, and encoded: written once."""
    fields = plan.model_dump(mode="json")
    fields["digest"] = plan_digest(fields)
    return plan.model_copy(update={"digest": fields["digest"]}), to_json(fields)


def event_bytes(seq: int, prev: str, body: EventBody) -> bytes:
    """Return an event as canonical JSON: what is stored, hashed and sent."""
    fields = {**body.model_dump(mode="json"), "seq": seq, "prev": prev}
    return canonical(dict(sorted(fields.items())))  # in order it is written faster


def relinked(event: bytes, seq: int, prev: str) -> bytes:
    """Return a stored event at another place of another log, its body to the byte the same."""
    return canonical({**json.loads(event), "seq": seq, "prev": prev})


def batch_bytes(log: str, events: list[bytes]) -> bytes:
    """Return an `up/events` payload from stored events, to the byte as they were stored."""
    return b'{"v":1,"log":"%s","events":[%s]}' % (log.encode(), b",".join(events))


def incoming(raw: dict[str, Any]) -> Incoming:
    """Return one event of a batch, its body judged. Raises InvalidMessage without seq or prev."""
    return _as_we_write(raw) or _judged(raw)


def _as_we_write(raw: dict[str, Any]) -> Incoming | None:
    """Take an event as agents of this version send it, in half the time; None for any other.

    Where its keys are all known and in order, what validation lets through is canonical:
    there is no number that is not whole or beyond 2^53, and no key that is not ASCII.
    """
    kind, seq, prev = raw.get("type"), raw.get("seq"), raw.get("prev")
    if type(kind) is not str or tuple(raw) != _KEYS.get(kind):
        return None
    if type(seq) is not int or not 1 <= seq < 2**53:
        return None
    if type(prev) is not str or not _DIGEST.fullmatch(prev):
        return None
    if kind == "ended" and not (_in_order(raw["categories"]) and _in_order(raw["figures"])):
        return None
    try:
        text = to_json(raw)
        event = _VALIDATE(text)
    except (PydanticSerializationError, ValidationError):
        return None
    return Incoming(seq, prev, chain(text), text, event)


def _in_order(value: object) -> bool:
    return isinstance(value, dict) and (not value or list(value) == sorted(value))


def _judged(raw: dict[str, Any]) -> Incoming:
    """Take any event."""
    try:
        frame = EventFrame.model_validate(raw)
    except ValidationError as error:
        _refuse(error)
    try:
        text = canonical(raw)
    except NotCanonical as error:
        text = _nearly_canonical(raw)
        return Incoming(frame.seq, frame.prev, chain(text), text, None, str(error))
    try:
        event = EVENT.validate_json(text)
    except ValidationError as error:
        reason = _sentence(error.errors(include_url=False, include_input=False)[0])
        return Incoming(frame.seq, frame.prev, chain(text), text, None, reason)
    return Incoming(frame.seq, frame.prev, chain(text), text, event)


def _nearly_canonical(raw: dict[str, Any]) -> bytes:
    """Return what is kept of an event that has no canonical form, under a hash of its own."""
    try:
        return json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):  # an integer of thousands of digits; deep nesting
        raise InvalidMessage(Fault.INVALID, "an event can't be written down again") from None


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
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        raise InvalidMessage(Fault.NOT_JSON, _sentence(errors[0])) from None
    if any(each["loc"] == ("v",) for each in errors):
        raise InvalidMessage(Fault.VERSION, f"v: it is not {VERSION}") from None
    raise InvalidMessage(Fault.INVALID, _sentence(errors[0])) from None


def _sentence(error: ErrorDetails) -> str:
    """Return where and what, never anything that the sender wrote: it might be anything."""
    if error["type"] == "union_tag_invalid":  # pydantic's text repeats the tag
        return "type: no such event in this version"
    where = ".".join(_place(part) for part in error["loc"])
    return f"{where or 'payload'}: {error['msg'].removeprefix('Value error, ')}"


def _place(part: str | int) -> str:
    """Return a step of an error's path; the sender's own keys (of readings, say) as `?`."""
    text = str(part)
    return text if _PLACE.fullmatch(text) else "?"
