"""PURE: how many turns a customer has in a week, counted without knowing who it is.

A library card's number becomes an HMAC under the key of the turn's week (ISO 8601, local).
Card numbers can be enumerated: without the key, which is deleted after the week, nobody can
tell from a mark whose it was.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo

from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.devices import Per, Quota
from orchestrator.domain.local_time import to_local

KEY_BYTES = 32
_LENGTHS = range(4, 65)


def card_of(text: str) -> str:
    """Return a card's number as it is counted by. Raises BookingRefused, never quoting it."""
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if len(number) not in _LENGTHS or not number.replace("-", "").isalnum():
        raise BookingRefused("That is no library card's number: 4 to 64 letters and digits.")
    return number


def mark_of(card: str, key: bytes) -> str:
    """Return what stands for a card within one week."""
    return hmac.new(key, card.encode(), hashlib.sha256).hexdigest()


def week_of(moment: datetime, zone: tzinfo) -> str:
    """Return the week of a moment, such as `2026-W48`: Monday to Sunday, local."""
    year, week, _ = to_local(moment, zone).isocalendar()
    return f"{year:04}-W{week:02}"


def refusal(
    quotas: Iterable[Quota], taken: Sequence[datetime], start: datetime, zone: tzinfo
) -> str | None:
    """Return why a customer gets no further turn at `start`, or None.

    taken: when the customer's other turns of that week start.
    """
    day = _day(start, zone)
    days = [_day(other, zone) for other in taken]
    for quota in quotas:
        within = days if quota.per is Per.WEEK else [other for other in days if other == day]
        if quota.of == "days":
            used = len({other for other in within if other != day})
            if used >= quota.most:
                return f"This card has turns on {_count(used, 'day')} of that week already"
        elif len(within) >= quota.most:
            return f"This card has {_count(len(within), 'turn')} that {quota.per.value} already"
    return None


def next_week(now: datetime, zone: tzinfo) -> datetime:
    """Return a moment soon after the week of `now` has ended; local midnight may not exist."""
    local = to_local(now, zone)
    monday = local.replace(tzinfo=None) + timedelta(days=7 - local.weekday())
    midnight = monday.replace(hour=0, minute=0, second=0, microsecond=0, fold=1)
    return midnight.replace(tzinfo=zone).astimezone(now.tzinfo)


def _day(moment: datetime, zone: tzinfo) -> date:
    return to_local(moment, zone).date()


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
