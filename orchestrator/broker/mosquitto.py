"""Renders the configuration, passwords and access list of Mosquitto 2. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.broker.access import AccessError, User
from orchestrator.broker.listener import MAX_PACKET, Listener, Tls, one_line

CONFIG = "mosquitto.conf"
PASSWORDS = "mosquitto.passwords"  # a file's name
ACCESS = "mosquitto.acl"

_OPTIONS = f"""\
allow_anonymous false

# Without this an acknowledgement waits 40 ms for the next packet (Nagle's algorithm against
# delayed acknowledgements): 88 ms a round trip instead of 1.
set_tcp_nodelay true

# Past max_queued_messages (1000 by default) Mosquitto drops the newest and acknowledges it all
# the same. A new subscriber gets two retained messages of each device at once, so the bound is
# in bytes, far above any library.
max_inflight_messages 200
max_queued_messages 0
max_queued_bytes 67108864

# A larger packet ends the connection. message_size_limit would acknowledge it and drop it.
max_packet_size {MAX_PACKET}

# Retained plans and statuses over a planned restart. After a crash the last minutes are
# missing; nothing relies on them: both ends publish again when they connect.
persistence true
autosave_interval 300

# $SYS topics are open to no user.
sys_interval 0

# Connections are seen by the orchestrator; their lines would fill the disk.
connection_messages false
log_type error
log_type warning
log_type notice
log_type information
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the files will stand and what Mosquitto writes.

    folder: of the rendered files. run_as: the account that Mosquitto changes to when it is
    started by root; None for its default, `mosquitto`. log_file: None for standard error.
    """

    folder: Path
    store: Path
    pid_file: Path | None = None
    log_file: Path | None = None
    run_as: str | None = None


def render(*, listener: Listener, users: Sequence[User], places: Places) -> dict[str, str]:
    """Return {file name: text}. Raises AccessError without a user."""
    if not users:
        raise AccessError("a broker without users would serve nobody")
    return {
        CONFIG: _config(listener, places),
        PASSWORDS: "".join(f"{user.name}:{user.hashes.pbkdf2}\n" for user in users),
        ACCESS: "\n".join(_block(user) for user in users),
    }


def _block(user: User) -> str:
    rights = [f"topic write {item}" for item in user.publish]
    rights += [f"topic read {item}" for item in user.subscribe]
    return "\n".join([f"user {user.name}", *rights]) + "\n"


def _config(listener: Listener, places: Places) -> str:
    lines = [
        "# Made by laitevuoro: changes by hand are lost.",
        f"listener {listener.port} {one_line(listener.host)}",
        *(_tls(listener.tls) if listener.tls else ()),
        "",
        f"password_file {one_line(places.folder / PASSWORDS)}",
        f"acl_file {one_line(places.folder / ACCESS)}",
        # Mosquitto puts the file's name straight behind the folder's.
        f"persistence_location {one_line(places.store)}/",
    ]
    if places.run_as is not None:
        lines.append(f"user {one_line(places.run_as)}")
    if places.pid_file is not None:
        lines.append(f"pid_file {one_line(places.pid_file)}")
    if places.log_file is not None:
        lines.append(f"log_dest file {one_line(places.log_file)}")
    else:
        lines.append("log_dest stderr")
    return "\n".join(lines) + "\n" + _OPTIONS


def _tls(tls: Tls) -> list[str]:
    lines = [f"certfile {one_line(tls.certificate)}", f"keyfile {one_line(tls.key)}"]
    if tls.clients_ca is not None:
        lines += [f"cafile {one_line(tls.clients_ca)}", "require_certificate true"]
    return lines
