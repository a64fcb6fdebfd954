"""What is wrong with a configuration, in sentences that name the key and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mqtt_schemas.topics import ID_PATTERN

_WHOLE = "It must be a whole number, not {input}."
_PLAIN = {
    "missing": "It is missing.",
    "extra_forbidden": "There is no such key.",
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "model_type": "It must be a table, not {input}.",
    "dict_type": "It must be a table, not {input}.",
    "tuple_type": "It must be a list, not {input}.",
}
_SPELLING = {
    ID_PATTERN: "It must be 1 to 40 lower-case letters, digits and inner hyphens, not {input}.",
}


def sentences(
    error: ValidationError, place: str, variables: Mapping[tuple[str, ...], str] | None = None
) -> list[str]:
    """Return a line for each thing that is wrong: place, key, reason.

    `variables` tells by their keys which values came from an environment variable; it is then
    named in place of both.
    """
    lines = []
    for item in error.errors(include_url=False):
        source = _variable(item, variables or {})
        where = source or ": ".join(part for part in (place, _key(item)) if part)
        lines.append(f"{where}: {_reason(item)}")
    return lines


def _variable(item: ErrorDetails, variables: Mapping[tuple[str, ...], str]) -> str | None:
    """Return the environment variable that set the key, or the unknown table that it is in."""
    key = tuple(part for part in item["loc"] if isinstance(part, str))
    if item["type"] != "extra_forbidden":
        return variables.get(key)
    return next((name for at, name in variables.items() if at[: len(key)] == key), None)


def _key(item: ErrorDetails) -> str:
    """Return the key as it is found in the file; tables of a list are counted from 1."""
    words = ""
    for part in item["loc"]:
        if isinstance(part, int):
            words += f" number {part + 1}"
        else:
            words += f".{part}" if words else part
    return words


def _reason(item: ErrorDetails) -> str:
    if item["type"] == "value_error":
        return item["msg"].removeprefix("Value error, ") + "."
    shown = _shown(item["input"])
    pattern = item.get("ctx", {}).get("pattern", "")
    plain = _PLAIN.get(item["type"]) or _SPELLING.get(pattern)
    if plain is not None:
        return plain.format(input=shown)
    text = item["msg"].replace("Input should be", "It must be")
    return f"{text}, not {shown}."


def _shown(value: Any) -> str:  # noqa: ANN401 - a file may hold anything
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
