"""PURE: checking in at the desk. Ages are asked and answered yes or no; no number is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from orchestrator.domain.bookings import Booking, BookingRefused, BookingState, Desk, Purpose
from orchestrator.domain.devices import Policy
from orchestrator.domain.local_time import say_length

#: A customer may come so long before their turn; it opens at its start all the same.
EARLIEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Answers:
    """What staff asked. None: not asked. guardian: everybody is old enough, or it is consented."""

    old_enough: bool | None = None
    guardian: bool | None = None


def check_ages(name: str, policy: Policy, answers: Answers, *, staffed: bool) -> None:
    """Raise BookingRefused where a question of the device's policy is unanswered, or with no."""
    if policy.minimum_age is not None:
        age = f"at least {policy.minimum_age} years old"
        if answers.old_enough is None:
            raise BookingRefused(f"Ask first: is everybody {age}? Answer yes or no.")
        if not answers.old_enough:
            raise BookingRefused(f"{name} is for people who are {age}.")
    asked = policy.guardian_in == "always" or not staffed
    if policy.guardian_below is not None and asked:
        age = f"{policy.guardian_below} years"
        if answers.guardian is None:
            raise BookingRefused(
                f"Ask first: is everybody at least {age} old, or has a guardian consented? "
                "Answer yes or no."
            )
        if not answers.guardian:
            raise BookingRefused(f"{name} below {age} needs a guardian's consent.")


def check_came(desk: Desk, booking: Booking) -> None:
    """Raise BookingRefused unless the booking is one that a customer can check in to now.

    Who comes after their turn was released may still have it, where it is still free.
    """
    if booking.purpose is Purpose.BLOCK:
        raise BookingRefused("The device is blocked then; nobody has a turn.")
    if booking.state is BookingState.CHECKED_IN:
        raise BookingRefused("The customer has checked in already.")
    if booking.state is BookingState.OFFERED:
        raise BookingRefused("The turn is an offer to somebody in the queue; accept it there.")
    if not booking.live and booking.state is not BookingState.NO_SHOW:
        words = booking.state.value.replace("_", "-")
        raise BookingRefused(f"The booking is over ({words}); book a new turn.")
    if desk.now >= booking.ends_at:
        raise BookingRefused(f"The turn ended at {desk.say(booking.ends_at)}.")
    if desk.now < booking.starts_at - EARLIEST:
        raise BookingRefused(
            f"The turn starts at {desk.say(booking.starts_at)}; "
            f"check in at most {say_length(EARLIEST)} before."
        )
