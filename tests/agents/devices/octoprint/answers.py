"""OctoPrint's own words, kept as JSON: recorded from OctoPrint 1.11.8 with its virtual printer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.devices.octoprint import payloads
from agents.devices.octoprint.payloads import PrintEvent, Reading

FOLDER = Path(__file__).parents[3] / "fixtures" / "octoprint"


def answer(name: str) -> Any:  # noqa: ANN401 - it is JSON
    """Return a recorded answer."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def look(name: str, **changes: object) -> Reading:
    """Return the reading of a recorded /api/job, with parts of `progress` changed."""
    told = answer(f"job_{name}")
    told["progress"] |= changes
    return payloads.job(told)


def event(name: str, *, path: str | None = None) -> PrintEvent:
    """Return a recorded event of a print, of another file where `path` names one."""
    told = answer(f"push_print_{name}")
    if path is not None:
        told["event"]["payload"]["path"] = path
    pushed = payloads.pushed(json.dumps(told))
    assert isinstance(pushed, PrintEvent)
    return pushed
