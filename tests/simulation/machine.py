"""A device's machine: its clocks, its disk, and the agent's process with the real runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from agents.outbox import KEEP_MS, Outbox, OutboxBroken, OutboxUnwritable
from agents.runtime import Runtime
from agents.tracking import GAP_MS
from mqtt_schemas.plan import OutsideTurns
from mqtt_schemas.topics import Address
from tests.simulation.device import Device, Driver
from tests.simulation.disk import Disk, Image, Noted, outbox_on
from tests.simulation.loop import Process
from tests.simulation.network import AgentLink, Broker, Way
from tests.simulation.people import check
from tests.simulation.world import BEGAN_MS, World

RESTART_AFTER = 1.0
#: The agent ticks so often at least (agents.runtime.TICK).
TICK_MS = 1000


class MachineClock:
    """A machine's clocks. Boot time goes on in its sleep; the wall clock may be wrong."""

    def __init__(self, world: World, boot_id: str, wrong_ms: int) -> None:
        self.boot_id = boot_id
        self.wrong_ms = wrong_ms
        self.booted_ms = world.now_ms - 5_000
        self._world = world

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return BEGAN_MS + self._world.now_ms + self.wrong_ms

    def boot_ms(self) -> int:
        """Return milliseconds since boot."""
        return self._world.now_ms - self.booted_ms


