"""Hours in milliseconds: an event loop whose clock jumps to whatever is waited for next."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

Given = ParamSpec("Given")


class Stuck(Exception):
    """Everything waits for something that nothing will ever set."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs what is ready, then jumps to the next timer. For code without real input."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Jumping(self._jump))

    def time(self) -> float:
        """Return seconds since the loop was made."""
        return self._now

    def _jump(self, seconds: float) -> None:
        self._now += seconds


class _Jumping(selectors.SelectSelector):
    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            raise Stuck
        if not ready and timeout:
            self._jump(timeout)
        return ready


def virtual_time(
    test: Callable[Given, Coroutine[Any, Any, None]],
) -> Callable[Given, None]:
    """Run a test in virtual time."""

    @functools.wraps(test)
    def run(*args: Given.args, **options: Given.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **options))

    return run
