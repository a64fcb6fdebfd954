"""Structured logs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from orchestrator import logs


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Return what was logged, each line parsed."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ours_and_libraries_logs_are_json_with_time_level_and_name() -> None:
    """One line each, for whatever collects them."""
    stream = io.StringIO()
    logs.configure(level="info", stream=stream)
    structlog.get_logger("ours").info("plan", device="paja/pc-1", revision=3)
    logging.getLogger("theirs").warning("a %s", "warning")
    ours, theirs = lines(stream)
    assert (ours["event"], ours["device"], ours["revision"]) == ("plan", "paja/pc-1", 3)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == (
        "a warning",
        "warning",
        "theirs",
    )
    assert str(ours["timestamp"]).endswith("Z")


def test_what_is_below_the_level_is_left_out() -> None:
    """And uvicorn's own tale always."""
    stream = io.StringIO()
    logs.configure(level="warning", stream=stream)
    structlog.get_logger("ours").info("plan")
    logs.configure(level="info", stream=stream)
    logging.getLogger("uvicorn.error").info("Started server process")
    assert lines(stream) == []


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_stack_trace_tells_no_values(stream: io.StringIO) -> None:
    """Variables hold payloads and secrets."""
    logs.configure(level="info", stream=stream)
    secret = f"secret {40 + 2}"
    try:
        fail(secret)
    except RuntimeError:
        structlog.get_logger("ours").exception("message_not_handled")
    text = stream.getvalue()
    assert "a mistake of 9 letters" in text
    assert secret not in text


def fail(payload: str) -> None:
    """Fail as a handler with a mistake does."""
    raise RuntimeError(f"a mistake of {len(payload)} letters")
