"""The agent's configuration: TOML, overridden by LAITEVUORO_AGENT_* environment variables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from agents.config_errors import sentences
from mqtt_schemas.base import Id
from mqtt_schemas.plan import OutsideTurns
from mqtt_schemas.topics import Address, InvalidTopic

ENVIRONMENT = "LAITEVUORO_AGENT_"
Driver = Literal["pc", "octoprint", "simulated"]


def _in_folder(value: Path, info: ValidationInfo) -> Path:
    file = info.context
    return (file.parent if isinstance(file, Path) else Path()) / value.expanduser()


#: A relative path is relative to the configuration file's folder.
FilePath = Annotated[Path, AfterValidator(_in_folder)]


def _can_be_looked_up(host: str) -> str:
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("it is no host name: a part of it is empty or too long") from None
    return host


class InvalidConfiguration(Exception):
    """The configuration can't be used. The text names file, key and reason, a line each."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSettings(_Section):
    """Where the broker is, and the TLS files where it wants them."""

    host: Annotated[str, Field(min_length=1), AfterValidator(_can_be_looked_up)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None

    @model_validator(mode="after")
    def _all_of_tls_or_none(self) -> Self:
        """Without ca_file there is no TLS: a certificate would silently go unused."""
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("cert_file and key_file need ca_file: there is no TLS without it")
        return self


class DeviceSettings(_Section):
    """One device of this machine. The table named for its driver is read by the driver."""

    site: Id
    id: Id
    kind: Id
    driver: Driver
    username: str | None = None
    password_file: FilePath | None = None
    without_plan: Literal["open", "closed"] = "closed"
    pc: dict[str, Any] = {}
    octoprint: dict[str, Any] = {}
    simulated: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_an_address(self) -> Self:
        try:
            _ = self.address
        except InvalidTopic as error:
            raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _has_its_drivers_table_only(self) -> Self:
        for table in get_args(Driver):
            if table != self.driver and table in self.model_fields_set:
                raise ValueError(f"the table {table} is there, but the driver is {self.driver}")
        return self

    @property
    def address(self) -> Address:
        """The device's address."""
        return Address(self.site, self.id)

    @property
    def user(self) -> str:
        """The user name at the broker."""
        return self.username or self.address.user

    @property
    def outside(self) -> OutsideTurns:
        """What holds with no plan at all."""
        return OutsideTurns(self.without_plan)

    @property
    def own(self) -> dict[str, Any]:
        """The driver's own table."""
        tables = {"pc": self.pc, "octoprint": self.octoprint, "simulated": self.simulated}
        return tables[self.driver]


def _at_least_one(devices: tuple[DeviceSettings, ...]) -> tuple[DeviceSettings, ...]:
    if not devices:
        raise ValueError("there is no device")
    return devices


class Configuration(_Section):
    """All of an agent's configuration. `file` is where it was read from."""

    state_dir: FilePath
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    broker: BrokerSettings = BrokerSettings()
    # No min_length: pydantic would count the bad ones out, and say that there are none.
    device: Annotated[tuple[DeviceSettings, ...], AfterValidator(_at_least_one)]
    _file: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        """Note the file."""
        if isinstance(context, Path):
            self._file = context

    @property
    def file(self) -> Path:
        """The configuration file, to be named with what is wrong in it."""
        return self._file

    @model_validator(mode="after")
    def _each_device_once(self) -> Self:
        addresses = [device.address for device in self.device]
        for address in addresses:
            if addresses.count(address) > 1:
                raise ValueError(f"device {address} stands twice")
        return self


def load(path: Path, environment: Mapping[str, str]) -> Configuration:
    """Read the file. Raises InvalidConfiguration.

    `LAITEVUORO_AGENT_BROKER__HOST=…` overrides `host` in `[broker]`: two underscores go one
    table down. Devices are not overridden, since a list has no names.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfiguration(f"{path}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{path}: This is not TOML: {error}.") from None
    variables = _override(raw, environment)
    try:
        return Configuration.model_validate(raw, context=path)
    except ValidationError as error:
        raise InvalidConfiguration("\n".join(sentences(error, str(path), variables))) from None


def read_secret(path: Path) -> str:
    """Return a secret from its file. Raises InvalidConfiguration; never tells the secret."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidConfiguration(f"{path}: The secret can't be read.") from None
    if not secret:
        raise InvalidConfiguration(f"{path}: The secret is empty.")
    return secret


def _override(raw: dict[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Put the environment's values into `raw`; return which variable set which key."""
    variables: dict[tuple[str, ...], str] = {}
    for name, value in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT):
            continue
        key = name.removeprefix(ENVIRONMENT).lower().split("__")
        table: Any = raw
        for part in key[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise InvalidConfiguration(f"{name}: Only the keys of tables can be overridden.")
        table[key[-1]] = value
        variables[tuple(key)] = name
    return variables
