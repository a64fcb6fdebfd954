"""A whole library for tests: an orchestrator, agents and scripted devices as real processes.

Everything is started by its command on a real broker, and dies with the test process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from agents.devices.scripted.journal import Line, UseEnded
from agents.devices.scripted.journal import read as read_journal
from mqtt_schemas.topics import Address
from orchestrator.broker import launch
from tests.e2e.brokers import MAIN, SITE, Broker

BIN = Path(sys.executable).parent
#: Seconds for what takes a fraction of one on an idle machine.
WITHIN = 30.0
T = TypeVar("T")


class NotSo(AssertionError):
    """What was waited for did not come."""


def until(what: str, look: Callable[[], T | None], within: float = WITHIN) -> T:
    """Return the first true answer of `look`; other processes tell of nothing, so it is asked."""
    deadline = time.monotonic() + within
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise NotSo(f"after {within:.0f} s it is not so that {what}")
        time.sleep(0.05)
    return answer


@dataclass
class Process:
    """A program of ours, its output in a file."""

    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is killed when the test process dies."""
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*launcher, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM, and the exit code. Killed where it does not end in time."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise NotSo(f"{self.command} did not end on SIGTERM:\n{self.log.read_text()}") from None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid


@dataclass
class Spec:
    """One device of the library, and how its agent reaches it.

    broker_port: of what stands between its agent and the broker, if anything does.
    """

    id: str
    kind: str = "vr"
    driver: str = "simulated"
    own: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=lambda: {"at_end": "end"})
    script: str | None = None
    without_plan: str = "closed"
    broker_port: int | None = None


