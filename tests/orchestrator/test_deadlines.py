"""Deadlines of many things, one each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.deadlines import Deadlines


def test_a_new_deadline_replaces_the_one_before() -> None:
    """Earlier or later; a dropped one never comes."""
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 5)
    deadlines.set("a", 9)
    deadlines.set("b", 7)
    deadlines.set("c", 1)
    deadlines.drop("c")
    assert deadlines.next() == 7
    assert "c" not in deadlines
    assert deadlines.take(8) == ["b"]
    assert deadlines.take(8) == []
    assert deadlines.take(9) == ["a"]
    assert deadlines.next() is None


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 9) | st.just("take")),
        max_size=40,
    )
)
def test_it_is_a_dictionary_sorted_by_time(steps: list[tuple[str, object]]) -> None:
    """Against the plain way to do it."""
    deadlines: Deadlines[str] = Deadlines()
    plain: dict[str, int] = {}
    for key, what in steps:
        if what is None:
            deadlines.drop(key)
            plain.pop(key, None)
        elif isinstance(what, int):
            deadlines.set(key, what)
            plain[key] = what
        else:
            due = {name for name, when in plain.items() if when <= 5}
            assert set(deadlines.take(5)) == due
            plain = {name: when for name, when in plain.items() if name not in due}
        assert deadlines.next() == min(plain.values(), default=None)
