"""One use of a scripted device."""

from __future__ import annotations

import pytest

from agents.devices.scripted.journal import EndedBy, Right, Span, UseEnded
from agents.devices.scripted.script import Stretch, Visit
from agents.devices.scripted.use import Use


def use(*, begun_in: str | None = "t-1", filament: float = 0.0) -> Use:
    """Return a use that begins at 1,000 ms."""
    does = (Stretch(active=5.0), Stretch(idle=5.0))
    return Use(
        id="u",
        visit=Visit(does=does, filament_mm_per_second=filament),
        began_ms=1000,
        right=Right.TURN if begun_in else Right.OPEN,
        turn=begun_in,
        begun_in=begun_in,
        span_ms=1000,
    )


def test_time_is_accounted_as_it_was_spent() -> None:
    """Active, then idle, each in a span of its own; no span is empty."""
    one = use(filament=2.0)
    assert one.close_span(1000) == []
    (active,) = one.close_span(3000)
    one.stretch = 1
    idle, ended = one.end(3500, EndedBy.CUSTOMER, None)
    assert isinstance(active, Span)
    assert isinstance(idle, Span)
    assert isinstance(ended, UseEnded)
    assert (active.active, active.from_ms, active.at_ms) == (True, 1000, 3000)
    assert (idle.active, idle.from_ms, idle.at_ms) == (False, 3000, 3500)
    assert (ended.active_ms, ended.idle_ms, ended.figures) == (2000, 500, {"filament_mm": 4})


def test_a_paused_use_is_not_active() -> None:
    """Whatever the customer was at."""
    one = use()
    assert one.active
    one.paused = True
    assert not one.active


@pytest.mark.parametrize(
    ("begun_in", "order_for", "meant"),
    [("t-1", "t-1", True), ("t-1", None, True), ("t-1", "t-0", False), (None, "t-0", True)],
)
def test_an_order_means_the_use_of_its_turn(
    begun_in: str | None, order_for: str | None, *, meant: bool
) -> None:
    """A use from outside turns may be ended by any."""
    assert use(begun_in=begun_in).belongs_to(order_for) is meant
