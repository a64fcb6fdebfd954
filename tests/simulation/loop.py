"""An event loop for whole processes in virtual time: no threads, no sockets, no real clock.

Every callback belongs to the process in whose context it was scheduled, or to the world
outside all processes. A process that is killed runs nothing more, not even a `finally`; one
that is frozen goes on later; `bury` lets the dead end properly once nobody looks any more.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class Stuck(Exception):
    """Everything waits for something that nothing will ever set."""


class Killed(BaseException):
    """Unwinds synchronous code of a process that was killed between two of its lines."""


class Process:
    """What runs as one operating system process.

    steps: callbacks run so far. kill_at: the number of the callback in whose place it is
    killed. lag: seconds that its monotonic clock has lost to suspension.
    """

    def __init__(self, name: str, *, killed: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.steps = 0
        self.kill_at: int | None = None
        self.lag = 0.0
        self.parked: list[_Handle] = []
        self.context = contextvars.Context()
        self.context.run(_PROCESS.set, self)
        self._killed = killed

    def kill(self) -> None:
        """Kill it, as by kill -9. From within it, raise Killed after this."""
        if self.alive:
            self.alive = False
            self._killed()


@dataclass(eq=False, slots=True)
class _Handle:
    """A callback that waits. Serves as asyncio's Handle and TimerHandle."""

    due: float
    number: int
    callback: Callable[..., object]
    args: tuple[Any, ...]
    context: contextvars.Context
    process: Process | None
    off: bool = False

    def __lt__(self, other: _Handle) -> bool:
        return (self.due, self.number) < (other.due, other.number)

    def cancel(self) -> None:
        """Call it off."""
        self.off = True

    def cancelled(self) -> bool:
        """Tell whether it was called off."""
        return self.off

    def when(self) -> float:
        """Return the time at which it is due, by the clock of its process."""
        return self.due - (self.process.lag if self.process else 0.0)


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs what is ready in the order in which it came, then jumps to the next timer.

    now: seconds of virtual time. problems: what asyncio complained of, and callbacks that
    raised.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self.problems: list[str] = []
        self._ready: deque[_Handle] = deque()
        self._timers: list[_Handle] = []
        self._numbers = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._most_tasks = 200
        self._burying = False

    # --- what the simulation uses

    def run(self, until: Callable[[], bool]) -> None:
        """Run until `until` says so. Raises Stuck."""
        asyncio._set_running_loop(self)  # exported for those who write loops
        try:
            while not until():
                self._step()
        finally:
            asyncio._set_running_loop(None)

    def start(self, process: Process | None, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task in a process."""
        context = process.context if process else contextvars.Context()
        return context.run(self.create_task, work)

    def at(self, seconds: float, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call something in the world after so many seconds."""
        self._schedule(self.now + seconds, callback, args, contextvars.Context())

    def soon_in(self, process: Process, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call something in a process, as its own loop would on news from outside."""
        self._queue(callback, args, process.context)

    def freeze(self, process: Process) -> None:
        """Stop a process where it is, its clock too: the machine sleeps."""
        process.frozen = True

    def thaw(self, process: Process, slept: float) -> None:
        """Let it go on after so many seconds of sleep, which its timers do not know of."""
        process.frozen = False
        process.lag += slept
        later = [each for each in process.parked if each.due > 0.0]
        now = [each for each in process.parked if each.due == 0.0]
        process.parked = []
        mine = [each for each in self._timers if each.process is process]
        self._timers = [each for each in self._timers if each.process is not process]
        for each in (*mine, *later):
            each.due += slept
        self._timers += [*mine, *later]
        heapq.heapify(self._timers)
        self._ready.extend(now)

    def bury(self, processes: list[Process]) -> None:
        """End all tasks by cancelling them, without a trace in the world."""
        self._burying = True
        for process in processes:
            process.alive, process.frozen, process.kill_at = True, False, None
            self._ready.extend(process.parked)
            process.parked = []
        asyncio._set_running_loop(self)
        try:
            for _ in range(1000):
                for task in self._tasks:
                    task.cancel()
                self._run_ready()
                if all(task.done() for task in self._tasks):
                    break
            for task in self._tasks:
                if not task.cancelled():
                    task.exception()  # an InvalidStateError: it does not end when cancelled
        finally:
            asyncio._set_running_loop(None)
        self._timers.clear()

    def _run_ready(self) -> None:
        while self._ready:
            self._call(self._ready.popleft())

    def _step(self) -> None:
        timers = self._timers
        while timers and timers[0].due <= self.now:
            self._ready.append(heapq.heappop(timers))
        if self._ready:
            self._call(self._ready.popleft())
        elif timers:
            self.now = timers[0].due
        else:
            raise Stuck

    def _call(self, handle: _Handle) -> None:
        if handle.off or not self._may_run(handle):
            return
        self.steps += 1
        try:
            handle.context.run(handle.callback, *handle.args)
        except Killed:
            return
        except Exception as error:  # noqa: BLE001 - told as a finding
            self._problem(f"a callback raised {error!r}")

    def _may_run(self, handle: _Handle) -> bool:
        """Count the step of a process; keep back what it does not come to do."""
        process = handle.process
        if process is None:
            return True
        if process.alive and not process.frozen:
            process.steps += 1
            if process.steps != process.kill_at:
                return True
            process.kill()
        process.parked.append(handle)
        return False

    def _problem(self, text: str) -> None:
        if not self._burying:
            self.problems.append(text)

    def _schedule(
        self,
        due: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context,
    ) -> _Handle:
        process = context.get(_PROCESS)
        self._numbers += 1
        handle = _Handle(due, self._numbers, callback, args, context, process)
        heapq.heappush(self._timers, handle)
        return handle

    def _queue(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context,
    ) -> _Handle:
        process = context.get(_PROCESS)
        self._numbers += 1
        handle = _Handle(0.0, self._numbers, callback, args, context, process)
        self._ready.append(handle)
        return handle

    # --- what asyncio uses, as asyncio.AbstractEventLoop has it

    def time(self) -> float:
        """Return the monotonic seconds of the process that asks."""
        process = _PROCESS.get()
        return self.now if process is None else self.now - process.lag

    def call_soon(  # type: ignore[override]  # our own handle
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> _Handle:
        """Call something in the process that asks."""
        return self._queue(callback, args, context or contextvars.copy_context())

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there are no threads

    def call_later(  # type: ignore[override]  # our own handle
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> _Handle:
        """Call something in a while."""
        context = context or contextvars.copy_context()
        return self._schedule(self.now + delay, callback, args, context)

    def call_at(  # type: ignore[override]  # our own handle
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> _Handle:
        """Call something at a time."""
        return self.call_later(when - self.time(), callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """Return a new future."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Any,  # noqa: ANN401 - as in typeshed
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """Begin a task."""
        text = None if name is None else str(name)
        task: asyncio.Task[T] = asyncio.Task(coro, loop=self, name=text, context=context)
        # Held here: one that only waits for another would be collected, and run its `finally`.
        self._tasks.append(task)
        if len(self._tasks) > self._most_tasks:
            self._tasks = [each for each in self._tasks if not each.done()]
            self._most_tasks = 2 * len(self._tasks) + 200
        return task

    def run_in_executor(  # type: ignore[override]  # typeshed: a Future
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> Awaitable[T]:
        """Refuse: there are no threads here."""
        raise NotImplementedError("there are no threads here")

    def get_debug(self) -> bool:
        """Tell whether asyncio is to check more."""
        return False

    def is_running(self) -> bool:
        """Tell that it runs."""
        return True

    def is_closed(self) -> bool:
        """Tell that it is open."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what asyncio complains of."""
        error = context.get("exception")
        if not isinstance(error, Killed):
            self._problem(f"{context.get('message')}: {error!r}")
