"""What falls due, and when."""

from __future__ import annotations

from agents.devices.scripted.agenda import Agenda


def test_acts_are_done_in_order_and_in_time() -> None:
    """Nothing is done before its time; what is noted first comes first."""
    agenda, done = Agenda(speed=2), list[str]()
    agenda.later(0, 4, lambda _: done.append("late"))
    agenda.later(0, 2, lambda _: done.append("one"))
    agenda.later(0, 2, lambda _: done.append("two"))
    assert agenda.due_ms() == 1000
    agenda.do(999)
    assert done == []
    agenda.do(1000)
    assert done == ["one", "two"]
    agenda.do(5000)
    assert agenda.due_ms() is None


def test_an_act_that_notes_another_does_not_go_round_for_ever() -> None:
    """The next is at least a millisecond away."""
    agenda, times = Agenda(speed=1), list[int]()

    def again(now_ms: int) -> None:
        times.append(now_ms)
        agenda.later(now_ms, 0, again)

    agenda.later(0, 0, again)
    agenda.do(1)
    agenda.do(2)
    assert times == [1, 2]
