"""A scripted device on its socket: a real process, spoken to line by line."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.devices.scripted.journal import DeviceStopped, EndedBy, UseBegan, UseEnded
from agents.devices.scripted.wire import (
    Alive,
    Change,
    Command,
    FromDevice,
    Hello,
    Part,
    Present,
    Reply,
    Seen,
    from_device,
    line,
)
from mqtt_schemas.base import DeviceState
from mqtt_schemas.events import Step
from tests.agents.devices.scripted.process import Scripted, scripted
from tests.eventually import eventually

STAYS = """
[[visit]]
after = 0.05
does = [{ active = 0.1 }, { idle = 60 }]
stays = true
"""
LEAVES = """
[[visit]]
after = 0.05
does = [{ active = 0.05 }]
"""


class Talk:
    """An agent's end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def say(self, message: Part) -> None:
        """Send a message."""
        self.writer.write(line(message))

    async def hear(self) -> FromDevice:
        """Return the next message that says something new. Raises EOFError."""
        while isinstance(message := await self.hear_anything(), Alive):
            pass
        return message

    async def hear_anything(self) -> FromDevice:
        """Return the next message. Raises EOFError."""
        async with asyncio.timeout(10):
            text = await self._reader.readline()
        if not text:
            raise EOFError
        return from_device(text)

    async def hear_present(self) -> tuple[list[Change], Present]:
        """Return what was missed, and how it is now."""
        missed = []
        while not isinstance(message := await self.hear(), Present):
            assert isinstance(message, Change)
            missed.append(message)
        return missed, message

    async def order(self, step: Step, turn: str | None = None) -> Reply:
        """Give an order; return the answer, leaving out changes before it."""
        self.say(Command(id=1, step=step, turn=turn))
        while not isinstance(message := await self.hear(), Reply):
            pass
        return message


async def connect(device: Scripted) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as the device listens: a killed one left its socket behind."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncio.open_unix_connection(device.socket)
            except OSError:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def talk(device: Scripted, seen: Seen | None = None) -> AsyncIterator[Talk]:
    """Connect, and say hello."""
    reader, writer = await connect(device)
    try:
        talk = Talk(reader, writer)
        talk.say(Hello(seen=seen))
        yield talk
    finally:
        writer.close()


async def test_each_change_is_in_the_journal_before_it_is_told(tmp_path: Path) -> None:
    """Whoever hears of a use finds it written down already."""
    async with scripted(tmp_path, LEAVES) as device, talk(device) as agent:
        await agent.hear_present()
        await agent.order(Step.OPEN, "t-1")
        began = await agent.hear()
        assert isinstance(began, Change)
        assert [use.use for use in device.journal(UseBegan)] == [began.condition.use]
        ended = await agent.hear()
        assert isinstance(ended, Change)
        (use,) = device.journal(UseEnded)
        assert use.at_ms == ended.condition.since_ms
        assert use.active_ms == ended.condition.since_ms - began.condition.since_ms


async def test_customers_go_on_while_the_agent_is_away(tmp_path: Path) -> None:
    """A new agent hears of what nobody saw, once, and then how it is."""
    async with scripted(tmp_path, LEAVES) as device:
        async with talk(device) as agent:
            await agent.order(Step.OPEN, "t-1")
        await eventually(lambda: bool(device.journal(UseEnded)))
        async with talk(device) as agent:
            missed, present = await agent.hear_present()
            assert [change.condition.state for change in missed] == [
                DeviceState.IN_USE,
                DeviceState.FREE,
            ]
            assert present.at_ms >= missed[-1].condition.since_ms
            agent.say(Seen(epoch=present.epoch, seq=missed[0].seq))
            await agent.order(Step.WARN)
        async with talk(device) as agent:
            missed_again, _ = await agent.hear_present()
            assert missed_again == missed[1:]
        async with talk(device, Seen(epoch=present.epoch, seq=present.seq)) as agent:
            assert (await agent.hear_present())[0] == []


async def test_what_was_seen_of_another_start_says_nothing(tmp_path: Path) -> None:
    """Numbers are of one epoch."""
    async with scripted(tmp_path, LEAVES) as device:
        async with talk(device) as agent:
            await agent.order(Step.OPEN, "t-1")
        await eventually(lambda: bool(device.journal(UseEnded)))
        async with talk(device, Seen(epoch="another", seq=99)) as agent:
            missed, _ = await agent.hear_present()
            assert len(missed) == 2


async def test_a_new_agent_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    """An agent that hangs keeps no device from its successor."""
    async with scripted(tmp_path, LEAVES) as device, talk(device) as old:
        await old.hear_present()
        async with talk(device) as new:
            await new.hear_present()
            with pytest.raises(EOFError):
                await old.hear()
            assert await new.order(Step.OPEN, "t-1")


