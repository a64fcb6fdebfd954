"""The rehearsed library: a folder with all files, and the processes that run on them."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

from mqtt_schemas.topics import Address, Instance
from orchestrator.broker.access import orchestrator_user, users
from orchestrator.broker.credentials import hash_secret, new_secret
from orchestrator.broker.files import write_file
from orchestrator.children import Child, RunFailed, command_path, free_port, start
from orchestrator.client import Reader
from orchestrator.places import ADMIN_SOCKET, DATABASE
from orchestrator.rehearsal import scene
from orchestrator.rehearsal.broker import Broker, BrokerKind
from orchestrator.rehearsal.faults import ORCHESTRATOR, agent_of, agents, devices, devices_of
from orchestrator.rehearsal.intervals import Interval
from orchestrator.rehearsal.proxy import HOST, Proxy
from orchestrator.rehearsal.spoilt import Spoilt
from orchestrator.store import offline
from orchestrator.store.errors import StoreFailed

#: Seconds until everything is up; on an idle machine it takes about four.
UP_WITHIN = 60.0
#: What a kill may cost: a checkpoint is that old at most (design).
CHECKPOINT_MS = 30_000
#: What an agent is sure of when it is stopped, or its device dies: a tick or a sign of life, each
#: a second old, and half a second for what is still on its way; all a little late.
SURE_MS = 2000
#: Milliseconds that an agent has from its start to its first look.
LOOKS_WITHIN_MS = 15_000
#: Copies of the orchestrator's database that are kept.
BACKUPS = 3
_LOOK_EVERY = 0.1
#: What stands in an agent's folder and is no file.
_SOCKETS = shutil.ignore_patterns("*.sock")


def boot_ms() -> int:
    """Return milliseconds of CLOCK_BOOTTIME, by which the journals go."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Stage:
    """All processes of the rehearsal.

    excused: by device, the time in which a fault allows that use was not seen, if that is on
    record. locks: by name, held while something is done to one thing.
    """

    def __init__(self, *, folder: Path, seed: int, kind: BrokerKind) -> None:
        self.database = folder / "state" / DATABASE
        self.admin = folder / "state" / ADMIN_SOCKET
        self.excused: defaultdict[str, list[Interval]] = defaultdict(list)
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._folder = folder
        self._seed = seed
        self._http_port = free_port()
        self._spoilt: defaultdict[str, Spoilt] = defaultdict(Spoilt)
        self._full_since: dict[str, int] = {}
        self._children: dict[str, Child] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._crashed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._copies: list[Path] = []
        self._stashes: defaultdict[str, list[tuple[int, Path]]] = defaultdict(list)
        self._copied = 0
        secrets = {self._user(device): new_secret() for device in devices()}
        self._username = orchestrator_user(Instance(scene.INSTANCE))
        secrets[self._username] = new_secret()
        self.broker = Broker(
            kind=kind,
            folder=folder / "broker",
            users=users(
                instance=Instance(scene.INSTANCE),
                sites=[scene.SITE],
                devices=[Address(scene.SITE, device) for device in devices()],
                hashes={user: hash_secret(secret) for user, secret in secrets.items()},
            ),
        )
        self.networks = {
            name: Proxy(to_port=self.broker.port) for name in (*agents(), ORCHESTRATOR)
        }
        self._secrets = secrets

    @property
    def url(self) -> str:
        """Where the orchestrator serves HTTP."""
        return f"http://{HOST}:{self._http_port}"

    def wall_ahead_ms(self, process: str) -> int:
        """Return by how much a process's wall clock is ahead."""
        return self._spoilt[process].wall_ahead_ms

    def journal(self, device: str) -> Path:
        """Return where a device writes what it truly did."""
        return self._folder / f"{device}.journal.jsonl"

    # --- all together

    async def start(self) -> None:
        """Start everything and return once every agent is online. Raises RunFailed."""
        await self.broker.start()
        for network in self.networks.values():
            await network.start()
        self._write_files()
        await self.start_process(ORCHESTRATOR)
        for device in devices():
            await self.start_process(device)
        for agent in agents():
            await self.start_process(agent)
        await self.until("every agent is online", self._all_online, UP_WITHIN)

    async def settle(self, within: float) -> None:
        """Switch the devices off, and wait until all that happened is acknowledged.

        Raises RunFailed where that takes longer than `within` seconds.
        """
        await asyncio.gather(*(self._let_go(device).stop() for device in devices()))
        await self.until("all events are acknowledged", self._all_told, within)

    async def stop(self) -> None:
        """End all processes, the broker last."""
        for child in self._children.values():
            child.wake()
        while self._children:
            await self._let_go(next(reversed(self._children))).stop()
        for network in self.networks.values():
            await network.stop()
        await self.broker.stop()

    async def watch(self) -> None:
        """Wait until a process ends by itself, which none may. Raises RunFailed then."""
        await self._crashed

    async def until(self, what: str, true: Callable[[], Awaitable[bool]], within: float) -> None:
        """Wait for what other processes bring about. Raises RunFailed."""

        async def look() -> None:
            while not await true():  # noqa: ASYNC110 - other processes set no event of ours
                await asyncio.sleep(_LOOK_EVERY)

        try:
            async with asyncio.timeout(within):
                await look()
        except TimeoutError:
            raise RunFailed(f"After {within:.0f} s, it is not yet so that {what}.") from None

    # --- one process

    async def start_process(self, name: str) -> None:
        """Start an agent, a device or the orchestrator. Raises RunFailed."""
        listens = not name.startswith("device")
        log = self._folder / f"{name}.log"
        child = await start(name, self._command(name), log=log, listens=listens)
        if listens:
            child.tell(self._spoilt[name].model_dump_json())
        self._keep(name, child)
        for device in devices_of(name) if name in agents() else ():
            self._excuse_up_to(device, boot_ms() + LOOKS_WITHIN_MS)

    async def kill_process(self, name: str) -> None:
        """Kill -9. What an agent had not saved yet, or a device not said, was seen by nobody."""
        now_ms = boot_ms()
        await self._let_go(name).kill()
        if name in agents():
            from_ms = self._full_since.get(name, now_ms) - CHECKPOINT_MS
            for device in devices_of(name):
                self.excused[device].append(Interval(from_ms, boot_ms()))
        elif name in devices():
            self.excused[name].append(Interval(now_ms - SURE_MS, boot_ms()))

    def stop_for_a_while(self, name: str) -> Callable[[], None]:
        """Send SIGSTOP; return what lets it go on."""
        child = self.broker.child if name == "broker" else self._children[name]
        if child is None:
            return lambda: None
        child.freeze()
        from_ms = boot_ms()

        def go_on() -> None:
            child.wake()
            for device in devices_of(name) if name in agents() else ():
                # Its first cycle afterwards may take a moment on a busy machine.
                self.excused[device].append(Interval(from_ms - SURE_MS, boot_ms() + 1000))

        return go_on

    def spoil(self, name: str, **how: int | bool) -> None:
        """Step a process's clock, or fill or clear its disk."""
        spoilt = self._spoilt[name].model_copy(update=how)
        self._spoilt[name] = spoilt
        if spoilt.disk_full:
            self._full_since.setdefault(name, boot_ms())
        else:
            self._full_since.pop(name, None)
        if name in self._children:
            self._children[name].tell(spoilt.model_dump_json())

    # --- older states

    async def back_up(self) -> None:
        """Keep a copy of the orchestrator's database as it is now."""
        self._copied += 1
        target = self._folder / f"backup-{self._copied}.db"
        try:
            await asyncio.to_thread(offline.copy, self.database, target)
        except StoreFailed:
            return  # it is just being started, or its disk is spoilt: the next copy will do
        self._copies.append(target)
        while len(self._copies) > BACKUPS:
            self._copies.pop(0).unlink()

    def restore_backup(self) -> None:
        """Put the oldest copy in the place of the database. The orchestrator does not run."""
        if not self._copies:
            raise RunFailed("There is no backup to restore yet.")
        _remove(self.database)
        shutil.copyfile(self._copies[0], self.database)

    def stash_outbox(self, device: str) -> None:
        """Keep a copy of a device's outbox. Its agent does not run."""
        target = self._folder / "stashes" / f"{device}-{len(self._stashes[device])}"
        # Killed before it ever opened it: then what is kept is that there was none.
        self._outbox(device).parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self._outbox(device).parent, target, ignore=_SOCKETS)
        self._stashes[device].append((boot_ms(), target))

    def has_stash(self, device: str, *, older_than_ms: int) -> bool:
        """Tell whether there is a copy of a device's outbox that is that old."""
        return any(boot_ms() - at_ms > older_than_ms for at_ms, _ in self._stashes[device])

    def restore_outbox(self, device: str, *, older_than_ms: int) -> None:
        """Put the newest copy that is so old in the place of the outbox. The agent does not run.

        What was not acknowledged since then is gone for good.
        """
        at_ms, stash = next(
            each for each in reversed(self._stashes[device]) if boot_ms() - each[0] > older_than_ms
        )
        _remove(self._outbox(device))
        shutil.copytree(stash, self._outbox(device).parent, dirs_exist_ok=True)
        self.excused[device].append(Interval(at_ms - CHECKPOINT_MS, boot_ms()))

    async def start_clone(self, device: str, number: int) -> str:
        """Start a second agent on a copy of the newest stash, with no device; return its name.

        Raises RunFailed.
        """
        name = f"clone-{number}"
        folder = self._folder / name
        shutil.copytree(self._stashes[device][-1][1], folder / self._user(device))
        config = self._folder / f"{name}.toml"
        network = self.networks[agent_of(device)]
        nowhere = {device: self._folder / f"{name}.sock"}
        config.write_text(
            scene.agent_toml(broker_port=network.port, state_dir=name, sockets=nowhere)
        )
        log = self._folder / f"{name}.log"
        child = await start(name, _agent_command(config), log=log, listens=True)
        child.tell(Spoilt().model_dump_json())
        self._keep(name, child)
        return name

    def _keep(self, name: str, child: Child) -> None:
        self._children[name] = child
        watch = asyncio.create_task(child.watch(), name=f"watch {name}")
        watch.add_done_callback(self._ended)
        self._watches[name] = watch

    def _let_go(self, name: str) -> Child:
        self._watches.pop(name).cancel()
        return self._children.pop(name)

    def _ended(self, watch: asyncio.Task[None]) -> None:
        if not watch.cancelled() and not self._crashed.done():
            self._crashed.set_exception(watch.exception() or RunFailed("A process ended."))

    # --- files

    def _write_files(self) -> None:
        for user, secret in self._secrets.items():
            name = user.rpartition(".")[2] if user != self._username else ORCHESTRATOR
            write_file(self._folder / f"{name}.secret", secret + "\n")
        (self._folder / "orchestrator.toml").write_text(
            scene.orchestrator_toml(
                broker_port=self.networks[ORCHESTRATOR].port,
                http_port=self._http_port,
                username=self._username,
                devices=devices(),
            )
        )
        for number, device in enumerate(devices()):
            path = self._folder / f"{device}.script.toml"
            path.write_text(scene.script(self._seed, number))
        for agent in agents():
            sockets = {device: self._folder / f"{device}.sock" for device in devices_of(agent)}
            port = self.networks[agent].port
            text = scene.agent_toml(broker_port=port, state_dir=agent, sockets=sockets)
            (self._folder / f"{agent}.toml").write_text(text)

    def _command(self, name: str) -> list[str]:
        config = self._folder / f"{name}.toml"
        if name == ORCHESTRATOR:
            return [*_python("orchestrator.rehearsal.serve"), "--config", str(config)]
        if name in agents():
            return _agent_command(config)
        return [
            *(command_path("laitevuoro-agent"), "scripted-device"),
            *("--script", str(self._folder / f"{name}.script.toml")),
            *("--journal", str(self.journal(name))),
            *("--socket", str(self._folder / f"{name}.sock")),
        ]

    def _user(self, device: str) -> str:
        return Address(scene.SITE, device).user

    def _outbox(self, device: str) -> Path:
        return self._folder / agent_of(device) / self._user(device) / "outbox.db"

    def _excuse_up_to(self, device: str, to_ms: int) -> None:
        """Let the newest excuse of a device last until its agent may be expected to look."""
        if self.excused[device]:
            newest = self.excused[device][-1]
            self.excused[device][-1] = newest._replace(to_ms=max(newest.to_ms, to_ms))

    # --- looking

    async def _all_online(self) -> bool:
        try:
            async with Reader(self.url) as reader:
                found = await reader.devices()
        except RunFailed:
            return False
        return bool(found) and all(device.link == "online" for device in found)

    async def _all_told(self) -> bool:
        """Tell whether each agent has seen its device go, and waits for no acknowledgement."""
        try:
            async with Reader(self.url) as reader:
                found = await reader.devices()
                waiting = await reader.metric("laitevuoro_oldest_unacknowledged_event_seconds")
        except RunFailed:
            return False
        gone = all(each.link == "online" and each.device_link == "disconnected" for each in found)
        return gone and len(waiting) == len(found) and not any(waiting.values())


def _python(module: str) -> list[str]:
    return [sys.executable, "-P", "-m", module]


def _agent_command(config: Path) -> list[str]:
    return [*_python("agents.rehearsal"), "--config", str(config)]


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
