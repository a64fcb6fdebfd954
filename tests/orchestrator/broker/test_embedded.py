"""Supervision, with a script in the server's place. The real one: tests/e2e."""

from __future__ import annotations

import asyncio
import sys
from itertools import islice
from pathlib import Path

import pytest

from mqtt_schemas.topics import Address
from orchestrator.broker.embedded import LONGEST_DELAY, Embedded, _delays
from orchestrator.broker.server import BrokerFailed
from tests.orchestrator.broker.test_access import everybody

# The first start gets ready and ends; every later one ends at once.
FALLS = """#!{python}
import pathlib, sys
starts = pathlib.Path({starts!r})
first = not starts.exists()
with starts.open("a") as file:
    file.write("x")
if first:
    for text in ("Listening for MQTT clients on mqtt://127.0.0.1:4711", "Server is ready"):
        print("[1] a b [INF] " + text, file=sys.stderr, flush=True)
sys.exit(3)
"""


def falling(folder: Path) -> Embedded:
    """Return a broker whose server falls again and again."""
    script = folder / "server"
    script.write_text(FALLS.format(python=sys.executable, starts=str(folder / "starts")))
    script.chmod(0o700)
    return Embedded(state_dir=folder, users=everybody([Address("a", "b")]), binary=script)


async def test_a_falling_server_is_tried_again_until_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Restarts go on with growing pauses, and stop() ends them at once, in a pause too."""
    embedded = falling(tmp_path)
    assert await embedded.start() == 4711
    running = asyncio.create_task(embedded.run())
    while len((tmp_path / "starts").read_text()) < 4:  # noqa: ASYNC110 # a file tells nobody
        await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        await embedded.stop()
        await running
    assert "the broker ended (exit code 3)" in caplog.text
    assert "the broker ended: it said nothing" in caplog.text


async def test_a_restart_keeps_the_port(tmp_path: Path) -> None:
    """The port that was free at the start is in the configuration from then on."""
    embedded = falling(tmp_path)
    await embedded.start()
    await embedded.reload(everybody([Address("a", "c")]))
    config = (tmp_path / "broker" / "nats.conf").read_text()
    assert "port: 4711" in config
    assert '"a.c"' in config
    await embedded.stop()


async def test_a_failed_start_lets_go_of_the_folder(tmp_path: Path) -> None:
    """Whoever fixes the reason can start again in the same process."""
    users = everybody([Address("a", "b")])
    with pytest.raises(BrokerFailed):
        await Embedded(state_dir=tmp_path, users=users, binary=Path("/bin/false")).start()
    embedded = falling(tmp_path)
    assert await embedded.start() == 4711
    await embedded.stop()


async def test_a_folder_that_can_not_be_used_is_one_sentence(tmp_path: Path) -> None:
    """A file in the folder's place is named with the system's reason."""
    (tmp_path / "broker").write_text("")
    with pytest.raises(BrokerFailed, match=r"broker can't be used: (Not a directory|File exists)"):
        await falling(tmp_path).start()


def test_pauses_grow_and_are_bounded() -> None:
    """From a tenth of a second, doubled, up to the longest."""
    delays = list(islice(_delays(), 12))
    assert delays[:3] == [0.1, 0.2, 0.4]
    assert delays[-1] == LONGEST_DELAY
