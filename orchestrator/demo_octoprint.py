"""A real OctoPrint with its virtual printer, for the demo and the tests. Not for customers.

OctoPrint is AGPL and heavy, so it is no dependency: it is found where it was installed, is
started as a process of its own, listens on loopback only, and dies with the process that
started it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

import httpx

from orchestrator.broker import launch
from orchestrator.children import free_port

#: The virtual environment in the cache folder, and the file in it that says that it is whole.
CACHED = "octoprint"
BUILT = "built-from"
#: The version that all of this was tried with.
VERSION = "1.11.8"
HOST = "127.0.0.1"
#: Seconds. A cold start takes about 5, on a busy machine many more.
READY_WITHIN = 90.0
#: Seconds of printing and millimetres of filament of one dwell of a test print.
DWELL_SECONDS = 0.2
DWELL_FILAMENT_MM = 1

#: Least that the agent needs. `STATUS` looks, `PRINT` pauses and cancels, `CONTROL` shows a line.
_AGENT_PERMISSIONS = ("STATUS", "PRINT", "CONTROL")
# Left out: whatever asks the network, and what a test has no use for.
_NOT_NEEDED = [
    "achievements",
    "announcements",
    "backup",
    "classicwebcam",
    "discovery",
    "errortracking",
    "file_check",
    "firmware_check",
    "gcodeviewer",
    "health_check",
    "pi_support",
    "pluginmanager",
    "softwareupdate",
    "tracking",
]


class OctoPrintNotStarted(RuntimeError):
    """OctoPrint ended or stayed silent. The text holds the end of its log."""


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where large things of the tests and the demo are kept between runs."""
    given = environment.get("LAITEVUORO_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "laitevuoro"


def find_octoprint(
    given: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Path | None:
    """Return the `octoprint` program: the given one, else the cached one, else that on PATH."""
    if given is not None:
        return given if os.access(given, os.X_OK) else None
    cached = cache_folder(environment) / CACHED
    if (cached / BUILT).exists():
        return cached / "bin" / "octoprint"
    found = shutil.which("octoprint", path=environment.get("PATH"))
    return Path(found) if found else None


class OctoPrint:
    """One OctoPrint in a folder of its own. All is synchronous.

    program: see find_octoprint. folder: made where missing; may be used again.

    `api_key` is the agent's; `customer_key` belongs to a user who may print.
    """

    def __init__(self, *, program: Path, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.api_key = secrets.token_hex(16)
        self.customer_key = secrets.token_hex(16)
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, once it was launched."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_key_file(self) -> Path:
        """The file that holds the agent's key."""
        return self.folder / "agent.key"

    @property
    def pid(self) -> int | None:
        """The process id, while one is running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Launch it and wait until its printer is operational. Raises OctoPrintNotStarted."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the process, on a free port the first time, on the same one afterwards."""
        if self.port == 0:
            self.port = free_port()
            self.write_configuration()
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        command = [str(self._program), "serve", "--basedir", str(self.folder)]
        command += ["--host", HOST, "--port", str(self.port)]
        if os.geteuid() == 0:
            command.append("--iknowwhatimdoing")  # it refuses to run as root without
        self._process = _start([*launcher, *command], self._log)

    def wait_until_ready(self, within: float = READY_WITHIN) -> None:
        """Return once its printer is operational. Raises OctoPrintNotStarted."""
        deadline = time.monotonic() + within
        while self.state() != "Operational":
            if self.pid is None or time.monotonic() > deadline:
                raise OctoPrintNotStarted(f"OctoPrint did not start: {self._log_end()}")
            time.sleep(0.1)

    def state(self) -> str | None:
        """Return the printer's state as OctoPrint calls it; None while OctoPrint is away."""
        try:
            answer = self._ask("GET", "/api/job")
            return str(answer.json()["state"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            # While it starts, its port answers with a page for people.
            return None

    def start_print(self, dwells: int) -> None:
        """Print as a customer would, for dwells × DWELL_SECONDS; it has begun on return.

        Raises httpx.HTTPError, also where the printer is busy.
        """
        name = f"{secrets.token_hex(4)}.gcode"
        self._ask(
            "POST",
            "/api/files/local",
            files={"file": (name, gcode(dwells).encode())},
            data={"select": "true", "print": "true"},
        ).raise_for_status()

    def command(self, path: str, **body: object) -> None:
        """Post a command as a customer would: `command("/api/job", command="cancel")`.

        Raises httpx.HTTPError.
        """
        self._ask("POST", path, json=body).raise_for_status()

    def kill(self) -> None:
        """Kill -9, as a power cut of the machine that it runs on."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Stop it in its tracks: it accepts connections and says nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it again after `kill` or `stop`, on the same port. Raises OctoPrintNotStarted."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End the process, in good order if it can within 10 s."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def _log(self) -> Path:
        return self.folder / "console.log"

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def _ask(self, method: str, path: str, **options: object) -> httpx.Response:
        with httpx.Client(base_url=self.url, trust_env=False, timeout=5) as client:
            request = client.build_request(
                method,
                path,
                headers={"X-Api-Key": self.customer_key},
                **options,  # type: ignore[arg-type]  # httpx's own, passed on
            )
            return client.send(request)

    def write_configuration(self) -> None:
        """Write its configuration, users and keys. Takes effect at the next start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML too.
        _write_secret(self.folder / "config.yaml", json.dumps(_configuration()))
        _write_secret(self.folder / "users.yaml", json.dumps(self._users()))
        _write_secret(self.api_key_file, self.api_key)

    def _users(self) -> dict[str, object]:
        common = {"active": True, "password": "unusable", "settings": {}}
        return {
            "_version": 2,
            "agent": common
            | {"apikey": self.api_key, "groups": [], "permissions": list(_AGENT_PERMISSIONS)},
            "customer": common
            | {"apikey": self.customer_key, "groups": ["users"], "permissions": []},
        }


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the process from a thread that lives as long as it does.

    The kernel kills it when the thread dies that started it, not only when the process does;
    and our caller's may be one of a pool.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(  # noqa: S603 - the program that our caller chose
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        process.wait()

    threading.Thread(target=keep, name="octoprint-keeper", daemon=True).start()
    return started.result()


def gcode(dwells: int) -> str:
    """Return a print of so many dwells: each moves, extrudes and waits for DWELL_SECONDS."""
    lines = ["M82", "G28", "G92 E0"]
    for number in range(1, dwells + 1):
        lines.append(f"G1 X{10 + number % 100} Y10 E{number * DWELL_FILAMENT_MM} F3000")
        lines.append(f"G4 P{round(DWELL_SECONDS * 1000)}")
    return "\n".join(lines) + "\n"


def _configuration() -> dict[str, object]:
    off = {"enabled": False}
    return {
        "server": {
            "host": HOST,
            "firstRun": False,
            "onlineCheck": off,
            "pluginBlacklist": off,
            "pythonEolCheck": off,
        },
        "serial": {"port": "VIRTUAL", "baudrate": 115200, "autoconnect": True, "log": True},
        "gcodeAnalysis": {"runAt": "always"},
        "plugins": {
            "_disabled": _NOT_NEEDED,
            "virtual_printer": {"enabled": True, "simulated_errors": []},
        },
    }


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
