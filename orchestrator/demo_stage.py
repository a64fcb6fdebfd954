"""The demo's library: a folder with all files, and the processes that run on them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mqtt_schemas.topics import Address
from orchestrator import demo_scene as scene
from orchestrator.booked_turn import BookedTurn
from orchestrator.broker.credentials import Credentials, CredentialsError
from orchestrator.broker.files import write_file
from orchestrator.children import (
    Child,
    RunFailed,
    command_path,
    first,
    free_port,
    start,
)
from orchestrator.client import Reader, book
from orchestrator.demo_journal import Truth, read_truth

#: Seconds until everything is up; on an idle machine it takes about four.
UP_WITHIN = 90.0
#: Seconds between two looks at what only another process can change.
LOOK_EVERY = 0.2


class Printer(Protocol):
    """A real printer that takes the scripted one's place."""

    @property
    def own(self) -> Mapping[str, str]:
        """The agent's table of the driver `octoprint`."""

    async def start(self) -> None:
        """Start it. Raises RunFailed."""

    async def watch(self) -> None:
        """Wait until it ends by itself. Raises RunFailed then."""

    async def stop(self) -> None:
        """End it."""

    def expect(self, turns: Sequence[BookedTurn]) -> None:
        """Let customers come to these turns."""


class Stage:
    """All of the demo's processes, in one folder. `printer` None: a scripted one."""

    def __init__(self, *, folder: Path, speed: int, printer: Printer | None = None) -> None:
        self.config = folder / "orchestrator.toml"
        self._folder = folder
        self._speed = speed
        self._printer = printer
        self._children: list[Child] = []
        self._broker_port = free_port()

    @property
    def scripted(self) -> tuple[str, ...]:
        """The devices that are played by a script."""
        return (scene.VR,) if self._printer else (scene.PRINTER, scene.VR)

    def truths(self) -> dict[str, Truth]:
        """Return what each scripted device truly did so far."""
        return {
            device: read_truth(self._folder / f"{device}.journal.jsonl") for device in self.scripted
        }

    async def start(self) -> Reader:
        """Start everything and return once every agent is online. Raises RunFailed."""
        if self._printer is not None:
            await self._printer.start()
        self._write_files()
        for device in self.scripted:
            await self._start_scripted(device)
        await self._start("orchestrator", "laitevuoro", "serve", "--config", str(self.config))
        reader = Reader(await self._url())
        for device in (scene.PC, scene.PRINTER, scene.VR):
            config = self._folder / f"{device}.toml"
            await self._start(f"{device}-agent", "laitevuoro-agent", "run", "--config", str(config))
        await self._until("every agent is online", lambda: _all_online(reader))
        return reader

    async def watch(self) -> None:
        """Wait until a process ends by itself. Raises RunFailed then, and only then."""
        watched = [child.watch() for child in self._children]
        if self._printer is not None:
            watched.append(self._printer.watch())
        await first(*watched)

    async def stop(self) -> None:
        """End all processes: the agents first, the orchestrator and its broker last."""
        while self._children:
            await self._children.pop().stop()
        if self._printer is not None:
            await self._printer.stop()

    async def book(self, turns: Sequence[BookedTurn]) -> None:
        """Lay bookings. Raises RunFailed."""
        if self._printer is not None:
            self._printer.expect(turns)
        await book(self._folder / "state" / "admin.sock", turns)

    async def _start_scripted(self, device: str) -> None:
        places = {"script": "script.toml", "journal": "journal.jsonl", "socket": "sock"}
        options = [
            word
            for option, suffix in places.items()
            for word in (f"--{option}", str(self._folder / f"{device}.{suffix}"))
        ]
        await self._start(device, "laitevuoro-agent", "scripted-device", *options)

    async def _start(self, name: str, command: str, *arguments: str) -> None:
        log = self._folder / f"{name}.log"
        self._children.append(await start(name, [command_path(command), *arguments], log=log))

    async def _url(self) -> str:
        path = self._folder / "state" / "http.url"

        async def known() -> bool:
            return path.exists() and path.read_text(encoding="utf-8").strip() != ""

        await self._until("the orchestrator serves", known)
        return path.read_text(encoding="utf-8").strip()

    async def _until(self, what: str, true: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what other processes bring about, unless one of them ends meanwhile."""

        async def look() -> None:
            while not await true():  # noqa: ASYNC110 - other processes set no event of ours
                await asyncio.sleep(LOOK_EVERY)

        try:
            async with asyncio.timeout(UP_WITHIN):
                await first(look(), self.watch())
        except TimeoutError:
            raise RunFailed(f"After {UP_WITHIN:.0f} s, it is not yet so that {what}.") from None

    def _write_files(self) -> None:
        self.config.write_text(
            scene.orchestrator_toml(broker_port=self._broker_port, http_port=0, speed=self._speed)
        )
        for device in self.scripted:
            path = self._folder / f"{device}.script.toml"
            path.write_text(scene.script(device, self._speed))
        for device, (driver, own) in self._drivers().items():
            text = scene.agent_toml(
                device,
                driver=driver,
                broker_port=self._broker_port,
                own=own,
                without_plan="open" if device == scene.PC else "closed",
            )
            (self._folder / f"{device}.toml").write_text(text)
        self._write_secrets()

    def _drivers(self) -> dict[str, tuple[str, Mapping[str, str]]]:
        drivers: dict[str, tuple[str, Mapping[str, str]]] = {scene.PC: ("pc", {})}
        for device in self.scripted:
            own = {"socket": str(self._folder / f"{device}.sock")}
            drivers[device] = ("simulated", own)
        if self._printer is not None:
            drivers[scene.PRINTER] = ("octoprint", self._printer.own)
        return drivers

    def _write_secrets(self) -> None:
        new = {device: secrets.token_urlsafe(32) for device in (scene.PC, scene.PRINTER, scene.VR)}
        for device, secret in new.items():
            write_file(self._folder / f"{device}.secret", secret + "\n")
        users = {Address(scene.SITE, device).user: secret for device, secret in new.items()}
        try:
            Credentials(self._folder / "credentials").keep(users)
        except CredentialsError as error:
            raise RunFailed(f"{error}.") from None


async def _all_online(reader: Reader) -> bool:
    return all(device.link == "online" for device in await reader.devices())
