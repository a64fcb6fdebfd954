"""`[policy]`, `[kind.KIND.policy]`, `[device.policy]` and the policy of a `[[site]]`.

Lengths are in seconds, times of the day local. What is meant by each key: domain.devices.Policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mqtt_schemas.base import Id, Seconds
from mqtt_schemas.plan import AtEnd, OutsideTurns
from orchestrator.config_values import Clock, Days, Section, TimeOfDay, split
from orchestrator.domain.devices import AfterClosing, CheckInBy, Misfit, Per, Period, Quota
from orchestrator.domain.hours_words import clock
from orchestrator.domain.opening_hours import MIDNIGHT
from orchestrator.domain.policy import Layer
from orchestrator.domain.policy_words import days_in_words

#: Takes back what a weaker layer set, where TOML has no word for nothing.
NONE = "none"

_DAY = 86_400


def _none(value: object) -> object:
    return None if value == NONE else value


def _zero_is_none(value: int) -> int | None:
    return value or None


def _falling(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value), reverse=True))


def _divides_a_day(value: int) -> int:
    if value and _DAY % value:
        raise ValueError(
            f"a day can't be divided into steps of {value} s, as it can into 1800 or 3600 s"
        )
    return value


Age = Annotated[int, Field(ge=0, le=120), AfterValidator(_zero_is_none)]


class PeriodSection(Section):
    """`[[….policy.periods]]`: hours of the week that are for a target group."""

    days: Days
    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    group: Id
    exclusive: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to <= self.from_:
            raise ValueError(
                f"to ({clock(self.to)}) is not after from ({clock(self.from_)}); "
                "a period over midnight is two, the first of them to 24:00"
            )
        return self

    def period(self) -> Period:
        """Return it as the domain knows it."""
        begin, end = _time(self.from_), _time(self.to % MIDNIGHT)
        return Period(self.days, begin, end, self.group, self.exclusive)

    def overlaps(self, other: PeriodSection) -> bool:
        """Tell whether there is a time that is in both."""
        return (
            not set(self.days).isdisjoint(other.days)
            and self.from_ < other.to
            and other.from_ < self.to
        )


class QuotaSection(Section):
    """`[[….policy.quotas]]`: how much one customer gets, of all devices of a kind at a site."""

    most: Annotated[int, Field(ge=1, le=1000)]
    per: Per
    of: Literal["turns", "days"] = "turns"

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.of == "days" and self.per is Per.DAY:
            raise ValueError("a quota of days is per week")
        return self


class PolicySection(Section):
    """What is set here overrides what is set above it."""

    at_end: AtEnd | None = None
    outside_turns: OutsideTurns | None = None
    after_expiry: Literal[OutsideTurns.OPEN, OutsideTurns.CLOSED] | None = None
    warn_before: (
        Annotated[
            tuple[Seconds, ...],
            BeforeValidator(split),
            Field(max_length=10),
            AfterValidator(_falling),
        ]
        | None
    ) = None
    grace: Seconds | None = None
    buffer: Seconds | None = None
    shortest: Annotated[Seconds, Field(ge=1)] | None = None
    longest: Annotated[Seconds, Field(ge=1)] | None = None
    grid: Annotated[Seconds, AfterValidator(_divides_a_day)] | None = None
    notice: Seconds | None = None
    ahead: Seconds | None = None
    same_day: bool | None = None
    party: Annotated[int, Field(ge=1, le=1000)] | None = None
    minimum_age: Age | None = None
    guardian_below: Age | None = None
    guardian_in: Literal["always", "self_service"] | None = None
    check_in: CheckInBy | None = None
    check_in_within: Annotated[Seconds, Field(ge=1)] | None = None
    walk_in: Seconds | None = None
    extension: Seconds | None = None
    extension_in_last: Seconds | None = None
    finish_before_closing: Annotated[Seconds, Field(le=_DAY)] | None = None
    after_closing: AfterClosing | None = None
    staffed_only: bool | None = None
    school_days_from: Annotated[TimeOfDay | None, BeforeValidator(_none)] = None
    periods: Annotated[tuple[PeriodSection, ...], Field(max_length=50)] | None = None
    assumed_group: Annotated[Id | None, BeforeValidator(_none)] = None
    quotas: Annotated[tuple[QuotaSection, ...], Field(max_length=10)] | None = None
    print_misfit: Misfit | None = None
    offer: Annotated[Seconds, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _no_hour_is_for_two_groups(self) -> Self:
        for (one, first), (other, second) in combinations(enumerate(self.periods or (), 1), 2):
            if first.overlaps(second):
                days = days_in_words(tuple({*first.days} & {*second.days}))
                raise ValueError(f"periods number {one} and number {other} overlap on {days}")
        return self

    def layer(self, name: str) -> Layer:
        """Return what is set here."""
        values: dict[str, Any] = {key: getattr(self, key) for key in self.model_fields_set}
        if self.periods is not None:
            values["periods"] = tuple(each.period() for each in self.periods)
        if self.quotas is not None:
            values["quotas"] = tuple(Quota(each.most, each.per, each.of) for each in self.quotas)
        return Layer(name, values)

    def groups(self) -> Iterator[tuple[str, str]]:
        """Yield each target group that is named here, with its key."""
        if self.assumed_group is not None:
            yield "assumed_group", self.assumed_group
        for number, period in enumerate(self.periods or (), start=1):
            yield f"periods number {number}.group", period.group


def _time(seconds: int) -> time:
    return time(seconds // 3600, seconds % 3600 // 60, seconds % 60)
