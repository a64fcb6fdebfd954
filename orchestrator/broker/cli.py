"""Commands on the broker and its users: `broker config`, `device list`, `device enrol`.

`app` holds both groups; the whole command line takes them in.
"""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrator.broker.access import AccessError
from orchestrator.broker.credentials import CredentialsError
from orchestrator.broker.enrolment import Enrolment, enrol
from orchestrator.broker.listener import Listener, NotRenderable, Tls
from orchestrator.broker.setup import Placement, credentials_of, write_broker_config
from orchestrator.cli_options import DEFAULT_CONFIG, Config, refuse
from orchestrator.config import Configuration, load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.domain.devices import ATTENDED, Device

app = typer.Typer(no_args_is_help=True)
broker = typer.Typer(no_args_is_help=True, help="The broker's configuration.")
device = typer.Typer(no_args_is_help=True, help="Devices and their credentials.")
app.add_typer(broker, name="broker")
app.add_typer(device, name="device")

_STORES = {"mosquitto": Path("/var/lib/mosquitto"), "nats": Path("/var/lib/nats")}


class Refused(Exception):
    """The command can't be carried out. The text is one sentence."""


@broker.command("config")
def broker_config(  # noqa: PLR0913, PLR0917 # each is an option of the command
    kind: Annotated[Literal["mosquitto", "nats"], typer.Option(help="Which broker.")],
    output: Annotated[Path, typer.Option(help="Folder for its files.")],
    config: Config = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option(help="Listen here; else as configured.")] = None,
    cert: Annotated[Path | None, typer.Option(help="The broker's certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    clients_ca: Annotated[
        Path | None, typer.Option(help="Ask clients for certificates of this authority.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Where the broker keeps its data.")] = None,
    group: Annotated[str | None, typer.Option(help="Group that may read the files.")] = None,
) -> None:
    """Write the configuration of a broker that you run yourself: users, access, listener.

    Run it again after each change of devices, then have the broker reload.
    """
    with _one_sentence():
        configuration = load(config, os.environ)
        listener = _listener(configuration, host, _tls(cert, key, clients_ca))
        placement = Placement(
            output=output, store=store or _STORES[kind], group=_group_number(group)
        )
        files = write_broker_config(kind, configuration, listener=listener, placement=placement)
    for path in files:
        typer.echo(path)


@device.command("list")
def device_list(config: Config = DEFAULT_CONFIG) -> None:
    """List the configured devices, and whether each has credentials."""
    with _one_sentence():
        configuration = load(config, os.environ)
        enrolled = credentials_of(configuration).hashes()
    for each in configuration.devices.values():
        state = "enrolled" if each.address.user in enrolled else "not enrolled"
        if each.kind == ATTENDED:
            state = "no agent"
        typer.echo(f"{each.address!s:<32} {each.kind:<16} {state:<12} {each.name}")


@device.command("enrol")
def device_enrol(
    name: Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, or site/id.")],
    driver: Annotated[
        Literal["pc", "octoprint", "simulated"], typer.Option(help="What the agent drives.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for the agent's files.")],
    config: Config = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option(help="The broker, as the device sees it.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="The broker's authority, on the device's machine.")
    ] = None,
    service: Annotated[bool, typer.Option(help="For the systemd service.")] = False,  # noqa: FBT002 # a flag
) -> None:
    """Make a device's secret and write its agent's configuration, ready to be carried over.

    It holds once the broker has reloaded: `systemctl reload laitevuoro` where the broker is
    embedded, else `laitevuoro broker config` and your broker's own reload. A secret that the
    device had before is void from then on.
    """
    with _one_sentence():
        configuration = load(config, os.environ)
        found = _find(configuration, name)
        if found.kind == ATTENDED:
            raise Refused(f"{found.name} is attended by staff: it has no agent to enrol.")
        enrolment = Enrolment(
            address=found.address,
            kind=found.kind,
            driver=driver,
            host=host or configuration.broker.host,
            port=_port(configuration, port),
            ca_file=ca_file or configuration.broker.ca_file,
            as_service=service,
        )
        files = enrol(enrolment, credentials=credentials_of(configuration), folder=output)
    for path in files:
        typer.echo(path)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except (AccessError, CredentialsError, InvalidConfiguration, NotRenderable, Refused) as error:
        reason = str(error)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}"
    else:
        return
    refuse(reason.removesuffix(".") + ".")


def _find(configuration: Configuration, name: str) -> Device:
    found = [
        each
        for each in configuration.devices.values()
        if name in {str(each.address), each.address.device}
    ]
    if not found:
        raise Refused(f"There is no device {name} in the configuration.")
    if len(found) > 1:
        sites = ", ".join(str(each.address) for each in found)
        raise Refused(f"There is more than one {name}: say which of {sites}.")
    return found[0]


def _port(configuration: Configuration, port: int | None) -> int:
    chosen = port or configuration.broker.port
    if not chosen:
        raise Refused("The broker's port is 0, any free one: set it in [broker], or give --port.")
    return chosen


def _listener(configuration: Configuration, host: str | None, tls: Tls | None) -> Listener:
    listener = Listener(
        host=host or configuration.broker.host, port=_port(configuration, None), tls=tls
    )
    if tls is None and not listener.on_loopback:
        raise Refused(
            f"A broker that others can reach, at {listener.host}, needs TLS: give --cert and --key."
        )
    return listener


def _tls(cert: Path | None, key: Path | None, clients_ca: Path | None) -> Tls | None:
    if cert is None and key is None and clients_ca is None:
        return None
    if cert is None or key is None:
        raise Refused("--cert and --key go together, and --clients-ca needs both.")
    return Tls(
        certificate=cert.resolve(),
        key=key.resolve(),
        clients_ca=clients_ca.resolve() if clients_ca else None,
    )


def _group_number(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise Refused(f"There is no group {name} on this machine.") from None
