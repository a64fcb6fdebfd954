"""The orchestrator's configuration: TOML, overridden by LAITEVUORO_* environment variables.

`LAITEVUORO_HTTP__PORT=8080` overrides `port` of `[http]`: two underscores go one table down,
and an id's hyphens are written as underscores (`LAITEVUORO_KIND__VR_STATION__POLICY__GRACE`).
A list is written with commas. Sites and devices are lists of tables and are not overridden.
Variables without two underscores, and the agents' (LAITEVUORO_AGENT_…), mean something else.
A relative path is relative to the file's folder.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from mqtt_schemas.base import Id, Seconds
from mqtt_schemas.topics import RESERVED_SITE, Address
from orchestrator.config_broker import BrokerSection, FilePath, Port
from orchestrator.config_errors import InvalidConfiguration, sentences
from orchestrator.config_feeds import FeedSection, check_feeds
from orchestrator.config_hours import ExceptionSection, WeeklySection, site_hours
from orchestrator.config_policy import PolicySection
from orchestrator.config_values import Section, split
from orchestrator.domain.devices import Device
from orchestrator.domain.opening_hours import SiteHours
from orchestrator.domain.policy import Effective, InvalidPolicy, inherit

PREFIX = "LAITEVUORO_"
AGENTS_PREFIX = "LAITEVUORO_AGENT_"

#: The national library statistics' groups and the pilot's (context: Target groups).
TARGET_GROUPS = (
    "lapset",
    "nuoret",
    "aikuiset",
    "ikaantyneet",
    "perheet",
    "koulu-ja-paivakotiryhmat",
    "muunkieliset",
    "erityisryhmat",
    "ei-tiedossa",
)


def _zone_exists(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone of this machine") from None
    return value


def _not_reserved(value: str) -> str:
    if value == RESERVED_SITE:
        raise ValueError(f"{value!r} is reserved: the orchestrators' own topics are below it")
    return value


Name = Annotated[str, Field(min_length=1, max_length=80)]


class OrchestratorSection(Section):
    """`[orchestrator]`: this process.

    close_after: seconds after its last heartbeat until a device's open session is closed.
    """

    instance: Id = "main"
    state_dir: FilePath = Path("/var/lib/laitevuoro")
    timezone: Annotated[str, AfterValidator(_zone_exists)] = "Europe/Helsinki"
    language: Literal["fi", "sv", "en"] = "fi"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    target_groups: Annotated[
        tuple[Id, ...], BeforeValidator(split), Field(min_length=1, max_length=40)
    ] = TARGET_GROUPS
    close_after: Annotated[Seconds, Field(ge=60)] = 86_400


class HttpSection(Section):
    """`[http]`: reading only. Port 0 is any free one; `{state_dir}/http.url` tells which."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 9321


class KindSection(Section):
    """`[kind.<kind>]`: what the devices of a kind share."""

    policy: PolicySection = PolicySection()


