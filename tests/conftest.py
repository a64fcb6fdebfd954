"""What every test may use."""

from __future__ import annotations

import signal

from hypothesis import settings

# A time limit's SIGTERM ends the tests as Ctrl-C does: servers and containers are stopped.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# Two shared cores: how long an example takes says nothing. With CI set, hypothesis
# takes its own profile "ci" instead: the same examples in every run.
settings.register_profile("default", deadline=None)
# `make proof`
settings.register_profile("proof", deadline=None, max_examples=1_000)
