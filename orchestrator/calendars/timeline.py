"""PURE: what is taken of a device's time, found by bisection: ten thousand turns are nothing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

Who = TypeVar("Who")


@dataclass(frozen=True, slots=True, order=True)
class Claim(Generic[Who]):
    """A span of time and whose it is."""

    starts_at: datetime
    ends_at: datetime
    whose: Who = field(compare=False)


class Timeline(Generic[Who]):
    """Claims of which no two overlap."""

    def __init__(self) -> None:
        self._claims: list[Claim[Who]] = []

    def overlapping(self, starts_at: datetime, ends_at: datetime) -> list[Claim[Who]]:
        """Return the claims that have time in common with a span, by their start."""
        return list(self._overlapping(starts_at, ends_at))

    def add(self, claim: Claim[Who]) -> None:
        """Take a span; of what is taken already, the rest of it."""
        starts_at = claim.starts_at
        for other in self.overlapping(claim.starts_at, claim.ends_at):
            if starts_at < other.starts_at:
                insort(self._claims, Claim(starts_at, other.starts_at, claim.whose))
            starts_at = max(starts_at, other.ends_at)
        if starts_at < claim.ends_at:
            insort(self._claims, Claim(starts_at, claim.ends_at, claim.whose))

    def remove(self, claim: Claim[Who]) -> None:
        """Let go of a claim that is there."""
        at = bisect_left(self._claims, claim)
        if at < len(self._claims) and self._claims[at] == claim:
            del self._claims[at]

    def _overlapping(self, starts_at: datetime, ends_at: datetime) -> Iterator[Claim[Who]]:
        at = bisect_left(self._claims, starts_at, key=lambda claim: claim.starts_at)
        if at > 0 and self._claims[at - 1].ends_at > starts_at:
            at -= 1
        while at < len(self._claims) and self._claims[at].starts_at < ends_at:
            yield self._claims[at]
            at += 1
