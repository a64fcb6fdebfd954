"""Hypothesis strategies for every message of the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from mqtt_schemas.base import Basis, DeviceLink, DeviceState, Message, Outcome
from mqtt_schemas.codec import sealed
from mqtt_schemas.events import (
    CheckedIn,
    Ended,
    EventBody,
    ExtensionRequested,
    GroupSet,
    Observed,
    OrderOutcome,
    OrderResult,
    Started,
    Step,
    TurnOpened,
    TurnSource,
    WatchEnd,
)
from mqtt_schemas.messages import (
    Ack,
    AgentClock,
    Checkpoint,
    Events,
    Link,
    OutboxState,
    Phase,
    PlanInForce,
    Presence,
    Status,
    TimeAnswer,
    TimeRequest,
    TurnNow,
    Watching,
)
from mqtt_schemas.plan import (
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
from mqtt_schemas.topics import RESERVED_SITE, Address, Channel

LARGEST = 2**53 - 1
DAY = 86_400


def hex_text(length: int) -> SearchStrategy[str]:
    """Return so many hex digits."""
    return st.integers(0, 16**length - 1).map(lambda number: f"{number:0{length}x}")


ids = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
codes = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)
opaque_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", fullmatch=True)
rules = st.from_regex(r"[a-z][a-z0-9-]{0,30}/[1-9][0-9]{0,3}", fullmatch=True)
uuids = st.uuids().map(str)
digests = hex_text(64)
nonces = hex_text(32)
milliseconds = st.integers(0, LARGEST)
offsets = st.integers(-LARGEST, LARGEST)
seconds = st.integers(0, 366 * DAY)
parties = st.none() | st.integers(1, 1000)
times = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001 - the same
    timezones=st.just(UTC),
)
addresses = st.builds(Address, ids.filter(lambda site: site != RESERVED_SITE), ids)

links = st.builds(
    Link,
    state=st.sampled_from(["online", "offline"]),
    connection=nonces,
    boot_id=uuids,
    version=st.text(max_size=40),
    kind=ids,
)
statuses = st.builds(
    Status,
    connection=nonces,
    device_link=st.sampled_from(DeviceLink),
    state=st.sampled_from(DeviceState),
    turn=st.none() | st.builds(TurnNow, id=opaque_ids, phase=st.sampled_from(Phase)),
    blocked=st.none() | codes,
    session=st.none()
    | st.builds(
        Checkpoint,
        session=opaque_ids,
        turn=st.none() | opaque_ids,
        basis=st.sampled_from(Basis),
        at_ms=milliseconds,
        active_ms=milliseconds,
        idle_ms=milliseconds,
        unobserved_ms=milliseconds,
    ),
    to_be_cleared=st.none() | opaque_ids,
    readings=st.dictionaries(codes, st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    plan=st.none() | st.builds(PlanInForce, issuer=ids, revision=milliseconds, digest=digests),
    clock=st.builds(
        AgentClock,
        wall=times,
        boot_id=uuids,
        boot_ms=milliseconds,
        offset_ms=st.none() | offsets,
        offset_age_ms=st.none() | milliseconds,
    ),
    watching=st.none() | st.builds(Watching, from_ms=milliseconds, to_ms=milliseconds),
    outbox=st.builds(
        OutboxState,
        log=uuids,
        first_kept=milliseconds,
        last=milliseconds,
        oldest_age_ms=st.none() | milliseconds,
    ),
    problems=st.lists(codes, max_size=3).map(tuple),
)
time_requests = st.builds(TimeRequest, nonce=nonces)
time_answers = st.builds(TimeAnswer, nonce=nonces, received=times, sent=times)
acks = st.builds(Ack, log=uuids, seq=milliseconds, chain=st.none() | digests)
presences = st.builds(Presence, state=st.sampled_from(["online", "offline"]), at=times)

hashed_codes = st.builds(
    HashedCode,
    salt=nonces,
    hash=digests,
    n=st.integers(2**12, 2**17),
    r=st.integers(1, 16),
    p=st.integers(1, 4),
)


@st.composite
def turn_lists(draw: DrawFn) -> tuple[Turn, ...]:
    """Return turns one after another."""
    turns = []
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=draw(st.integers(0, 10**12)))
    for name in draw(st.lists(opaque_ids, unique=True, max_size=4)):
        starts_at = at + timedelta(milliseconds=draw(st.integers(0, 10**8)))
        at = starts_at + timedelta(milliseconds=draw(st.integers(1, 10**8)))
        warnings = draw(st.lists(seconds, unique=True, max_size=4))
        turns.append(
            Turn(
                id=name,
                starts_at=starts_at,
                ends_at=at,
                warn_before=tuple(sorted(warnings, reverse=True)),
                grace=draw(seconds),
                at_end=draw(st.sampled_from(AtEnd)),
                check_in=draw(
                    st.none() | st.builds(CheckIn, within=seconds, code=st.none() | hashed_codes)
                ),
                target_group=draw(st.none() | ids),
                group_assumed=draw(st.booleans()),
                party_size=draw(parties),
                event=draw(st.none() | opaque_ids),
                rotate=draw(st.none() | st.integers(30, 366 * DAY)),
                run_on=draw(seconds),
            )
        )
    return tuple(turns)


@st.composite
def window_lists(draw: DrawFn) -> tuple[Window, ...]:
    """Return windows one after another."""
    windows = []
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for length in draw(st.lists(st.integers(1, 10**8), max_size=3)):
        starts_at = at + timedelta(milliseconds=draw(st.integers(0, 10**8)))
        at = starts_at + timedelta(milliseconds=length)
        windows.append(
            Window(
                starts_at=starts_at,
                ends_at=at,
                assumed_group=draw(st.none() | ids),
                exclusive=draw(st.booleans()),
            )
        )
    return tuple(windows)


terms = {
    "max_seconds": st.integers(1, 366 * DAY),
    "min_seconds": st.integers(1, 366 * DAY),
    "gap": seconds,
    "warn_before": st.lists(seconds, unique=True, max_size=4).map(
        lambda steps: tuple(sorted(steps, reverse=True))
    ),
    "grace": seconds,
    "at_end": st.sampled_from(AtEnd),
}
staff_codes = st.builds(
    StaffCode,
    days=st.lists(
        st.builds(DatedCode, starts_at=times, ends_at=times, code=hashed_codes),
        min_size=1,
        max_size=2,
    ).map(tuple),
    **terms,
)


plans = st.builds(
    Plan,
    issuer=ids,
    revision=st.integers(1, LARGEST),
    digest=st.just("0" * 64),
    issued_at=times,
    valid_until=times,
    after_expiry=st.sampled_from([OutsideTurns.OPEN, OutsideTurns.CLOSED]),
    outside_turns=st.sampled_from(OutsideTurns),
    turns=turn_lists(),
    notices=st.lists(
        st.builds(
            Notice,
            id=opaque_ids,
            phrase=codes,
            arguments=st.dictionaries(codes, offsets | st.text(max_size=64), max_size=3),
            until=times,
        ),
        max_size=2,
    ).map(tuple),
    windows=window_lists(),
    walk_in=st.none() | st.builds(WalkIn, **terms),
    staff_code=st.none() | staff_codes,
    print_fit=st.none()
    | st.builds(
        PrintFit,
        misfit=st.sampled_from(["refuse", "warn"]),
        ratio_percent=st.integers(10, 1000),
    ),
    cleared=st.none() | opaque_ids,
).map(sealed)

common = {
    "turn": st.none() | opaque_ids,
    "session": st.none() | opaque_ids,
    "rule": rules,
    "wall": times,
    "boot_id": uuids,
    "boot_ms": milliseconds,
    "offset_ms": st.none() | offsets,
}
groups: dict[str, SearchStrategy[Any]] = {
    "target_group": st.none() | ids,
    "group_assumed": st.booleans(),
    "party_size": parties,
}
figures = st.dictionaries(codes, milliseconds, max_size=4)
bodies: SearchStrategy[EventBody] = st.one_of(
    st.builds(
        TurnOpened,
        **common,
        **groups,
        source=st.sampled_from(TurnSource),
        ends_at=st.none() | times,
    ),
    st.builds(CheckedIn, **common),
    st.builds(ExtensionRequested, **common, seconds=milliseconds),
    st.builds(Started, **common, **groups, basis=st.sampled_from(Basis)),
    st.builds(GroupSet, **common, target_group=ids, party_size=parties),
    st.builds(
        Ended,
        **common,
        **groups,
        basis=st.sampled_from(Basis),
        outcome=st.sampled_from(Outcome),
        active_ms=milliseconds,
        idle_ms=milliseconds,
        unobserved_ms=milliseconds,
        overrun_ms=milliseconds,
        categories=figures,
        figures=figures,
        at_checkpoint=st.booleans(),
    ),
    st.builds(
        OrderResult,
        **common,
        step=st.sampled_from(Step),
        outcome=st.sampled_from(OrderOutcome),
        reason=st.none() | codes,
    ),
    st.builds(
        Observed,
        **common,
        from_ms=milliseconds,
        to_ms=milliseconds,
        device_link=st.sampled_from(DeviceLink),
        until=st.none() | st.sampled_from(WatchEnd),
    ),
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=6)
#: What canonical JSON can hold: whole numbers, ASCII keys.
whole_values = st.recursive(
    st.none() | st.booleans() | offsets | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)
frames = st.fixed_dictionaries({"seq": st.integers(1, LARGEST), "prev": digests})
batches = st.builds(
    Events,
    log=uuids,
    events=st.lists(
        st.builds(lambda rest, frame: rest | frame, json_objects, frames), min_size=1, max_size=3
    ).map(tuple),
)

#: One strategy for each channel.
MESSAGES: dict[Channel, SearchStrategy[Message]] = {
    Channel.LINK: links,
    Channel.STATUS: statuses,
    Channel.EVENTS: batches,
    Channel.TIME_REQUEST: time_requests,
    Channel.TIME_ANSWER: time_answers,
    Channel.ACK: acks,
    Channel.PLAN: plans,
}
