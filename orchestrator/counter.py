"""Where the command line books: at the running orchestrator, or at its database when it rests."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from orchestrator.booking_service import BookingService, Order
from orchestrator.config import Configuration
from orchestrator.delivery import Delivery
from orchestrator.domain.bookings import Booking, BookingRefused
from orchestrator.places import ADMIN_SOCKET, DATABASE
from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseInUse, StoreError
from orchestrator.web.models import BookingView, ChangeView, NewBooking, NewEnd, Refusal
from orchestrator.web.views import booking_view, change_view

#: Seconds. A change waits up to 3 s for the device's word (dispatch.Dispatch.deliver).
ANSWER_WITHIN = 20.0

T = TypeVar("T")
#: What may stand in a URL's path; every booking's id is of these (mqtt_schemas.base.OpaqueId).
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_CHANGE: TypeAdapter[ChangeView] = TypeAdapter(ChangeView)
_LIST: TypeAdapter[list[BookingView]] = TypeAdapter(list[BookingView])


class Refused(Exception):
    """What was asked was not done. The text is one sentence."""


class Counter(Protocol):
    """Takes the commands on bookings. Each raises Refused."""

    def add(self, new: NewBooking) -> ChangeView:
        """Book a turn."""

    def between(
        self, ends_after: datetime, starts_before: datetime, device: str | None
    ) -> list[BookingView]:
        """Return the bookings that touch a span, cancelled ones too."""

    def set_end(self, booking: str, new: NewEnd) -> ChangeView:
        """Give a booking another end, or so much more time."""

    def cancel(self, booking: str) -> ChangeView:
        """Cancel a booking."""


@contextmanager
def counter_of(config: Configuration) -> Iterator[Counter]:
    """Give whoever takes bookings now. Raises Refused."""
    state_dir = config.orchestrator.state_dir
    if _listens(state_dir / ADMIN_SOCKET):
        transport = httpx.HTTPTransport(uds=str(state_dir / ADMIN_SOCKET))
        with httpx.Client(
            transport=transport, base_url="http://orchestrator", timeout=ANSWER_WITHIN
        ) as client:
            yield Remote(client)
        return
    if not (state_dir / DATABASE).exists():
        raise Refused(f"There is no orchestrator in {state_dir} yet: start it once.")
    try:
        database = Database.open(state_dir / DATABASE)
    except DatabaseInUse:
        raise Refused("The orchestrator is starting or stopping; try again in a moment.") from None
    except StoreError as error:
        raise Refused(str(error)) from None
    try:
        yield Local(config, database)
    finally:
        database.close()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except PermissionError:
            raise Refused(f"You may not open {path}: ask to be let into its group.") from None
        except OSError:
            return False
        return True


class Remote:
    """The running orchestrator, over its Unix socket."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def add(self, new: NewBooking) -> ChangeView:
        """Book a turn."""
        return self._ask("POST", "", _CHANGE, content=new.model_dump_json())

    def between(
        self, ends_after: datetime, starts_before: datetime, device: str | None
    ) -> list[BookingView]:
        """Return the bookings that touch a span, cancelled ones too."""
        span = {"ends_after": ends_after.isoformat(), "starts_before": starts_before.isoformat()}
        only = {"device": device} if device is not None else {}
        return self._ask("GET", "", _LIST, params=span | only)

    def set_end(self, booking: str, new: NewEnd) -> ChangeView:
        """Give a booking another end, or so much more time."""
        return self._ask("PATCH", booking, _CHANGE, content=new.model_dump_json())

    def cancel(self, booking: str) -> ChangeView:
        """Cancel a booking."""
        return self._ask("DELETE", booking, _CHANGE)

    def _ask(
        self,
        method: str,
        booking: str,
        shape: TypeAdapter[T],
        *,
        content: str | None = None,
        params: dict[str, str] | None = None,
    ) -> T:
        if booking and not _ID.fullmatch(booking):
            raise Refused(f"There is no booking {booking!r}.")
        url = f"/api/v1/bookings/{booking}".rstrip("/")
        headers = {"Content-Type": "application/json"} if content else {}
        try:
            answer = self._client.request(
                method, url, content=content, params=params, headers=headers
            )
            if answer.is_success:
                return shape.validate_json(answer.content)
            raise Refused(Refusal.model_validate_json(answer.content).error)
        except httpx.HTTPError as error:
            raise Refused(f"The orchestrator does not answer: {error}.") from None
        except ValidationError:
            raise Refused(
                "The orchestrator's answer is not understood: is it of another version?"
            ) from None


class Local:
    """The database of an orchestrator that does not run."""

    def __init__(self, config: Configuration, database: Database) -> None:
        self._service = BookingService(
            database=database,
            devices=config.devices,
            target_groups=config.orchestrator.target_groups,
            zone=config.zone,
            now=lambda: datetime.now(UTC),
            deliver=_to_nobody,
        )

    def add(self, new: NewBooking) -> ChangeView:
        """Book a turn."""
        return change_view(_run(self._service.add(Order(**new.model_dump()))))

    def between(
        self, ends_after: datetime, starts_before: datetime, device: str | None
    ) -> list[BookingView]:
        """Return the bookings that touch a span, cancelled ones too."""
        found = _run(self._service.between(ends_after, starts_before, device=device))
        return [booking_view(booking, self._service.name(booking)) for booking in found]

    def set_end(self, booking: str, new: NewEnd) -> ChangeView:
        """Give a booking another end, or so much more time."""
        end = new.ends_at or timedelta(seconds=new.more_seconds or 0)
        return change_view(_run(self._service.set_end(booking, end)))

    def cancel(self, booking: str) -> ChangeView:
        """Cancel a booking."""
        return change_view(_run(self._service.cancel(booking)))


async def _to_nobody(_: Booking) -> Delivery:
    return Delivery.NOT_RUNNING


def _run(command: Coroutine[None, None, T]) -> T:
    try:
        return asyncio.run(command)
    except (BookingRefused, StoreError) as error:
        raise Refused(str(error)) from None
