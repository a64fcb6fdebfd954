"""Parts of the machine that a test needs: a program, a right, a service."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

Part = TypeVar("Part")


def require(part: Part | None, reason: str) -> Part:
    """Return the part, if it is there; else skip the test with the reason.

    With CI set a missing part fails the test instead: what `tools/system-packages` and the
    locks install is there, or something is broken. For what a CI machine may well lack
    (a right to mount, say), call pytest.skip.

        mosquitto = require(shutil.which("mosquitto"), "mosquitto is not installed")
    """
    if part:
        return part
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must have it", pytrace=False)
    pytest.skip(reason)
