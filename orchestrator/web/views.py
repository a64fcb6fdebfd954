"""PURE: bookings and changes as they are answered."""

from __future__ import annotations

from orchestrator.bookkeeping import Change
from orchestrator.delivery import say
from orchestrator.domain.bookings import Booking
from orchestrator.move_service import Moved
from orchestrator.series_service import SeriesChange
from orchestrator.web.booking_models import MovedView, SeriesRefusal, SeriesView
from orchestrator.web.models import BookingView, ChangeView


def booking_view(booking: Booking, name: str) -> BookingView:
    """Return a booking as it is answered. `name` is its device's."""
    return BookingView(
        id=booking.id,
        site=booking.address.site,
        device=booking.address.device,
        name=name,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        target_group=booking.target_group,
        party_size=booking.party_size,
        state=booking.state,
        purpose=booking.purpose,
        by=booking.by,
        group_assumed=booking.group_assumed,
        series=booking.series,
        event=booking.event,
        walk_in=booking.walk_in,
        over_closing=booking.over_closing,
        check_in=booking.check_in,
        hold_until=booking.hold_until,
    )


def change_view(change: Change) -> ChangeView:
    """Return a change as it is answered."""
    return ChangeView(
        booking=booking_view(change.booking, change.device.name),
        delivery=change.delivery,
        message=say(change.delivery, change.device.name),
        code=change.code,
    )


def moved_view(moved: Moved) -> MovedView:
    """Return a move as it is answered."""
    change = change_view(moved.change)
    return MovedView(**dict(change), ended=moved.ended.id if moved.ended else None)


def series_view(series: SeriesChange) -> SeriesView:
    """Return a series as it is answered."""
    return SeriesView(
        series=series.series,
        bookings=tuple(map(change_view, series.changes)),
        refused=tuple(
            SeriesRefusal(at=f"{wall:%Y-%m-%d %H:%M}", error=reason)
            for wall, reason in series.refused
        ),
        code=series.code,
    )
