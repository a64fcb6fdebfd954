"""PURE: one cycle of an agent. Observations, plan and clocks in; state, events and orders out.

Ties tracking and enforcement together. The runtime calls it at least once a second, at each
observation, and at each boundary of the plan; what it returns is saved before it is acted on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agents import requests, tracking
from agents.coverage import Watch, watch, why
from agents.enforcement import Decision, Memory, Situation, decide, find
from agents.granting import Edge, Proof, Stamp
from agents.model import SETTLED_MS, Observation, Order, Reply, Request
from agents.schedule import Schedule
from agents.tracking import GAP_MS, OpenSession, SessionEnd
from mqtt_schemas.base import DeviceLink, DeviceState, Outcome, utc_from_ms
from mqtt_schemas.events import (
    Ended,
    EventBody,
    Observed,
    OrderOutcome,
    OrderResult,
    Started,
    Step,
    TurnOpened,
    TurnSource,
    WatchEnd,
)
from mqtt_schemas.plan import OutsideTurns


@dataclass(frozen=True, slots=True)
class Moment:
    """The clocks at one moment, all in milliseconds.

    now_ms: plan time (agents.clock.plan_time_ms). offset_ms: orchestrator less wall, if known.
    """

    now_ms: int
    boot_ms: int
    wall_ms: int
    boot_id: str
    offset_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What outlives the agent's process, as of `moment`."""

    moment: Moment
    session: OpenSession | None = None
    memory: Memory = field(default_factory=Memory)
    watch: Watch | None = None
    floor_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """The right by which the present use runs changed at boot time `at_ms` to this one."""

    at_ms: int
    right: tracking.Right


