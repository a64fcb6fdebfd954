"""A library of twelve devices with the rules that libraries publish, and its hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta

import holidays

from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import (
    AfterClosing,
    CheckInBy,
    Device,
    Misfit,
    Per,
    Period,
    Policy,
    Quota,
)
from tests.year.record import GroupHours, Hours, Limit, Rules

SITE = "kirjasto"
GROUPS = ("lapset", "nuoret", "aikuiset", "ikaantyneet", "koulu")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

#: Prints at most 8 h, in staffed hours; a print is let finish, and may run on by staff's leave.
_PRINTER = Policy(
    AtEnd.FINISH_JOB,
    grid=15 * _MINUTE,
    shortest=30 * _MINUTE,
    longest=8 * _HOUR,
    ahead=14 * _DAY,
    notice=10 * _MINUTE,
    grace=0,
    buffer=10 * _MINUTE,
    staffed_only=True,
    finish_before_closing=15 * _MINUTE,
    after_closing=AfterClosing.STAFF,
    quotas=(Quota(3, Per.WEEK),),
    print_misfit=Misfit.REFUSE,
)
#: 13+, two at a time, half an hour; a hygiene pause; someone must be there.
_VR = Policy(
    AtEnd.LOCK,
    grid=30 * _MINUTE,
    shortest=30 * _MINUTE,
    longest=60 * _MINUTE,
    ahead=7 * _DAY,
    party=2,
    grace=2 * _MINUTE,
    buffer=13 * _MINUTE,
    minimum_age=13,
    staffed_only=True,
    check_in=CheckInBy.STAFF,
    check_in_within=10 * _MINUTE,
    extension=15 * _MINUTE,
    quotas=(Quota(1, Per.DAY),),
)
#: The game room: from 12 on school days, for youth from 14 to 16, walk-ins while it is free.
_GAMES = Policy(
    AtEnd.LOCK,
    grid=30 * _MINUTE,
    shortest=30 * _MINUTE,
    longest=4 * _HOUR,
    ahead=2 * _DAY,
    party=6,
    grace=_MINUTE,
    buffer=4 * _MINUTE,
    check_in=CheckInBy.STAFF,
    check_in_within=15 * _MINUTE,
    walk_in=60 * _MINUTE,
    extension=30 * _MINUTE,
    finish_before_closing=15 * _MINUTE,
    school_days_from=time(12),
    periods=(
        Period((0, 1, 2, 3, 4), time(14), time(16), "nuoret", exclusive=True),
        Period((5,), time(10), time(13), "lapset"),
    ),
    quotas=(Quota(2, Per.WEEK, "days"),),
)
#: Image and video editing, notation: long turns, also in self-service hours, no check-in.
_STUDIO = Policy(
    AtEnd.LOCK,
    shortest=30 * _MINUTE,
    longest=4 * _HOUR,
    ahead=14 * _DAY,
    notice=2 * _HOUR,
    grace=5 * _MINUTE,
    buffer=3 * _MINUTE,
    walk_in=2 * _HOUR,
    extension=30 * _MINUTE,
    finish_before_closing=10 * _MINUTE,
    assumed_group="aikuiset",
)
_SAME_DAY = Policy(
    AtEnd.LOCK,
    grid=60 * _MINUTE,
    shortest=60 * _MINUTE,
    longest=60 * _MINUTE,
    same_day=True,
    party=2,
    check_in=CheckInBy.CODE,
    check_in_within=15 * _MINUTE,
)

DEVICES: Mapping[Address, Device] = {
    device.address: device
    for device in (
        *(Device(Address(SITE, f"printer-{n}"), "printer", _PRINTER, f"P{n}") for n in (1, 2)),
        *(Device(Address(SITE, f"vr-{n}"), "vr", _VR, f"VR{n}") for n in (1, 2)),
        *(Device(Address(SITE, f"game-{n}"), "game-pc", _GAMES, f"G{n}") for n in (1, 2, 3, 4)),
        *(Device(Address(SITE, f"studio-{n}"), "studio", _STUDIO, f"S{n}") for n in (1, 2, 3)),
        Device(Address(SITE, "console"), "console", _SAME_DAY, "C"),
    )
}

_WEEK = (
    *(
        (
            Hours(time(8), time(10), staffed=False),
            Hours(time(10), time(19)),
            Hours(time(19), time(21), staffed=False),
        )
        for _ in range(4)
    ),
    (Hours(time(8), time(10), staffed=False), Hours(time(10), time(17))),
    # Closed in mid-day: two openings of one day.
    (Hours(time(10), time(12)), Hours(time(13), time(16))),
    (Hours(time(11), time(17), staffed=False),),
)


def public_holidays(first: date, last: date) -> frozenset[date]:
    """Return the public holidays of the years that a span touches."""
    years = range(first.year, last.year + 1)
    return frozenset(holidays.country_holidays("FI", years=years))


def hours(first: date, last: date) -> dict[date, tuple[Hours, ...]]:
    """Return the hours of each day: closed on public holidays, shorter on the eves of some."""
    closed = public_holidays(first, last)
    found = {}
    day = first
    while day <= last:
        found[day] = () if day in closed else _WEEK[day.weekday()]
        eve = day + timedelta(days=1) in closed and day not in closed and day.weekday() < 5
        if eve:
            found[day] = (Hours(time(10), time(14)),)
        day += timedelta(days=1)
    return found


def rules_of(device: Device) -> Rules:
    """Return a device's policy as the checker reads it: plain data."""
    policy = device.policy
    return Rules(
        kind=device.kind,
        at_end=str(policy.at_end),
        outside=str(policy.outside_turns),
        shortest=policy.shortest,
        longest=policy.longest,
        grid=policy.grid,
        notice=policy.notice,
        ahead=policy.ahead,
        same_day=policy.same_day,
        party=policy.party,
        grace=policy.grace,
        buffer=policy.buffer,
        check_in=str(policy.check_in),
        check_in_within=policy.check_in_within,
        walk_in=policy.walk_in,
        extension=policy.extension,
        finish_before_closing=policy.finish_before_closing,
        staffed_only=policy.staffed_only,
        school_days_from=policy.school_days_from,
        groups=tuple(
            GroupHours(each.days, each.from_, each.to, each.group, each.exclusive)
            for each in policy.periods
        ),
        limits=tuple(Limit(each.most, str(each.per), each.of) for each in policy.quotas),
        offer=policy.offer,
    )
