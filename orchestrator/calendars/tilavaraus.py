"""PURE: reservations of Tilavarauspalvelu's GraphQL interface -> bookings.

Persons, names and texts are dropped. Buffer times are that system's own affair: it keeps them
free of its own reservations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.calendars.json_rows import Reservation, load, rows, take
from orchestrator.calendars.model import LARGEST_PARTY, Findings, Frame, Parsed, Unreadable

#: What takes its time. Waiting for staff or payment, too: it is given to nobody else.
_HOLD = frozenset({"confirmed", "requires_handling", "waiting_for_payment"})


class _Unit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    pk: int | str | None = None
    nameFi: str | None = None  # noqa: N815 - its name there


class _Reservation(Reservation):
    numPersons: int | None = Field(default=None, ge=0, le=LARGEST_PARTY)  # noqa: N815 - its name there
    reservationUnits: tuple[_Unit, ...] = ()  # noqa: N815 - its name there


def parse(data: bytes, frame: Frame) -> Parsed:
    """Return the reservations within the frame. Raises Unreadable.

    `frame.places` names devices by the reservation units' primary keys or Finnish names.
    """
    found = Findings()
    for where, row in rows(_nodes(load(data)), _Reservation, found):
        if row.state.lower() not in _HOLD:
            found.cancelled += 1
            continue
        units = [str(each) for unit in row.reservationUnits for each in (unit.pk, unit.nameFi)]
        take(found, frame, where, row, places=units, party=row.numPersons)
    return found.parsed()


def _nodes(body: Any) -> object:  # noqa: ANN401 - JSON is anything until it is looked at
    """Return the rows of a GraphQL answer, or of a bare list. Raises Unreadable."""
    for key in ("data", "reservations"):
        if isinstance(body, Mapping) and key in body:
            body = body[key]
    if not isinstance(body, Mapping):
        return body
    page = body.get("pageInfo")
    if isinstance(page, Mapping) and page.get("hasNextPage"):
        raise Unreadable("This is one page of several: ask for all.")
    edges = body.get("edges")
    if not isinstance(edges, list):
        raise Unreadable("This is no answer with reservations.")
    return [edge.get("node") if isinstance(edge, Mapping) else edge for edge in edges]
