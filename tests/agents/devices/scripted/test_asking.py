"""What people ask for at a scripted device."""

from __future__ import annotations

from typing import Any

import pytest

from agents.devices.scripted.journal import Asked
from agents.devices.scripted.play import Play
from agents.devices.scripted.script import Script
from agents.devices.scripted.wire import Answered, Command
from agents.wishes import Said
from mqtt_schemas.events import Step


def playing(ask: dict[str, Any]) -> Play:
    """Return a device at which somebody asks."""
    return Play(script=Script.model_validate({"ask": [ask]}), epoch="e" * 16, now_ms=0)


def answer(number: int, *, accepted: bool) -> Answered:
    """Return what the agent says."""
    return Answered(id=number, said=Said(accepted=accepted, phrase="no_turn_now"))


def test_somebody_asks_when_the_time_comes() -> None:
    """After the device opened for a turn, as a visit does; the answer is written down."""
    play = playing({"when": "turn", "after": 2, "wish": {"what": "more", "seconds": 60}})
    play.obey(Command(id=1, step=Step.OPEN, turn="t"), 1000)
    assert not play.truth.take().asked
    play.advance(3000)
    [asked] = play.truth.take().asked
    assert asked.wish.what == "more"
    play.answer(answer(asked.id, accepted=False), 3100)
    [line] = play.truth.take().lines
    assert line == Asked(at_ms=3100, wish="more", accepted=False, phrase="no_turn_now")


def test_it_is_asked_again_until_it_is_granted() -> None:
    """An answer that never came is none."""
    ask = {"when": "start", "after": 1, "again": 1, "wish": {"what": "walk_in"}}
    play = playing(ask)
    for now_ms, accepted in ((1000, None), (2000, False), (3000, True)):
        play.advance(now_ms)
        [asked] = play.truth.take().asked
        if accepted is not None:
            play.answer(answer(asked.id, accepted=accepted), now_ms + 100)
            play.truth.take()
    play.advance(9000)
    assert not play.truth.take().asked


def test_without_again_it_is_asked_once() -> None:
    """Whatever is said."""
    play = playing({"when": "start", "after": 1, "wish": {"what": "walk_in"}})
    play.advance(1000)
    assert len(play.truth.take().asked) == 1
    play.answer(answer(1, accepted=False), 1100)
    play.advance(9000)
    assert not play.truth.take().asked


@pytest.mark.parametrize("wish", [{"what": "cake"}, {"what": "check_in"}])
def test_a_wish_that_is_none_is_a_mistake_of_the_script(wish: dict[str, Any]) -> None:
    """Said when the script is read."""
    with pytest.raises(ValueError, match="wish"):
        playing({"when": "start", "wish": wish})
