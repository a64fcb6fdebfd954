"""Where a broker listens."""

from __future__ import annotations

import pytest

from orchestrator.broker.listener import Listener


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 # that is the point
        ("::", False),
        ("192.0.2.1", False),
        ("broker.example", False),
    ],
)
def test_loopback_is_told_from_a_network(host: str, *, loopback: bool) -> None:
    """A name other than localhost may be anywhere, so it counts as a network."""
    assert Listener(host=host, port=1).on_loopback is loopback
