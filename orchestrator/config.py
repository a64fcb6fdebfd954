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
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from mqtt_schemas.base import Id, Seconds
from mqtt_schemas.plan import AtEnd, OutsideTurns
from mqtt_schemas.topics import RESERVED_SITE, Address
from orchestrator.broker.listener import Listener
from orchestrator.config_errors import InvalidConfiguration, sentences
from orchestrator.domain.devices import Device
from orchestrator.domain.policy import Effective, InvalidPolicy, Layer, inherit

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


def _in_folder(value: Path, info: ValidationInfo) -> Path:
    return (info.context or Path()) / value.expanduser()


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


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _falling(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value), reverse=True))


FilePath = Annotated[Path, AfterValidator(_in_folder)]
Port = Annotated[int, Field(ge=0, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class OrchestratorSection(_Section):
    """`[orchestrator]`: this process.

    close_after: seconds after its last heartbeat until a device's open session is closed.
    """

    instance: Id = "main"
    state_dir: FilePath = Path("/var/lib/laitevuoro")
    timezone: Annotated[str, AfterValidator(_zone_exists)] = "Europe/Helsinki"
    language: Literal["fi", "sv", "en"] = "fi"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    target_groups: Annotated[
        tuple[Id, ...], BeforeValidator(_split), Field(min_length=1, max_length=40)
    ] = TARGET_GROUPS
    close_after: Annotated[Seconds, Field(ge=60)] = 86_400


class HttpSection(_Section):
    """`[http]`: reading only. Port 0 is any free one; `{state_dir}/http.url` tells which."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 9321


class BrokerSection(_Section):
    """`[broker]`: the embedded one, or where another is.

    ca_file: the authority by which the broker is known; with it TLS is used. cert_file, key_file:
    the embedded broker's own certificate; towards an external one, the orchestrator's.
    username, password_file: for an external broker; else those in credentials_dir.
    """

    kind: Literal["embedded", "external"] = "embedded"
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port = 1883
    username: Annotated[str, Field(min_length=1)] | None = None
    password_file: FilePath | None = None
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    credentials_dir: FilePath | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        if self.cert_file and not self.ca_file:
            raise ValueError("cert_file needs ca_file, by which the broker is known")
        if self.kind == "embedded":
            self._check_embedded()
        elif self.port == 0:
            raise ValueError("an external broker has a port of its own, not 0")
        elif (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        return self

    def _check_embedded(self) -> None:
        if self.username or self.password_file:
            raise ValueError("the embedded broker makes its own credentials")
        if self.ca_file and not self.cert_file:
            raise ValueError("the embedded broker needs cert_file and key_file beside ca_file")
        listener = Listener(host=self.host, port=self.port)
        if not listener.on_loopback and not self.cert_file:
            raise ValueError(
                f"a broker that others can reach, at {self.host}, needs TLS: "
                "set cert_file, key_file and ca_file"
            )


class PolicySection(_Section):
    """`[policy]`, `[kind.….policy]`, `[device.policy]`: what is set overrides what is above it."""

    at_end: AtEnd | None = None
    outside_turns: OutsideTurns | None = None
    after_expiry: Literal[OutsideTurns.OPEN, OutsideTurns.CLOSED] | None = None
    warn_before: (
        Annotated[
            tuple[Seconds, ...],
            BeforeValidator(_split),
            Field(max_length=10),
            AfterValidator(_falling),
        ]
        | None
    ) = None
    grace: Seconds | None = None
    buffer: Seconds | None = None
    shortest: Annotated[Seconds, Field(ge=1)] | None = None
    longest: Annotated[Seconds, Field(ge=1)] | None = None
    ahead: Seconds | None = None

    def layer(self, name: str) -> Layer:
        """Return what is set here."""
        return Layer(name, {key: getattr(self, key) for key in self.model_fields_set})


class KindSection(_Section):
    """`[kind.<kind>]`: what the devices of a kind share."""

    policy: PolicySection = PolicySection()


class SiteSection(_Section):
    """`[[site]]`: one library that this orchestrator serves."""

    id: Annotated[Id, AfterValidator(_not_reserved)]
    name: Name | None = None


class DeviceSection(_Section):
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


class Configuration(_Section):
    """All of it, checked."""

    orchestrator: OrchestratorSection = OrchestratorSection()
    http: HttpSection = HttpSection()
    broker: BrokerSection = BrokerSection()
    policy: PolicySection = PolicySection()
    kind: dict[Id, KindSection] = {}
    site: tuple[SiteSection, ...] = ()
    device: tuple[DeviceSection, ...] = ()

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
        layers = [
            self.policy.layer("[policy]"),
            kind.policy.layer(f"[kind.{device.kind}.policy]"),
            device.policy.layer("[device.policy]"),
        ]
        try:
            return inherit(layers)
        except InvalidPolicy as error:
            raise ValueError(f"device {device.address}: policy: {error}") from None


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
