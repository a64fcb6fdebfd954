"""The last plan of each device, as rows."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mqtt_schemas.codec import encode
from mqtt_schemas.plan import AtEnd
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import Device, Policy
from orchestrator.domain.planning import issue, plan_content
from orchestrator.store import plans
from orchestrator.store.database import Database

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PC = Address("paja", "pc-1")
CONTENT = plan_content(Device(PC, "pc", Policy(AtEnd.LOCK), "PC 1"), [], NOW)


async def test_the_newest_plan_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """And comes back equal, digest and all."""
    database = Database.open(tmp_path / "store.db")
    try:
        for revision in (1, 2):
            plan = issue(CONTENT, issuer="main", revision=revision, now=NOW)
            await database.write(partial(plans.keep, address=PC, plan=plan, payload=encode(plan)))
        found = await database.read(plans.load)
        assert found == {PC: plans.StoredPlan(2, plan)}
    finally:
        database.close()


async def test_a_plan_that_can_not_be_read_still_tells_its_revision(tmp_path: Path) -> None:
    """The next one must be above it, or no device would take it."""
    database = Database.open(tmp_path / "store.db")
    try:
        await database.write(
            lambda rows: rows.executemany(
                "INSERT INTO plans VALUES (?, ?, ?, 'x', '{}')",
                [("paja", "pc-1", 41), ("Not An Id", "pc-1", 1)],
            )
        )
        assert await database.read(plans.load) == {PC: plans.StoredPlan(41, None)}
        plan = issue(CONTENT, issuer="main", revision=42, now=NOW)
        other = plan.model_copy(update={"digest": "f" * 64})
        await database.write(partial(plans.keep, address=PC, plan=other, payload=encode(other)))
        assert await database.read(plans.load) == {PC: plans.StoredPlan(42, None)}
    finally:
        database.close()
