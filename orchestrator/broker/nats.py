"""Renders the configuration of a NATS server as MQTT broker. Pure.

Needs NATS server 2.12.3 or later: from then on an MQTT client's own delivery subjects
(`$MQTT.sub.…`) are allowed without being listed; before, every QoS 1 subscription failed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.broker.access import AccessError, User
from orchestrator.broker.listener import MAX_PACKET, Listener, Tls, one_line

CONFIG = "nats.conf"
#: Let the server choose a free port.
ANY_PORT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Files and ports beside the MQTT listener; the ports are on loopback whatever happens.

    client_port: NATS always has a listener for its own protocol. No user may use it.
    monitor_port: HTTP figures of the server, for people who look after it. None: no such port.
    log_file: None for standard error.
    """

    store: Path
    pid_file: Path | None = None
    log_file: Path | None = None
    client_port: int = 4222
    monitor_port: int | None = None


def render(*, listener: Listener, users: Sequence[User], places: Places) -> dict[str, str]:
    """Return {file name: text}. Raises AccessError without a user: NATS would be open."""
    if not users:
        raise AccessError("a broker without users would be open to everybody")
    lines = [
        *_server(places),
        *_store(places),
        *_mqtt(listener),
        "authorization {",
        "  users: [",
        *(line for user in users for line in _user(user)),
        "  ]",
        "}",
    ]
    return {CONFIG: "\n".join(lines) + "\n"}


def subject(topic_filter: str) -> str:
    """Return an MQTT topic filter as NATS subject: `a/+/b/#` is `a.*.b.>`.

    Ids hold no dot, space or wildcard, so a level is the same in both.
    """
    levels = {"+": "*", "#": ">"}
    return ".".join(levels.get(level, level) for level in topic_filter.split("/"))


def subscription_subjects(topic_filter: str) -> tuple[str, ...]:
    """Return what a user must be allowed so that it can subscribe to the filter.

    MQTT's `a/#` matches `a` too, NATS' `a.>` does not, so NATS subscribes to both.
    """
    whole = subject(topic_filter)
    return (whole.removesuffix(".>"), whole) if whole.endswith(".>") else (whole,)


def _server(places: Places) -> list[str]:
    lines = [
        "# Made by laitevuoro: changes by hand are lost.",
        "server_name: laitevuoro",
        "# NATS' own protocol can't be switched off, but every user below is for MQTT only.",
        f"listen: {_quoted(f'127.0.0.1:{places.client_port}')}",
        f"max_payload: {MAX_PACKET}",
    ]
    if places.monitor_port is not None:
        lines.append(f"http: {_quoted(f'127.0.0.1:{places.monitor_port}')}")
    if places.pid_file is not None:
        lines.append(f"pid_file: {_quoted(places.pid_file)}")
    if places.log_file is not None:
        lines += [f"log_file: {_quoted(places.log_file)}", "logfile_size_limit: 10MB"]
        lines.append("logfile_max_num: 5")
    return lines


def _store(places: Places) -> list[str]:
    return [
        "jetstream {",
        f"  store_dir: {_quoted(places.store)}",
        "  # What was acknowledged survives a kill and a power cut.",
        "  sync_interval: always",
        "  # Caps, not reservations. The default is three quarters of memory and disk.",
        "  max_memory_store: 64MB",
        "  max_file_store: 2GB",
        "}",
    ]


def _mqtt(listener: Listener) -> list[str]:
    return [
        "mqtt {",
        f"  host: {_quoted(listener.host)}",
        f"  port: {listener.port}",
        "  # Clean sessions that were open when the server was killed leave consumers behind,",
        "  # and each would keep every later message for a client that never comes back.",
        '  consumer_inactive_threshold: "1m"',
        "  # A QoS 1 message that the client has not acknowledged is sent again after:",
        '  ack_wait: "30s"',
        *(_tls(listener.tls) if listener.tls else ()),
        "}",
    ]


def _tls(tls: Tls) -> list[str]:
    lines = [
        "  tls {",
        f"    cert_file: {_quoted(tls.certificate)}",
        f"    key_file: {_quoted(tls.key)}",
    ]
    if tls.clients_ca is not None:
        lines += [f"    ca_file: {_quoted(tls.clients_ca)}", "    verify: true"]
    return [*lines, "  }"]


def _user(user: User) -> list[str]:
    publish = [subject(item) for item in user.publish]
    subscribe = [each for item in user.subscribe for each in subscription_subjects(item)]
    return [
        "    {",
        f"      user: {_quoted(user.name)}",
        f"      password: {_quoted(user.hashes.bcrypt)}",
        '      allowed_connection_types: ["MQTT"]',
        "      permissions: {",
        f"        publish: {{ allow: {_list(publish)} }}",
        f"        subscribe: {{ allow: {_list(subscribe)} }}",
        "      }",
        "    }",
    ]


def _list(subjects: list[str]) -> str:
    return "[" + ", ".join(_quoted(each) for each in subjects) + "]"


def _quoted(value: str | Path) -> str:
    # NATS reads \" and \\ as JSON does, but no \u escapes: hence printable text only, as it is.
    return json.dumps(one_line(value), ensure_ascii=False)
