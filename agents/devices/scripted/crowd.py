"""PURE: customers by chance, the same ones for the same seed."""

from __future__ import annotations

from random import Random

from agents.devices.scripted.script import Crowd, Stretch, Visit


class Customers:
    """One customer after another, drawn from a seed. Not for secrets."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._random = Random(crowd.seed)  # noqa: S311 - customers, not keys

    def draw(self) -> Visit:
        """Return the next customer."""
        crowd = self._crowd
        # Every draw is made for every customer, so that a changed share shifts no other draw.
        after = self._random.uniform(*crowd.gap)
        stay = self._random.uniform(*crowd.stay)
        idles, stays, breaks, prints = (self._random.random() for _ in range(4))
        job = prints < crowd.job_share
        return Visit(
            after=after,
            does=_halves(stay) if idles < crowd.idle_share and not job else _whole(stay),
            stays=stays < crowd.stays_share and not job,
            job=job,
            filament_mm_per_second=crowd.filament_mm_per_second if job else 0.0,
            fault_after=stay / 2 if breaks < crowd.fault_share else None,
        )


def _whole(stay: float) -> tuple[Stretch, ...]:
    return (Stretch(active=stay),)


def _halves(stay: float) -> tuple[Stretch, ...]:
    return Stretch(active=stay / 2), Stretch(idle=stay / 2)
