"""The plan's own rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mqtt_schemas.codec import MAX_PAYLOAD, encode, sealed
from mqtt_schemas.plan import (
    MAX_TURNS,
    MAX_WINDOWS,
    AtEnd,
    CheckIn,
    DatedCode,
    HashedCode,
    Notice,
    OutsideTurns,
    Plan,
    PrintFit,
    StaffCode,
    Turn,
    WalkIn,
    Window,
)

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CODE = HashedCode(salt="0" * 32, hash="0" * 64, n=2**17, r=16, p=4)
YEAR = 366 * 86_400


def turn(name: str, start: int, end: int, **more: object) -> Turn:
    """Return a turn with its times in minutes after noon."""
    return Turn.model_validate(
        {
            "id": name,
            "starts_at": NOON + timedelta(minutes=start),
            "ends_at": NOON + timedelta(minutes=end),
            "at_end": AtEnd.LOCK,
            **more,
        }
    )


def plan(*turns: Turn, **more: Any) -> Plan:  # noqa: ANN401 - any field of a plan
    """Return a plan of these turns."""
    return Plan(
        issuer="library",
        revision=1,
        digest="0" * 64,
        issued_at=NOON,
        valid_until=NOON + timedelta(hours=96),
        after_expiry=OutsideTurns.CLOSED,
        outside_turns=OutsideTurns.CLOSED,
        turns=turns,
        **more,
    )


def test_turns_may_touch() -> None:
    """One turn may begin at the very moment when another ends."""
    assert len(plan(turn("a", 0, 60), turn("b", 60, 120)).turns) == 2


@pytest.mark.parametrize(
    "turns",
    [
        (turn("a", 0, 60), turn("b", 59, 120)),
        (turn("b", 60, 120), turn("a", 0, 60)),
        (turn("a", 0, 60), turn("a", 60, 120)),
    ],
    ids=["overlapping", "not in order of time", "one id twice"],
)
def test_a_plan_is_never_ambiguous(turns: tuple[Turn, ...]) -> None:
    """At any moment at most one turn runs, and an id names one turn."""
    with pytest.raises(ValidationError):
        plan(*turns)


@pytest.mark.parametrize("end", [0, -1])
def test_a_turn_ends_after_it_starts(end: int) -> None:
    """No turn is empty or backwards."""
    with pytest.raises(ValidationError, match="ends before it starts"):
        turn("a", 0, end)


@pytest.mark.parametrize("warnings", [(60, 300), (60, 60), (-1,), tuple(range(11, 0, -1))])
def test_warnings_fall_and_are_few(warnings: tuple[int, ...]) -> None:
    """Each warning comes once, the earliest first, ten at most."""
    with pytest.raises(ValidationError):
        turn("a", 0, 60, warn_before=warnings)


def test_after_expiry_can_only_be_open_or_closed() -> None:
    """Out of service is somebody's decision; a plan that ran out is nobody's."""
    fields = plan().model_dump() | {"after_expiry": OutsideTurns.OUT_OF_SERVICE}
    with pytest.raises(ValidationError):
        Plan.model_validate(fields)


def test_the_largest_plan_fits_in_a_payload() -> None:
    """With every turn at its longest spelling the limit of the payload still holds."""
    turns = [
        turn(
            f"{number:064}",
            number,
            number + 1,
            warn_before=tuple(range(YEAR, YEAR - 10, -1)),
            grace=YEAR,
            at_end=AtEnd.FINISH_JOB,
            check_in=CheckIn(within=YEAR, code=CODE),
            target_group="a" * 40,
            party_size=1000,
            group_assumed=True,
            event="e" * 64,
            rotate=YEAR,
            run_on=YEAR,
        )
        for number in range(MAX_TURNS)
    ]
    notices = [
        Notice(
            id=f"{number:064}",
            phrase="a" * 40,
            arguments={f"a{key:039}": "\x01" * 64 for key in range(8)},
            until=NOON,
        )
        for number in range(20)
    ]
    windows = [
        Window(
            starts_at=NOON + timedelta(seconds=2 * number),
            ends_at=NOON + timedelta(seconds=2 * number + 1),
            assumed_group="a" * 40,
        )
        for number in range(MAX_WINDOWS)
    ]
    terms: dict[str, Any] = {
        "max_seconds": YEAR,
        "warn_before": tuple(range(YEAR, YEAR - 10, -1)),
    }
    day = DatedCode(starts_at=NOON, ends_at=NOON, code=CODE)
    largest = plan(
        *turns,
        notices=tuple(notices),
        windows=tuple(windows),
        walk_in=WalkIn(**terms),
        staff_code=StaffCode(**terms, days=(day,) * 10),
        print_fit=PrintFit(misfit="refuse", ratio_percent=1000),
        cleared="c" * 64,
    )
    assert len(encode(sealed(largest))) <= MAX_PAYLOAD


def test_one_turn_more_is_refused() -> None:
    """The limit is part of the contract, so that a small device can rely on it."""
    turns = [turn(f"t{number}", number, number + 1) for number in range(MAX_TURNS + 1)]
    with pytest.raises(ValidationError):
        plan(*turns)


def test_windows_come_one_after_another() -> None:
    """A device is not open twice at one time."""
    hour = timedelta(hours=1)
    first = Window(starts_at=NOON, ends_at=NOON + 2 * hour)
    later = Window(starts_at=NOON + hour, ends_at=NOON + 3 * hour)
    with pytest.raises(ValidationError, match="before the one before it ends"):
        plan(windows=(first, later))


def test_a_window_has_a_length() -> None:
    """One that ends where it starts is no opening at all."""
    with pytest.raises(ValidationError, match="ends before it starts"):
        Window(starts_at=NOON, ends_at=NOON)


def test_the_warnings_of_a_walk_in_fall() -> None:
    """They are given in the order in which they come, as a turn's."""
    with pytest.raises(ValidationError, match="falling order"):
        WalkIn(max_seconds=1800, warn_before=(60, 300))
