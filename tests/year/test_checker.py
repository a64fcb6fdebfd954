"""The year's checker: a fair day passes, and each unfairness is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.year.checker import check
from tests.year.record import (
    GroupHours,
    Hours,
    Issued,
    Limit,
    PlannedTurn,
    PlannedWindow,
    Record,
    Refused,
    Rules,
    Span,
    Version,
    Wait,
)

MINUTE, HOUR = 60_000, 3_600_000
#: Monday 26 October 2026, the day after the clocks were put back; Helsinki is 2 h ahead.
MONDAY = date(2026, 10, 26)
MIDNIGHT = round(datetime(2026, 10, 25, 22, tzinfo=UTC).timestamp() * 1000)
RULES = Rules(
    kind="pc",
    longest=7200,
    shortest=1800,
    grid=900,
    notice=600,
    ahead=14 * 86_400,
    party=2,
    grace=60,
    buffer=540,
    check_in="code",
    check_in_within=600,
    walk_in=3600,
    extension=900,
    finish_before_closing=900,
    groups=(GroupHours((0,), time(14), time(16), "nuoret", exclusive=True),),
    limits=(Limit(1, "day"),),
)

SELF_SERVICE = Hours(time(18), time(20), staffed=False)


def at(clock: float) -> int:
    """Return an hour of that Monday, local."""
    return MIDNIGHT + round(clock * HOUR)


def booking(name: str, starts: float, ends: float, **more: object) -> Version:
    """Return a booking made at 9 that day, of a turn from one hour to another."""
    made = Version(
        at=at(9),
        id=name,
        device="pc-1",
        starts=at(starts),
        ends=at(ends),
        state="booked",
        group="aikuiset",
        check_in="code",
    )
    return replace(made, **more)  # type: ignore[arg-type] # fields of Version


def planned(version: Version) -> PlannedTurn:
    """Return the turn of a booking."""
    return PlannedTurn(
        id=version.id,
        starts=version.starts,
        ends=version.ends,
        grace=60,
        at_end="lock",
        group=version.group,
        assumed=version.assumed,
        check_in=version.check_in != "none",
    )


def without_pauses(
    windows: Iterable[PlannedWindow], versions: Iterable[Version]
) -> Iterator[PlannedWindow]:
    """Return windows less the ten minutes after each turn."""
    for window in windows:
        starts = window.starts
        for version in versions:
            if starts <= version.ends < window.ends:
                if starts < version.ends:
                    yield window._replace(starts=starts, ends=version.ends)
                starts = version.ends + 600_000
        yield window._replace(starts=starts)


def issued(clock: float, *versions: Version) -> Issued:
    """Return the plan of some bookings. The library is open from 10 to 20 on all days."""
    windows = []
    for day in range(5):
        midnight = MIDNIGHT + day * 24 * HOUR
        edges = (10, 14, 16, 19.75) if day == 0 else (10, 19.75)
        for first, last in pairwise(edges):
            group = "nuoret" if first == 14 else None
            spans = (midnight + round(first * HOUR), midnight + round(last * HOUR))
            windows.append(PlannedWindow(*spans, group))
    return Issued(
        at=at(clock),
        device="pc-1",
        valid_until=at(clock) + 96 * HOUR,
        outside="closed",
        turns=tuple(planned(version) for version in versions),
        windows=tuple(without_pauses(windows, versions)),
        walk_in=(3600, 60),
    )


def fair() -> Record:
    """Return a day with two turns; the second was extended, the first checked in."""
    days = [MONDAY + timedelta(days=day) for day in range(-1, 6)]
    first, second = booking("a", 10, 11), booking("b", 12, 13)
    longer = replace(second, at=at(12.5), ends=at(13.25), state="checked_in")
    return Record(
        zone="Europe/Helsinki",
        starts=at(0),
        ends=at(24),
        devices={"pc-1": RULES},
        hours={
            day: (Hours(time(10), time(18)), Hours(time(18), time(20), staffed=False))
            for day in days
        },
        public_holidays=frozenset(),
        versions=[
            first,
            replace(first, at=at(10.05), state="checked_in"),
            second,
            replace(second, at=at(12), state="checked_in"),
            longer,
        ],
        plans=[issued(0), issued(9, first, second), issued(12.5, first, longer)],
        came={"a": at(10.05), "b": at(12)},
    )


def test_a_fair_day_passes() -> None:
    """Every interval, and a thousand seconds."""
    assert check(fair(), samples=1000) == []


def add(*versions: Version, clock: float = 9.01) -> Callable[[Record], None]:
    """Return what adds bookings, and plans them as they are."""

    def spoil(record: Record) -> None:
        record.versions.extend(versions)
        turns = [planned(each) for each in versions if each.live and each.purpose == "turn"]
        for place, plan in enumerate(record.plans):
            if plan.at >= at(clock):
                together = sorted((*plan.turns, *turns), key=lambda turn: turn.starts)
                record.plans[place] = replace(plan, turns=tuple(together))

    return spoil


def plan_of(**changes: object) -> Callable[[Record], None]:
    """Return what changes each plan."""

    def spoil(record: Record) -> None:
        record.plans = [replace(plan, **changes) for plan in record.plans]  # type: ignore[arg-type] # likewise

    return spoil


def rules_of(**changes: object) -> Callable[[Record], None]:
    """Return what changes the rules after the fact."""

    def spoil(record: Record) -> None:
        record.devices = {"pc-1": replace(RULES, **changes)}  # type: ignore[arg-type] # likewise

    return spoil


def wait(record: Record) -> None:
    """Let somebody wait when the second turn is extended."""
    record.waits.append(Wait(at=at(12.4), until=at(12.6), kind="pc", number=1))


def forget_to_come(record: Record) -> None:
    """Let the first customer not come, and nobody notice."""
    record.versions = [each for each in record.versions if each.state != "checked_in"]
    record.came = {"b": at(12)}


def call_a_no_show(record: Record) -> None:
    """Release a turn whose customer is there."""
    record.versions.append(booking("a", 10, 11, at=at(10.2), state="no_show"))


def refuse(record: Record) -> None:
    """Refuse a turn that nothing is against."""
    record.refused.append(
        Refused(
            at=at(9),
            device="pc-1",
            starts=at(17),
            ends=at(18),
            group=None,
            party=2,
            card="x",
            why="Come back tomorrow.",
        )
    )


def take_out(record: Record) -> None:
    """Take the device out of service, without a word of it in its plan."""
    record.out.append(Span("pc-1", at(11), at(14)))


UNFAIR: list[tuple[str, Callable[[Record], object]]] = [
    ("b and c overlap", add(booking("c", 12.5, 13.5))),
    ("c is too near b", add(booking("c", 13.25, 14, at=at(12.6)), clock=12.4)),
    ("refused without a cause: Come back", refuse),
    ("c lies outside the usable hours", add(booking("c", 19, 20))),
    ("c lies outside the usable hours", add(booking("c", 8, 9, at=at(7)), clock=7)),
    ("c takes hours of nuoret", add(booking("c", 15, 15.5))),
    ("c is of too many people", add(booking("c", 17, 18, party=3))),
    ("c is too long", add(booking("c", 16, 18.25))),
    ("c is too long", add(booking("c", 16, 17.25, walk_in=True))),
    ("c starts off the grid", add(booking("c", 17.1, 18))),
    ("c is too short", add(booking("c", 17, 17.25))),
    ("c was booked too late", add(booking("c", 10, 10.75, at=at(9.9)))),
    ("c was booked too early", add(booking("c", 17, 18, at=at(0) - 15 * 24 * HOUR))),
    ("a card had 2 turns", add(booking("c", 17, 18, card="x"), booking("d", 18.25, 19, card="x"))),
    ("c is not of the same day", rules_of(same_day=True)),
    ("others wait", wait),
    ("b became too long", rules_of(longest=4000)),
    ("a was not released in time", forget_to_come),
    ("a was there, and is a no-show", call_a_no_show),
    ("a counts as come: nobody was", lambda record: record.came.pop("a")),
    ("c was held for too long", add(booking("c", 17, 18, state="offered", hold_until=at(16)))),
    ("does not reach 72 h", plan_of(valid_until=at(40))),
    ("the plan has run out", plan_of(valid_until=at(13))),
    ("a is booked, and not planned", plan_of(turns=())),
    ("turn c is planned, and nobody has booked it", add(booking("c", 17, 18, state="cancelled"))),
    ("turn c runs though it is closed", add(booking("c", 20, 21, by="device"))),
    ("anybody may begin though it is closed", plan_of(windows=())),
    ("nobody may begin though it is open", plan_of(windows=(PlannedWindow(at(10), at(14), None),))),
    ("anybody may begin in the pause", plan_of(windows=(PlannedWindow(at(10), at(14), None),))),
    ("it can be used though it is out of service", take_out),
    ("it is planned as out of service, and is not", plan_of(outside="out_of_service")),
    ("nuoret is not assumed", plan_of(windows=(PlannedWindow(at(10), at(19.75), None),))),
]


@pytest.mark.parametrize(("sentence", "spoil"), UNFAIR, ids=[sentence for sentence, _ in UNFAIR])
def test_each_unfairness_is_found(sentence: str, spoil: Callable[[Record], object]) -> None:
    """A checker that finds nothing proves nothing."""
    record = fair()
    spoil(record)
    if "same day" in sentence:
        add(booking("c", 34, 35))(record)
    if sentence.startswith("turn c is planned"):
        turn = planned(booking("c", 17, 18))
        record.plans = [replace(plan, turns=(*plan.turns, turn)) for plan in record.plans]
    found = check(record, samples=100)
    assert any(sentence in each for each in found), found


def test_a_device_that_is_away_is_judged_when_it_is_heard_again() -> None:
    """Whether somebody came is not known before."""
    record = fair()
    forget_to_come(record)
    record.away.append(Span("pc-1", at(9), at(24)))
    found = check(record, samples=0)
    assert not any("not released" in each for each in found)


def test_the_checker_knows_nothing_of_the_orchestrator() -> None:
    """Or it would make the same mistakes."""
    folder = Path(__file__).parent
    names = ["checker", "over_time", "moments", "view", "calendar_of_minutes", "record"]
    ours = {"orchestrator", "agents", "mqtt_schemas"}
    for name in names:
        lines = (folder / f"{name}.py").read_text(encoding="utf-8").splitlines()
        imported = [line.split()[1] for line in lines if line.startswith(("from ", "import "))]
        assert not {each.split(".")[0] for each in imported} & ours
        assert all(each.split(".")[-1] in names for each in imported if each.startswith("tests."))
