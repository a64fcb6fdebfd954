"""Scripts of devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.devices.scripted.script import ScriptError, Visit, When, load
from mqtt_schemas.events import Step

GOOD = """
speed = 2
clear_after = 4
supports = ["open", "close", "end"]
readings = { nozzle_celsius = 21.5 }

[[visit]]
when = "open"
after = 2
does = [{ active = 6 }, { idle = 2 }]
stays = true
ignores = ["end"]

[crowd]
seed = 7
gap = [1, 2]
"""


def test_a_script_is_read(tmp_path: Path) -> None:
    """Every table of the file is there, in the script's own types."""
    path = tmp_path / "script.toml"
    path.write_text(GOOD)
    script = load(path)
    assert script.speed == 2
    assert script.supports == {Step.OPEN, Step.CLOSE, Step.END}
    assert script.visit[0].when is When.OPEN
    assert [stretch.seconds for stretch in script.visit[0].does] == [6, 2]
    assert script.crowd is not None
    assert script.crowd.gap == (1, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("speed = 0", "speed"),
        ("sped = 2", "sped"),
        ("speed =", "end of document"),
        ("[[visit]]\ndoes = []", "visit.0.does"),
        ("[[visit]]\ndoes = [{ active = 1, idle = 1 }]", "either active or idle"),
        ("[[visit]]\ndoes = [{ idle = 1 }]\njob = true", "a job is one active stretch"),
        ("[[visit]]\ndoes = [{ active = 1 }]\nignores = ['open']", "only lock, end and pause"),
        ("[[visit]]\ndoes = [{ active = 1 }]\nignores = ['dance']", "dance"),
        ("[crowd]\nseed = 1\ngap = [2, 1]", "the least is more than the most"),
    ],
)
def test_a_bad_script_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """The sentence names the file and what is wrong in it."""
    path = tmp_path / "script.toml"
    path.write_text(text)
    with pytest.raises(ScriptError) as refused:
        load(path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_script_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """So is a missing file."""
    with pytest.raises(ScriptError, match="No such file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("nth", "every", "times"),
    [(None, None, [1, 2, 3, 4, 5]), (2, None, [2]), (1, 2, [1, 3, 5]), (2, 3, [2, 5])],
)
def test_a_customer_comes_at_some_openings(
    nth: int | None, every: int | None, times: list[int]
) -> None:
    """Always, once, or every so many times."""
    visit = Visit.model_validate({"nth": nth, "every": every, "does": [{"active": 1}]})
    assert [time for time in range(1, 6) if visit.comes(time)] == times