class SiteSection(Section):
    """`[[site]]`: one library that this orchestrator serves, and when it is open.

    hours: without any, and without an import, it is always open and staffed. policy: of all its
    devices, whatever their kind.
    """

    id: Annotated[Id, AfterValidator(_not_reserved)]
    name: Name | None = None
    policy: PolicySection = PolicySection()
    hours: Annotated[tuple[WeeklySection, ...], Field(max_length=100)] = ()
    exceptions: Annotated[tuple[ExceptionSection, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _hours_fit_together(self) -> Self:
        _ = self.opening_hours
        return self

    @cached_property
    def opening_hours(self) -> SiteHours:
        """Its hours as the domain knows them."""
        return site_hours(self.hours, self.exceptions)


class DeviceSection(Section):
    """`[[device]]`: one device of a site."""

    site: Annotated[Id, AfterValidator(_not_reserved)]
    id: Id
    kind: Id
    name: Name | None = None
    policy: PolicySection = PolicySection()

    @property
    def address(self) -> Address:
        """The device's address."""
        return Address(self.site, self.id)


class Configuration(Section):
    """All of it, checked."""

    orchestrator: OrchestratorSection = OrchestratorSection()
    http: HttpSection = HttpSection()
    broker: BrokerSection = BrokerSection()
    policy: PolicySection = PolicySection()
    kind: dict[Id, KindSection] = Field(default={})
    site: tuple[SiteSection, ...] = ()
    device: tuple[DeviceSection, ...] = ()
    feed: tuple[FeedSection, ...] = ()

    @model_validator(mode="after")
    def _is_one_whole(self) -> Self:
        sites = [site.id for site in self.site]
        if not sites:
            raise ValueError("there is no [[site]], so there is nothing to serve")
        _once("site", sites)
        _once("device", [str(device.address) for device in self.device])
        for device in self.device:
            if device.site not in sites:
                raise ValueError(f"device {device.address} is at a site that is not in [[site]]")
        for kind in self.kind:
            if kind not in {device.kind for device in self.device}:
                raise ValueError(f"kind.{kind}: no device is of this kind")
        _once("feed", [feed.id for feed in self.feed])
        check_feeds(self.feed, sites, [device.address for device in self.device])
        self._check_groups()
        _ = self.effective
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which people read and write times."""
        return ZoneInfo(self.orchestrator.timezone)

    @property
    def sites(self) -> tuple[str, ...]:
        """The ids of all sites."""
        return tuple(site.id for site in self.site)

    @property
    def hours(self) -> dict[str, SiteHours]:
        """The hours of each site, as configured."""
        return {site.id: site.opening_hours for site in self.site}

    @cached_property
    def effective(self) -> dict[Address, Effective]:
        """The policy of each device, with the source of each value."""
        return {device.address: self._inherited(device) for device in self.device}

    @cached_property
    def devices(self) -> dict[Address, Device]:
        """The devices as the domain knows them."""
        return {
            device.address: Device(
                address=device.address,
                kind=device.kind,
                policy=self.effective[device.address].policy,
                name=device.name or device.id,
            )
            for device in self.device
        }

    def _inherited(self, device: DeviceSection) -> Effective:
        kind = self.kind.get(device.kind, KindSection())
        site = next(site for site in self.site if site.id == device.site)
        layers = [
            self.policy.layer("[policy]"),
            site.policy.layer("[site.policy]"),
            kind.policy.layer(f"[kind.{device.kind}.policy]"),
            device.policy.layer("[device.policy]"),
        ]
        try:
            return inherit(layers)
        except InvalidPolicy as error:
            raise ValueError(f"device {device.address}: policy: {error}") from None

    def _check_groups(self) -> None:
        places = {"policy": self.policy}
        places |= {f"kind.{kind}.policy": each.policy for kind, each in self.kind.items()}
        for number, site in enumerate(self.site, start=1):
            places[f"site number {number}.policy"] = site.policy
        for number, device in enumerate(self.device, start=1):
            places[f"device number {number}.policy"] = device.policy
        for place, policy in places.items():
            for key, group in policy.groups():
                if group not in self.orchestrator.target_groups:
                    raise ValueError(f"{place}.{key}: there is no target group {group!r}")


def load(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the file, and what the environment overrides. Raises InvalidConfiguration."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfiguration(f"{path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{path}: This is not TOML: {error}.") from None
    variables = _override(raw, environment)
    try:
        return Configuration.model_validate(raw, context=path.parent)
    except ValidationError as error:
        raise InvalidConfiguration("\n".join(sentences(error, path, variables))) from None


def _override(raw: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Put the environment's values into `raw`; return which variable set which key."""
    variables: dict[tuple[str, ...], str] = {}
    for name, value in sorted(environment.items()):
        key = name.removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or name.startswith(AGENTS_PREFIX) or len(key) < 2:
            continue
        if key[0] == "kind":
            key[1] = key[1].replace("_", "-")
        table: Any = raw
        for part in key[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise InvalidConfiguration(f"{name}: Only the keys of tables can be overridden.")
        table[key[-1]] = value
        variables[tuple(key)] = name
    return variables


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name} stands twice")
