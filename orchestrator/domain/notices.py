"""PURE: what staff may have a device say: phrases of the agents' list, which has no free text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mqtt_schemas.plan import Notice
from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.local_time import say_length

#: Each phrase, and whether it tells a time: then it takes `seconds`.
PHRASES: Mapping[str, bool] = {
    "come_to_desk": False,
    "closes_in": True,
    "turn_ends_in": True,
    "turn_over": False,
    "closed_now": False,
    "out_of_service": False,
    "paused_turn_over": False,
}
#: What has to be said for longer is no notice.
LONGEST = timedelta(days=7)


def notice(
    notice_id: str, phrase: str, until: datetime, now: datetime, *, seconds: int | None = None
) -> Notice:
    """Return a notice as a plan has it. Raises BookingRefused."""
    if phrase not in PHRASES:
        raise BookingRefused(
            f"There is no notice {phrase!r}; there are {', '.join(sorted(PHRASES))}."
        )
    if PHRASES[phrase] and seconds is None:
        raise BookingRefused(f"The notice {phrase} tells a time: say which.")
    if not PHRASES[phrase] and seconds is not None:
        raise BookingRefused(f"The notice {phrase} tells no time.")
    if seconds is not None and not 0 <= seconds <= 86_400:
        raise BookingRefused("The time that a notice tells is at most 24 h.")
    if until <= now:
        raise BookingRefused("The notice would be over already.")
    if until - now > LONGEST:
        raise BookingRefused(f"A notice is shown for at most {say_length(LONGEST)}.")
    arguments: dict[str, int | str] = {} if seconds is None else {"seconds": seconds}
    return Notice(id=notice_id, phrase=phrase, arguments=arguments, until=until)
