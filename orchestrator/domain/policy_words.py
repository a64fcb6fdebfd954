"""PURE: what a policy means, in sentences for whoever stands at the desk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import time, timedelta

from mqtt_schemas.plan import AtEnd, OutsideTurns
from orchestrator.domain.devices import (
    AfterClosing,
    CheckInBy,
    Misfit,
    Per,
    Period,
    Policy,
    Quota,
)
from orchestrator.domain.local_time import say_length

#: As people and calendars count them, from Monday on.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: A policy that says no other number means: as many as there are.
MANY = 1000

_HOUR = 3600
_ENDS = {
    AtEnd.LOCK: "the device is locked",
    AtEnd.END: "the use is ended",
    AtEnd.FINISH_JOB: "a job that runs is finished, and no other begins",
    AtEnd.PAUSE_JOB: "a job that runs is paused",
    AtEnd.NOTIFY: "the customer is told, and nothing is ended",
}
_OUTSIDE = {
    OutsideTurns.OPEN: "anybody may use it",
    OutsideTurns.CLOSED: "it is closed",
    OutsideTurns.OUT_OF_SERVICE: "it is out of service",
}
_MISFITS = {
    Misfit.REFUSE: "is refused",
    Misfit.WARN: "is begun with a warning",
    Misfit.LEAVE: "is begun",
}


def in_words(policy: Policy, *, attended: bool = False) -> Iterator[str]:
    """Yield the sentences; what a policy does not regulate is not spoken of.

    attended: the device has no agent, so staff does by hand what an agent would.
    """
    yield _turns(policy)
    yield _booking(policy, attended=attended)
    yield from _people(policy)
    yield from _by_staff(policy) if attended else _by_agent(policy)
    yield from _hours(policy)
    yield from map(_period, policy.periods)
    if policy.assumed_group is not None:
        other = " at other hours" if policy.periods else ""
        yield f"Who declares no group is taken for {policy.assumed_group}{other}."
    if policy.quotas:
        each = _list(map(_quota, policy.quotas))
        yield f"A customer gets at most {each}, of all devices of this kind at the site."
    if attended:
        yield "Nothing observes it: what is counted is what staff says."
    else:
        yield from _alone(policy)
    yield f"A turn that becomes free is held {_say(policy.offer)} for the first in the queue."


def days_in_words(days: Iterable[int]) -> str:
    """Return days of the week as they may be written: `mon-fri, sun`."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs
    )


def period_in_words(period: Period) -> str:
    """Return when a period is, and for whom: `mon-fri 14:00–17:00 nuoret only`."""
    end = "24:00" if period.to == time() else f"{period.to:%H:%M}"
    only = " only" if period.exclusive else ""
    return f"{days_in_words(period.days)} {period.from_:%H:%M}–{end} {period.group}{only}"


def quota_in_words(quota: Quota) -> str:
    """Return how much a customer gets: `1 turn a day`, `2 days a week`."""
    return _quota(quota)


def _turns(policy: Policy) -> str:
    shortest, longest = _say(policy.shortest), _say(policy.longest)
    length = longest if shortest == longest else f"{shortest} to {longest}"
    if policy.grid == 0:
        starts = "starting at any minute"
    elif policy.grid == _HOUR:
        starts = "starting on the hour"
    else:
        starts = f"starting every {_say(policy.grid)} from midnight"
    free = f", with {_say(policy.buffer)} kept free between them" if policy.buffer else ""
    return f"Turns of {length}, {starts}{free}."


def _booking(policy: Policy, *, attended: bool) -> str:
    ahead = "for the same day" if policy.same_day else f"at most {_say(policy.ahead)} ahead"
    notice = f" and at least {_say(policy.notice)} before the start" if policy.notice else ""
    if policy.walk_in:
        without = f"; without a booking it is used at most {_say(policy.walk_in)}"
    elif policy.outside_turns is OutsideTurns.OPEN and not attended:
        without = ""
    else:
        without = "; it is not used without a booking"
    return f"It is booked {ahead}{notice}{without}."


