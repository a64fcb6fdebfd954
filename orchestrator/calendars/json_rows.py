"""PURE: answers of booking systems in JSON, row by row. What is not asked for is dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mqtt_schemas.base import to_utc
from orchestrator.calendars.model import (
    MAX_ENTRIES,
    MAX_SIZE,
    BadEntry,
    Entry,
    Findings,
    Frame,
    Unreadable,
    check_span,
    external_uid,
)
from orchestrator.domain.bookings import Purpose

Row = TypeVar("Row", bound=BaseModel)


class Reservation(BaseModel):
    """What every system tells of a reservation, by the names of Respa and Tilavarauspalvelu."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int | str = Field(validation_alias=AliasChoices("pk", "id"))
    begin: AwareDatetime = Field(validation_alias=AliasChoices("beginsAt", "begin"))
    end: AwareDatetime = Field(validation_alias=AliasChoices("endsAt", "end"))
    state: str
    type: str = "normal"


def load(data: bytes) -> Any:  # noqa: ANN401 - JSON is anything until it is looked at
    """Return a JSON text. Raises Unreadable."""
    if len(data) > MAX_SIZE:
        raise Unreadable(f"The file is larger than {MAX_SIZE // 1024 // 1024} MB.")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable("This is no JSON.") from None


def rows(found: object, shape: type[Row], wrong: Findings) -> Iterator[tuple[str, Row]]:
    """Yield (where, row) of a list's sound rows; note what is wrong with the others.

    Raises Unreadable if it is no list.
    """
    if not isinstance(found, list):
        raise Unreadable("This is no list of reservations.")
    if len(found) > MAX_ENTRIES:
        raise Unreadable(f"There are more than {MAX_ENTRIES} reservations.")
    for number, raw in enumerate(found, start=1):
        try:
            yield f"reservation {number}", shape.model_validate(raw)
        except ValidationError as error:
            # Neither the message nor the value: both quote what stands there.
            place = error.errors(include_url=False, include_input=False)[0]["loc"]
            field = ".".join(map(str, place)) or "it"
            wrong.fault(f"reservation {number}", f"{field} is missing or wrong", series=_id(raw))


def take(
    found: Findings,
    frame: Frame,
    where: str,
    row: Reservation,
    *,
    places: Iterable[str],
    party: int | None,
) -> None:
    """Take a reservation that holds, for the device that it names."""
    series = external_uid("reservation", str(row.id))
    try:
        starts_at, ends_at = _span(row.begin, row.end)
        if not frame.touches(starts_at, ends_at):
            found.outside += 1
            return
        for device in _devices(frame, places):
            site, _, name = device.partition("/")
            entry = Entry(
                uid=external_uid("reservation", str(row.id), device),
                series=series,
                where=where,
                site=site,
                device=name,
                starts_at=starts_at,
                ends_at=ends_at,
                party_size=party or None,
                purpose=Purpose.BLOCK if row.type.lower() == "blocked" else Purpose.TURN,
            )
            found.add([entry])
    except BadEntry as error:
        found.fault(where, error, series=series)


def _devices(frame: Frame, places: Iterable[str]) -> Sequence[str]:
    devices = frame.device_of(places)
    if not devices:
        raise BadEntry("what it reserves is no device here")
    return devices


def _span(begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    try:
        span = to_utc(begin), to_utc(end)
    except ValueError:
        raise BadEntry("its time is outside the years 1970 to 9999") from None
    check_span(*span)
    return span


def _id(raw: object) -> str | None:
    found = (raw.get("pk") or raw.get("id")) if isinstance(raw, Mapping) else None
    return external_uid("reservation", str(found)) if isinstance(found, int | str) else None
