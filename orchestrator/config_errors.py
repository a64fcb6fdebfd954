"""What is wrong with a configuration, in sentences that name file, key and reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_WHOLE = "It must be a whole number, not {input}."
_YES_OR_NO = "It must be true or false, not {input}."
_PLAIN = {
    "missing": "It is missing.",
    "extra_forbidden": "There is no such key.",
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "bool_parsing": _YES_OR_NO,
    "bool_type": _YES_OR_NO,
    "model_type": "It must be a table, not {input}.",
    "dict_type": "It must be a table, not {input}.",
    "tuple_type": "It must be a list, not {input}.",
    "string_pattern_mismatch": (
        "It must be 1 to 40 lower-case letters, digits and inner hyphens, not {input}."
    ),
}


class InvalidConfiguration(Exception):
    """The configuration can't be used. The text names file, key and reason, a line each."""


def sentences(
    error: ValidationError, path: Path, variables: Mapping[tuple[str, ...], str]
) -> Iterator[str]:
    """Yield a line for each thing that is wrong.

    `variables` tells by their keys which values came from an environment variable.
    """
    for item in error.errors(include_url=False):
        source = _variable(item, variables)
        place = [source] if source else [str(path), _place(item)]
        yield ": ".join([*(part for part in place if part), _reason(item)])


def _variable(item: ErrorDetails, variables: Mapping[tuple[str, ...], str]) -> str | None:
    """Return the environment variable that set the key, or the unknown table that it is in."""
    key = tuple(part for part in item["loc"] if isinstance(part, str))
    if item["type"] != "extra_forbidden":
        return variables.get(key)
    return next((name for at, name in variables.items() if at[: len(key)] == key), None)


def _place(item: ErrorDetails) -> str:
    """Return the key as it is found in the file; tables of a list are counted from 1."""
    words = ""
    for part in item["loc"]:
        if isinstance(part, int):
            words += f" number {part + 1}"
        else:
            words += f".{part}" if words else part
    return words


def _reason(item: ErrorDetails) -> str:
    shown = "what stands there" if _may_hold_a_url(item) else _shown(item["input"])
    plain = _PLAIN.get(item["type"])
    if plain is not None:
        return plain.format(input=shown)
    if item["type"] == "value_error":
        return item["msg"].removeprefix("Value error, ") + "."
    text = item["msg"].replace("Input should be", "It must be")
    return f"{text}, not {shown}."


def _may_hold_a_url(item: ErrorDetails) -> bool:
    """Tell whether a feed's URL may stand in it, which is a secret (config_feeds)."""
    top, *below = item["loc"] or ("",)
    return top == "feed" and (len(below) < 2 or str(below[1]).startswith("url"))


def _shown(value: Any) -> str:  # noqa: ANN401 - a file may hold anything
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
