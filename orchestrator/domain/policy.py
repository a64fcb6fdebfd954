"""PURE: a device's policy, inherited layer by layer, each value with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from orchestrator.domain.devices import Policy

BUILT_IN = "built in"

#: (length, length that it can't be more than).
_NOT_MORE = (
    ("shortest", "longest"),
    ("walk_in", "longest"),
    ("extension", "longest"),
    ("notice", "ahead"),
)


class InvalidPolicy(ValueError):
    """The layers make no policy. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Some of a policy's values, and the name of the place that sets them."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Effective:
    """The policy that holds. `sources` names for each of its fields the layer that set it."""

    policy: Policy
    sources: Mapping[str, str]


def inherit(layers: Sequence[Layer]) -> Effective:
    """Return the policy that the layers make, the last one strongest. Raises InvalidPolicy."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in (_built_in(), *layers):
        values |= layer.values
        sources |= dict.fromkeys(layer.values, layer.name)
    if "at_end" not in values:
        raise InvalidPolicy(
            "at_end is set nowhere: say what happens to a customer's use at the end of the turn"
        )
    found = Effective(Policy(**values), sources)
    for less, more in _NOT_MORE:
        _check_not_more(found, less, more)
    _check_ages(found)
    return found


def _check_not_more(found: Effective, less: str, more: str) -> None:
    if getattr(found.policy, less) > getattr(found.policy, more):
        raise InvalidPolicy(f"{_say(found, less)} is more than {_say(found, more)}")


def _check_ages(found: Effective) -> None:
    minimum, guardian = found.policy.minimum_age, found.policy.guardian_below
    if minimum is not None and guardian is not None and guardian <= minimum:
        raise InvalidPolicy(
            f"{_say(found, 'guardian_below', '')} is not more than "
            f"{_say(found, 'minimum_age', '')}, so no guardian would ever be asked for"
        )


def _say(found: Effective, key: str, unit: str = " s") -> str:
    return f"{key} ({getattr(found.policy, key)}{unit}, {found.sources[key]})"


def _built_in() -> Layer:
    defaults = {
        field.name: field.default for field in fields(Policy) if field.default is not MISSING
    }
    return Layer(BUILT_IN, defaults)
