"""`laitevuoro coverage`, on the database of an orchestrator that rests."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mqtt_schemas.base import ms_from_utc
from mqtt_schemas.events import WatchEnd
from orchestrator.cli import main
from orchestrator.coverage_cli import lines
from orchestrator.domain.coverage import Reason
from orchestrator.places import DATABASE, HTTP_URL
from orchestrator.store.database import Database
from orchestrator.store.intake import take_in
from orchestrator.web.coverage_models import CoverageView
from tests.orchestrator.histories import History
from tests.orchestrator.parts import CONFIG, PRINTER
from tests.orchestrator.store.test_coverage import observed

HELSINKI = ZoneInfo("Europe/Helsinki")
HOUR = 3_600_000
#: A day in winter, as Helsinki has it.
DAY = datetime(2025, 11, 25, tzinfo=HELSINKI)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration whose database knows of a day in the past."""
    path = tmp_path / "laitevuoro.toml"
    path.write_text(CONFIG)
    (tmp_path / "state").mkdir()
    database = Database.open(tmp_path / "state" / DATABASE)
    epoch = ms_from_utc(DAY.astimezone(UTC))
    history = History(PRINTER).add(
        observed(0, 2 * HOUR, epoch_ms=epoch, until=WatchEnd.GAP),
        observed(3 * HOUR, 36 * HOUR, epoch_ms=epoch),
    )
    take = partial(take_in, batches=[history.batch()], now_ms=epoch, zone=HELSINKI)
    asyncio.run(database.write(take))
    database.close()
    return path


def run(config: Path, *words: str) -> int:
    """Run the command."""
    return main(["coverage", "--config", str(config), *words])


def test_it_tells_a_person_what_was_seen(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Days are local and whole; a gap is told with its reason."""
    asked = ("--device", "printer-1", "--from", "2025-11-25", "--to", "2025-11-25", "--by", "day")
    assert run(config, *asked) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2025-11-25 00:00 to 2025-11-26 00:00",
        "paja/printer-1: 95.8 % observed",
        "  2025-11-25  95.8 % observed",
        "  2025-11-25 02:00 to 03:00: the agent's machine slept",
    ]


def test_all_devices_are_told_together(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without their gaps."""
    assert run(config, "--from", "2025-11-25", "--to", "2025-11-25") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "paja/pc-1: 0.0 % observed",
        "paja/printer-1: 95.8 % observed",
        "all together: 47.9 % observed",
    ]


def test_it_tells_a_program_the_same(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the API does; times may be given too."""
    begins, ends = DAY.isoformat(), (DAY + timedelta(hours=6)).isoformat()
    assert run(config, "--device", "printer-1", "--from", begins, "--to", ends, "--json") == 0
    found = CoverageView.model_validate_json(capsys.readouterr().out)
    assert found.share == 5 / 6
    assert found.missing_seconds == {Reason.SUSPENDED: 3600}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--device", "printer-9"), "There is no device 'printer-9'; did you mean 'printer-1'?"),
        (("--from", "tomorrow"), "'tomorrow' is no time"),
        (("--from", "2025-11-26", "--to", "2025-11-24"), "The period ends before it begins."),
        (("--to", "9999-12-31"), "1970 to 9999"),
        (("--from", "2999-01-01", "--to", "2999-01-01"), "The period has not begun yet."),
    ],
)
def test_what_it_cant_tell_it_refuses(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    """In one sentence, with exit code 2."""
    assert run(config, *words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1


def test_a_killed_orchestrators_address_is_no_obstacle(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody answers there; the database is at hand."""
    (config.parent / "state" / HTTP_URL).write_text("http://127.0.0.1:9\n")
    assert run(config, "--from", "2025-11-25", "--to", "2025-11-25", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["devices"]) == 2


def test_without_a_database_it_says_what_to_do(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And one that is held is not waited for."""
    state = config.parent / "state"
    held = Database.open(state / DATABASE)
    assert run(config) == 2
    assert "starting or stopping" in capsys.readouterr().err
    held.close()
    (state / DATABASE).unlink()
    assert run(config) == 2
    assert "start it once" in capsys.readouterr().err


def test_what_is_nearly_all_is_not_called_all() -> None:
    """A gap of a second in a day is seen in the figure."""
    share = {
        "asked_seconds": 86_400.0,
        "observed_seconds": 86_399.0,
        "provisional_seconds": 0.0,
        "unsure_seconds": 0.0,
        "missing_seconds": {},
        "share": 86_399 / 86_400,
    }
    times = {"starts_at": DAY, "ends_at": DAY + timedelta(days=1)}
    found = CoverageView.model_validate({**share, **times, "parts": (), "devices": ()})
    assert lines(found, HELSINKI, gaps=False)[-1] == "all together: 99.9 % observed"
    empty = found.model_copy(update={"share": None})
    assert lines(empty, HELSINKI, gaps=False)[-1] == "all together: nothing to observe"
