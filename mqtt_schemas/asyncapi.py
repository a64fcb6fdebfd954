"""The contract as an AsyncAPI 3 document, made from the models and asyncapi.md.

python -m mqtt_schemas.asyncapi > mqtt_schemas/asyncapi.json
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mqtt_schemas.asyncapi_examples import examples, link
from mqtt_schemas.asyncapi_schemas import reference, schemas
from mqtt_schemas.asyncapi_vectors import dialogue, vectors
from mqtt_schemas.base import VERSION, Message
from mqtt_schemas.codec import MODELS, encode
from mqtt_schemas.messages import Presence
from mqtt_schemas.topics import ID_PATTERN, PREFIX, RESERVED_SITE, Channel

Json = dict[str, Any]

PROSE = Path(__file__).with_suffix(".md")


@dataclass(frozen=True, slots=True)
class Route:
    """One channel: who sends what on it, and how."""

    name: str
    address: str
    model: type[Message]
    by_agent: bool
    qos: int
    retain: bool


def _device(name: str, channel: Channel, qos: int, *, retain: bool) -> Route:
    address = f"{PREFIX}/{{site}}/{{device}}/{channel}"
    return Route(name, address, MODELS[channel], channel.upward, qos, retain)


ROUTES: Final = (
    _device("link", Channel.LINK, 1, retain=True),
    _device("status", Channel.STATUS, 1, retain=True),
    _device("events", Channel.EVENTS, 1, retain=False),
    _device("time_request", Channel.TIME_REQUEST, 0, retain=False),
    _device("time_answer", Channel.TIME_ANSWER, 0, retain=False),
    _device("ack", Channel.ACK, 0, retain=False),
    _device("plan", Channel.PLAN, 1, retain=True),
    Route(
        "presence",
        f"{PREFIX}/{RESERVED_SITE}/{{instance}}",
        Presence,
        by_agent=False,
        qos=1,
        retain=True,
    ),
)

_PARAMETERS: Final = {
    "site": ("A site of the library; never `orchestrator`.", "main"),
    "device": ("A device, unique in its site.", "lathe-1"),
    "instance": ("An orchestrator.", "library"),
}


def document() -> Json:
    """Return the document."""
    prose = _sections(PROSE.read_text(encoding="utf-8"))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Laitevuoro: agents and orchestrator",
            "version": f"{VERSION}.0.0",
            "description": prose["info"],
            "license": {"name": "MIT"},
            "tags": [
                {"name": "agent", "description": "done by an agent"},
                {"name": "orchestrator", "description": "done by the orchestrator"},
            ],
        },
        "defaultContentType": "application/json",
        "servers": {"library": _server()},
        "channels": {route.name: _channel(route, prose[route.name]) for route in ROUTES},
        "operations": {
            name: operation for route in ROUTES for name, operation in _operations(route)
        },
        "components": {
            "messages": {route.model.__name__: _message(route) for route in ROUTES},
            "parameters": {name: _parameter(*said) for name, said in _PARAMETERS.items()},
            "schemas": schemas(),
        },
        "x-test-vectors": vectors(),
        "x-dialogue": dialogue(),
    }


def text() -> str:
    """Return the document as it is checked in."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _sections(prose: str) -> dict[str, str]:
    """Return the parts of asyncapi.md by their headings of the first level."""
    _, *parts = re.split(r"^# (\w+)\n", prose, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _server() -> Json:
    will = link("offline")
    return {
        "host": "broker.example.org:8883",
        "protocol": "secure-mqtt",
        "protocolVersion": "3.1.1",
        "description": "The library's broker, Mosquitto 2 or NATS. Without TLS: `mqtt`, 1883.",
        "bindings": {
            "mqtt": {
                "clientId": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
                "cleanSession": True,
                "lastWill": {
                    "topic": f"{PREFIX}/main/lathe-1/{Channel.LINK}",
                    "qos": 1,
                    "message": encode(will).decode(),
                    "retain": True,
                },
                "keepAlive": 30,
                "bindingVersion": "0.2.0",
            }
        },
    }


def _channel(route: Route, description: str) -> Json:
    name = route.model.__name__
    parameters = re.findall(r"{(\w+)}", route.address)
    return {
        "address": route.address,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "description": description,
        "parameters": {each: {"$ref": f"#/components/parameters/{each}"} for each in parameters},
    }


def _operations(route: Route) -> list[tuple[str, Json]]:
    """Return the channel's two sides: the agent's and the orchestrator's."""
    sides = []
    for who in ("agent", "orchestrator"):
        action = "send" if route.by_agent == (who == "agent") else "receive"
        operation = {
            "action": action,
            "channel": {"$ref": f"#/channels/{route.name}"},
            "tags": [{"name": who}],
            "bindings": {
                "mqtt": {"qos": route.qos, "retain": route.retain, "bindingVersion": "0.2.0"}
            },
            "messages": [{"$ref": f"#/channels/{route.name}/messages/{route.model.__name__}"}],
        }
        sides.append((f"{who}_{action}s_{route.name}", operation))
    return sides


def _message(route: Route) -> Json:
    name = route.model.__name__
    return {
        "name": name,
        "title": name,
        "contentType": "application/json",
        "payload": reference(name),
        "examples": [
            {"name": f"{route.name}_{number}", "summary": summary, "payload": _plain(message)}
            for number, (summary, message) in enumerate(examples()[name], start=1)
        ],
    }


def _parameter(description: str, example: str) -> Json:
    return {
        "description": f"{description} 1 to 40 lower-case letters, digits and inner hyphens.",
        "examples": [example],
        "x-pattern": ID_PATTERN,
    }


def _plain(message: Message) -> Json:
    plain: Json = json.loads(encode(message))
    return plain


if __name__ == "__main__":
    sys.stdout.write(text())
