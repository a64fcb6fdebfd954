"""PURE: whether a device carries out the plan that it should, and if not, what is wrong."""

from __future__ import annotations

from enum import StrEnum

from mqtt_schemas.messages import PlanInForce
from mqtt_schemas.plan import Plan
from orchestrator.domain.planning import MAX_REVISION

#: Seconds after a plan was sent until it is sent again; the last one for ever.
RETRY_AFTER = (2.0, 5.0, 15.0, 60.0)


class Agreement(StrEnum):
    """How what a device reports stands to what it should carry out.

    behind: an earlier revision of ours, or none: sending it again helps.
    conflict: at or above our revision with another digest: one of us was restored.
    foreign: another orchestrator's plan.
    """

    AGREED = "agreed"
    BEHIND = "behind"
    CONFLICT = "conflict"
    FOREIGN = "foreign"


def judge(plan: Plan, reported: PlanInForce | None) -> Agreement:
    """Hold a device's report against its plan. Agreement is issuer, revision and digest."""
    if reported is None:
        return Agreement.BEHIND
    if reported.issuer != plan.issuer:
        return Agreement.FOREIGN
    if reported.revision < plan.revision:
        return Agreement.BEHIND
    if reported.revision == plan.revision and reported.digest == plan.digest:
        return Agreement.AGREED
    return Agreement.CONFLICT


def revision_after(own: int, reported: PlanInForce | None = None) -> int | None:
    """Return the next revision, above our own and the reported one; None where there is none.

    A device takes a plan only for its higher revision. One that claims the highest that the
    contract has can't be outdone: that is for people to mend.
    """
    highest = max(own, reported.revision if reported else 0)
    return highest + 1 if highest < MAX_REVISION else None


def retry_after(attempt: int) -> float:
    """Return the seconds to wait after a plan was sent for the `attempt`th time, from 0."""
    return RETRY_AFTER[min(attempt, len(RETRY_AFTER) - 1)]