class Machine:
    """One device's machine. `booted_ms`: of each boot, the world's time at its boot time 0.

    runs: how often its agent was started. starts: how often it began to look, at its start or
    after an interruption. cuts: how often it was stopped without saving. unsaved_ms: what it
    had not been able to save by then. napped_ms: its sleep that was too short to be told from
    a busy moment. awake_ms: the seconds, by the world's time, in which it ran with its device
    in reach. tainted: its disk was put back to an older copy, so what was only on it is gone
    without anybody's fault.
    """

    def __init__(
        self,
        world: World,
        *,
        broker: Broker,
        device: Device,
        address: Address,
        without_plan: OutsideTurns,
        outbox: type[Outbox] = Outbox,
        link: Callable[..., AgentLink] = AgentLink,
        name: str | None = None,
    ) -> None:
        self.world = world
        self.device = device
        self.address = address
        self.name = name or str(address)
        self.way = Way()
        self.noted = Noted()
        self.disk = Disk(world, self.name.replace("/", "-"))
        self.booted_ms: dict[str, int] = {}
        self.napped_ms = self.unsaved_ms = 0
        self.cuts = self.starts = self.runs = 0
        self.awake_ms: list[int] = []
        self.tainted = False
        self.on = False
        self.asleep_since: float | None = None
        self.process: Process | None = None
        self.outbox: Outbox | None = None
        self.runtime: Runtime | None = None
        self.kept: list[Image] = []
        self._broker = broker
        self._without_plan = without_plan
        self._kind = outbox
        keep_ms = world.random.choice([KEEP_MS, KEEP_MS, 20_000])
        self._outbox_kind = outbox_on(self.disk, outbox, self.noted, keep_ms)
        self._link = link
        self.clock = MachineClock(world, world.uuid(), 0)
        self._wrong_ms = 0
        self._task: asyncio.Task[None] | None = None
        self._awake = False
        world.loop.at(1.0, self._look)

    def _look(self) -> None:
        """Note whether the agent can look at the device in this second."""
        self.world.loop.at(1.0, self._look)
        device = self.device
        awake = self.runtime is not None and self.asleep_since is None
        awake = awake and not device.away and not device.silent
        self.starts += awake and not self._awake
        self._awake = awake
        if awake:
            self.awake_ms.append(self.world.now_ms)

    # --- power

    def boot(self) -> None:
        """Switch the machine on."""
        if self.on:
            return
        self.on = True
        self.clock = MachineClock(self.world, self.world.uuid(), self._wrong_ms)
        self.booted_ms[self.clock.boot_id] = self.clock.booted_ms
        if not self.device.apart:
            self.device.asleep = False
        self.world.trace(f"{self.name} boots")
        self.start()

    def cut_power(self) -> None:
        """Cut the power."""
        if not self.on:
            return
        self.on = False
        if self.process is not None and self.process.alive:
            self.process.kill()
        self.disk.lose_power()
        if self.device.apart:
            self.device.driver = None
        else:
            self.device.lose_power()
            self.device.asleep = True
        self.asleep_since = None

    def sleep(self) -> None:
        """Suspend the machine."""
        if self.on and self.asleep_since is None and self.process is not None:
            self.asleep_since = self.world.loop.now
            self.world.loop.freeze(self.process)
            self.device.asleep = self.device.asleep or not self.device.apart

    def wake(self) -> None:
        """Resume it."""
        if self.asleep_since is None:
            return
        slept = self.world.loop.now - self.asleep_since
        self.asleep_since = None
        if slept * 1000 <= GAP_MS + TICK_MS:
            self.napped_ms += round(slept * 1000)
        assert self.process is not None
        self.world.loop.thaw(self.process, slept)
        if not self.device.apart:
            self.device.asleep = False
        self.start()

    def step_clock(self, milliseconds: int) -> None:
        """Step the wall clock."""
        self._wrong_ms = milliseconds
        self.clock.wrong_ms = milliseconds

    # --- the agent's process

    def start(self) -> None:
        """Start the agent."""
        if (
            not self.on
            or self.asleep_since is not None
            or (self.process is not None and self.process.alive)
        ):
            return
        self.runs += 1
        self.process = self.world.process(f"agent {self.name}", self._died)
        self.disk.process = self.process
        self._task = self.world.loop.start(self.process, self._main())

    def kill(self) -> None:
        """Kill the agent."""
        if self.process is not None:
            self.process.kill()

    def stop(self) -> None:
        """Ask the agent to end, as systemd does. It starts again soon."""
        if self.process is not None and self.process.alive and self._task is not None:
            self.world.loop.soon_in(self.process, self._task.cancel)

    def put_back(self, image: Image) -> None:
        """Put an older copy of the disk in place, and boot with it."""
        self.cut_power()
        self.tainted = True
        self.disk.put(image)
        self.boot()

    def damage(self) -> None:
        """Cut the power, and spoil the disk."""
        self.cut_power()
        self.tainted = True
        self.disk.damage()
        self.boot()

    def copy(self) -> Machine:
        """Return another machine that runs from a copy of this one's disk. Nobody uses it."""
        device = Device(self.world, f"{self.name}-copy", apart=False, remembers=False)
        device.closed_for_good = True
        copy = Machine(
            self.world,
            broker=self._broker,
            device=device,
            address=self.address,
            without_plan=self._without_plan,
            outbox=self._kind,
            link=self._link,
            name=device.name,
        )
        copy.booted_ms = self.booted_ms
        copy.disk.put(self.disk.image())
        copy.boot()
        return copy

    def _died(self) -> None:
        """Take note that the process was killed."""
        world = self.world
        assert self.process is not None
        self._lose()
        world.trace(f"{self.name} killed")
        self.disk.outlive()
        self.asleep_since = None
        self.device.driver = None
        self.outbox = self.runtime = None
        self._broker.process_died(self.process)
        world.loop.at(world.between(0.1, 20) if not world.healed else 0.1, self.start)

    def _lose(self) -> None:
        """Take note that what was not saved yet is gone: more than usual from a full disk."""
        self.cuts += 1
        if self.disk.full_since_ms is not None:
            self.unsaved_ms += self.world.now_ms - self.disk.full_since_ms

    async def _main(self) -> None:
        """Run the agent as agents.app does, and again where it fails."""
        process, world = self.process, self.world
        assert process is not None
        try:
            while True:
                try:
                    await self._run(process)
                except OutboxUnwritable:
                    world.trace(f"{self.name} can't start: its disk is full")
                except OutboxBroken:
                    world.trace(f"{self.name} sets its outbox aside")
                    if not self.tainted:
                        world.find(f"the outbox of {self.name} is broken, and nobody broke it")
                    self.disk.put(Image(world.now_ms, None, None))
                except Exception as error:  # noqa: BLE001 - told as a finding
                    world.find(f"the agent of {self.name} failed: {_innermost(error)!r}")
                await asyncio.sleep(RESTART_AFTER)
        finally:
            if not world.over and process.alive:
                process.alive = False
                if self.disk.full:
                    self._lose()
                self.outbox = self.runtime = None
                world.trace(f"{self.name} ended")
                world.loop.at(world.between(0.1, 5), self.start)

    async def _run(self, process: Process) -> None:
        outbox = self._outbox_kind.open(self.disk.path, clock=self.clock, new_log=self.world.uuid)
        try:
            link = self._link(
                broker=self._broker,
                process=process,
                way=self.way,
                address=self.address,
                boot_id=self.clock.boot_id,
                outbox=lambda: self.outbox,
            )
            driver = Driver(self.world, self.device, self.clock)
            runtime = Runtime(
                device=driver,
                outbox=outbox,
                link=link,
                clock=self.clock,
                without_plan=self._without_plan,
                new_id=self.world.hex,
                check=partial(check, self.world),
            )
            self.outbox, self.runtime = outbox, runtime
            await runtime.run()
        finally:
            outbox.close()


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
