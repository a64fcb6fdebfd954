"""The last plan of each device. It is here before it is on the bus."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from pydantic import ValidationError

from mqtt_schemas.codec import sealed
from mqtt_schemas.plan import Plan
from mqtt_schemas.topics import Address, InvalidTopic


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A device's last revision. `plan` is None where this version writes or reads it otherwise."""

    revision: int
    plan: Plan | None


def keep(connection: sqlite3.Connection, address: Address, plan: Plan, payload: bytes) -> None:
    """Keep a device's new plan, as it is sent, in place of the one before."""
    connection.execute(
        "INSERT INTO plans (site, device, revision, digest, plan) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (site, device) DO UPDATE SET revision = excluded.revision,"
        " digest = excluded.digest, plan = excluded.plan",
        (address.site, address.device, plan.revision, plan.digest, payload.decode()),
    )


def load(connection: sqlite3.Connection) -> dict[Address, StoredPlan]:
    """Return the last plan of every device that ever had one."""
    found: dict[Address, StoredPlan] = {}
    for site, device, revision, text in connection.execute(
        "SELECT site, device, revision, plan FROM plans"
    ):
        try:
            address = Address(site, device)
        except InvalidTopic:
            continue  # a hand-made row: no device can have that address
        found[address] = StoredPlan(revision, _read(text))
    return found


def _read(text: str) -> Plan | None:
    try:
        plan = Plan.model_validate_json(text)
    except ValidationError:
        return None
    # A version with other fields writes it otherwise, and no device would take that digest.
    return plan if sealed(plan).digest == plan.digest else None
