"""grafana/METRICS.md, held against what is served."""

from __future__ import annotations

from pathlib import Path

from orchestrator.metric_list import text

PAGE = Path(__file__).parents[2] / "grafana" / "METRICS.md"


def test_the_page_lists_what_is_served() -> None:
    """Made anew by `python -m orchestrator.metric_list > grafana/METRICS.md`."""
    assert PAGE.read_text(encoding="utf-8") == text()
