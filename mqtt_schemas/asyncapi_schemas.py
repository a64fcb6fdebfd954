"""JSON Schemas of all messages, as AsyncAPI's components: what pydantic says, made stricter.

Pydantic describes what it would take; the codec takes less: `v` must be there, an event names
its type, and a mapping has no key that is not a code word.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from mqtt_schemas.base import Message, Model
from mqtt_schemas.codec import MODELS
from mqtt_schemas.events import Event, EventBody
from mqtt_schemas.messages import EventFrame, Events, Presence

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
MESSAGES: tuple[type[Message], ...] = (*MODELS.values(), Presence)


def event_models() -> tuple[type[EventBody], ...]:
    """Return the models of all types of events."""
    union, *_ = get_args(Event)
    return get_args(union)


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: object) -> bool:
        """Leave out titles that only repeat the field's name."""
        del schema
        return False


def schemas() -> dict[str, Schema]:
    """Return the JSON Schema of every message and of its parts, by name."""
    models: tuple[type[Model], ...] = (*MESSAGES, EventFrame, *event_models())
    _, top = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=REFERENCE,
        schema_generator=_Generator,
    )
    found: dict[str, Schema] = top["$defs"]
    for schema in found.values():
        _tighten(schema)
    frame = found.pop(EventFrame.__name__)
    for model in event_models():
        _require(found[model.__name__], "type")
        _join(found[model.__name__], frame)
    for message in MESSAGES:
        _require(found[message.__name__], "v")
    found[Events.__name__]["properties"]["events"]["items"] = {
        "oneOf": [reference(model.__name__) for model in event_models()],
        "discriminator": "type",
    }
    return dict(sorted(found.items()))


def reference(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": REFERENCE.format(model=name)}


def _tighten(part: object) -> None:
    """Close mappings to keys of another form, and speak JSON's language, at every depth."""
    if isinstance(part, list):
        for item in part:
            _tighten(item)
    if not isinstance(part, dict):
        return
    if "patternProperties" in part:
        part["additionalProperties"] = False
    if isinstance(part.get("description"), str):
        part["description"] = part["description"].replace("None", "null")
    for item in part.values():
        _tighten(item)


def _require(schema: Schema, name: str) -> None:
    schema["required"] = [name, *schema.get("required", [])]
    del schema["properties"][name]["default"]


def _join(event: Schema, frame: Schema) -> None:
    """Add what every event has beside its body."""
    event["properties"] = {**frame["properties"], **event["properties"]}
    event["required"] = [*frame["required"], *event["required"]]
