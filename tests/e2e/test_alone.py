"""A device that is left alone: broker and orchestrator are stopped in mid turn, and nobody notices.

All in one story: the turn warns and ends, the next booked customer checks in with the code, one
without a booking walks in, staff opens by hand; afterwards all of it is counted, exactly.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.devices.scripted.journal import Asked, Ordered, UseBegan
from mqtt_schemas.events import Step
from tests.e2e.brokers import KINDS, SITE, Broker
from tests.e2e.library import BIN, Library, Spec, until
from tests.e2e.test_main_loop import held_against_journal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

STAYS = (
    "[[visit]]\nafter = 0.2\n"
    "does = [{ active = 0.6 }, { idle = 0.3 }, { active = 1 }]\nstays = true\n"
)
#: Presses "walk in" again and again, until it is granted; and leaves for good some time later.
PRESSES = STAYS + (
    '[[ask]]\nwhen = "closed"\nnth = 1\nafter = 0.1\nagain = 0.3\n'
    'wish = { what = "walk_in", group = "nuoret", party = 2 }\n'
    '[[ask]]\nwhen = "turn"\nafter = 1.5\nwish = { what = "more", seconds = 60 }\n'
    '[[ask]]\nwhen = "turn"\nafter = 2\nwish = { what = "end" }\n'
)
POLICY = {"at_end": "end", "check_in": "code", "check_in_within": 30, "walk_in": 4}
FIRST, SECOND = 8, 5


@pytest.fixture(scope="module", params=KINDS)
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """Give a running library on each kind of broker."""
    folder = tmp_path_factory.mktemp("library")
    broker = Broker(request.param, folder / "broker")
    broker.admit()
    broker.start()
    walk_in = {"at_end": "end", "walk_in": 60}
    devices = [
        Spec("alone", script=STAYS, policy=POLICY),
        Spec("pressed", script=PRESSES, policy=walk_in),
    ]
    library = Library(broker, folder, devices)
    try:
        library.start()
        yield library
    finally:
        library.stop()
        broker.stop()


def ask(library: Library, device: str, *words: str, code: str = "") -> tuple[int, str]:
    """Ask at a device by the command; return its exit code and the answer."""
    config = ("--config", str(library.folder / f"{device}.toml"), "--device", f"{SITE}/{device}")
    done = subprocess.run(
        [str(BIN / "laitevuoro-agent"), "turn", *words, *config, "--language", "en"],
        input=code,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, (done.stdout or done.stderr).strip()


def book(library: Library, device: str, starts: datetime, lasts: float) -> str:
    """Book; return the words of the code."""
    ends = starts + timedelta(seconds=lasts)
    times = ("--start", starts.isoformat(), "--end", ends.isoformat())
    answer = library.command("booking", "add", "--device", device, *times, "--json")
    return str(json.loads(answer.stdout)["code"])


def uses(library: Library, device: str, count: int) -> None:
    """Wait until so many uses have ended."""
    until(f"{count} uses of {device} are over", lambda: len(library.uses(device)) >= count)


def begun(library: Library, device: str, count: int) -> None:
    """Wait until so many uses have begun."""

    def so_many() -> bool:
        lines = library.journal(device)
        return len([line for line in lines if isinstance(line, UseBegan)]) >= count

    until(f"{count} uses of {device} have begun", so_many)


def test_nobody_at_the_device_notices_that_all_else_is_down(library: Library) -> None:
    """The turn ends, the next is checked in, a walk-in and staff's turn run; all is counted."""
    device = "alone"
    starts = datetime.now(UTC) + timedelta(seconds=3)
    first = book(library, device, starts, FIRST)
    second = book(library, device, starts + timedelta(seconds=FIRST + 1), SECOND)
    staff = json.loads(library.command("service", "code", "--site", SITE, "--json").stdout)
    library.online(device)
    said = ask(library, device, "check-in", code=first.upper().replace(" ", " - "))
    assert said[0] == 0, said
    library.state(device, "in_use")

    library.broker.kill()
    library.orchestrator.kill()
    uses(library, device, 1)
    told = [line.step for line in library.journal(device) if isinstance(line, Ordered)]
    assert told.index(Step.WARN) < told.index(Step.END)

    assert ask(library, device, "check-in", code="three wrong words")[0] == 1
    library.agents[device].kill()
    library.agents[device].start()
    until("the code opens", lambda: ask(library, device, "check-in", code=second)[0] == 0)
    uses(library, device, 2)

    assert ask(library, device, "check-in", code=second)[0] == 1
    until("a walk-in begins", lambda: ask(library, device, "walk-in", "--party", "2")[0] == 0)
    uses(library, device, 3)

    assert ask(library, device, "staff", code="three wrong words")[0] == 1
    until("staff opens", lambda: ask(library, device, "staff", code=staff["words"])[0] == 0)
    begun(library, device, 4)
    assert ask(library, device, "end") == (0, "Your turn has ended. Thank you for coming.")
    uses(library, device, 4)

    library.broker.start()
    library.start_orchestrator()
    library.counted(device, 4)
    held_against_journal(library, device)
    assert library.totals(device)["outside_sessions"] == 0
    assert library.events()["set_aside"] == library.events()["rejected"] == 0


def test_who_presses_the_buttons_of_a_device_gets_a_turn_and_gives_it_back(
    library: Library,
) -> None:
    """A walk-in through the device's own driver: begun, more time asked for, ended, counted."""
    device = "pressed"
    uses(library, device, 1)

    def asked() -> list[tuple[str, bool]]:
        lines = [line for line in library.journal(device) if isinstance(line, Asked)]
        return [(line.wish, line.accepted) for line in lines]

    until("all was answered", lambda: len(asked()) >= 3)
    assert asked()[-3:] == [("walk_in", True), ("more", True), ("end", True)]
    totals = library.counted(device, 1)
    held_against_journal(library, device)
    assert totals["by_target_group"]["nuoret"]["sessions"] == 1


def test_a_code_is_in_no_log(library: Library, tmp_path: Path) -> None:
    """Neither the agent nor the device keeps what was typed."""
    for path in library.folder.rglob("*"):
        if path.is_file() and path.suffix in (".log", ".jsonl"):
            assert "three wrong words" not in path.read_text(errors="replace")
    assert tmp_path.exists()
