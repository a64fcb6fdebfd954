"""Ties one device, its outbox, its link, tracking and enforcement together. The thin shell.

run: resume -> watch, tick, orders and link side by side -> save the checkpoint.
Every decision is made in agents.cycle; here are only the waiting, the saving and the sending.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from agents import cycle
from agents.clock import Clock, Offset, plan_time_ms
from agents.codes import Check, Checker
from agents.enforcement import Decision, Memory, answered, next_due_ms
from agents.granting import Proof
from agents.link import Connection, Receive, Serve
from agents.model import (
    SETTLED_MS,
    Answer,
    CheckIn,
    Device,
    Observation,
    Order,
    Reply,
    Request,
    StaffOpen,
    TakesRequests,
)
from agents.outbox import Outbox, OutboxUnwritable, Verdict
from agents.requests import codes_for
from agents.schedule import Schedule
from agents.sending import send_events, send_status
from agents.status import Source, status_of, tries_used_up, turn_now
from agents.timesync import TimeSync
from agents.tracking import OpenSession
from mqtt_schemas.base import DeviceLink
from mqtt_schemas.codec import Received, encode
from mqtt_schemas.events import EventBody, OrderOutcome, Step
from mqtt_schemas.messages import Ack, Status, TimeAnswer
from mqtt_schemas.plan import OutsideTurns, Plan

log = logging.getLogger(__name__)

#: What a checkpoint may miss at most.
CHECKPOINT_MS = 30_000
RETRY_SAVE_MS = 1000
#: Events that wait in memory for a disk that takes nothing; the oldest beyond are given up.
MOST_UNSAVED = 5000
#: Seconds from one look to the next at least: changes come in bursts.
SETTLE = 0.05
#: Bounds beyond the Device protocol's own, against a driver that hangs.
OBSERVE_TIMEOUT, ORDER_TIMEOUT = 15.0, 20.0
#: The longest time between two cycles: a missed timer is made good within it.
TICK = 1.0
_ENDING = (Step.LOCK, Step.END, Step.PAUSE)
_LEVELS = (Step.OPEN, Step.CLOSE)

_SAVED: TypeAdapter[cycle.Saved] = TypeAdapter(cycle.Saved)
_OFFSET: TypeAdapter[Offset] = TypeAdapter(Offset)
T = TypeVar("T")


class LinkLike(Protocol):
    """What the runtime needs of a link."""

    async def run(self, serve: Serve, receive: Receive) -> None:
        """Run for ever."""


class Runtime:
    """One device's agent."""

    def __init__(
        self,
        *,
        device: Device,
        outbox: Outbox,
        link: LinkLike,
        clock: Clock,
        without_plan: OutsideTurns = OutsideTurns.CLOSED,
        problems: Sequence[str] = (),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
        check: Check | None = None,
    ) -> None:
        self._device = device
        self._outbox = outbox
        self._link = link
        self._clock = clock
        self._without_plan = without_plan
        self._problems = tuple(problems)
        self._new_id = new_id
        self._check = check or Checker().check
        self._asking = asyncio.Lock()
        self._orders: asyncio.Queue[_Given] = asyncio.Queue()
        self._results: dict[Step, tuple[str | None, Answer]] = {}
        self._ordering = 0
        self._due, self._look = asyncio.Event(), asyncio.Event()
        self._status_changed, self._events_changed = asyncio.Event(), asyncio.Event()
        self._told: object = None
        self._watched_until: cycle.Moment | None = None
        self._time = TimeSync(clock=clock, measured=self._take_offset)
        self._offset = _load(_OFFSET, outbox.load("offset"))
        self._schedule = _load_schedule(outbox.load("plan"))
        self._decision: Decision | None = None
        saved = _load(_SAVED, outbox.load("saved"))
        self._state, told = cycle.resume(saved, self._moment(), device.rule)
        self._unsaved: list[EventBody] = list(told)
        self._unsaved_state: dict[str, str] = {}
        self._saved_ms, self._tried_ms = 0, 0
        self._unwritable = self._events_lost = self._silent = False
        if isinstance(device, TakesRequests):
            device.take_requests(self.ask)

    async def ask(self, request: Request) -> Reply:
        """Answer a request of a person at the device, one after the other.

        What it came to is saved before it is told: a try that counts is never given twice.
        """
        async with self._asking:
            proof = None
            if isinstance(request, CheckIn | StaffOpen):
                situation = cycle.situation_of(self._state, self._moment(), self._setting())
                codes = codes_for(self._state.memory, situation, request)
                right = await self._check(request.words, codes) if codes else False
                proof = None if right is None else Proof(codes, right)
            moment = self._moment()
            come = cycle.ask(self._state, request, proof, moment, self._setting())
            self._state = come.state
            self._unsaved.extend(come.events)
            self._save_now(moment)
            self._cycle()
            self._due.set()
            return come.reply

    async def run(self) -> None:
        """Run until cancelled. What is open then is resumed by the next start."""
        try:
            await self._device.start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(), name="watch")
                tasks.create_task(self._tick(), name="tick")
                tasks.create_task(self._carry_out(), name="orders")
                tasks.create_task(self._link.run(self._serve, self._receive), name="link")
        finally:
            try:
                # The link may have taken its time to say goodbye: nobody watched meanwhile.
                self._save_now(self._watched_until or self._moment())
            finally:
                await self._device.stop()

    # --- the device

    async def _watch(self) -> None:
        changed = asyncio.ensure_future(self._device.changed())
        look = asyncio.ensure_future(self._look.wait())
        try:
            while True:
                self._cycle(await self._observe())
                await asyncio.sleep(SETTLE)
                waits = {changed, look}
                await asyncio.wait(
                    waits, timeout=self._device.interval, return_when=asyncio.FIRST_COMPLETED
                )
                if changed.done():
                    changed.result()
                    changed = asyncio.ensure_future(self._device.changed())
                if look.done():
                    self._look.clear()
                    look = asyncio.ensure_future(self._look.wait())
        finally:
            self._watched_until = self._moment()
            changed.cancel()
            look.cancel()

    async def _observe(self) -> Sequence[Observation]:
        """Look at the device. One that hangs is out of reach, and shows what it showed last.

        Since the look began, not since it was given up: what it showed may have ended meanwhile.
        """
        began_ms = self._clock.boot_ms()
        try:
            async with asyncio.timeout(OBSERVE_TIMEOUT):
                observations = await self._device.observe()
        except TimeoutError:
            self._silent = True
            held = self._state.held
            away = DeviceLink.DISCONNECTED
            # A use from before a restart is not known to go on: nothing was seen yet.
            return [replace(held, at_ms=began_ms, device_link=away, ended=None)] if held else []
        self._silent = False
        return observations

    async def _carry_out(self) -> None:
        while True:
            given = await self._orders.get()
            if given.still_stands(self._state.session):
                self._take_answer(given.order, await self._answer(given.order))
            else:
                self._ordering -= 1

    async def _answer(self, order: Order) -> Answer:
        try:
            async with asyncio.timeout(ORDER_TIMEOUT):
                return await self._device.carry_out(order)
        except TimeoutError:
            return Answer(OrderOutcome.FAILED, "no_answer")

    def _take_answer(self, order: Order, answer: Answer) -> None:
        moment = self._moment()
        memory = answered(self._state.memory, order, answer, moment.now_ms)
        self._state = replace(self._state, memory=memory)
        if self._is_news(order, answer):
            rule = self._device.rule
            event = cycle.order_result(order, answer.outcome, answer.reason, moment, rule)
            self._unsaved.append(event)
        self._ordering -= order.step in _ENDING
        self._look.set()
        self._due.set()

    def _is_news(self, order: Order, answer: Answer) -> bool:
        """Tell whether an answer is an event: a level only where it failed, a retry only once.

        A device that is off all night is told every few seconds that it is closed.
        """
        if order.step in (Step.WARN, Step.NOTICE):
            return True
        last = self._results.get(order.step)
        self._results[order.step] = (order.turn, answer)
        done = answer.outcome is OrderOutcome.DONE
        return order.step not in _LEVELS if done else last != (order.turn, answer)

    # --- time

    async def _tick(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._delay()):
                    await self._due.wait()
            self._due.clear()
            self._cycle()

    def _delay(self) -> float:
        """Return the seconds until the plan's next boundary, at most one tick."""
        moment = self._moment()
        situation = cycle.situation_of(self._state, moment, self._setting())
        due_ms = next_due_ms(self._state.memory, situation)
        return TICK if due_ms is None else min(TICK, (due_ms - moment.now_ms) / 1000)

    def _moment(self) -> cycle.Moment:
        wall_ms, boot_ms = self._clock.wall_ms(), self._clock.boot_ms()
        boot_id = self._clock.boot_id
        now_ms = plan_time_ms(
            wall_ms=wall_ms, boot_ms=boot_ms, boot_id=boot_id, offset=self._offset
        )
        offset_ms = None if self._offset is None else now_ms - wall_ms
        return cycle.Moment(now_ms, boot_ms, wall_ms, boot_id, offset_ms)

    def _take_offset(self, offset: Offset) -> None:
        self._offset = offset
        self._keep("offset", _OFFSET.dump_json(offset).decode())
        self._due.set()

    # --- a cycle, and what it leaves on disk

    def _cycle(self, observations: Sequence[Observation] = ()) -> None:
        moment = self._moment()
        before = self._state
        result = cycle.cycle(self._state, observations, moment, self._setting())
        self._state, self._decision = result.state, result.decision
        self._unsaved.extend(result.events)
        if result.state.split not in (None, before.split):
            self._look.set()  # whether its use goes on
        remembered = _kept(before.memory) != _kept(result.state.memory)
        if self._unsaved or remembered or self._checkpoint_due(moment):
            self._save(moment)
        for order in result.orders:
            self._ordering += order.step in _ENDING
            self._orders.put_nowait(_Given(order, _use(self._state.session)))
        self._note_status(moment)

    def _setting(self) -> cycle.Setting:
        return cycle.Setting(
            rule=self._device.rule,
            closing=self._device.closing,
            without_plan=self._without_plan,
            schedule=self._schedule,
            new_id=self._new_id,
            ordering=self._ordering > 0,
            settles_ms=self._device.settles_ms,
        )

    def _checkpoint_due(self, moment: cycle.Moment) -> bool:
        # It holds what was sure then, about a second before, and the next look at this is a
        # tick away.
        due_ms = CHECKPOINT_MS - SETTLED_MS - 2 * round(TICK * 1000)
        return moment.boot_ms - self._saved_ms >= due_ms

    def _save(self, moment: cycle.Moment) -> None:
        """Write events and state together; where that fails, keep them and try again soon."""
        if not self._unwritable or moment.boot_ms - self._tried_ms >= RETRY_SAVE_MS:
            self._save_now(moment)

    def _save_now(self, moment: cycle.Moment) -> None:
        saved = cycle.snapshot(self._state, moment, self._device.settles_ms)
        events = tuple(self._unsaved)
        self._tried_ms = moment.boot_ms
        if self._store({"saved": _SAVED.dump_json(saved).decode()}, events):
            self._saved_ms = moment.boot_ms
            del self._unsaved[: len(events)]
            if events:
                self._events_changed.set()
        elif len(events) > MOST_UNSAVED:
            if not self._events_lost:
                log.error("%s: events are given up: there is no room for more", self._outbox.path)
            self._events_lost = True
            del self._unsaved[:-MOST_UNSAVED]

    def _keep(self, key: str, value: str) -> None:
        """Write what stands by itself; where that fails, with the next that is written."""
        self._unsaved_state[key] = value
        self._store({})

    def _store(self, state: dict[str, str], events: Sequence[EventBody] = ()) -> bool:
        """Write events and the state that follows from them: never one without the other."""
        try:
            self._outbox.commit(events, {**self._unsaved_state, **state})
        except OutboxUnwritable as error:
            if not self._unwritable:
                log.error("the outbox can't be written: %s", error)  # noqa: TRY400 - one line
            self._unwritable = True
            return False
        if self._unwritable:
            log.info("%s: the outbox can be written again", self._outbox.path)
        self._unwritable = False
        self._unsaved_state = {}
        return True

    # --- the bus

    async def _serve(self, connection: Connection) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                send_status(connection, self._status, self._status_changed), name="status"
            )
            tasks.create_task(
                send_events(connection, self._outbox, self._events_changed), name="events"
            )
            tasks.create_task(self._time.run(connection), name="time")

    def _receive(self, received: Received) -> None:
        message = received.message
        if isinstance(message, Plan):
            self._take_plan(message)
        elif isinstance(message, Ack):
            self._take_ack(message)
        elif isinstance(message, TimeAnswer):
            self._time.answer(message)

    def _take_plan(self, plan: Plan) -> None:
        """Take a plan that is newer than the one in force; a late or repeated one is nothing."""
        if self._schedule is not None and plan.revision <= self._schedule.plan.revision:
            return
        self._schedule = Schedule(plan)
        self._keep("plan", encode(plan).decode())
        self._due.set()

    def _take_ack(self, ack: Ack) -> None:
        try:
            verdict = self._outbox.acknowledge(ack)
        except OutboxUnwritable:
            return  # The orchestrator says it again when the events come again.
        if verdict is Verdict.FORKED:
            log.error(
                "%s: two histories share a log: what follows is logged anew", self._outbox.path
            )
        if verdict is Verdict.IGNORED:
            return
        self._events_changed.set()
        if verdict is not Verdict.ADVANCED or self._outbox.acknowledged == self._outbox.last:
            # A backlog is acknowledged in hundreds of steps, and a status costs as much as each.
            self._status_changed.set()

    def _status(self, connection: str) -> Status:
        held = self._state.held
        own = [*self._problems, *self._own_problems()]
        return status_of(
            Source(
                state=self._state,
                decision=self._decision,
                moment=self._moment(),
                schedule=self._schedule,
                offset=self._offset,
                outbox=self._outbox.state(),
                problems=(*own, *(held.problems if held else ())),
                settles_ms=self._device.settles_ms,
            ),
            connection,
        )

    def _own_problems(self) -> tuple[str, ...]:
        told = {
            "outbox_unwritable": self._unwritable,
            "events_lost": self._events_lost,
            "device_silent": self._silent,
        }
        return tuple(problem for problem, holds in told.items() if holds)

    def _note_status(self, moment: cycle.Moment) -> None:
        """Wake the sender where something changed that people or the orchestrator act on."""
        state, held = self._state, self._state.held
        now = (
            held and (held.state, held.device_link, held.problems),
            turn_now(state, self._decision),
            state.memory.blocked_reason,
            state.memory.uncleared and state.memory.finished,
            state.session and state.session.id,
            self._schedule and self._schedule.plan.digest,
            self._own_problems(),
            tries_used_up(state.memory, self._schedule, moment.now_ms),
        )
        if now != self._told:
            self._told = now
            self._status_changed.set()


@dataclass(frozen=True, slots=True)
class _Given:
    """An order, and the use that there was when it was given."""

    order: Order
    use: str | None

    def still_stands(self, session: OpenSession | None) -> bool:
        """Tell whether it would hit whom it is meant for: an end must not hit the next use."""
        return self.order.step not in _ENDING or self.use == _use(session)


def _kept(memory: Memory) -> Memory:
    """Return what of a memory outlives the process: the device is told its level anew."""
    return replace(memory, access=None, access_retry_ms=0)


def _use(session: OpenSession | None) -> str | None:
    return session.use if session else None


def _load(adapter: TypeAdapter[T], text: str | None) -> T | None:
    """Return what was saved; nothing where an older or newer version wrote it differently."""
    if text is None:
        return None
    try:
        return adapter.validate_json(text)
    except ValidationError:
        log.warning("what was saved is of another version and is left aside")
        return None


def _load_schedule(text: str | None) -> Schedule | None:
    plan = _load(TypeAdapter(Plan), text)
    return None if plan is None else Schedule(plan)
