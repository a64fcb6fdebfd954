"""The only place where a topic is built or parsed.

laitevuoro/v1/{site}/{device}/up/…      from the agent
laitevuoro/v1/{site}/{device}/down/…    to the agent
laitevuoro/v1/orchestrator/{instance}   the orchestrator's own presence
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

PREFIX = "laitevuoro/v1"
#: No site may carry this name: its topics would be the orchestrators'.
RESERVED_SITE = "orchestrator"

ID_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
_ID = re.compile(ID_PATTERN)


class InvalidTopic(ValueError):
    """The topic is none of the contract's."""


class Channel(StrEnum):
    """A device's topics, below its own level."""

    LINK = "up/link"
    STATUS = "up/status"
    EVENTS = "up/events"
    TIME_REQUEST = "up/time"
    TIME_ANSWER = "down/time"
    ACK = "down/ack"
    PLAN = "down/plan"

    @property
    def upward(self) -> bool:
        """Whether the agent publishes."""
        return self.value.startswith("up/")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One device of one site."""

    site: str
    device: str

    def __post_init__(self) -> None:
        if not is_id(self.site) or not is_id(self.device) or self.site == RESERVED_SITE:
            raise InvalidTopic(f"no device's address: {self.site[:41]!r}, {self.device[:41]!r}")

    def __str__(self) -> str:
        return f"{self.site}/{self.device}"

    @property
    def user(self) -> str:
        """The device's user name at the broker."""
        return f"{self.site}.{self.device}"


@dataclass(frozen=True, slots=True)
class Instance:
    """One orchestrator."""

    name: str

    def __post_init__(self) -> None:
        if not is_id(self.name):
            raise InvalidTopic(f"no orchestrator's name: {self.name[:41]!r}")


def is_id(text: str) -> bool:
    """Tell whether this is 1 to 40 lower-case letters, digits and inner hyphens."""
    return _ID.fullmatch(text) is not None


def device_topic(address: Address, channel: Channel) -> str:
    """Return the topic of one of a device's channels."""
    return f"{PREFIX}/{address.site}/{address.device}/{channel}"


def instance_topic(instance: Instance) -> str:
    """Return the topic of an orchestrator's presence."""
    return f"{PREFIX}/{RESERVED_SITE}/{instance.name}"


def down_filter(address: Address) -> str:
    """Return what an agent subscribes to for its device."""
    return f"{PREFIX}/{address.site}/{address.device}/down/#"


def up_filter(address: Address) -> str:
    """Return what a device may publish to."""
    return f"{PREFIX}/{address.site}/{address.device}/up/#"


def site_filter(site: str) -> str:
    """Return what an orchestrator subscribes to for one of its sites."""
    return f"{PREFIX}/{site}/+/up/#"


def site_down_filter(site: str) -> str:
    """Return what an orchestrator may publish to for one of its sites."""
    return f"{PREFIX}/{site}/+/down/#"


def instances_filter() -> str:
    """Return the filter of every orchestrator's presence."""
    return f"{PREFIX}/{RESERVED_SITE}/#"


# A library's devices times seven channels: parsed once each, since status messages
# repeat for ever. Foreign topics raise, and lru_cache keeps no exceptions.
@lru_cache(maxsize=65_536)
def parse(topic: str) -> tuple[Address, Channel] | Instance:
    """Return what the topic names. Raises InvalidTopic."""
    levels = topic.split("/")
    if levels[:2] != PREFIX.split("/"):
        raise InvalidTopic("the topic is not under laitevuoro/v1")
    if len(levels) == 4 and levels[2] == RESERVED_SITE:
        return Instance(levels[3])
    if len(levels) != 6:
        raise InvalidTopic("the topic has the wrong number of levels")
    try:
        channel = Channel("/".join(levels[4:]))
    except ValueError:
        raise InvalidTopic("the topic's last two levels are no channel") from None
    return Address(levels[2], levels[3]), channel
