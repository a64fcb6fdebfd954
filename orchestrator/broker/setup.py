"""From the orchestrator's configuration to its broker: credentials, users, rendered files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqtt_schemas.topics import Instance
from orchestrator.broker import mosquitto, nats
from orchestrator.broker.access import User, users
from orchestrator.broker.credentials import Credentials
from orchestrator.broker.files import SHARED, write_files
from orchestrator.broker.listener import Listener
from orchestrator.config import Configuration
from orchestrator.domain.devices import ATTENDED

BrokerKind = Literal["mosquitto", "nats"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a broker of its own finds its configuration and keeps its data.

    group: the broker's account, which may read the files, by number. None: the owner only.
    """

    output: Path
    store: Path
    group: int | None = None


def credentials_folder(configuration: Configuration) -> Path:
    """Return the credentials folder: the configured one, or `credentials` in `state_dir`."""
    return (
        configuration.broker.credentials_dir or configuration.orchestrator.state_dir / "credentials"
    )


def credentials_of(configuration: Configuration) -> Credentials:
    """Return the credentials in that folder."""
    return Credentials(credentials_folder(configuration))


def users_of(configuration: Configuration) -> tuple[User, ...]:
    """Return the broker's users as configuration and credentials are now.

    Makes the orchestrator's own secret at the first call. Raises AccessError, CredentialsError.
    """
    credentials = credentials_of(configuration)
    instance = Instance(configuration.orchestrator.instance)
    credentials.secret_file(instance)
    return users(
        instance=instance,
        sites=configuration.sites,
        devices=tuple(
            address for address, device in configuration.devices.items() if device.kind != ATTENDED
        ),
        hashes=credentials.hashes(),
    )


def write_broker_config(
    kind: BrokerKind, configuration: Configuration, *, listener: Listener, placement: Placement
) -> list[Path]:
    """Write the files of a broker that others run, and return them.

    Raises AccessError, CredentialsError, NotRenderable, OSError.
    """
    everybody = users_of(configuration)
    folder = placement.output.resolve()
    if kind == "nats":
        files = nats.render(
            listener=listener, users=everybody, places=nats.Places(store=placement.store)
        )
    else:
        files = mosquitto.render(
            listener=listener,
            users=everybody,
            places=mosquitto.Places(folder=folder, store=placement.store),
        )
    write_files(folder, files, mode=SHARED, group=placement.group)
    return [folder / name for name in files]
