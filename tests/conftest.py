"""What every test may use."""

from __future__ import annotations

from hypothesis import settings

# Two shared cores: how long an example takes says nothing. With CI set, hypothesis
# takes its own profile "ci" instead: the same examples in every run.
settings.register_profile("default", deadline=None)
# `make proof`
settings.register_profile("proof", deadline=None, max_examples=1_000)
