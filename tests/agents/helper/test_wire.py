"""What agent and helper say to each other."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.helper.wire import MAX_LINE, BadLine, Show, Shown, show_from, shown_from

CODES = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)


@given(
    st.builds(
        Show,
        id=st.integers(1, 2**53 - 1),
        phrase=CODES,
        arguments=st.dictionaries(CODES, st.integers() | st.text(max_size=64), max_size=8),
        seconds_left=st.none() | st.integers(0, 86_400),
    )
)
def test_a_phrase_comes_over_as_it_was_sent(show: Show) -> None:
    """One line, whatever the arguments hold, and never too long to be taken."""
    line = show.line()
    assert line.count(b"\n") == 1
    assert show_from(line) == show
    assert len(line) <= MAX_LINE


def test_an_answer_comes_over_as_it_was_sent() -> None:
    """The answer names the phrase by its number."""
    assert shown_from(Shown(id=3, shown=True).line()) == Shown(id=3, shown=True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{}\n", "id"),
        (b'{"id": "1", "shown": true}\n', "id"),
        (b'{"id": 1, "shown": 1}\n', "shown"),
        (b"shown\n", "the line"),
        (b"\xff\n", "the line"),
    ],
)
def test_what_is_no_answer_is_refused_in_a_sentence(line: bytes, reason: str) -> None:
    """The sentence names the place."""
    with pytest.raises(BadLine, match=f"^{reason}: "):
        shown_from(line)


@given(st.binary(max_size=200))
def test_no_line_does_more_than_be_refused(line: bytes) -> None:
    """Any bytes are an answer or a BadLine."""
    with contextlib.suppress(BadLine):
        assert shown_from(line).id > 0
