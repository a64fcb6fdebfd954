"""Who may do what on the broker. Pure: one model, from which every broker's files are rendered.

Deny by default: a user has exactly the topic filters listed here. No filter holds a user name
or client id as a placeholder (Mosquitto's `pattern`): with `/+/%u/` a device could write into
another site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqtt_schemas.topics import (
    RESERVED_SITE,
    Address,
    Instance,
    down_filter,
    instance_topic,
    instances_filter,
    is_id,
    site_down_filter,
    site_filter,
    up_filter,
)


class AccessError(ValueError):
    """The access model can't be made. The text is one sentence."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """What brokers keep of a secret: bcrypt (`$2a$…`) for NATS, PBKDF2 (`$7$…`) for Mosquitto."""

    bcrypt: str
    pbkdf2: str


@dataclass(frozen=True, slots=True)
class User:
    """One user of the broker, and the MQTT topic filters open to it."""

    name: str
    hashes: Hashes
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    def __post_init__(self) -> None:
        # NATS reads an empty list as "everything": refuse what would turn deny into allow.
        if not self.publish or not self.subscribe:
            raise AccessError(f"{self.name} would have no topic to publish or none to read")


def orchestrator_user(instance: Instance) -> str:
    """Return the orchestrator's user name. No device's: no site may be called `orchestrator`."""
    return f"{RESERVED_SITE}.{instance.name}"


def users(
    *,
    instance: Instance,
    sites: Sequence[str],
    devices: Sequence[Address],
    hashes: Mapping[str, Hashes],
) -> tuple[User, ...]:
    """Return the orchestrator and every device that has credentials, the orchestrator first.

    `hashes` is by user name. A device without credentials gets no user; credentials without a
    device give no access. Raises AccessError: no credentials for the orchestrator, no site, a
    device given twice or of a site that is none of `sites`.
    """
    _check(sites, devices)
    name = orchestrator_user(instance)
    if name not in hashes:
        raise AccessError(f"the orchestrator {instance.name} has no credentials of its own")
    first = User(
        name=name,
        hashes=hashes[name],
        publish=(*map(site_down_filter, sites), instance_topic(instance)),
        subscribe=(*map(site_filter, sites), instances_filter()),
    )
    enrolled = (address for address in devices if address.user in hashes)
    return (first, *(_device(address, hashes[address.user]) for address in enrolled))


def _device(address: Address, hashes: Hashes) -> User:
    return User(
        name=address.user,
        hashes=hashes,
        publish=(up_filter(address),),
        subscribe=(down_filter(address), instances_filter()),
    )


def _check(sites: Sequence[str], devices: Sequence[Address]) -> None:
    if not sites:
        raise AccessError("the orchestrator serves no site")
    for site in sites:
        if not is_id(site) or site == RESERVED_SITE:
            raise AccessError(f"{site!r} can't be the name of a site")
    if len(set(sites)) != len(sites):
        raise AccessError("a site stands twice")
    if len(set(devices)) != len(devices):
        raise AccessError("a device stands twice")
    for address in devices:
        if address.site not in sites:
            raise AccessError(f"{address} is at a site that this orchestrator does not serve")
