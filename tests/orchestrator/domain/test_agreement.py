"""Whether a device carries out the plan that it should."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mqtt_schemas.messages import PlanInForce
from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.agreement import Agreement, judge, retry_after, revision_after
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.planning import MAX_REVISION, issue, plan_content

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DEVICE = Device(Address("paja", "pc-1"), "pc", Policy(AtEnd.LOCK), "PC 1")
PLAN = issue(plan_content(DEVICE, [], NOW), issuer="main", revision=7, now=NOW)
OTHER = "f" * 64


@pytest.mark.parametrize(
    ("issuer", "revision", "digest", "verdict"),
    [
        ("main", 7, PLAN.digest, Agreement.AGREED),
        ("main", 6, OTHER, Agreement.BEHIND),
        ("main", 7, OTHER, Agreement.CONFLICT),
        ("main", 8, OTHER, Agreement.CONFLICT),
        ("main", 8, PLAN.digest, Agreement.CONFLICT),
        ("spare", 7, PLAN.digest, Agreement.FOREIGN),
        ("spare", 1, OTHER, Agreement.FOREIGN),
    ],
)
def test_agreement_is_issuer_revision_and_digest(
    issuer: str, revision: int, digest: str, verdict: Agreement
) -> None:
    """All three; and what is not agreement has a name."""
    reported = PlanInForce(issuer=issuer, revision=revision, digest=digest)
    assert judge(PLAN, reported) is verdict


def test_a_device_without_a_plan_is_behind() -> None:
    """It has only to be sent."""
    assert judge(PLAN, None) is Agreement.BEHIND


def test_a_revision_is_above_ours_and_the_reported_one() -> None:
    """Up to the highest that the contract has, which nothing can outdo."""

    def reported(revision: int) -> PlanInForce:
        return PlanInForce(issuer="main", revision=revision, digest=OTHER)

    assert revision_after(0) == 1
    assert revision_after(7, reported(3)) == 8
    assert revision_after(7, reported(40)) == 41
    assert revision_after(7, reported(MAX_REVISION)) is None
    assert revision_after(MAX_REVISION) is None


def test_a_plan_is_sent_again_ever_more_seldom() -> None:
    """2, 5, 15 s, then every minute."""
    assert [retry_after(attempt) for attempt in range(6)] == [2, 5, 15, 60, 60, 60]
