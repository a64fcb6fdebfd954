"""The rule pc/1."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.devices.pc.sessions import LoginSession, Uses, in_use, state_of
from mqtt_schemas.base import DeviceState

SOMEBODY = LoginSession(
    id="2",
    path="/org/freedesktop/login1/session/_32",
    uid=1000,
    seat="seat0",
    class_="user",
    active=True,
    locked=False,
    idle=False,
    closing=False,
    began_us=77,
)
GREETER = replace(SOMEBODY, id="c1", uid=110, class_="greeter")

SESSIONS = st.builds(
    LoginSession,
    id=st.sampled_from(["1", "2", "3"]),
    path=st.just("/x"),
    uid=st.integers(1000, 1002),
    seat=st.just("seat0"),
    class_=st.sampled_from(["user", "user-light", "greeter", "lock-screen", "background"]),
    active=st.booleans(),
    locked=st.booleans(),
    idle=st.booleans(),
    closing=st.booleans(),
    began_us=st.just(77),
)


def test_an_active_unlocked_user_session_is_use() -> None:
    """Somebody sits at the seat."""
    assert in_use([GREETER, SOMEBODY]) == SOMEBODY
    assert state_of([GREETER, SOMEBODY]) is DeviceState.IN_USE


@pytest.mark.parametrize(
    "session",
    [
        GREETER,
        replace(SOMEBODY, active=False),
        replace(SOMEBODY, closing=True),
        replace(SOMEBODY, class_="lock-screen"),
        replace(SOMEBODY, class_="manager"),
    ],
)
def test_a_seat_without_somebody_at_it_is_free(session: LoginSession) -> None:
    """A greeter, a session in the background and one that is closing are nobody's use."""
    assert in_use([session]) is None
    assert state_of([session]) is DeviceState.FREE


def test_a_locked_session_is_locked_and_not_use() -> None:
    """A locked screen is not use, whether its session or a greeter is in front."""
    locked = replace(SOMEBODY, locked=True)
    assert in_use([locked]) is None
    assert state_of([locked]) is DeviceState.LOCKED
    assert state_of([replace(locked, active=False), GREETER]) is DeviceState.LOCKED


@given(st.lists(st.one_of(st.none(), SESSIONS), max_size=20))
def test_a_use_is_one_stretch_of_one_session(looks: list[LoginSession | None]) -> None:
    """A name is kept from look to look of one session, and never comes back after a break."""
    uses, last, seen = Uses("boot"), None, set[str]()
    before: LoginSession | None = None
    for look in looks:
        session = in_use([look] if look else [])
        now = uses.name(session)
        assert (now is None) == (session is None)
        if session is not None and now is not None:
            kept = before is not None and before.id == session.id
            assert (now == last) == kept
            assert kept or now not in seen
            seen.add(now)
        last, before = now, session


def test_a_use_keeps_its_name_over_a_restart_of_the_agent() -> None:
    """The same login gets the same name; another boot or login another one."""
    name = Uses("boot").name(SOMEBODY)
    assert Uses("boot").name(SOMEBODY) == name
    assert Uses("boot").name(replace(SOMEBODY, began_us=78)) != name
    assert Uses("next boot").name(SOMEBODY) != name
