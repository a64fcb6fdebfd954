"""Noticing another orchestrator of the same site."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mqtt_schemas.messages import LinkState, Presence
from orchestrator.rivals import Rivals, Self
from tests.orchestrator.fakes import FakeClock

OURS = "3f6c1a52-8d40-4b7e-9a11-5c2e7d9b6f08"
THEIRS = "00000000-0000-4000-8000-000000000002"
OWN, SPARE = "laitevuoro/v1/orchestrator/main", "laitevuoro/v1/orchestrator/spare"


class Setting:
    """Rivals with a clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        own = Self(OWN, OURS, frozenset({"paja"}))
        self.rivals = Rivals(own=own, within=timedelta(seconds=90), now=self.clock.now)

    def see(
        self,
        topic: str,
        *,
        state: LinkState = "online",
        database: str | None = THEIRS,
        sites: tuple[str, ...] = ("paja",),
        retained: bool = False,
    ) -> list[str]:
        """See a presence that was published just now; return the rivals."""
        at = self.clock.now() + timedelta(milliseconds=1)
        presence = Presence(state=state, at=at, database=database, sites=sites)
        self.rivals.see(topic, presence, retained=retained)
        return self.rivals.topics


def test_our_own_word_is_no_rival() -> None:
    """A broker sends it back to us."""
    setting = Setting()
    said = setting.rivals.say("online")
    assert (said.database, said.sites) == (OURS, ("paja",))
    setting.rivals.see(OWN, said, retained=False)
    assert setting.rivals.topics == []


@pytest.mark.parametrize("topic", [OWN, SPARE])
@pytest.mark.parametrize("database", [OURS, THEIRS, None])
def test_another_process_is_noticed_whatever_it_is_called(topic: str, database: str | None) -> None:
    """A copy of our server, a second server of the same name, an older version."""
    assert Setting().see(topic, database=database) == [topic]


def test_an_orchestrator_of_other_sites_is_none() -> None:
    """A large city may have one for each set of sites, at one broker."""
    setting = Setting()
    assert setting.see(SPARE, sites=("toinen",)) == []
    assert setting.see(SPARE, sites=("paja", "toinen")) == [SPARE]
    assert Setting().see(SPARE, sites=()) == [SPARE]


def test_one_that_leaves_or_falls_silent_is_gone() -> None:
    """By its goodbye at once, without one after a while."""
    setting = Setting()
    for topic in (SPARE, OWN):
        setting.see(topic)
        assert setting.see(topic, state="offline") == []
    setting.see(SPARE)
    setting.clock.pass_by(91)
    assert setting.rivals.topics == []


def test_our_own_late_will_says_nothing_of_a_second_one() -> None:
    """The broker may send it long after the next connection was made."""
    setting = Setting()
    setting.see(OWN, database=OURS)
    assert setting.see(OWN, state="offline", database=OURS) == [OWN]
    assert Setting().see(OWN, state="offline", database=None) == []


def test_a_fresh_retained_presence_of_another_database_counts() -> None:
    """So that a second server knows before its first plan; one of our own may be our own."""
    assert Setting().see(OWN, retained=True) == [OWN]
    assert Setting().see(OWN, retained=True, database=OURS) == []
    assert Setting().see(SPARE, retained=True, database=None) == []
    setting = Setting()
    old = Presence(state="online", at=setting.clock.now() - timedelta(seconds=91), database=THEIRS)
    setting.rivals.see(SPARE, old, retained=True)
    assert setting.rivals.topics == []


def test_a_clock_that_runs_ahead_keeps_nobody_alive() -> None:
    """What is heard in the future is taken as heard now."""
    setting = Setting()
    ahead = Presence(state="online", at=setting.clock.now() + timedelta(days=9), database=THEIRS)
    setting.rivals.see(SPARE, ahead, retained=True)
    setting.clock.pass_by(91)
    assert setting.rivals.topics == []