@dataclass(frozen=True, slots=True)
class State:
    """An agent between two cycles.

    held: the newest observation. tick_ms: boot time of the last cycle. unconfirmed: the
    session was taken over from before a restart and its use has not been seen since.
    floor_ms: no session begins before, since time up to here was accounted or is lost.
    split: where the session is to be split, unless its use turns out to have ended before.
    """

    tick_ms: int
    floor_ms: int
    session: OpenSession | None = None
    memory: Memory = field(default_factory=Memory)
    watch: Watch | None = None
    held: Observation | None = None
    unconfirmed: bool = False
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What a cycle goes by beside the state. `new_id` makes session ids.

    settles_ms: as agents.model.Device says.
    """

    rule: str
    closing: Step
    without_plan: OutsideTurns
    schedule: Schedule | None
    new_id: Callable[[], str]
    ordering: bool = False
    settles_ms: int | None = SETTLED_MS


class Result(NamedTuple):
    """What a cycle came to."""

    state: State
    events: tuple[EventBody, ...]
    orders: tuple[Order, ...]
    decision: Decision


class Answered(NamedTuple):
    """What a request came to. The next cycle does what follows."""

    state: State
    events: tuple[EventBody, ...]
    reply: Reply


def resume(saved: Saved | None, moment: Moment, rule: str) -> tuple[State, tuple[EventBody, ...]]:
    """Return the state to start from, and the events that a cut left to be told.

    The levels that the device was last told are forgotten: it is told again.
    """
    if saved is None:
        return State(tick_ms=moment.boot_ms, floor_ms=moment.boot_ms), ()
    events: list[EventBody] = []
    if saved.watch is not None and saved.watch.to_ms > saved.watch.from_ms:
        events.append(_observed(saved.watch, WatchEnd.STOPPED, rule, saved.moment))
    same_boot = saved.moment.boot_id == moment.boot_id
    memory = replace(saved.memory, access=None, access_retry_ms=0)
    session = saved.session
    if session is not None and not same_boot:
        end = SessionEnd(session, Outcome.POWER_LOSS, at_checkpoint=True)
        events.append(_ended(end, rule, saved.moment))
        memory = replace(memory, finished=session.id)
        session = None
    state = State(
        tick_ms=moment.boot_ms,
        floor_ms=_floor(saved) if same_boot else 0,
        session=session,
        memory=memory,
        unconfirmed=session is not None,
    )
    return state, tuple(events)


def _floor(saved: Saved) -> int:
    """Return up to when all that the device did was taken in before the restart."""
    return saved.moment.boot_ms if saved.floor_ms is None else saved.floor_ms


def snapshot(state: State, moment: Moment, settles_ms: int | None = SETTLED_MS) -> Saved:
    """Return what is to be saved: the checkpoint, with the time accounted that is sure by now.

    The device's word on the last moments may still be on its way: an end at this checkpoint
    must not count beyond the true end.
    """
    now = moment.boot_ms
    in_gap = now - state.tick_ms > GAP_MS
    sure_ms = _sure_ms(state.held, state.tick_ms if in_gap else now, settles_ms)
    session = state.session
    if session is not None and state.held is not None and not state.unconfirmed:
        session = tracking.account(session, state.held, sure_ms)
        session = tracking.skip(session, now) if in_gap else session
    seen = state.watch and replace(state.watch, to_ms=max(sure_ms, state.watch.from_ms))
    floor_ms = max(state.floor_ms, state.held.at_ms if state.held else 0)
    return Saved(moment, session, state.memory, seen, floor_ms)


def _sure_ms(held: Observation | None, at_ms: int, settles_ms: int | None) -> int:
    """Return up to when it is known at `at_ms` how the device is: its word on it has come."""
    if settles_ms is None and held is not None and held.device_link is DeviceLink.CONNECTED:
        return min(held.at_ms, at_ms)
    return at_ms - (settles_ms or 0)


def cycle(
    state: State, observations: Sequence[Observation], moment: Moment, setting: Setting
) -> Result:
    """Return what a cycle comes to.

    1. A gap since the last cycle is unobserved. 2. Each observation, in order, ends and begins
    sessions. 3. The plan is held against what is. 4. A session whose right changed is split.
    """
    step = _Cycle(state, moment, setting)
    step.skip_gap()
    for observation in observations:
        step.observe(observation)
    decision = step.enforce()
    return Result(step.state, tuple(step.events), tuple(step.orders), decision)


def ask(
    state: State, request: Request, proof: Proof | None, moment: Moment, setting: Setting
) -> Answered:
    """Return what a request comes to (agents.requests.grant)."""

    def stamp(turn: str | None, session: str | None = None) -> Stamp:
        return _stamp(moment, setting.rule, session, turn)

    situation = situation_of(state, moment, setting)
    edge = Edge(setting.new_id, stamp)
    granted = requests.grant(state.memory, situation, request, proof, edge)
    state = replace(state, memory=granted.memory, session=granted.session)
    return Answered(state, granted.events, granted.reply)


def situation_of(state: State, moment: Moment, setting: Setting) -> Situation:
    """Return the situation as it stands."""
    return Situation(
        now_ms=moment.now_ms,
        schedule=setting.schedule,
        without_plan=setting.without_plan,
        closing=setting.closing,
        session=state.session,
        state=state.held.state if state.held else DeviceState.FREE,
        ordering=setting.ordering,
    )


class _Cycle:
    """The working state of one cycle: what `cycle` threads through its steps."""

    def __init__(self, state: State, moment: Moment, setting: Setting) -> None:
        self.state = state
        self.moment = moment
        self.setting = setting
        self.events: list[EventBody] = []
        self.orders: list[Order] = []

    def skip_gap(self) -> None:
        state, now = self.state, self.moment.boot_ms
        if self._in_gap() and state.held is not None:
            sure_ms = _sure_ms(state.held, state.tick_ms, self.setting.settles_ms)
            if state.session is not None and not state.unconfirmed:
                session = tracking.account(state.session, state.held, sure_ms)
                state = replace(state, session=tracking.skip(session, now))
            if state.watch is not None:
                watched_ms = max(sure_ms, state.watch.from_ms)
                self._tell_watch(replace(state.watch, to_ms=watched_ms), WatchEnd.GAP)
                state = replace(state, watch=replace(state.watch, from_ms=now, to_ms=now))
        self.state = replace(state, tick_ms=now)

    def _in_gap(self) -> bool:
        return self.moment.boot_ms - self.state.tick_ms > GAP_MS

    def observe(self, seen: Observation) -> None:
        """Take one observation, which holds until the next one's stamp."""
        self._fill(seen)
        split = self.state.split
        if split is not None and seen.at_ms > split.at_ms:
            self._divide(split)
        self._account(seen)
        use = seen.use
        if use is not None and use == self.state.memory.parked_use:
            use = None if seen.state is DeviceState.PAUSED else use
        session = self.state.session
        if session is not None and use != session.use:
            self._end(seen)
        elif session is not None:
            session = tracking.with_figures(session, seen.figures)
            self.state = replace(self.state, session=session)
        # What the device stamped before the agent looked for the first time was not watched.
        looked_ms = self.moment.boot_ms if self.state.watch is None else seen.at_ms
        told, kept = watch(self.state.watch, seen.device_link, looked_ms)
        if told is not None:
            self._tell_watch(told, why(told, kept))
        self.state = replace(
            self.state, held=seen, watch=kept, unconfirmed=self._tells_nothing(seen)
        )
        self._note_part(seen)
        if use is not None and self.state.session is None:
            self._begin(use, self._decide().right, seen.at_ms)
            self._date_turn_end()
            self._refresh_figures(seen)

    def enforce(self) -> Decision:
        """Hold the plan against what is."""
        decision = self._decide()
        session = self.state.session
        if session is not None and decision.memory.parked_use == session.use:
            self._close(SessionEnd(session, Outcome.TURN_OVER), session.to_ms)
        elif session is not None and decision.split and not self.state.unconfirmed:
            self._divide_later(decision.right)
        else:
            self.state = replace(self.state, split=None)
        self._date_turn_end()
        told, kept = watch(self.state.watch, None, self.moment.boot_ms)
        if told is not None:
            self._tell_watch(told, why(told, kept))
        self.state = replace(self.state, watch=kept)
        return decision

    def _divide_later(self, right: tracking.Right) -> None:
        """Split the session where its right changed, once the device says how it was since.

        Until then its use may have ended before that, however late the device tells of it: what
        is told can't be taken back. Of a device that hangs, silence is word enough in the end.
        """
        split, now = self.state.split, self.moment.boot_ms
        if split is None or split.right != right:
            self.state = replace(self.state, split=Split(now, right))
        elif self.setting.settles_ms is not None and now - split.at_ms > GAP_MS:
            self._divide(split)

    def _divide(self, split: Split) -> None:
        session, held = self.state.session, self.state.held
        if session is not None and held is not None:
            to_ms = session.to_ms
            if to_ms > split.at_ms:  # a gap that began meanwhile is for both parts
                session = tracking.skip(tracking.reopen(session, split.at_ms), split.at_ms)
            else:
                session = tracking.account(session, held, split.at_ms)
            self._close(SessionEnd(session, Outcome.TURN_OVER), session.to_ms)
            self._begin(session.use, split.right, session.to_ms, to_ms)
        self.state = replace(self.state, split=None)

    def _fill(self, seen: Observation) -> None:
        session, held = self.state.session, self.state.held
        if session is not None and held is not None and not self.state.unconfirmed:
            self.state = replace(self.state, session=tracking.fill(session, held, seen))

    def _account(self, seen: Observation) -> None:
        session, held = self.state.session, self.state.held
        if session is None:
            return
        if self.state.unconfirmed:
            session = tracking.reopen(session, seen.at_ms)
            if seen.use == session.use:
                # From now on held; up to now, nobody knows what was heard and not saved.
                session = tracking.seal(tracking.skip(session, seen.at_ms))
        elif held is not None:
            session = tracking.account(session, held, seen.at_ms)
        self.state = replace(self.state, session=session)

    def _tells_nothing(self, seen: Observation) -> bool:
        """Tell whether it only repeats what was taken in before the restart."""
        session = self.state.session
        return self.state.unconfirmed and session is not None and seen.at_ms < session.to_ms

    def _end(self, seen: Observation) -> None:
        session, memory = self.state.session, self.state.memory
        if session is None:
            return
        told = seen.ended if seen.ended and seen.ended.use == session.use else None
        if told is not None:
            session = tracking.with_figures(session, told.figures)
        if self.state.unconfirmed:
            outcome = told.outcome if told else Outcome.UNKNOWN
            end = SessionEnd(session, outcome, at_checkpoint=True)
        else:
            ending = memory.ending
            ordered = ending.outcome if ending and ending.use == session.use else None
            end = SessionEnd(session, tracking.outcome_of(session, seen, ordered))
        self._close(end, session.to_ms)

    def _begin(self, use: str, right: tracking.Right, at_ms: int, unseen_ms: int = 0) -> None:
        """Begin a session. unseen_ms: up to when it is unobserved."""
        at_ms = max(at_ms, self.state.floor_ms)
        session = tracking.begin(self.setting.new_id(), use, right, at_ms)
        self.state = replace(self.state, session=tracking.skip(session, unseen_ms))
        self.events.append(
            Started(
                **self._stamp(at_ms, session),
                basis=right.basis,
                target_group=right.target_group,
                group_assumed=right.group_assumed,
                party_size=right.party_size,
            )
        )

    def _close(self, end: SessionEnd, at_ms: int) -> None:
        moment = _at(self.moment, at_ms)
        self.events.append(_ended(end, self.setting.rule, moment))
        floor_ms = max(self.state.floor_ms, end.session.to_ms)
        memory = replace(self.state.memory, finished=end.session.id)
        self.state = replace(self.state, session=None, memory=memory, floor_ms=floor_ms, split=None)

    def _note_part(self, seen: Observation) -> None:
        """Remember of which session the part is that a device still holds, or that it is gone."""
        memory = self.state.memory
        if seen.device_link is DeviceLink.DISCONNECTED or seen.state is DeviceState.OFF:
            return
        uncleared = seen.state is DeviceState.TO_BE_CLEARED
        if memory.uncleared is uncleared:
            return
        # The next part is another one, also where nobody saw it made: the plan may go on saying
        # for long that this one was taken.
        finished = (memory.finished or self.setting.new_id()) if uncleared else None
        memory = replace(
            memory, finished=finished, uncleared=uncleared, cleared_here=False, clear_retry_ms=0
        )
        self.state = replace(self.state, memory=memory)

    def _decide(self) -> Decision:
        state = self.state
        situation = situation_of(state, self.moment, self.setting)
        decision = decide(state.memory, situation)
        self.state = replace(state, memory=decision.memory)
        self.orders.extend(decision.orders)
        for turn in decision.opened:
            self.events.append(
                TurnOpened(
                    **self._stamp(self.moment.boot_ms, None, turn.id),
                    source=turn.source,
                    ends_at=None if turn.source is TurnSource.PLAN else utc_from_ms(turn.ends_ms),
                    target_group=turn.target_group,
                    group_assumed=turn.group_assumed,
                    party_size=turn.party_size,
                )
            )
        for turn_id in decision.late:
            self.events.append(
                OrderResult(
                    **self._stamp(self.moment.boot_ms, None, turn_id),
                    step=Step.OPEN,
                    outcome=OrderOutcome.TOO_LATE,
                )
            )
        return decision

    def _date_turn_end(self) -> None:
        """Tell the session at which boot time its turn ends, so that overrun is seen."""
        session, state = self.state.session, self.state
        if session is None or session.right.turn is None:
            return
        situation = situation_of(state, self.moment, self.setting)
        turn = find(state.memory, situation, session.right.turn)
        if turn is not None:
            ends_ms = self.moment.boot_ms + turn.ends_ms - self.moment.now_ms
            self.state = replace(self.state, session=replace(session, turn_ends_ms=ends_ms))

    def _refresh_figures(self, seen: Observation) -> None:
        session = self.state.session
        if session is not None:
            session = tracking.with_figures(session, seen.figures)
            self.state = replace(self.state, session=session)

    def _tell_watch(self, told: Watch, until: WatchEnd) -> None:
        # An empty interval before a gap still tells why nothing was seen after it.
        if told.to_ms > told.from_ms or until is WatchEnd.GAP:
            moment = _at(self.moment, told.to_ms)
            self.events.append(_observed(told, until, self.setting.rule, moment))

    def _stamp(self, at_ms: int, session: OpenSession | None, turn: str | None = None) -> Stamp:
        return _stamp(
            _at(self.moment, at_ms),
            self.setting.rule,
            session.id if session else None,
            session.right.turn if session else turn,
        )


