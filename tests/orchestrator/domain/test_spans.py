"""Sets of moments, held against sets of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.spans import (
    BEGINNING,
    END,
    Span,
    Spans,
    clip,
    complement,
    intersect,
    length,
    subtract,
    union,
)

any_spans = st.lists(st.builds(Span, st.integers(0, 40), st.integers(0, 40)), max_size=8)
spans = any_spans.map(union)


def moments(spans: Iterable[Span]) -> set[int]:
    """Return each millisecond that they hold."""
    return {moment for span in spans for moment in range(span.from_ms, span.to_ms)}


def is_tidy(spans: Spans) -> bool:
    """Tell whether spans are sorted, not empty, and do not touch."""
    apart = all(one.to_ms < next_.from_ms for one, next_ in pairwise(spans))
    return apart and all(span.from_ms < span.to_ms for span in spans)


@given(any_spans, any_spans)
def test_a_union_holds_what_any_holds(these: list[Span], those: list[Span]) -> None:
    """In whatever order, overlapping, touching or empty."""
    whole = union(these, those)
    assert moments(whole) == moments(these) | moments(those)
    assert is_tidy(whole)


@given(spans, spans)
def test_what_both_hold_and_what_only_one_holds_are_apart(these: Spans, those: Spans) -> None:
    """The two together are the first, to the millisecond."""
    both, only = intersect(these, those), subtract(these, those)
    assert moments(both) == moments(these) & moments(those)
    assert moments(only) == moments(these) - moments(those)
    assert length(both) + length(only) == length(these)
    assert all(is_tidy(each) for each in (both, only))


@given(spans, st.integers(0, 40), st.integers(0, 40))
def test_a_clip_holds_what_lies_within(these: Spans, from_ms: int, to_ms: int) -> None:
    """Nothing, where the window is empty or inside out."""
    window = moments([Span(from_ms, to_ms)])
    assert moments(clip(these, from_ms, to_ms)) == moments(these) & window
    assert is_tidy(clip(these, from_ms, to_ms))


@given(spans)
def test_a_complement_is_all_the_rest(these: Spans) -> None:
    """Taken twice it is what it was."""
    rest = complement(these)
    assert union(these, rest) == [Span(BEGINNING, END)]
    assert intersect(these, rest) == []
    assert complement(rest) == list(these)