def _people(policy: Policy) -> Iterator[str]:
    if policy.party < MANY:
        people = "person" if policy.party == 1 else "people"
        yield f"At most {policy.party} {people} at a time."
    asked = []
    if policy.minimum_age is not None:
        asked.append(f"whether everybody is {policy.minimum_age} or older")
    if policy.guardian_below is not None:
        when = " in self-service hours" if policy.guardian_in == "self_service" else ""
        asked.append(f"whether who is under {policy.guardian_below} has a guardian's consent{when}")
    if asked:
        yield f"At check-in staff asks {_list(asked)}; only yes or no is noted."


def _by_agent(policy: Policy) -> Iterator[str]:
    yield _check_in(policy)
    yield _more_time(policy)
    yield from _end(policy)


def _by_staff(policy: Policy) -> Iterator[str]:
    """Yield how a turn at an attended device begins and ends (orchestrator.domain.attended)."""
    released = "" if policy.check_in is CheckInBy.NONE else f"; {_released(policy)}"
    yield f"Staff begins and ends each turn{released}."
    yield "If nobody waits, staff may give more time, up to the next booking or closing."
    if policy.warn_before:
        yield f"The desk sees {_say(max(policy.warn_before))} before the end that it is near."
    late = f"{_say(policy.grace)} after its end" if policy.grace else "at its end"
    yield f"A turn that nobody has ended {late} counts up to its end, until staff says otherwise."


def _alone(policy: Policy) -> Iterator[str]:
    """Yield what an agent sees to without anybody's word."""
    if policy.at_end in (AtEnd.FINISH_JOB, AtEnd.PAUSE_JOB):
        misfit = _MISFITS[policy.print_misfit]
        yield f"A print that would not be done by the end of its turn {misfit}."
    yield (
        f"Outside turns {_OUTSIDE[policy.outside_turns]}; when the device has heard nothing for "
        f"days {_OUTSIDE[policy.after_expiry]}."
    )


def _released(policy: Policy) -> str:
    return f"after {_say(policy.check_in_within)} without check-in it is released"


def _check_in(policy: Policy) -> str:
    released = _released(policy)
    match policy.check_in:
        case CheckInBy.NONE:
            return "A turn opens by itself, without check-in."
        case CheckInBy.CODE:
            return f"A turn opens with its code, at the device or at the desk; {released}."
        case CheckInBy.STAFF:
            return f"A turn opens when staff checks the customer in; {released}."


def _more_time(policy: Policy) -> str:
    if not policy.extension:
        return "No more time is offered."
    last = policy.extension_in_last
    when = f"in the last {_say(last)}" if last else "at any time"
    return (
        f"If nobody waits, {_say(policy.extension)} more is offered {when}, "
        "up to the longest turn, the next booking or closing."
    )


def _end(policy: Policy) -> Iterator[str]:
    if policy.warn_before:
        yield f"The customer is warned {_list(map(_say, policy.warn_before))} before the end."
    grace = f", after {_say(policy.grace)} of grace," if policy.grace else ""
    yield f"At the end{grace} {_ENDS[policy.at_end]}."


def _hours(policy: Policy) -> Iterator[str]:
    only = " in staffed hours only" if policy.staffed_only else ""
    school = policy.school_days_from
    if school is not None:
        yield f"It is used{only}, on school days from {school:%H:%M}."
    elif only:
        yield f"It is used{only}."
    before = policy.finish_before_closing
    end = f"Turns end {_say(before)} before closing" if before else "Turns end at closing"
    if policy.after_closing is AfterClosing.STAFF:
        yield f"{end}; staff may let one run on after it."
    else:
        yield f"{end}, at the latest."


def _period(period: Period) -> str:
    end = "24:00" if period.to == time() else f"{period.to:%H:%M}"
    when = f"{days_in_words(period.days)} from {period.from_:%H:%M} to {end}"
    if period.exclusive:
        return f"It is for {period.group} only: {when}."
    return f"Who declares no group is taken for {period.group}: {when}."


def _quota(quota: Quota) -> str:
    unit = quota.of if quota.most > 1 else quota.of.removesuffix("s")
    return f"{quota.most} {unit} a {'day' if quota.per is Per.DAY else 'week'}"


def _say(seconds: int) -> str:
    return say_length(timedelta(seconds=seconds))


def _list(parts: Iterable[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
