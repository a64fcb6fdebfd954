"""Carries out the faults, each at its time, whatever else is still under way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from orchestrator.rehearsal.faults import ORCHESTRATOR, Fault, Kind, agent_of, agents, devices_of
from orchestrator.rehearsal.stage import Stage

#: Seconds of added delay: twice of it is below what ends a connection.
DELAY = 0.4
#: Milliseconds that a copy of an outbox is old when it is put back.
OLD_MS = 2500
#: Seconds between two copies of the database.
BACK_UP_EVERY = 5.0
_HOUR_MS = 3_600_000


class Inflict:
    """The faults of one rehearsal. `done` counts them as they are carried out."""

    def __init__(self, stage: Stage) -> None:
        self.done: Counter[Kind] = Counter()
        self._stage = stage
        self._clones = 0
        self._how: Mapping[Kind, Callable[[Fault], Awaitable[None]]] = {
            Kind.AGENT_KILLED: self._kill_agent,
            Kind.ORCHESTRATOR_KILLED: self._kill,
            Kind.BROKER_KILLED: self._kill_broker,
            Kind.DEVICE_KILLED: self._kill,
            Kind.PROCESS_STOPPED: self._stop_process,
            Kind.BROKER_WIPED: self._wipe_broker,
            Kind.NETWORK_REFUSED: self._refuse,
            Kind.NETWORK_CUT: self._cut,
            Kind.NETWORK_STALLED: self._stall,
            Kind.NETWORK_DELAYED: self._delay,
            Kind.CUT_AFTER_CONNACK: self._cut_after_connack,
            Kind.CLOCK_STEPPED: self._step_clock,
            Kind.DISK_FULL: self._fill_disk,
            Kind.BACKUP_RESTORED: self._restore_backup,
            Kind.OUTBOX_RESTORED: self._restore_outbox,
            Kind.OUTBOX_CLONED: self._clone_outbox,
        }

    async def all(self, faults: Sequence[Fault], began: Callable[[Fault], None]) -> None:
        """Carry out all faults, each at its time. Returns when all is well again."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.TaskGroup() as tasks:
            for fault in faults:
                await asyncio.sleep(start + fault.at - loop.time())
                began(fault)
                tasks.create_task(self._one(fault), name=f"{fault.kind} {fault.target}")

    async def back_up(self) -> None:
        """Keep copies of the orchestrator's database, for ever."""
        while True:
            async with self._stage.locks["copies"]:
                await self._stage.back_up()
            await asyncio.sleep(BACK_UP_EVERY)

    async def _one(self, fault: Fault) -> None:
        await self._how[fault.kind](fault)
        self.done[fault.kind] += 1

    # --- processes

    async def _kill(self, fault: Fault) -> None:
        async with self._stage.locks[fault.target]:
            await self._stage.kill_process(fault.target)
            await asyncio.sleep(fault.lasts)
            await self._stage.start_process(fault.target)

    async def _kill_agent(self, fault: Fault) -> None:
        async with self._stage.locks[fault.target]:
            await self._kill_and_stash(fault.target)
            await asyncio.sleep(fault.lasts)
            await self._stage.start_process(fault.target)

    async def _stop_process(self, fault: Fault) -> None:
        name = fault.target
        async with self._stage.locks[name]:
            go_on = self._stage.stop_for_a_while(name)
            try:
                await asyncio.sleep(fault.lasts)
            finally:
                go_on()

    async def _kill_broker(self, fault: Fault) -> None:
        async with self._stage.locks[fault.target]:
            await self._stage.broker.kill()
            await asyncio.sleep(fault.lasts)
            await self._stage.broker.start()

    async def _wipe_broker(self, fault: Fault) -> None:
        async with self._stage.locks[fault.target]:
            await self._stage.broker.wipe()
            await asyncio.sleep(fault.lasts)
            await self._stage.broker.start()

    # --- the network

    async def _cut(self, fault: Fault) -> None:
        self._stage.networks[fault.target].cut()

    async def _refuse(self, fault: Fault) -> None:
        network = self._stage.networks[fault.target]
        async with self._stage.locks[f"network {fault.target}"]:
            network.refuse()
            await asyncio.sleep(fault.lasts)
            await network.start()

    async def _stall(self, fault: Fault) -> None:
        await self._spoil_network(fault, self._stage.networks[fault.target].stall)

    async def _delay(self, fault: Fault) -> None:
        await self._spoil_network(fault, lambda: self._stage.networks[fault.target].delay(DELAY))

    async def _cut_after_connack(self, fault: Fault) -> None:
        await self._spoil_network(fault, self._stage.networks[fault.target].cut_after_connack)

    async def _spoil_network(self, fault: Fault, spoil: Callable[[], None]) -> None:
        async with self._stage.locks[f"network {fault.target}"]:
            spoil()
            await asyncio.sleep(fault.lasts)
            self._stage.networks[fault.target].heal()

    # --- clocks and disks

    async def _step_clock(self, fault: Fault) -> None:
        self._stage.spoil(fault.target, wall_ahead_ms=fault.hours * _HOUR_MS)

    async def _fill_disk(self, fault: Fault) -> None:
        async with self._stage.locks[f"disk {fault.target}"]:
            self._stage.spoil(fault.target, disk_full=True)
            await asyncio.sleep(fault.lasts)
            self._stage.spoil(fault.target, disk_full=False)

    # --- older states

    async def _restore_backup(self, fault: Fault) -> None:
        async with self._stage.locks[ORCHESTRATOR], self._stage.locks["copies"]:
            await self._stage.kill_process(ORCHESTRATOR)
            self._stage.restore_backup()
            await asyncio.sleep(fault.lasts)
            await self._stage.start_process(ORCHESTRATOR)

    async def _restore_outbox(self, fault: Fault) -> None:
        device, agent = fault.target, agent_of(fault.target)
        async with self._stage.locks[agent]:
            if not self._stage.has_stash(device, older_than_ms=OLD_MS):
                await self._kill_and_stash(agent)
                await self._stage.start_process(agent)
                await asyncio.sleep(1.2 * OLD_MS / 1000)
            await self._stage.kill_process(agent)
            self._stage.restore_outbox(device, older_than_ms=OLD_MS)
            await asyncio.sleep(fault.lasts)
            await self._stage.start_process(agent)

    async def _clone_outbox(self, fault: Fault) -> None:
        device, agent = fault.target, agent_of(fault.target)
        async with self._stage.locks[agent]:
            await self._kill_and_stash(agent)
            await self._stage.start_process(agent)
            self._clones += 1
            clone = await self._stage.start_clone(device, self._clones)
        await asyncio.sleep(fault.lasts)
        await self._stage.kill_process(clone)

    async def _kill_and_stash(self, agent: str) -> None:
        await self._stage.kill_process(agent)
        if agent in agents():
            for device in devices_of(agent):
                self._stage.stash_outbox(device)
