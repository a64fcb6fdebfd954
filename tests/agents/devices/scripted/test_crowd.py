"""Customers by chance."""

from __future__ import annotations

from agents.devices.scripted.crowd import Customers
from agents.devices.scripted.script import Crowd


def test_the_same_seed_brings_the_same_customers() -> None:
    """A rehearsal can be run again."""
    one, other = Customers(Crowd(seed=1)), Customers(Crowd(seed=1))
    assert [one.draw() for _ in range(50)] == [other.draw() for _ in range(50)]
    assert Customers(Crowd(seed=2)).draw() != Customers(Crowd(seed=1)).draw()


def test_a_crowd_holds_its_bounds_and_shares() -> None:
    """Stays are within the span; of each kind of customer there are some."""
    crowd = Crowd(seed=3, gap=(1, 2), stay=(3, 4), job_share=0.3, fault_share=0.3, stays_share=0.3)
    customers = Customers(crowd)
    visits = [customers.draw() for _ in range(300)]
    assert all(1 <= visit.after <= 2 for visit in visits)
    assert all(3 <= sum(part.seconds for part in visit.does) <= 4.0001 for visit in visits)
    for kind in ("job", "stays", "fault_after"):
        assert 40 < sum(bool(getattr(visit, kind)) for visit in visits) < 150, kind


def test_shares_of_zero_bring_nobody_of_that_kind() -> None:
    """A crowd of plain customers is possible."""
    customers = Customers(Crowd(seed=3, idle_share=0, stays_share=0))
    visits = [customers.draw() for _ in range(100)]
    assert not any(visit.stays or visit.job or visit.fault_after for visit in visits)
    assert all(len(visit.does) == 1 for visit in visits)
