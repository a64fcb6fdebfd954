"""The agent's configuration: TOML, overridden by LAITEVUORO_AGENT_* environment variables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from mqtt_schemas.base import Id
from mqtt_schemas.plan import OutsideTurns
from mqtt_schemas.topics import Address, InvalidTopic

ENVIRONMENT = "LAITEVUORO_AGENT_"
Driver = Literal["pc", "octoprint", "simulated"]


def _in_folder(value: Path, info: ValidationInfo) -> Path:
    return (info.context or Path()) / value.expanduser()


#: A relative path is relative to the configuration file's folder.
FilePath = Annotated[Path, AfterValidator(_in_folder)]


class InvalidConfiguration(Exception):
    """The configuration can't be used. The text names file, key and reason, a line each."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BrokerSettings(_Section):
    """Where the broker is, and the TLS files where it wants them."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None


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
        return {"pc": self.pc, "octoprint": self.octoprint, "simulated": self.simulated}[
            self.driver
        ]


class Configuration(_Section):
    """All of an agent's configuration."""

    state_dir: FilePath
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    broker: BrokerSettings = BrokerSettings()
    device: Annotated[tuple[DeviceSettings, ...], Field(min_length=1)]

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
        raise InvalidConfiguration(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{path}: not TOML: {error}") from None
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT):
            _override(raw, name.removeprefix(ENVIRONMENT).lower().split("__"), value)
    try:
        return Configuration.model_validate(raw, context=path.parent)
    except ValidationError as error:
        lines = [_sentence(path, item["loc"], item["msg"]) for item in error.errors()]
        raise InvalidConfiguration("\n".join(lines)) from None


def read_secret(path: Path) -> str:
    """Return a secret from its file. Raises InvalidConfiguration; never tells the secret."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidConfiguration(f"{path}: the secret can't be read") from None
    if not secret:
        raise InvalidConfiguration(f"{path}: the secret is empty")
    return secret


def _override(raw: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        raw = raw.setdefault(key, {})
        if not isinstance(raw, dict):
            return
    raw[keys[-1]] = value


def _sentence(path: Path, where: tuple[int | str, ...], reason: str) -> str:
    key = ".".join(str(part) for part in where) or "the whole"
    return f"{path}: {key}: {reason}"
