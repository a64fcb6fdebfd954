"""How a simulation is run, and one seed of it again: `pytest tests/simulation --seed 206`."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from tests.simulation.library import RANDOM, REAL, Outcome, Parts, Scenario, simulate

#: In memory where there is such a place: a seed writes and copies thousands of small files.
_FAST = Path("/dev/shm")  # noqa: S108 - each run has a folder of its own in it

Simulate = Callable[..., Outcome]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --seed. Where this folder is not named on the command line: LAITEVUORO_SEED."""
    parser.addoption("--seed", type=int, help="simulate this one seed, and show its trace")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int | None:
    """Give the one seed that is asked for, if any."""
    asked = request.config.getoption("--seed", None)
    named = os.environ.get("LAITEVUORO_SEED")
    if asked is not None:
        return int(asked)
    return int(named) if named else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for the disks."""
    with tempfile.TemporaryDirectory(
        prefix="laitevuoro-", dir=_FAST if os.access(_FAST, os.W_OK) else None
    ) as made:
        yield Path(made)


@pytest.fixture
def run(folder: Path) -> Iterator[Simulate]:
    """Give `simulate` with a folder that is emptied after each run, and without its logs."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)

    def run(seed: int, parts: Parts = REAL, scenario: Scenario = RANDOM) -> Outcome:
        disks = folder / str(seed)
        disks.mkdir()
        try:
            return simulate(seed, disks, parts=parts, scenario=scenario)
        finally:
            shutil.rmtree(disks)
            gc.collect(1)

    yield run
    logging.disable(logging.NOTSET)
    structlog.configure(**before)