class Library:
    """The processes of one library, on a broker that the test gives."""

    def __init__(self, broker: Broker, folder: Path, devices: list[Spec]) -> None:
        self.broker = broker
        self.folder = folder
        self.specs = {spec.id: spec for spec in devices}
        self.config = folder / "orchestrator.toml"
        self.orchestrator = Process(
            [str(BIN / "laitevuoro"), "serve", "--config", str(self.config)],
            folder / "orchestrator.log",
        )
        self.agents = {spec.id: self._agent(spec) for spec in devices}
        self.scripted = {spec.id: self._scripted(spec) for spec in devices if spec.script}
        self.url = ""

    def start(self) -> None:
        """Start everything; return when every agent is online."""
        self.write()
        for process in self.scripted.values():
            process.start()
        self.start_orchestrator()
        for process in self.agents.values():
            process.start()
        for device in self.specs:
            self.online(device)

    def start_orchestrator(self) -> None:
        """Start the orchestrator and wait until it answers."""
        url = self.folder / "state" / "http.url"
        url.unlink(missing_ok=True)
        self.orchestrator.start()
        self.url = until("the orchestrator says where it is", lambda: _text(url))
        until("the orchestrator is well", lambda: self._well() or None)

    def stop(self) -> None:
        """Stop everything."""
        for process in (*self.agents.values(), self.orchestrator, *self.scripted.values()):
            process.stop()

    def online(self, device: str) -> None:
        """Wait until an agent is online and carries out its plan."""
        until(f"{device} is online", lambda: self._ready(device))

    def book(self, device: str, starts_in: float, lasts: float, *more: str) -> str:
        """Book by the command; return the booking's id."""
        starts = datetime.now(UTC) + timedelta(seconds=starts_in)
        ends = starts + timedelta(seconds=lasts)
        times = ("--start", starts.isoformat(), "--end", ends.isoformat())
        answer = self.command(
            "booking", "add", "--device", device, *times, "--group", "nuoret", *more, "--json"
        )
        return str(json.loads(answer.stdout)["booking"]["id"])

    def command(
        self, *words: str, code: int = 0, within: float = WITHIN
    ) -> subprocess.CompletedProcess[str]:
        """Run `laitevuoro` and hold it to its exit code."""
        done = subprocess.run(
            [str(BIN / "laitevuoro"), *words, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}: {done.stderr}{done.stdout}"
        return done

    def device(self, device: str) -> dict[str, Any]:
        """Return a device as the API tells it."""
        found: list[dict[str, Any]] = self.get("/api/v1/devices")
        return next(each for each in found if each["device"] == device)

    def state(self, device: str, *states: str) -> dict[str, Any]:
        """Wait until a device is in one of these states."""
        return until(
            f"{device} is {' or '.join(states)}",
            lambda: d if (d := self.device(device))["state"] in states else None,
        )

    def totals(self, device: str) -> dict[str, Any]:
        """Return a device's totals; an empty table before the first count."""
        found: dict[str, Any] = self.get("/api/v1/totals")["devices"].get(f"{SITE}/{device}", {})
        return found

    def counted(self, device: str, sessions: int) -> dict[str, Any]:
        """Wait until so many sessions of a device are counted."""
        return until(
            f"{sessions} sessions of {device} are counted",
            lambda: t if (t := self.totals(device)).get("sessions", 0) >= sessions else None,
        )

    def events(self) -> dict[str, int]:
        """Return what became of events and messages."""
        found: dict[str, int] = self.get("/api/v1/totals")["events"]
        return found

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        found = [line for line in lines if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(line.split()[-1]) for line in found if all(w in line for w in wanted))

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return an answer of the API."""
        answer = httpx.get(f"{self.url}{path}", timeout=10)
        answer.raise_for_status()
        return answer.json()

    def journal(self, device: str) -> list[Line]:
        """Return what a scripted device truly did."""
        return read_journal(self.folder / f"{device}.jsonl")

    def uses(self, device: str) -> list[UseEnded]:
        """Return the finished uses of a scripted device."""
        return [line for line in self.journal(device) if isinstance(line, UseEnded)]

    def _ready(self, device: str) -> bool:
        found = self.device(device)
        return bool(found["link"] == "online" and found["plan_in_force"])

    def _well(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def _agent(self, spec: Spec) -> Process:
        config = self.folder / f"{spec.id}.toml"
        command = [str(BIN / "laitevuoro-agent"), "run", "--config", str(config)]
        return Process(command, self.folder / f"{spec.id}.log")

    def _scripted(self, spec: Spec) -> Process:
        words = [str(BIN / "laitevuoro-agent"), "scripted-device"]
        for option, suffix in (("script", "script.toml"), ("journal", "jsonl"), ("socket", "sock")):
            words += [f"--{option}", str(self.folder / f"{spec.id}.{suffix}")]
        return Process(words, self.folder / f"{spec.id}.device.log")

    def write(self) -> None:
        """Write all configurations and secrets, as `start` does."""
        addresses = [Address(SITE, device) for device in self.specs]
        self.broker.admit(addresses)
        user, secret = self.broker.credentials(MAIN)
        (self.folder / "orchestrator.secret").write_text(secret)
        lines = [
            '[orchestrator]\nstate_dir = "state"\nlanguage = "en"\n[http]\nport = 0',
            f'[broker]\nkind = "external"\nport = {self.broker.port}\nusername = "{user}"',
            'password_file = "orchestrator.secret"\n[policy]\nshortest = 1\nwarn_before = [1]',
            f'[[site]]\nid = "{SITE}"',
        ]
        for spec in self.specs.values():
            lines.append(f'[[device]]\nsite = "{SITE}"\nid = "{spec.id}"\nkind = "{spec.kind}"')
            lines.append("[device.policy]\n" + _table(spec.policy))
            self._write_agent(spec)
        self.config.write_text("\n".join(lines))

    def _write_agent(self, spec: Spec) -> None:
        _, secret = self.broker.credentials(Address(SITE, spec.id))
        (self.folder / f"{spec.id}.secret").write_text(secret)
        own = dict(spec.own)
        if spec.script is not None:
            (self.folder / f"{spec.id}.script.toml").write_text(spec.script)
            own["socket"] = str(self.folder / f"{spec.id}.sock")
        (self.folder / f"{spec.id}.toml").write_text(
            f'state_dir = "{self.folder / "agents"}"\n'
            f"[broker]\nport = {spec.broker_port or self.broker.port}\n"
            f'[[device]]\nsite = "{SITE}"\nid = "{spec.id}"\nkind = "{spec.kind}"\n'
            f'driver = "{spec.driver}"\npassword_file = "{self.folder / f"{spec.id}.secret"}"\n'
            f'without_plan = "{spec.without_plan}"\n[device.{spec.driver}]\n{_table(own)}'
        )


def _table(values: Mapping[str, Any]) -> str:
    # What JSON and TOML share: strings, numbers, booleans, lists.
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def _text(path: Path) -> str | None:
    return path.read_text().strip() or None if path.exists() else None