def order_result(
    order: Order, outcome: OrderOutcome, reason: str | None, moment: Moment, rule: str
) -> OrderResult:
    """Return the event of an order's answer."""
    return OrderResult(
        **_stamp(moment, rule, None, order.turn), step=order.step, outcome=outcome, reason=reason
    )


def _at(moment: Moment, boot_ms: int) -> Moment:
    """Return the moment at which boot time was, or will be, `boot_ms`."""
    shift = boot_ms - moment.boot_ms
    return replace(
        moment,
        boot_ms=boot_ms,
        wall_ms=moment.wall_ms + shift,
        now_ms=moment.now_ms + shift,
    )


def _stamp(moment: Moment, rule: str, session: str | None, turn: str | None) -> Stamp:
    # A machine without a battery clock begins at 1970, and may look back from there, the more
    # so by an offset that its clock had before.
    wall_ms, offset_ms = max(0, moment.wall_ms), moment.offset_ms
    return Stamp(
        rule=rule,
        session=session,
        turn=turn,
        wall=utc_from_ms(wall_ms),
        boot_id=moment.boot_id,
        boot_ms=max(0, moment.boot_ms),
        offset_ms=None if offset_ms is None else max(offset_ms, -wall_ms),
    )


def _ended(end: SessionEnd, rule: str, moment: Moment) -> Ended:
    session = end.session
    return Ended(
        **_stamp(moment, rule, session.id, session.right.turn),
        basis=session.right.basis,
        outcome=end.outcome,
        active_ms=session.active_ms,
        idle_ms=session.idle_ms,
        unobserved_ms=session.unobserved_ms,
        overrun_ms=session.overrun_ms,
        categories=dict(session.categories),
        figures=dict(session.figures),
        target_group=session.right.target_group,
        group_assumed=session.right.group_assumed,
        party_size=session.right.party_size,
        at_checkpoint=end.at_checkpoint,
    )


def _observed(told: Watch, until: WatchEnd, rule: str, moment: Moment) -> Observed:
    return Observed(
        **_stamp(replace(moment, boot_ms=told.to_ms), rule, None, None),
        from_ms=told.from_ms,
        to_ms=told.to_ms,
        device_link=told.device_link,
        until=until,
    )
