"""A small Debian with real systemd, logind and polkit, booted in a container in half a second.

The root is made once with mmdebstrap and kept in the cache (LAITEVUORO_CACHE, 256 MB, 20 s).
Each machine runs on an overlay of it in memory, so the cache stays as it was made, and ends
with a power-off. Its systemd-nspawn comes from the same root: this machine's own systemd,
where there is one, is left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parts import require

SUITE = "bookworm"
PACKAGES = (
    "dbus",
    "libpam-systemd",
    "polkitd",
    "procps",
    "python3",
    "systemd",
    "systemd-container",
    "systemd-sysv",
)
#: Seconds. Measured: 20 s and 0.5 s.
BUILD_WITHIN, BOOT_WITHIN, OFF_WITHIN = 600.0, 30.0, 15.0
#: Started at boot by default, and of no use here.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer")


class MachineNotStarted(Exception):
    """The machine did not boot. The text says how far it came."""


@dataclass(frozen=True)
class Machine:
    """A booted machine. `leader` is its PID 1 as seen from here."""

    leader: int
    root: Path

    @property
    def bus(self) -> str:
        """The address of its system bus, for a client out here. The bus takes it for root."""
        return f"unix:path=/proc/{self.leader}/root/run/dbus/system_bus_socket"

    @property
    def proc(self) -> Path:
        """Its /proc: only its own processes, by their own numbers."""
        return Path(f"/proc/{self.leader}/root/proc")

    def run(
        self, *command: str, check: bool = True, seconds: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root, and return what it said.

        Raises AssertionError with what the command said where it fails, unless `check` is off.
        """
        enter = ("nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net")
        done = subprocess.run(
            (*enter, "--pid", "--root", "--wd=/", "--", *command),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
        return done


@contextlib.contextmanager
def booted() -> Iterator[Machine]:
    """Boot a machine. Skips, with the reason, where that is not possible here."""
    if os.getuid() != 0:
        pytest.skip("only root can boot a container")
    base = debian_root()
    with _overlay(base) as root:
        for unit in MASKED:
            (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        with _started(base, root) as leader:
            yield Machine(leader, root)


def debian_root() -> Path:
    """Return the root in the cache, made now where it is missing. Skips where it can't be."""
    require(shutil.which("mmdebstrap"), "mmdebstrap is not installed")
    cache = Path(os.environ.get("LAITEVUORO_CACHE", "~/.cache/laitevuoro")).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    root = cache / f"machine-{SUITE}-{mark}"
    with (cache / "machine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _build(root)
    return root


def _build(root: Path) -> None:
    making = root.with_name(f"{root.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    include = f"--include={','.join(PACKAGES)}"
    done = subprocess.run(
        ("mmdebstrap", "--quiet", "--variant=minbase", include, SUITE, str(making)),
        capture_output=True,
        text=True,
        timeout=BUILD_WITHIN,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(making, ignore_errors=True)
        require(None, f"mmdebstrap can't make a Debian here: {done.stderr[-300:].strip()}")
    making.rename(root)


@contextlib.contextmanager
def _overlay(base: Path) -> Iterator[Path]:
    """Give a writable view of `base`, held in memory and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="laitevuoro-machine-"))
    try:
        _mount("-t", "tmpfs", "tmpfs", str(folder))
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
        try:
            _mount("-t", "overlay", "overlay", "-o", layers, str(folder / "root"))
            yield folder / "root"
        finally:
            subprocess.run(("umount", "--recursive", str(folder)), check=False)
    finally:
        folder.rmdir()


def _mount(*arguments: str) -> None:
    done = subprocess.run(("mount", *arguments), check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no container can be booted here: {done.stderr.strip()}")


@contextlib.contextmanager
def _started(base: Path, root: Path) -> Iterator[int]:
    """Boot `root`; give the process id of its systemd."""
    # One at a time: two systemds would share the control group that we run in.
    with (base.parent / "machine-running.lock").open("w") as lock, _notified() as manager:
        fcntl.flock(lock, fcntl.LOCK_EX)
        nspawn = subprocess.Popen(
            (
                *_nspawn(base),
                f"--directory={root}",
                "--register=no",
                "--keep-unit",
                "--private-network",
                "--console=pipe",
                "--notify-ready=yes",
                "--boot",
                "--",
                "systemd.show_status=no",
            ),
            env={**os.environ, "NOTIFY_SOCKET": manager.getsockname()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        leader = None
        try:
            leader = _wait_ready(manager, nspawn)
            yield leader
        finally:
            _power_off(nspawn, leader)


def _nspawn(base: Path) -> Sequence[str]:
    """Return the command for the systemd-nspawn of the root, with the root's own libraries."""
    libraries = next((base / "usr/lib").glob("*-linux-gnu*"))
    loader = next((base / "usr/lib").glob("*-linux-gnu*/ld-linux*.so.*"))
    paths = f"{libraries}:{libraries}/systemd"
    return (str(loader), "--library-path", paths, str(base / "usr/bin/systemd-nspawn"))


@contextlib.contextmanager
def _notified() -> Iterator[socket.socket]:
    """Listen as a service manager, to hear from systemd-nspawn when the machine is up."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
    ):
        listening.bind(f"{folder}/notify")
        listening.settimeout(0.2)
        yield listening


def _wait_ready(manager: socket.socket, nspawn: subprocess.Popen[bytes]) -> int:
    """Return the process id of the machine's systemd, once that has booted."""
    leader = 0
    deadline = time.monotonic() + BOOT_WITHIN
    while time.monotonic() < deadline:
        if nspawn.poll() is not None:
            said = nspawn.stderr.read().decode() if nspawn.stderr else ""
            raise MachineNotStarted(f"systemd-nspawn ended: {said.strip()}")
        with contextlib.suppress(TimeoutError):
            for line in manager.recv(4096).decode().splitlines():
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    leader = int(line.partition("=")[2])
                if line == "READY=1" and leader:
                    return leader
    raise MachineNotStarted(
        f"not booted after {BOOT_WITHIN} s; its PID 1 is {leader or 'not there'}"
    )


def _power_off(nspawn: subprocess.Popen[bytes], leader: int | None) -> None:
    """Power the machine off; kill its PID 1, and with it all of it, where that does not work.

    Killing systemd-nspawn itself would leave the machine running.
    """
    try:
        # SIGRTMIN+4 asks systemd to power off (systemd(1)).
        os.kill(leader, signal.SIGRTMIN + 4) if leader else nspawn.terminate()
        nspawn.wait(OFF_WITHIN)
    except (subprocess.TimeoutExpired, ProcessLookupError):
        if leader:
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, signal.SIGKILL)
        nspawn.wait(OFF_WITHIN)
    finally:
        if nspawn.stderr:
            nspawn.stderr.close()
