"""What is known of each device, and whether its agent lives."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mqtt_schemas.base import utc_from_ms
from mqtt_schemas.messages import Phase, PlanInForce, TurnNow
from mqtt_schemas.plan import AtEnd, OutsideTurns, Plan, Turn
from orchestrator.twins import ALIVE_SECONDS, Twin, Twins
from tests.orchestrator.histories import (
    MORNING,
    PRINTER,
    STATION,
    checkpoint,
    connection_id,
    link,
    status,
)

DIGEST = "a" * 64


def _plan() -> Plan:
    starts = utc_from_ms(MORNING)
    turn = Turn(id="t1", starts_at=starts, ends_at=starts + timedelta(hours=1), at_end=AtEnd.LOCK)
    return Plan(
        issuer="library",
        revision=7,
        digest=DIGEST,
        issued_at=starts,
        valid_until=starts + timedelta(days=4),
        after_expiry=OutsideTurns.CLOSED,
        outside_turns=OutsideTurns.CLOSED,
        turns=(turn,),
    )


@pytest.fixture
def twin() -> Twin:
    """Return the twin of a device that was never heard of."""
    return Twin(PRINTER)


def test_a_heartbeat_keeps_an_agent_alive_for_45_seconds(twin: Twin) -> None:
    """Not a moment longer."""
    assert not twin.online(0)
    twin.take_link(link())
    assert twin.take_status(status(), now=100, retained=False)
    assert twin.online(100 + ALIVE_SECONDS)
    assert not twin.online(100 + ALIVE_SECONDS + 0.001)


def test_what_the_broker_kept_is_no_sign_of_life(twin: Twin) -> None:
    """A retained "online" and status tell only what was."""
    twin.take_link(link())
    assert twin.take_status(status(), now=100, retained=True)
    assert twin.status == status()
    assert not twin.online(100)


def test_a_heartbeat_needs_no_link_message(twin: Twin) -> None:
    """It proves more than the link message could."""
    twin.take_status(status(), now=100, retained=False)
    assert twin.online(100)


def test_the_last_will_of_the_connection_ends_it_at_once(twin: Twin) -> None:
    """Nobody waits for 45 s when the broker says that it is gone."""
    twin.take_link(link())
    twin.take_status(status(), now=100, retained=False)
    twin.take_link(link(state="offline"))
    assert not twin.online(100)
    assert twin.link == link(state="offline")


def test_a_will_may_fire_while_the_agent_lives(twin: Twin) -> None:
    """Its next heartbeat says so."""
    twin.take_link(link())
    twin.take_link(link(state="offline"))
    twin.take_status(status(), now=100, retained=False)
    assert twin.online(100)


def test_the_will_of_an_earlier_connection_says_nothing(twin: Twin) -> None:
    """It comes after the takeover; the agent lives on its new connection."""
    twin.take_link(link(2))
    twin.take_status(status(connection=2), now=100, retained=False)
    twin.take_link(link(1, "offline"))
    assert twin.online(100)
    assert twin.link == link(2)


def test_a_new_connection_has_to_be_heard(twin: Twin) -> None:
    """The heartbeat of the one before is not its own."""
    twin.take_link(link(1))
    twin.take_status(status(connection=1), now=100, retained=False)
    twin.take_link(link(2))
    assert not twin.online(100)
    twin.take_status(status(connection=2), now=101, retained=False)
    assert twin.online(101)


def test_a_second_agent_under_the_same_name_is_noticed(twin: Twin) -> None:
    """Its status is not taken for the device's while the first one is alive."""
    twin.take_link(link(1))
    twin.take_status(status(connection=1), now=100, retained=False)
    assert not twin.take_status(status(connection=2), now=101, retained=False)
    assert twin.conflicts == 1
    assert twin.connection == connection_id(1)
    assert twin.status == status(connection=1)


def test_a_connection_whose_link_message_was_lost_is_believed_in_time(twin: Twin) -> None:
    """When the one before has been silent for 45 s, its heartbeats count."""
    twin.take_link(link(1))
    twin.take_status(status(connection=1), now=100, retained=False)
    later = 100 + ALIVE_SECONDS + 1
    assert twin.take_status(status(connection=2), now=later, retained=False)
    assert twin.online(later)
    assert twin.conflicts == 0


def test_after_a_connection_of_our_own_the_first_heartbeat_is_believed() -> None:
    """The agent may have come back before us, and the broker have kept nothing of it."""
    twins = Twins([PRINTER])
    twin = twins.of(PRINTER)
    twin.take_link(link(1))
    twin.take_status(status(connection=1), now=100, retained=False)
    twins.doubt_connections()
    assert not twin.take_status(status(connection=2), now=101, retained=True)
    assert twin.take_status(status(connection=2), now=101, retained=False)
    assert twin.connection == connection_id(2)
    assert not twin.take_status(status(connection=1), now=102, retained=False)
    assert twin.conflicts == 1


def test_an_old_retained_status_does_not_replace_a_live_one(twin: Twin) -> None:
    """The broker lost what it kept since: ours is newer."""
    twin.take_status(status(connection=2), now=100, retained=False)
    assert not twin.take_status(status(connection=1), now=101, retained=True)
    assert twin.status == status(connection=2)
    assert (twin.online(101), twin.conflicts) == (True, 0)


def test_deleted_messages_are_forgotten(twin: Twin) -> None:
    """A retired device is neither alive nor in any state."""
    twin.take_link(link())
    twin.take_status(status(), now=100, retained=False)
    twin.forget_status()
    assert (twin.status, twin.online(100)) == (None, False)
    twin.take_link(None)
    assert (twin.link, twin.connection) == (None, None)


def test_the_last_checkpoint_outlives_its_session(twin: Twin) -> None:
    """Where the end never comes, this is what is known."""
    twin.take_status(status(session=checkpoint("s1", active=5)), now=1, retained=False)
    twin.take_status(status(), now=2, retained=False)
    assert twin.checkpoint == checkpoint("s1", active=5)


@pytest.mark.parametrize(
    ("told", "agrees"),
    [
        (PlanInForce(issuer="library", revision=7, digest=DIGEST), True),
        (PlanInForce(issuer="library", revision=7, digest="b" * 64), False),
        (PlanInForce(issuer="library", revision=8, digest=DIGEST), False),
        (PlanInForce(issuer="other", revision=7, digest=DIGEST), False),
        (None, False),
    ],
)
def test_agreement_is_issuer_revision_and_digest(
    twin: Twin, told: PlanInForce | None, *, agrees: bool
) -> None:
    """All three."""
    twin.desired = _plan()
    assert not twin.in_agreement
    twin.take_status(status(plan=told), now=1, retained=False)
    assert twin.in_agreement is agrees


def test_the_turn_in_hand_is_looked_up_in_the_plan(twin: Twin) -> None:
    """None where the device names one that is not in it."""
    assert twin.turn is None
    twin.desired = plan = _plan()
    twin.take_status(status(turn=TurnNow(id="t1", phase=Phase.OPEN)), now=1, retained=False)
    assert twin.turn == plan.turns[0]
    twin.take_status(status(turn=TurnNow(id="w9", phase=Phase.OPEN)), now=1, retained=False)
    assert twin.turn is None


def test_twins_are_those_of_the_configured_devices() -> None:
    """In the order of their addresses; no message makes another one."""
    twins = Twins([STATION, PRINTER])
    assert [twin.address for twin in twins.all()] == [PRINTER, STATION]
    assert twins.of(PRINTER) is twins.find(PRINTER)
    assert Twins().find(PRINTER) is None
    with pytest.raises(KeyError):
        Twins().of(PRINTER)
