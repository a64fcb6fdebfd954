"""PURE: what people ask for at a scripted device, until it is granted."""

from __future__ import annotations

from itertools import count

from agents.devices.scripted import journal
from agents.devices.scripted.agenda import Agenda
from agents.devices.scripted.script import Ask
from agents.devices.scripted.truth import Truth
from agents.devices.scripted.wire import Answered, Asked


class Asking:
    """The requests that are under way."""

    def __init__(self, *, agenda: Agenda, truth: Truth) -> None:
        self._agenda = agenda
        self._truth = truth
        self._numbers = count(1)
        self._waiting: dict[int, Ask] = {}
        self._granted: set[int] = set()

    def expect(self, ask: Ask, now_ms: int) -> None:
        """Have somebody ask in a while."""
        self._agenda.later(now_ms, ask.after, lambda now_ms: self._ask(ask, now_ms))

    def answer(self, answered: Answered, now_ms: int) -> None:
        """Take what the agent said."""
        ask = self._waiting.pop(answered.id, None)
        if ask is None:
            return
        if answered.said.accepted:
            self._granted.add(answered.id)
        self._truth.note(
            journal.Asked(
                at_ms=now_ms,
                wish=ask.wish.what,
                accepted=answered.said.accepted,
                phrase=answered.said.phrase,
            )
        )

    def _ask(self, ask: Ask, now_ms: int) -> None:
        number = next(self._numbers)
        self._waiting[number] = ask
        self._truth.ask(Asked(id=number, wish=ask.wish))

        def again(now_ms: int) -> None:
            if number not in self._granted:
                self._waiting.pop(number, None)
                self._ask(ask, now_ms)

        if ask.again is not None:
            self._agenda.later(now_ms, ask.again, again)
