"""Devices, and the policy by which each is lent out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mqtt_schemas.plan import AtEnd, OutsideTurns
from mqtt_schemas.topics import Address


@dataclass(frozen=True, slots=True)
class Policy:
    """How turns on a device are planned. Seconds throughout.

    ahead: how long before its start a turn can be booked at the earliest.
    """

    at_end: AtEnd
    outside_turns: OutsideTurns = OutsideTurns.CLOSED
    after_expiry: Literal[OutsideTurns.OPEN, OutsideTurns.CLOSED] = OutsideTurns.CLOSED
    warn_before: tuple[int, ...] = (600, 300, 60)
    grace: int = 0
    buffer: int = 0
    shortest: int = 60
    longest: int = 8 * 3600
    ahead: int = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Device:
    """One device that the orchestrator serves."""

    address: Address
    kind: str
    policy: Policy
    name: str
