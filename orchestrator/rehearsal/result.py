"""PURE: what a rehearsal comes to, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.rehearsal.compare import Figures
from orchestrator.rehearsal.faults import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One rehearsal. events: in the orchestrator's log. seconds: how long it took."""

    seed: int
    broker: str
    seconds: float
    events: int
    named_losses: int
    faults: Mapping[Kind, int]
    figures: Figures


def as_json(result: Result) -> dict[str, Any]:
    """Return the whole result. Seconds have three decimals."""
    figures = result.figures
    return {
        "seed": result.seed,
        "broker": result.broker,
        "took_seconds": round(result.seconds, 1),
        "events": result.events,
        "faults": {kind.value: result.faults[kind] for kind in Kind if result.faults.get(kind)},
        "uses": figures.uses,
        "sessions": figures.sessions,
        "true_seconds": figures.true_ms / 1000,
        "counted_seconds": figures.counted_ms / 1000,
        "unobserved_seconds": figures.unobserved_ms / 1000,
        "named_losses": result.named_losses,
        "lost": figures.lost,
        "doubled": figures.doubled,
        "overcounted_seconds": figures.overcounted_ms / 1000,
        "unexplained_seconds": figures.unexplained_ms / 1000,
    }


def as_text(result: Result) -> Iterator[str]:
    """Yield the result in lines."""
    figures = result.figures
    yield f"Seed {result.seed}, {result.broker}, {result.seconds:.0f} s"
    yield f"{sum(result.faults.values())} faults:"
    for kind in Kind:
        if result.faults.get(kind):
            yield f"  {kind.value:<22}{result.faults[kind]:>6}"
    yield f"{result.events} events, {figures.uses} uses, {figures.sessions} sessions counted"
    rows = (
        ("true", figures.true_ms, "by the devices' own journals"),
        ("counted", figures.counted_ms, ""),
        ("unobserved", figures.unobserved_ms, "on record, after a kill or the like"),
    )
    for what, milliseconds, remark in rows:
        yield f"  {what:<12}{milliseconds / 1000:>12.3f} s  {remark}".rstrip()
    yield f"named losses          {result.named_losses:>6} events"
    yield f"lost                  {figures.lost:>6}"
    yield f"doubled               {figures.doubled:>6}"
    yield f"overcounted seconds   {figures.overcounted_ms / 1000:>10.3f}"
    yield f"unexplained seconds   {figures.unexplained_ms / 1000:>10.3f}"
