"""The composition root: outboxes opened or set aside, runtimes kept running."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agents import app
from agents.app import identity_of, open_outbox, serve
from agents.config import Configuration, DeviceSettings, InvalidConfiguration, load
from agents.outbox import Outbox
from mqtt_schemas.codec import encode
from tests.agents.fakes import BOOT, FakeClock, body
from tests.agents.plans import plan, turn
from tests.agents.waiting import until

SECRET = "correct horse"  # noqa: S105 - of this test alone
CONFIG = """\
state_dir = "state"
[broker]
port = {port}
[[device]]
site = "library"
id = "d-1"
kind = "vr"
driver = "simulated"
[device.simulated]
socket = "device.sock"
[[device]]
site = "library"
id = "d-2"
kind = "vr"
driver = "simulated"
[device.simulated]
socket = "device.sock"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a device's folder that is not there yet."""
    return tmp_path / "state" / "library.d-1"


def test_the_state_folder_is_the_agents_alone(folder: Path) -> None:
    """The plan in it holds hashed check-in codes. A folder that others could read is closed."""
    folder.mkdir(parents=True, mode=0o755)
    outbox, problems = open_outbox(folder, FakeClock())
    outbox.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert problems == ()


def test_a_broken_outbox_is_set_aside(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Never deleted; a new log begins, and both log and status say so."""
    first, _ = open_outbox(folder, FakeClock())
    first.commit([body(1)], {})
    log = first.log
    first.close()
    (folder / "outbox.db").write_bytes(b"rubbish, and more of it than a header is long" * 99)
    (folder / "outbox.db-wal").write_bytes(b"rubbish")
    second, problems = open_outbox(folder, FakeClock())
    with closing(second):
        assert problems == ("outbox_set_aside",)
        assert (second.last, second.log == log) == (0, False)
    aside = sorted(path.name for path in folder.iterdir() if ".broken-" in path.name)
    stem = f"outbox.db.broken-20261125T090000Z-{os.getpid()}"
    assert aside[0] == stem
    assert (folder / stem).read_bytes().startswith(b"rubbish")
    assert len(caplog.records) == 1
    assert "outbox.db" in caplog.text


def test_the_plan_of_a_damaged_outbox_stays_in_force(folder: Path) -> None:
    """The use that goes on keeps its right: with no plan at all the device would be closed."""
    first, _ = open_outbox(folder, FakeClock())
    known = encode(plan(turn("t1", 0, 60))).decode()
    first.commit([body(1)], {"plan": known})
    first.close()
    damage(folder / "outbox.db", b"extension_requested")
    second, problems = open_outbox(folder, FakeClock())
    with closing(second):
        assert problems == ("outbox_set_aside",)
        assert (second.last, second.load("plan")) == (0, known)


def test_a_plan_that_is_damaged_too_is_left(folder: Path) -> None:
    """By its digest; the broker has a whole one."""
    first, _ = open_outbox(folder, FakeClock())
    first.commit([body(1)], {"plan": encode(plan(turn("turn-1", 0, 60))).decode()})
    first.close()
    damage(folder / "outbox.db", b"extension_requested")
    damage(folder / "outbox.db", b"turn-1")
    second, _ = open_outbox(folder, FakeClock())
    with closing(second):
        assert second.load("plan") is None


def damage(file: Path, word: bytes) -> None:
    """Overwrite a word within a file."""
    content = file.read_bytes()
    assert word in content
    file.write_bytes(content.replace(word, b"x" * len(word)))


def test_an_outbox_in_use_is_said_in_a_sentence(folder: Path) -> None:
    """A second agent on the same state must not set the first one's file aside."""
    outbox, _ = open_outbox(folder, FakeClock())
    with closing(outbox):
        with pytest.raises(InvalidConfiguration, match=r"outbox\.db: database is locked\.$"):
            open_outbox(folder, FakeClock())
        outbox.commit([body(1)], {})


def test_a_folder_that_cant_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    """It names the place."""
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(InvalidConfiguration) as raised:
        open_outbox(tmp_path / "state" / "library.d-1", FakeClock())
    assert str(raised.value) == f"{tmp_path}/state/library.d-1: Not a directory."


def test_a_device_connects_as_itself(tmp_path: Path) -> None:
    """By its own user name and the secret of its file, or without either."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    settings = {"site": "library", "id": "d-1", "kind": "vr", "driver": "simulated"}
    device = DeviceSettings.model_validate(settings)
    identity = identity_of(device, BOOT)
    assert (str(identity.address), identity.kind, identity.boot_id) == ("library/d-1", "vr", BOOT)
    assert (identity.user, identity.password) == ("library.d-1", None)
    settings["password_file"] = str(tmp_path / "secret")
    assert identity_of(DeviceSettings.model_validate(settings), BOOT).password == SECRET


# --- serve


class FakeRuntime:
    """A runtime that fails so many times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.runs = 0
        self.running = False
        self.fails_at_its_end = False

    async def run(self) -> None:
        """Fail, or run until cancelled."""
        self.runs += 1
        if self.runs <= self.failures:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fail())
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False
            if self.fails_at_its_end:
                raise ZeroDivisionError("its end")

    async def _fail(self) -> None:
        await asyncio.sleep(0.01)
        raise ZeroDivisionError("a driver's fault")


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Give a configuration of two devices, with a broker that is not there."""
    path = tmp_path / "agent.toml"
    path.write_text(CONFIG.format(port=1))
    return load(path, {})


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[FakeRuntime]]:
    """Give the runtimes that are started, in place of real ones: the first one fails once."""
    made = [FakeRuntime(failures=1), FakeRuntime()]
    outboxes = [Outbox.open(tmp_path / f"{number}.db", clock=FakeClock()) for number in range(3)]
    opened = iter(outboxes)
    started = iter([made[0], made[1], made[0]])
    monkeypatch.setattr(app, "_runtime", lambda *_: (next(started), next(opened)))
    monkeypatch.setattr(app, "FIRST_RESTART", 0.01)
    yield made
    for outbox in outboxes:
        outbox.close()


async def test_a_device_that_fails_stops_no_other(
    configuration: Configuration, runtimes: list[FakeRuntime], caplog: pytest.LogCaptureFixture
) -> None:
    """It starts anew by itself, and the log says why."""
    serving = asyncio.create_task(serve(configuration))
    await until(lambda: all(runtime.running for runtime in runtimes))
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert [runtime.runs for runtime in runtimes] == [2, 1]
    assert "library/d-1: failed, and starts anew" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_all_devices_in_good_order(
    configuration: Configuration, tmp_path: Path, number: int
) -> None:
    """With real runtimes, no device and no broker: outboxes are closed, nothing is raised."""
    serving = asyncio.create_task(serve(configuration))
    files = [tmp_path / "state" / f"library.d-{each}" / "outbox.db" for each in (1, 2)]
    await until(lambda: all(file.with_name("outbox.db-wal").exists() for file in files))
    os.kill(os.getpid(), number)
    await serving
    for file in files:
        assert not file.with_name("outbox.db-wal").exists()
        with closing(Outbox.open(file, clock=FakeClock())) as outbox:
            assert outbox.load("saved") is not None


async def test_what_is_wrong_with_any_device_is_said_before_anything_runs(
    tmp_path: Path, configuration: Configuration
) -> None:
    """Here the second one's folder."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "library.d-2").write_text("no folder")
    with pytest.raises(InvalidConfiguration, match=r"library\.d-2: File exists\."):
        await serve(configuration)


async def test_a_device_that_fails_while_it_is_stopped_is_not_started_again(
    configuration: Configuration, runtimes: list[FakeRuntime], caplog: pytest.LogCaptureFixture
) -> None:
    """What its end raises is logged; the process ends all the same."""
    serving = asyncio.create_task(serve(configuration))
    await until(lambda: all(runtime.running for runtime in runtimes))
    runtimes[1].fails_at_its_end = True
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await serving
    assert runtimes[1].runs == 1
    assert "library/d-2: failed" in caplog.text
