"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from tests.e2e.brokers import broker

__all__ = ["broker"]
