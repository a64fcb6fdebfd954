"""PURE: sets of moments, as sorted spans that do not touch each other.

A span holds its first millisecond and not its last. All functions take and return sorted,
disjoint, non-empty spans; `union` makes such of any.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

_from = itemgetter(0)
_to = itemgetter(1)


class Span(NamedTuple):
    """From the first millisecond up to, not including, the last one."""

    from_ms: int
    to_ms: int


Spans = Sequence[Span]

#: Before and after all time that is told in milliseconds.
BEGINNING, END = -(2**62), 2**62


def union(*many: Iterable[Span]) -> list[Span]:
    """Return what any of them holds. They may be in any order, overlap and be empty."""
    result: list[Span] = []
    for span in sorted(span for spans in many for span in spans if span.from_ms < span.to_ms):
        if result and span.from_ms <= result[-1].to_ms:
            result[-1] = Span(result[-1].from_ms, max(result[-1].to_ms, span.to_ms))
        else:
            result.append(span)
    return result


def clip(spans: Spans, from_ms: int, to_ms: int) -> list[Span]:
    """Return what lies within one span; nothing where that is empty."""
    if from_ms >= to_ms:
        return []
    first = bisect_right(spans, from_ms, key=_to)
    last = bisect_left(spans, to_ms, key=_from)
    return [Span(max(span.from_ms, from_ms), min(span.to_ms, to_ms)) for span in spans[first:last]]


def intersect(these: Spans, those: Spans) -> list[Span]:
    """Return what both hold."""
    result: list[Span] = []
    one, other = iter(these), iter(those)
    try:
        from_ms, to_ms = next(one)
        from_, to = next(other)
        while True:
            begins, ends = max(from_ms, from_), min(to_ms, to)
            if begins < ends:
                result.append(Span(begins, ends))
            if to_ms < to:
                from_ms, to_ms = next(one)
            else:
                from_, to = next(other)
    except StopIteration:
        return result


def complement(spans: Spans) -> list[Span]:
    """Return all time that they do not hold."""
    edges = [BEGINNING, *(edge for span in spans for edge in span), END]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Span(*pair) for pair in pairs if pair[0] < pair[1]]


def subtract(these: Spans, those: Spans) -> list[Span]:
    """Return what only the first hold."""
    if not these or not those:
        return list(these)
    return intersect(these, complement(clip(those, these[0].from_ms, these[-1].to_ms)))


def length(spans: Spans) -> int:
    """Return how many milliseconds they hold."""
    return sum(span.to_ms - span.from_ms for span in spans)
