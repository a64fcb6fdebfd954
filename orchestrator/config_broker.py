"""`[broker]`: the embedded one, or where another is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from orchestrator.broker.listener import Listener
from orchestrator.config_values import Section


def _in_folder(value: Path, info: ValidationInfo) -> Path:
    return (info.context or Path()) / value.expanduser()


FilePath = Annotated[Path, AfterValidator(_in_folder)]
Port = Annotated[int, Field(ge=0, le=65535)]


class BrokerSection(Section):
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
