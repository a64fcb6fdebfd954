"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from tests.e2e.brokers import broker
from tests.e2e.octoprint import octoprint, octoprint_program, octoprint_server

__all__ = ["broker", "octoprint", "octoprint_program", "octoprint_server"]
