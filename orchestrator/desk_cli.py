"""Where a person stands who gives commands about turns: whom to ask, and how to answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter, ValidationError

from mqtt_schemas.topics import Address
from orchestrator.cli_options import refuse
from orchestrator.config import Configuration, load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.counter import Counter, Refused, counter_of
from orchestrator.domain.bookings import BookingState, NotKnown, Purpose
from orchestrator.domain.devices import Device
from orchestrator.domain.local_time import InvalidTime, parse_length, parse_moment, say_moment
from orchestrator.domain.naming import device_named
from orchestrator.web.models import BookingView, ChangeView

Item = TypeVar("Item")


class Desk:
    """Where a person stands: whom to ask, and in which words to answer."""

    def __init__(
        self, *, counter: Counter, zone: ZoneInfo, devices: Mapping[Address, Device]
    ) -> None:
        self.counter = counter
        self._zone = zone
        self._devices = devices

    def moment(self, text: str) -> datetime:
        """Return the time that was written. Raises InvalidTime."""
        return parse_moment(text, self._zone, now=datetime.now(UTC))

    def place(self, device: str) -> tuple[str, str]:
        """Return the site and the id of a device, named by its id or site/id. Raises Refused."""
        try:
            address = device_named(device, self._devices).address
        except NotKnown as error:
            raise Refused(str(error)) from None
        return address.site, address.device

    def today(self) -> date:
        """Return the local day."""
        return datetime.now(UTC).astimezone(self._zone).date()

    def end(self, starts_at: datetime, end: str | None, length: str | None) -> datetime:
        """Return the end, by its own time or by the length. Raises InvalidTime, Refused."""
        if (end is None) == (length is None):
            raise Refused("Give either --end or --for.")
        if length is not None:
            try:
                return starts_at + parse_length(length)
            except OverflowError:
                raise Refused("The end is after the year 9999.") from None
        return self.moment(end or "")

    def tell(self, done: str, change: ChangeView, *, as_json: bool) -> None:
        """Say what was done, and how far that has come."""
        if as_json:
            typer.echo(change.model_dump_json(indent=1))
            return
        booking = change.booking
        typer.echo(f"{done} {booking.id}: {booking.name}, {self.span(booking)}. {change.message}")
        if change.code is not None:
            typer.echo(f"The check-in code, told this once: {change.code}")

    def say(self, moment: datetime) -> str:
        """Return a moment in local time."""
        return say_moment(moment, self._zone)

    def line(self, booking: BookingView) -> str:
        """Return a booking as a line of a list."""
        people = f"{booking.party_size} × " if booking.party_size else ""
        state = "" if booking.state is BookingState.BOOKED else f"  {booking.state}"
        if booking.purpose is not Purpose.TURN:
            state += f"  {booking.purpose}"
        where = f"{booking.site}/{booking.device}"
        return (
            f"{booking.id}  {where:<24}  {self.span(booking):<26}"
            f"  {people}{booking.target_group or '–'}{state}"
        )

    def span(self, booking: BookingView) -> str:
        """Return when a booking is, in local time."""
        return self.between(booking.starts_at, booking.ends_at)

    def between(self, starts_at: datetime, ends_at: datetime) -> str:
        """Return a span in local time."""
        first = say_moment(starts_at, self._zone)
        return f"{first} to {say_moment(ends_at, self._zone, beside=starts_at)}"


def tell_list(
    found: list[Item],
    shape: TypeAdapter[list[Item]],
    line: Callable[[Item], str],
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """Answer with a list, a line for each. Where it is empty, say `nothing` on standard error."""
    if as_json:
        typer.echo(shape.dump_json(found, indent=1).decode())
        return
    for each in found:
        typer.echo(line(each))
    if not found:
        typer.echo(nothing, err=True)


@contextmanager
def desk_at(path: Path) -> Iterator[Desk]:
    """Give the desk of a configuration; a refusal is one sentence and exit code 2."""
    try:
        config: Configuration = load(path, os.environ)
        with counter_of(config) as counter:
            yield Desk(counter=counter, zone=config.zone, devices=config.devices)
    except (InvalidConfiguration, InvalidTime, Refused) as error:
        refuse(str(error))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        refuse(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")
