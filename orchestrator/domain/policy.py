"""PURE: a device's policy, inherited layer by layer, each value with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from orchestrator.domain.devices import Policy

BUILT_IN = "built in"


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
    policy = Policy(**values)
    if policy.shortest > policy.longest:
        raise InvalidPolicy(
            f"shortest ({policy.shortest} s, {sources['shortest']}) is more than "
            f"longest ({policy.longest} s, {sources['longest']})"
        )
    return Effective(policy, sources)


def _built_in() -> Layer:
    defaults = {
        field.name: field.default for field in fields(Policy) if field.default is not MISSING
    }
    return Layer(BUILT_IN, defaults)
