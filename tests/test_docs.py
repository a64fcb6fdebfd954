"""What the documents claim, held against the code."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mqtt_schemas
from agents import coverage, enforcement, link, outbox, runtime, sending, timesync, tracking
from agents.clock import MAX_ROUND_TRIP_MS
from agents.devices.wordings import NOTICES
from mqtt_schemas.codec import MAX_PAYLOAD
from mqtt_schemas.events import EVENT
from mqtt_schemas.messages import MAX_EVENTS
from orchestrator import ingest, twins

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACT = json.loads(
    (Path(mqtt_schemas.__path__[0]) / "asyncapi.json").read_text(encoding="utf-8")
)
INFO = CONTRACT["info"]["description"]
PROSE = {name: channel["description"] for name, channel in CONTRACT["channels"].items()}


def name_of(requirement: str) -> str:
    """Return the package of a requirement."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found.group().lower()


def declared() -> set[tuple[str, str]]:
    """Return (package, where) of everything that pyproject.toml asks for."""
    project = PROJECT["project"]
    asked = {
        "base": project["dependencies"],
        **project["optional-dependencies"],
        **PROJECT["dependency-groups"],
    }
    asked["build"] = [*asked["build"], *PROJECT["build-system"]["requires"]]
    return {(name_of(each), where) for where, all_ in asked.items() for each in all_}


def test_every_dependency_stands_in_the_table_with_a_reason() -> None:
    """Nobody has to guess why a package is there, or whether it may go."""
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([a-z]+) \| (.+) \|$", CONTRIBUTING, re.MULTILINE)
    table = [(name, where) for name, where, _ in rows if name != "package"]
    assert len(table) == len(set(table))
    assert set(table) == declared()


@pytest.mark.parametrize("lock", ["agent", "agent-octoprint", "build", "dev", "orchestrator"])
def test_every_lock_has_hashes_and_names_no_index(lock: str) -> None:
    """Each package is pinned to a version and to the hashes of its files."""
    text = (ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
    assert f"locks/{lock}.txt" in CONTRIBUTING
    packages = re.findall(r"^[a-z0-9][^\n]*", text, re.MULTILINE)
    assert packages
    for package in packages:
        assert "==" in package
        assert package.endswith("\\")
    assert "://" not in text


def test_the_locks_agree() -> None:
    """What is tested is what is installed: every version is one of the developers' lock."""
    pins = {
        path.name: set(
            re.findall(r"^[a-z0-9-]+==\S+", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
        for path in (ROOT / "locks").glob("*.txt")
    }
    for name, versions in pins.items():
        assert versions <= pins["dev.txt"], name


def test_every_target_of_the_makefile_is_told() -> None:
    """No command is to be found by reading the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert found is not None
    for target in found.group(1).split():
        assert f"`make {target}" in CONTRIBUTING


def test_every_system_package_has_its_reason() -> None:
    """One a line, with why the tests need it."""
    text = (ROOT / "tools/system-packages.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9][a-z0-9+.-]* +\S.*", line), line


# The contract's prose names figures that stand in the code too.


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("status", f"**every {sending.HEARTBEAT:g} s**"),
        ("status", f"not older than **{twins.ALIVE_SECONDS:g} s**"),
        ("status", f"over {ingest.PATIENCE_MS // 1000} s, it answers"),
        ("events", f"1 to {MAX_EVENTS} events a message"),
        ("events", f"about {sending.WINDOW} events"),
        ("events", f"If {sending.FIRST_RESEND:g} s after sending"),
        ("events", f"double the wait up to {sending.LAST_RESEND:g} s"),
        ("events", f"for {outbox.KEEP_MS // 86_400_000} days more"),
        ("events", f"more than {tracking.GAP_MS // 1000} s apart"),
        ("events", f"Every {runtime.CHECKPOINT_MS // 1000} s keep"),
        ("time_request", f"within {timesync.ANSWER_TIMEOUT:g} s"),
        ("time_request", f"after {timesync.FIRST_RETRY:g} s, then doubling"),
        ("time_request", f"up to {timesync.LAST_RETRY:g} s"),
        ("time_answer", f"**over {MAX_ROUND_TRIP_MS // 1000} s**"),
        ("plan", f"about {enforcement.VERIFY_MS // 1000} s"),
        ("plan", f"again every {enforcement.RETRY_BLOCKED_MS // 1000} s"),
        ("info", f"at most {MAX_PAYLOAD:,} bytes"),
        ("info", f"no PUBACK after {link.PUBLISH_TIMEOUT:g} s"),
        ("info", f"after {link.FIRST_BACKOFF:g} s, doubled"),
        ("info", f"up to {link.LAST_BACKOFF:g} s"),
    ],
)
def test_the_prose_of_the_contract_tells_the_figures_of_the_code(part: str, sentence: str) -> None:
    """A device maker reads what our own agents and orchestrator do."""
    assert sentence in (INFO if part == "info" else PROSE[part])


def test_the_prose_tells_the_counts_in_words() -> None:
    """Three tries to end a use; an interval is told each hour; the time is asked each hour."""
    assert enforcement.MAX_TRIES == 3
    assert "Try up to three times" in PROSE["plan"]
    assert (coverage.TELL_EVERY_MS, timesync.EVERY) == (3_600_000, 3600)
    assert "at least once an hour" in PROSE["events"]
    assert "hourly" in PROSE["time_request"]


def test_every_event_and_phrase_is_told() -> None:
    """What an agent may say, and what it may be asked to show."""
    for event in EVENT.json_schema()["discriminator"]["mapping"]:
        assert f"`{event}`" in PROSE["events"]
    for phrase in NOTICES:
        assert f"`{phrase}`" in PROSE["plan"]
