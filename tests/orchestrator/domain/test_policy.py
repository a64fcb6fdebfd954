"""Policies inherited layer by layer."""

from __future__ import annotations

import pytest

from mqtt_schemas.plan import AtEnd, OutsideTurns
from orchestrator.domain.policy import BUILT_IN, InvalidPolicy, Layer, inherit

EVERYWHERE = Layer("[policy]", {"at_end": AtEnd.LOCK, "grace": 60, "longest": 3600})


def test_the_last_layer_is_the_strongest_and_every_value_has_a_source() -> None:
    """What no layer sets is built in."""
    found = inherit([EVERYWHERE, Layer("[kind.vr.policy]", {"grace": 0})])
    assert (found.policy.grace, found.policy.longest, found.policy.buffer) == (0, 3600, 0)
    assert found.sources["grace"] == "[kind.vr.policy]"
    assert found.sources["longest"] == "[policy]"
    assert found.sources["buffer"] == BUILT_IN
    assert found.policy.outside_turns is OutsideTurns.CLOSED


def test_what_happens_at_the_end_is_never_assumed() -> None:
    """Locking a computer and stopping a print are too different for a default."""
    with pytest.raises(InvalidPolicy, match="at_end is set nowhere"):
        inherit([Layer("[policy]", {"grace": 60})])


def test_a_shortest_turn_longer_than_the_longest_is_refused() -> None:
    """Naming both values and where each comes from."""
    with pytest.raises(InvalidPolicy, match=r"shortest \(7200 s, \[device.policy\]\) is more"):
        inherit([EVERYWHERE, Layer("[device.policy]", {"shortest": 7200})])
