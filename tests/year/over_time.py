"""The rules of bookings over time. Each function returns what is against one rule, as sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.year.calendar_of_minutes import MINUTE
from tests.year.record import Refused, Rules, Version
from tests.year.view import SECOND, View

#: A form filled in at 14:00 and sent at 14:00:40 is in time.
TOLERANCE = MINUTE
#: The state of a booking follows its deadline within this time.
KEEPING = 2 * MINUTE
#: A use that its device does not end is its turn's no more after the third try.
ENDING = 2 * MINUTE
LEAST_AHEAD = 72 * 60 * MINUTE


def overlaps(view: View) -> Iterator[str]:
    """Tell where two bookings held one device at one moment."""
    for name, held in view.held.items():
        for earlier, later in pairwise(held):
            if later.starts < earlier.ends:
                pair = f"{earlier.booking.id} and {later.booking.id}"
                yield view.say(name, later.starts, f"{pair} overlap")


def spacing(view: View) -> Iterator[str]:
    """Tell where a booking was made or changed with less than grace and buffer beside it."""
    for name, rules in view.record.devices.items():
        room = (rules.grace + rules.buffer) * SECOND
        live: dict[str, Version] = {}
        for version in view.changes(name):
            live = {each.id: each for each in live.values() if each.ends + room > version.at}
            live.pop(version.id, None)
            if not version.live or version.device != name:
                continue
            for other in live.values():
                if version.event is not None and other.event == version.event:
                    continue  # its own pause, for cleaning, follows at once
                if other.starts < version.ends + room and version.starts < other.ends + room:
                    yield view.say(name, version.at, f"{version.id} is too near {other.id}")
            live[version.id] = version


def new_bookings(view: View) -> Iterator[str]:
    """Tell of turns that were booked against hours, groups, party, lengths, grid or notice."""
    for versions in view.histories.values():
        new, rules = versions[0], view.rules(versions[0])
        if new.purpose == "turn" and new.by in ("staff", "queue"):
            at_will = new.by == "staff" and not new.walk_in and not new.moved
            wrong = [*_hours(view, new, rules), *_size(new, rules)]
            wrong += _times(view, new, rules) if at_will else []
            yield from (view.say(new.device, new.at, f"{new.id} {each}") for each in wrong)


def _hours(view: View, new: Version, rules: Rules) -> Iterator[str]:
    minutes = view.minutes[new.device]
    if not minutes.all_usable(new.starts, new.starts + 1 if new.over_closing else new.ends):
        yield "lies outside the usable hours"
    marks = minutes.group[minutes.at(new.starts) : minutes.at(new.ends - 1) + 1]
    for number in set(marks) - {0}:
        hours = rules.groups[number - 1]
        if hours.exclusive and new.group != hours.group:
            yield f"takes hours of {hours.group}"


def _size(new: Version, rules: Rules) -> Iterator[str]:
    if new.party is not None and new.party > rules.party:
        yield "is of too many people"
    most = rules.walk_in if new.walk_in else rules.longest
    if new.by == "queue":
        most = rules.walk_in or rules.longest
    if new.ends - new.starts > most * SECOND:
        yield "is too long"


def _times(view: View, new: Version, rules: Rules) -> Iterator[str]:
    local, today = view.local(new.starts), view.local(new.at)
    if rules.grid and (local.hour * 3600 + local.minute * 60 + local.second) % rules.grid:
        yield "starts off the grid"
    if new.ends - new.starts < rules.shortest * SECOND:
        yield "is too short"
    if new.starts < new.at + rules.notice * SECOND - TOLERANCE:
        yield "was booked too late"
    if new.starts > new.at + rules.ahead * SECOND:
        yield "was booked too early"
    if rules.same_day and local.date() != today.date():
        yield "is not of the same day"


def refusals(view: View) -> Iterator[str]:
    """Tell of turns that were refused though no rule and no booking was against them."""
    for asked in view.record.refused:
        rules, minutes = view.record.devices[asked.device], view.minutes[asked.device]
        number = minutes.group[minutes.at(asked.starts)] if minutes.holds(asked.starts) else 0
        assumed = rules.groups[number - 1].group if number else None
        wish = Version(
            at=asked.at,
            id="?",
            device=asked.device,
            starts=asked.starts,
            ends=asked.ends,
            state="booked",
            group=asked.group or assumed,
            party=asked.party,
        )
        against = asked.starts < asked.at - TOLERANCE or _used_up(view, asked, rules)
        against = against or any(_size(wish, rules)) or any(_times(view, wish, rules))
        against = against or any(_hours(view, wish, rules)) or _no_room(view, wish, rules)
        if not against:
            yield view.say(asked.device, asked.at, f"refused without a cause: {asked.why}")


def _no_room(view: View, wish: Version, rules: Rules) -> bool:
    room = (rules.grace + rules.buffer) * SECOND
    return any(
        other.starts < wish.ends + room and wish.starts < other.ends + room
        for other in view.live_at(wish.device, wish.at)
    )


def _used_up(view: View, asked: Refused, rules: Rules) -> bool:
    local = view.local(asked.starts)
    for limit in rules.limits:
        days = []
        for versions in view.of_card[asked.card, rules.kind]:
            known = [version for version in versions if version.at <= asked.at]
            other = view.local(versions[0].starts)
            form = "%Y-%m-%d" if limit.per == "day" else "%G-%V"
            counts = known and (known[-1].live or known[-1].state == "no_show")
            if counts and other.strftime(form) == local.strftime(form):
                days.append(other.date())
        days += [
            view.local(asked.at).date()
            for wait in view.record.waits
            if wait.card == asked.card
            and wait.kind == rules.kind
            and wait.at <= asked.at < wait.until
        ]
        taken = len(days) if limit.of == "turns" else len(set(days) - {local.date()})
        if taken >= limit.most:
            return True
    return False


def limits(view: View) -> Iterator[str]:
    """Tell of cards with more turns, or days with one, than they are good for."""
    days: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for versions in view.histories.values():
        new, kept = versions[0], versions[-1]
        follows = any(version.moved for version in versions)
        if new.card is None or follows or kept.state in ("cancelled", "released"):
            continue
        local = view.local(new.starts)
        for period in (f"day {local:%Y-%m-%d}", f"week {local:%G-%V}"):
            days[view.rules(new).kind, new.card, period].append(f"{local:%Y-%m-%d}")
    of_kind = {rules.kind: rules.limits for rules in view.record.devices.values()}
    for (kind, _, period), each in days.items():
        for limit in of_kind[kind]:
            number = len(each) if limit.of == "turns" else len(set(each))
            if period.startswith(limit.per) and number > limit.most:
                yield f"{kind}: a card had {number} {limit.of} in the {period}"


def extensions(view: View) -> Iterator[str]:
    """Tell where a running turn got time that somebody waited for, or that there was not.

    That none takes it from a booking is told by `spacing`.
    """
    for versions in view.histories.values():
        for before, after in pairwise(versions):
            longer = after.device == before.device and after.ends > before.ends
            if not (longer and after.live and after.purpose == "turn"):
                continue
            rules = view.rules(after)
            waiting = any(
                each.kind == rules.kind and each.at <= after.at < each.until
                for each in view.record.waits
            )
            if waiting and after.at >= after.starts:
                yield view.say(after.device, after.at, f"{after.id} was extended, others wait")
            if after.ends - after.starts > rules.longest * SECOND:
                yield view.say(after.device, after.at, f"{after.id} became too long")
            usable = view.minutes[after.device].all_usable(before.ends, after.ends)
            if not (usable or after.over_closing):
                yield view.say(after.device, after.at, f"{after.id} was extended over closing")


def no_shows(view: View) -> Iterator[str]:
    """Tell of who came and was released, and of who did not come and was not."""
    for version, until in view.versions():
        came = view.record.came.get(version.id)
        if version.state == "no_show" and came is not None and came < version.at:
            yield view.say(version.device, version.at, f"{version.id} was there, and is a no-show")
        asked = version.check_in != "none" and version.purpose == "turn" and not version.moved
        if asked and version.state in ("checked_in", "used") and came is None:
            yield view.say(version.device, version.at, f"{version.id} counts as come: nobody was")
        if version.state == "booked" and asked and came is None:
            within = view.rules(version).check_in_within * SECOND
            due = min(version.starts + within, version.ends)
            if until > _told_at(view, version.device, due) + KEEPING:
                yield view.say(version.device, due, f"{version.id} was not released in time")


def _told_at(view: View, name: str, ms: int) -> int:
    """Return when it is known what a device saw up to a moment: at once, unless it is away."""
    spans = [each for each in view.record.away if each.device == name]
    return max((each.ends for each in spans if each.starts <= ms < each.ends), default=ms)


def offers(view: View) -> Iterator[str]:
    """Tell of offers that nobody took up and that were held nevertheless."""
    for version, until in view.versions():
        if version.state == "offered" and version.hold_until is not None:
            due = min(version.hold_until, version.ends)
            if until > _told_at(view, version.device, due) + KEEPING:
                yield view.say(version.device, due, f"{version.id} was held for too long")


def plans(view: View) -> Iterator[str]:
    """Tell of plans whose turns overlap, or that do not reach 72 h ahead."""
    for plan in view.record.plans:
        for earlier, later in pairwise(plan.turns):
            if later.starts < earlier.ends + earlier.grace * SECOND:
                pair = f"{earlier.id} and {later.id}"
                yield view.say(plan.device, plan.at, f"{pair} overlap in a plan")
        if plan.valid_until < plan.at + LEAST_AHEAD:
            yield view.say(plan.device, plan.at, "the plan does not reach 72 h ahead")


def uses(view: View) -> Iterator[str]:
    """Tell of uses by the right of a turn that was not theirs, or no longer, or not yet."""
    for use in view.record.uses:
        if use.basis != "turn":
            continue
        versions = view.histories.get(use.turn or "", [])
        if not versions and _told_at(view, use.device, use.starts) > use.starts:
            continue  # begun at a device out of reach, while the desk gave it away
        if not versions:
            yield view.say(use.device, use.starts, f"a use by turn {use.turn}, which nobody booked")
            continue
        rules = view.rules(versions[0])
        grace = rules.grace * SECOND
        first, last = min(v.starts for v in versions), max(v.ends for v in versions) + grace
        if not first <= use.starts < last:
            yield view.say(use.device, use.starts, f"a use began by {use.turn} outside its turn")
        if rules.at_end in ("lock", "end", "pause_job") and use.ends > last + ENDING:
            yield view.say(use.device, use.ends, f"a use by {use.turn} went on long after its turn")
        if all(version.device != use.device for version in versions):
            yield view.say(
                use.device, use.starts, f"a use by {use.turn}, which is of another device"
            )


RULES = (
    overlaps,
    spacing,
    new_bookings,
    refusals,
    limits,
    extensions,
    no_shows,
    offers,
    plans,
    uses,
)