async def test_a_device_on_which_nothing_happens_says_that_it_lives(tmp_path: Path) -> None:
    """Every second, so that its agent knows up to when it was there."""
    async with scripted(tmp_path, LEAVES) as device, talk(device) as agent:
        _, present = await agent.hear_present()
        first, second = await agent.hear_anything(), await agent.hear_anything()
        assert isinstance(first, Alive)
        assert isinstance(second, Alive)
        assert present.at_ms <= first.at_ms
        assert 500 < second.at_ms - first.at_ms < 5000


async def test_an_agent_that_talks_nonsense_is_hung_up_on(tmp_path: Path) -> None:
    """The device itself goes on."""
    async with scripted(tmp_path, LEAVES) as device:
        for nonsense in (b"what?\n", b"x" * 100_000):
            async with talk(device) as agent:
                await agent.hear_present()
                agent.writer.write(nonsense)
                with pytest.raises((EOFError, ConnectionResetError)):
                    await agent.hear()
        async with talk(device) as agent:
            await agent.hear_present()


async def test_a_killed_device_says_that_its_use_was_cut(tmp_path: Path) -> None:
    """Its journal goes on in the next process, which tells of the end."""
    async with scripted(tmp_path, STAYS) as device, talk(device) as agent:
        await agent.order(Step.OPEN, "t-1")
        await agent.hear()
        await device.kill()
    (began,) = device.journal(UseBegan)
    async with scripted(tmp_path, STAYS) as device:
        async with talk(device) as agent:
            (told,), present = await agent.hear_present()
        assert told.ended is not None
        assert told.ended.use == began.use
        assert present.condition.use is None
        (cut,) = device.journal(UseEnded)
        assert (cut.by, cut.use) == (EndedBy.CUT, began.use)


async def test_a_device_is_switched_off_by_a_signal(tmp_path: Path) -> None:
    """Its use ends, the agent is told, the journal is closed, the socket is gone."""
    async with scripted(tmp_path, STAYS) as device, talk(device) as agent:
        await agent.order(Step.OPEN, "t-1")
        await agent.hear()
        stopping = asyncio.create_task(device.stop())
        while not isinstance(message := await agent.hear(), Change) or message.ended is None:
            pass
        assert message.condition.state is DeviceState.OFF
        assert await stopping == (0, "")
        assert len(device.journal(DeviceStopped)) == 1
        assert device.journal(UseEnded)[0].by is EndedBy.STOP


async def test_the_last_word_of_a_device_is_heard_whatever_it_had_left_to_read(
    tmp_path: Path,
) -> None:
    """An agent that speaks while it is switched off hears all the same how its use ended."""
    async with scripted(tmp_path, STAYS) as device, talk(device) as agent:
        await agent.hear_present()
        await agent.order(Step.OPEN, "t-1")
        while not isinstance(message := await agent.hear(), Change) or not message.condition.use:
            pass
        device.process.send_signal(signal.SIGSTOP)
        for _ in range(10_000):
            agent.say(Seen(epoch="another", seq=1))
        device.process.send_signal(signal.SIGTERM)
        device.process.send_signal(signal.SIGCONT)
        ended = []
        with contextlib.suppress(EOFError):
            while True:
                message = await agent.hear()
                ended += [message.ended] if isinstance(message, Change) and message.ended else []
        assert [each.use for each in ended] == [use.use for use in device.journal(UseEnded)]


@pytest.mark.parametrize(
    ("script", "said"),
    [("speed = 0", "speed"), ("[[visit]]\ndoes = 3", "visit.0.does")],
)
async def test_bad_input_is_one_sentence(tmp_path: Path, script: str, said: str) -> None:
    """Exit code 2, and no stack trace."""
    async with scripted(tmp_path, script) as device:
        code, complaints = await device.stop_itself()
    assert code == 2
    assert said in complaints
    assert len(complaints.splitlines()) == 1


async def test_a_second_device_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    """One journal tells one truth."""
    async with scripted(tmp_path, LEAVES) as device:
        await eventually(device.socket.exists)
        async with scripted(tmp_path, LEAVES) as second:
            code, complaints = await second.stop_itself()
    assert code == 2
    assert "another scripted device" in complaints


async def test_a_journal_that_can_not_be_written_stops_the_device(tmp_path: Path) -> None:
    """A truth that can't be written down is not told: better no device than a false one."""
    async with scripted(tmp_path, LEAVES) as device, talk(device) as agent:
        await agent.hear_present()
        resource.prlimit(device.process.pid, resource.RLIMIT_FSIZE, (1, 1))
        with pytest.raises(EOFError):
            await agent.order(Step.OPEN, "t-1")
        code, complaints = await device.stop_itself()
    assert code == 2
    assert "File too large" in complaints
    assert len(complaints.splitlines()) == 1
