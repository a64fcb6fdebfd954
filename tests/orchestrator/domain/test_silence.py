"""When an open session is closed without a word of its device."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.silence import Reason, Seen, why_close

DAY = 86_400_000


def _why(seen: Seen) -> Reason | None:
    return why_close("s1", seen, after_ms=DAY)


def test_a_machine_that_never_returns_is_closed_after_its_time() -> None:
    """Not a millisecond earlier."""
    away = Seen(online=False, told_all=False, session="s1", silent_ms=DAY)
    assert _why(away) is Reason.SILENCE
    assert _why(Seen(online=False, told_all=False, session="s1", silent_ms=DAY - 1)) is None


@pytest.mark.parametrize("session", [None, "s2"])
def test_a_device_that_has_told_all_but_knows_nothing_of_it(session: str | None) -> None:
    """Its outbox was set aside, say: no event will come any more."""
    seen = Seen(online=True, told_all=True, session=session, silent_ms=0)
    assert _why(seen) is Reason.UNTOLD


@given(told_all=st.booleans(), silent_ms=st.integers(0, 10 * DAY))
def test_a_session_that_its_device_tells_of_is_never_closed(told_all: bool, silent_ms: int) -> None:  # noqa: FBT001 - hypothesis
    """Nor one whose end may be among the events that are still to come."""
    assert _why(Seen(online=True, told_all=told_all, session="s1", silent_ms=silent_ms)) is None
    assert _why(Seen(online=True, told_all=False, session=None, silent_ms=silent_ms)) is None
