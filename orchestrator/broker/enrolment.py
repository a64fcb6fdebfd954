"""Enrolment of a device: its agent's configuration and its secret, handed out once, as a folder.

{folder}/agent.toml             for /etc/laitevuoro on the device's machine; holds no secret
{folder}/agent-secrets/{user}   the secret, of which only hashes stay here
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqtt_schemas.topics import Address
from orchestrator.broker.credentials import Credentials, CredentialsError, new_secret
from orchestrator.broker.files import make_folder, write_new_file
from orchestrator.broker.listener import one_line

Driver = Literal["pc", "octoprint", "simulated"]
SECRETS = "agent-secrets"
_KEY = "octoprint-key"
_SERVICE_STATE = "/var/lib/laitevuoro-agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One device, and how its agent will reach the broker.

    as_service: for the systemd unit, which hands the secret to the agent as a credential;
    otherwise the folder works where it stands.
    """

    address: Address
    kind: str
    driver: Driver
    host: str
    port: int
    ca_file: Path | None = None
    as_service: bool = False


def enrol(enrolment: Enrolment, *, credentials: Credentials, folder: Path) -> list[Path]:
    """Make a secret, write it and the agent's configuration into the folder; return the files.

    A secret that the device had is void from the broker's next reload. Nothing is overwritten:
    raises CredentialsError where a file is there already or can't be written, and leaves no half.
    """
    user, secret = enrolment.address.user, new_secret()
    config, password = folder / "agent.toml", folder / SECRETS / user
    written: list[Path] = []
    try:
        make_folder(password.parent)
        write_new_file(config, agent_toml(enrolment, folder=folder), mode=0o644)
        written.append(config)
        write_new_file(password, secret + "\n")
        written.append(password)
        credentials.keep({user: secret})
    except BaseException as error:
        for path in written:
            path.unlink()
        if isinstance(error, FileExistsError):
            raise CredentialsError(f"{error.filename} is there already") from None
        if isinstance(error, OSError):
            raise CredentialsError(f"{folder} can't be written: {error.strerror}") from None
        raise
    return written


def agent_toml(enrolment: Enrolment, *, folder: Path) -> str:
    """Return the agent's configuration, to stand in `folder` unless it is for the service."""
    address = enrolment.address
    # The agent takes it relative to its configuration, so the folder can be carried over.
    password = _credential(address.user) if enrolment.as_service else f"{SECRETS}/{address.user}"
    lines = [
        f"# Agent of {address}. Whoever holds its secret is this device to the orchestrator.",
        f"state_dir = {_quoted(_SERVICE_STATE if enrolment.as_service else 'agent-state')}",
        "",
        "[broker]",
        f"host = {_quoted(enrolment.host)}",
        f"port = {enrolment.port}",
        *([f"ca_file = {_quoted(enrolment.ca_file)}"] if enrolment.ca_file else []),
        "",
        "[[device]]",
        f"site = {_quoted(address.site)}",
        f"id = {_quoted(address.device)}",
        f"kind = {_quoted(enrolment.kind)}",
        f"driver = {_quoted(enrolment.driver)}",
        f"password_file = {_quoted(password)}",
        "# What holds while the machine has no plan at all: open or closed.",
        'without_plan = "closed"',
        *_driver_table(enrolment, folder),
    ]
    return "\n".join(lines) + "\n"


def _driver_table(enrolment: Enrolment, folder: Path) -> list[str]:
    """Return what the driver needs and nobody here knows: usual values, to be looked at."""
    if enrolment.driver == "octoprint":
        own = str(folder.resolve() / SECRETS / _KEY)
        key = _credential(_KEY) if enrolment.as_service else own
        return [
            "",
            "[device.octoprint]",
            'url = "http://127.0.0.1:5000"',
            "# The API key of an OctoPrint user for this agent, which is yours to write there:",
            f"api_key_file = {_quoted(key)}",
        ]
    if enrolment.driver == "simulated":
        return ["", "[device.simulated]", 'socket = "/run/laitevuoro-agent/scripted.sock"']
    return []


def _credential(name: str) -> str:
    # systemd's name for each file of the folder that it hands on: LoadCredential=secret:FOLDER.
    return f"/run/credentials/laitevuoro-agent.service/secret_{name}"


def _quoted(text: str | Path) -> str:
    # Of printable text a JSON string is a TOML basic string too.
    return json.dumps(one_line(text))
