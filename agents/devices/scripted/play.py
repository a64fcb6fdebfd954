"""PURE: a device and its customers, played by a script. Time is passed in.

What falls due is done at the next call of `advance`, and is stamped with the time of that
call: a device that was stopped did nothing meanwhile. The caller asks `due_ms`, advances,
obeys orders, and takes away from `truth` what is to be written down and told.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

from agents.devices.scripted.agenda import Act, Agenda
from agents.devices.scripted.asking import Asking
from agents.devices.scripted.crowd import Customers
from agents.devices.scripted.journal import EndedBy, Right, UseBegan
from agents.devices.scripted.script import Script, Visit, When
from agents.devices.scripted.truth import Truth
from agents.devices.scripted.use import Use
from agents.devices.scripted.wire import Answered, Command
from agents.model import Answer
from mqtt_schemas.base import DeviceState
from mqtt_schemas.events import OrderOutcome, Step

_DONE = Answer(OrderOutcome.DONE)


class Play:
    """What customers will do, and how the device obeys."""

    def __init__(self, *, script: Script, epoch: str, now_ms: int) -> None:
        self.truth = Truth(epoch=epoch, now_ms=now_ms, readings=script.readings)
        self._script = script
        self._uses = (f"{epoch[:12]}-{number}" for number in count(1))
        self._customers = Customers(script.crowd) if script.crowd else None
        self._agenda = Agenda(speed=script.speed)
        self._asking = Asking(agenda=self._agenda, truth=self.truth)
        self._came = dict.fromkeys(When, 0)
        self._opening = 0  # grows whenever the device opens or closes
        self._open = False
        self._turn: str | None = None
        self._announce(When.START, now_ms)

    def due_ms(self) -> int | None:
        """Return when something will happen by itself, or None."""
        return self._agenda.due_ms()

    def advance(self, now_ms: int) -> None:
        """Do what has fallen due."""
        self._agenda.do(now_ms)

    def obey(self, command: Command, now_ms: int) -> Answer:
        """Carry out an order, as far as device and customer do."""
        self.advance(now_ms)
        before = self._opening
        answer = self._answer(command, now_ms)
        if command.step not in (Step.OPEN, Step.CLOSE) or before != self._opening:
            self.truth.ordered(command, answer, now_ms)
        return answer

    def answer(self, answered: Answered, now_ms: int) -> None:
        """Hear what is said to a request."""
        self.advance(now_ms)
        self._asking.answer(answered, now_ms)

    def stop(self, now_ms: int) -> None:
        """Switch the device off, and with it whatever runs on it."""
        self.advance(now_ms)
        self.truth.end(now_ms, by=EndedBy.STOP, then=DeviceState.OFF)

    # Orders

    def _answer(self, command: Command, now_ms: int) -> Answer:
        if command.step not in self._script.supports:
            return Answer(OrderOutcome.UNSUPPORTED, "unsupported")
        if command.step is Step.OPEN:
            self._let_in(command.turn, now_ms)
        elif command.step is Step.CLOSE:
            self._shut(now_ms)
        elif command.step is Step.CLEAR:
            if self.truth.condition.state is DeviceState.TO_BE_CLEARED:
                self.truth.become(now_ms, DeviceState.FREE)
        elif command.step in (Step.LOCK, Step.END, Step.PAUSE):
            return self._stop_use(command, now_ms)
        return _DONE

    def _let_in(self, turn: str | None, now_ms: int) -> None:
        if self.truth.condition.state is DeviceState.LOCKED:
            self.truth.become(now_ms, DeviceState.FREE)
        elif self._open and self._turn == turn:
            return
        self._open, self._turn = True, turn
        use = self.truth.use
        if use is not None:
            self._take_right(use, now_ms)
            if use.paused and use.begun_in == turn:
                self._resume(use, now_ms)
        self._announce(When.OPEN if turn is None else When.TURN, now_ms)

    def _take_right(self, use: Use, now_ms: int) -> None:
        """Give a use from before a turn to the turn; a turn's use stays with its own."""
        use.since.add(self._turn)
        if use.right is not Right.TURN:
            self.truth.note(*use.close_span(now_ms))
            use.right, use.turn = self._right()

    def _right(self) -> tuple[Right, str | None]:
        if not self._open:
            return Right.NONE, None
        return (Right.OPEN if self._turn is None else Right.TURN), self._turn

    def _shut(self, now_ms: int) -> None:
        if self._open or self._opening == 0:
            self._open, self._turn = False, None
            self._announce(When.CLOSED, now_ms)

    def _stop_use(self, command: Command, now_ms: int) -> Answer:
        use, step = self.truth.use, command.step
        if use is None:
            if step is Step.LOCK and self.truth.condition.state is DeviceState.FREE:
                self.truth.become(now_ms, DeviceState.LOCKED)
            return _DONE
        if not use.belongs_to(command.turn):
            return Answer(OrderOutcome.TOO_LATE, "another_turn")
        if step in use.visit.ignores:
            use.refused += 1
            return Answer(OrderOutcome.FAILED, "not_obeyed")
        if step is Step.PAUSE:
            return self._pause(use, now_ms)
        then = DeviceState.LOCKED if step is Step.LOCK else self._emptied(use)
        self._end(now_ms, by=EndedBy.ORDER, then=then, order=step)
        return _DONE

    def _pause(self, use: Use, now_ms: int) -> Answer:
        if not use.visit.job:
            return Answer(OrderOutcome.UNSUPPORTED, "not_a_job")
        if not use.paused:
            self._move(use, now_ms, stretch=use.stretch, paused=True)
            take_away = self._unless_moved(use, self._take_away)
            self._agenda.later(now_ms, self._script.patience, take_away)
        return _DONE

    def _resume(self, use: Use, now_ms: int) -> None:
        self._move(use, now_ms, stretch=use.stretch, paused=False)
        self._plan_move(use, now_ms)

    # Customers

    def _announce(self, when: When, now_ms: int) -> None:
        """Let those who waited for this come in their time."""
        self._opening += when is not When.START
        self._came[when] += 1
        for visit in self._script.visit:
            if visit.when is when and visit.comes(self._came[when]):
                self._expect(visit, now_ms)
        for ask in self._script.ask:
            if ask.when is when and ask.comes(self._came[when]):
                self._asking.expect(ask, now_ms)
        if self.truth.use is None:
            self._expect_anybody(now_ms)

    def _expect_anybody(self, now_ms: int) -> None:
        if self._customers and self._open:
            self._expect(self._customers.draw(), now_ms, tries_again=True)

    def _expect(self, visit: Visit, now_ms: int, *, tries_again: bool = False) -> None:
        opening = self._opening

        def come(now_ms: int) -> None:
            if visit.when is not When.START and opening != self._opening:
                return
            if self.truth.use is None and self.truth.condition.state is DeviceState.FREE:
                self._begin(visit, now_ms)
            elif tries_again:
                self._expect(visit, now_ms, tries_again=True)

        self._agenda.later(now_ms, visit.after, come)

    def _begin(self, visit: Visit, now_ms: int) -> None:
        right, turn = self._right()
        use = Use(
            id=next(self._uses),
            visit=visit,
            began_ms=now_ms,
            right=right,
            turn=turn,
            begun_in=turn,
            span_ms=now_ms,
        )
        self.truth.use = use
        self.truth.note(UseBegan(at_ms=now_ms, use=use.id, right=right, turn=turn))
        self.truth.become(now_ms, DeviceState.IN_USE)
        self._plan_move(use, now_ms)
        if visit.fault_after is not None:
            self._agenda.later(now_ms, visit.fault_after, partial(self._break_down, use))

    def _plan_move(self, use: Use, now_ms: int) -> None:
        """Note when the customer goes over to the next thing, or leaves."""
        if use.visit.stays and use.last:
            return
        # A resumed print has what it had left.
        done = use.active_ms * self._script.speed / 1000 if use.visit.job else 0
        left = max(0.0, use.doing.seconds - done)
        self._agenda.later(now_ms, left, self._unless_moved(use, self._move_on))

    def _move_on(self, use: Use, now_ms: int) -> None:
        if use.last:
            self._end(now_ms, by=EndedBy.CUSTOMER, then=self._emptied(use))
            return
        self._move(use, now_ms, stretch=use.stretch + 1, paused=False)
        self._plan_move(use, now_ms)

    def _move(self, use: Use, now_ms: int, *, stretch: int, paused: bool) -> None:
        self.truth.note(*use.close_span(now_ms))
        use.stretch, use.paused = stretch, paused
        use.moves += 1
        self.truth.become(now_ms, DeviceState.PAUSED if paused else DeviceState.IN_USE)

    def _break_down(self, use: Use, now_ms: int) -> None:
        if self.truth.use is use:
            self._end(now_ms, by=EndedBy.FAULT, then=DeviceState.FAULT)

    def _take_away(self, use: Use, now_ms: int) -> None:
        self._end(now_ms, by=EndedBy.ORDER, then=self._emptied(use), order=Step.PAUSE)

    def _emptied(self, use: Use) -> DeviceState:
        leaves_something = use.visit.job and self._script.clear_after > 0
        return DeviceState.TO_BE_CLEARED if leaves_something else DeviceState.FREE

    def _end(
        self, now_ms: int, *, by: EndedBy, then: DeviceState, order: Step | None = None
    ) -> None:
        """End the present use, and wait for the next customer."""
        self.truth.end(now_ms, by=by, then=then, order=order)
        waits = {
            DeviceState.FAULT: self._script.repair_after,
            DeviceState.TO_BE_CLEARED: self._script.clear_after,
        }
        if then in waits:
            self._agenda.later(now_ms, waits[then], self._free_again())
        self._expect_anybody(now_ms)

    def _free_again(self) -> Act:
        """Return what frees the device, if nothing else happens before."""
        seq = self.truth.seq

        def free(now_ms: int) -> None:
            if self.truth.seq == seq:
                self.truth.become(now_ms, DeviceState.FREE)

        return free

    def _unless_moved(self, use: Use, act: Callable[[Use, int], None]) -> Act:
        """Return the act, done only if the customer still does the same then."""
        moves = use.moves

        def act_unless_moved(now_ms: int) -> None:
            if self.truth.use is use and use.moves == moves:
                act(use, now_ms)

        return act_unless_moved
