"""What a benchmark is, and where the runner finds them.

A module `tests/benchmarks/bench_<subject>.py` holds functions marked `@benchmark`, each
yielding the results of one measurement:

    @benchmark
    def decoding() -> Iterator[Result]:
        yield Result(name=…, value=…, unit="µs", limit=…, at_most=1.6)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Benchmark = Callable[[], Iterator["Result"]]

BENCHMARKS: list[Benchmark] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure, held against a limit measured in the same run or fixed by the design.

    value, limit: in `unit`. The ratio value/limit is judged by `at_least` or `at_most`,
    whichever is given; one of them is.
    """

    name: str
    value: float
    unit: str
    limit: float
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"{self.name}: give either at_least or at_most")

    @property
    def ratio(self) -> float:
        """How the figure stands to its limit."""
        return self.value / self.limit

    @property
    def target(self) -> str:
        """What the ratio is to be: `>= 0.7` or `<= 1.6`."""
        return f"<= {self.at_most:g}" if self.at_least is None else f">= {self.at_least:g}"

    @property
    def met(self) -> bool:
        """Whether the ratio is as it is to be."""
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return self.at_most is not None and self.ratio <= self.at_most

    def as_json(self) -> dict[str, str | float | bool]:
        """Return the entry of `benchmarks.json`."""
        return {
            "name": self.name,
            "value": round(self.value, 6),
            "unit": self.unit,
            "limit": round(self.limit, 6),
            "ratio": round(self.ratio, 4),
            "target": self.target,
            "met": self.met,
        }


def benchmark(function: Benchmark) -> Benchmark:
    """Register a benchmark; it is run by its name."""
    BENCHMARKS.append(function)
    return function
