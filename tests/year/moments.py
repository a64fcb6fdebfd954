"""What is wrong at one device at one moment: its plan held against hours and bookings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter

from tests.year.record import Issued, PlannedTurn, PlannedWindow, Version
from tests.year.view import View


def moment(view: View, name: str, ms: int) -> Iterator[str]:
    """Tell what is wrong, by the plan that the device has then. Before its first, nothing is."""
    plan = view.plan_at(name, ms)
    if plan is None:
        return
    turn, booked = _turn(plan, ms), view.booked_at(name, ms)
    if view.out_at(name, ms):
        if turn is not None or plan.outside != "out_of_service" or plan.walk_in is not None:
            yield view.say(name, ms, "it can be used though it is out of service")
        return
    if plan.outside == "out_of_service":
        yield view.say(name, ms, "it is planned as out of service, and is not")
    wrong = [*_reach(plan, ms), *_turn_as_booked(turn, booked)]
    usable = view.minutes[name].is_usable(ms)
    if turn is not None and booked is not None and not (usable or _by_leave(booked)):
        wrong.append(f"turn {turn.id} runs though it is closed")
    if booked is None and turn is None:
        pause, waited = view.in_pause(name, ms), view.waited_for(name, ms)
        wrong += _without_turn(plan, ms, usable=usable, pause=pause, waited=waited)
    wrong += _assumed(view, name, plan, ms)
    yield from (view.say(name, ms, each) for each in wrong)


def _reach(plan: Issued, ms: int) -> Iterator[str]:
    if ms >= plan.valid_until:
        yield "the plan has run out"


def _turn_as_booked(turn: PlannedTurn | None, booked: Version | None) -> Iterator[str]:
    if booked is None or booked.purpose == "block":
        if turn is not None:
            yield f"turn {turn.id} is planned, and nobody has booked it"
    elif turn is None:
        if booked.state != "offered":
            yield f"{booked.id} is booked, and not planned"
    elif (turn.id, turn.starts, turn.ends) != (booked.id, booked.starts, booked.ends):
        yield f"turn {turn.id} is not what is booked as {booked.id}"
    elif (turn.group, turn.assumed) != (booked.group, booked.assumed):
        yield f"turn {turn.id} is planned for another group"


def _without_turn(
    plan: Issued, ms: int, *, usable: bool, pause: bool, waited: bool
) -> Iterator[str]:
    """Tell where somebody without a turn could begin and must not, or the other way round."""
    may_begin = plan.outside == "open" or (plan.outside == "closed" and plan.walk_in is not None)
    if not may_begin:
        return
    begin_now = not plan.windows or _window(plan, ms) is not None
    if begin_now and not usable:
        yield "anybody may begin though it is closed"
    if begin_now and plan.walk_in is not None and waited:
        yield "anybody may begin though others wait"
    if begin_now and pause:
        yield "anybody may begin in the pause after a turn"
    if usable and not begin_now and not pause:
        yield "nobody may begin though it is open"


def _assumed(view: View, name: str, plan: Issued, ms: int) -> Iterator[str]:
    minutes, window = view.minutes[name], _window(plan, ms)
    number = minutes.group[minutes.at(ms)]
    if number and window is not None:
        group = view.record.devices[name].groups[number - 1].group
        if window.group != group:
            yield f"{group} is not assumed of who begins now"


def _by_leave(booked: Version) -> bool:
    """Tell whether a turn may run outside the usable hours: by staff's leave, or begun there."""
    return booked.over_closing or booked.purpose != "turn" or booked.by == "import"


def _turn(plan: Issued, ms: int) -> PlannedTurn | None:
    place = bisect_right(plan.turns, ms, key=itemgetter(1)) - 1
    found = plan.turns[place] if place >= 0 else None
    return found if found is not None and ms < found.ends else None


def _window(plan: Issued, ms: int) -> PlannedWindow | None:
    place = bisect_right(plan.windows, ms, key=itemgetter(0)) - 1
    found = plan.windows[place] if place >= 0 else None
    return found if found is not None and ms < found.ends else None
