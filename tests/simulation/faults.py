"""What goes wrong: drawn from the seed, at any moment, until it is healed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.loop import Process
from tests.simulation.machine import Machine
from tests.simulation.network import Broker, Way, Weather
from tests.simulation.server import Server
from tests.simulation.world import BEGAN_MS, World

HOUR_MS = 3_600_000


class Faults:
    """Makes faults of a few kinds, chosen by the seed, every few seconds.

    A few at a time: what all of them together hide, some of them show. `kinds` names them
    instead of the seed.
    """

    def __init__(
        self,
        world: World,
        broker: Broker,
        machines: list[Machine],
        server: Server,
        kinds: Sequence[str] | None = None,
    ) -> None:
        self._world = world
        self._broker = broker
        self._machines = machines
        self._server = server
        every = [
            self._kill_agent,
            self._kill_agent_at_write,
            self._kill_server,
            self._kill_server_at_write,
            self._stop_agent,
            self._stop_server,
            self._cut_power,
            self._sleep,
            self._part_agent,
            self._part_server,
            self._restart_broker,
            self._hang_up,
            self._fill_agents_disk,
            self._fill_servers_disk,
            self._step_agents_clock,
            self._step_servers_clock,
            self._put_server_back,
            self._put_agent_back,
            self._device_away,
            self._device_silent,
            self._device_disobeys,
            self._damage_outbox,
            self._copy_machine,
        ]
        number = world.random.choice([0, 1, 2, 4, 8, len(every)])
        self._kinds: list[Callable[[], None]] = world.random.sample(every, number)
        if kinds is not None:
            self._kinds = [each for each in every if each.__name__[1:] in kinds]
        self._every = world.random.choice([5.0, 15.0, 40.0])
        self._copies: list[Machine] = []
        self._ways = [server.way, *(machine.way for machine in machines)]

    def begin(self) -> None:
        """Begin to make faults."""
        world = self._world
        if world.chance(0.7):
            self._broker.weather = Weather(
                lost=world.random.choice([0, 0.01, 0.1]),
                lost_acknowledged=world.random.choice([0, 0.01, 0.2]),
                repeated=world.random.choice([0, 0.05, 0.3]),
                late=world.random.choice([0, 0.02, 0.3]),
            )
            world.trace(f"weather {self._broker.weather}")
        self._copy()
        self._next()

    def heal(self) -> None:
        """Put an end to all of it."""
        world = self._world
        world.healed = True
        for way in self._ways:
            way.cut = False
        self._broker.up = True
        self._server.disk.fill(full=False)
        self._server.disk.kill_at = None
        self._server.wrong_ms = 0
        self._server.start()
        for process in world.processes:
            process.kill_at = None
        for machine in self._machines:
            machine.disk.fill(full=False)
            machine.disk.kill_at = None
            machine.device.silent = False
            machine.device.obeys = True
            machine.wake()
            machine.boot()
            machine.start()
            if machine.device.away:
                machine.device.reach(away=False)

        for copy in self._copies:
            copy.cut_power()

    # --- when

    def _next(self) -> None:
        world = self._world
        world.loop.at(world.random.expovariate(1 / self._every), self._one)

    def _one(self) -> None:
        if self._world.healed:
            return
        if self._kinds:
            self._world.random.choice(self._kinds)()
        self._next()

    def _copy(self) -> None:
        """Copy the disks now and then, to put the copies back later."""
        world = self._world
        if world.healed:
            return
        self._server.kept = [*self._server.kept[-3:], self._server.disk.image()]
        for machine in self._machines:
            machine.kept = [*machine.kept[-3:], machine.disk.image()]
        world.loop.at(world.between(10, 60), self._copy)

    def _later(self, low: float, high: float, callback: Callable[[], None]) -> None:
        self._world.loop.at(self._world.between(low, high), callback)

    def _one_of(self) -> Machine:
        return self._world.random.choice(self._machines)

    # --- what

    def _kill_agent(self) -> None:
        machine = self._one_of()
        self._kill_soon(machine.process, machine.name)

    def _kill_server(self) -> None:
        self._kill_soon(self._server.process, "orchestrator")

    def _kill_soon(self, process: Process | None, name: str) -> None:
        if process is not None and process.alive and process.kill_at is None:
            process.kill_at = process.steps + 1 + self._world.random.randrange(60)
            self._world.fault("killed at an await", name)

    def _kill_agent_at_write(self) -> None:
        machine = self._one_of()
        machine.disk.kill_at = machine.disk.writes + 1 + self._world.random.randrange(8)

    def _kill_server_at_write(self) -> None:
        disk = self._server.disk
        disk.kill_at = disk.writes + 1 + self._world.random.randrange(8)

    def _stop_agent(self) -> None:
        machine = self._one_of()
        self._world.fault("stopped", machine.name)
        machine.stop()

    def _stop_server(self) -> None:
        self._world.fault("stopped", "orchestrator")
        self._server.stop()

    def _cut_power(self) -> None:
        machine = self._one_of()
        self._world.fault("power cut", machine.name)
        machine.cut_power()
        self._later(1, 60, machine.boot)

    def _sleep(self) -> None:
        machine = self._one_of()
        self._world.fault("suspended", machine.name)
        machine.sleep()
        self._later(0.5, 120, machine.wake)

    def _part_agent(self) -> None:
        self._cut(self._one_of().way, "agent")

    def _part_server(self) -> None:
        self._cut(self._server.way, "orchestrator")

    def _cut(self, way: Way, whose: str) -> None:
        self._world.fault("network cut", whose)
        way.cut = True

        def mend() -> None:
            way.cut = False

        self._later(1, 90, mend)

    def _restart_broker(self) -> None:
        wiped = self._world.chance(0.5)
        self._world.fault("broker wiped" if wiped else "broker killed", "broker")
        self._broker.restart(wiped=wiped)
        self._broker.up = False

        def up() -> None:
            self._broker.up = True

        self._later(0.1, 30, up)

    def _hang_up(self) -> None:
        if self._broker.clients:
            client = self._world.random.choice(self._broker.clients)
            self._world.fault("connection ended", client.process.name)
            self._broker.hang_up(client)

    def _fill_agents_disk(self) -> None:
        machine = self._one_of()
        self._world.fault("disk full", machine.name)
        machine.disk.fill(full=True)

        def empty() -> None:
            machine.disk.fill(full=False)

        self._later(1, 40, empty)

    def _fill_servers_disk(self) -> None:
        self._world.fault("disk full", "orchestrator")
        self._server.disk.fill(full=True)

        def empty() -> None:
            self._server.disk.fill(full=False)

        self._later(1, 40, empty)

    def _step_agents_clock(self) -> None:
        machine = self._one_of()
        self._world.fault("clock stepped", machine.name)
        unset_ms = -BEGAN_MS - self._world.now_ms  # 1970, as without a battery
        machine.step_clock(self._world.random.choice([-HOUR_MS, HOUR_MS, 0, unset_ms]))

    def _step_servers_clock(self) -> None:
        self._world.fault("clock stepped", "orchestrator")
        self._server.wrong_ms = self._world.random.choice([-HOUR_MS, HOUR_MS, 0])

    def _put_server_back(self) -> None:
        if self._server.kept:
            self._world.fault("database put back", "orchestrator")
            self._server.put_back(self._world.random.choice(self._server.kept))

    def _put_agent_back(self) -> None:
        machine = self._one_of()
        if machine.kept:
            self._world.fault("outbox put back", machine.name)
            machine.put_back(self._world.random.choice(machine.kept))

    def _device_away(self) -> None:
        device = self._one_of().device
        self._world.fault("device away", device.name)
        if not device.away:
            device.reach(away=True)

            def back() -> None:
                if device.away:
                    device.reach(away=False)

            self._later(1, 60, back)

    def _device_silent(self) -> None:
        device = self._one_of().device
        self._world.fault("device silent", device.name)
        device.silent = True
        device.silences += 1

        def speak() -> None:
            device.silent = False

        self._later(1, 60, speak)

    def _device_disobeys(self) -> None:
        device = self._one_of().device
        self._world.fault("device disobeys", device.name)
        device.obeys = False

        def obey() -> None:
            device.obeys = True

        self._later(1, 120, obey)

    def _damage_outbox(self) -> None:
        machine = self._one_of()
        self._world.fault("outbox damaged", machine.name)
        machine.damage()

    def _copy_machine(self) -> None:
        if not self._copies:
            machine = self._one_of()
            self._world.fault("machine copied", machine.name)
            copy = machine.copy()
            self._copies.append(copy)
            self._later(5, 120, copy.cut_power)
