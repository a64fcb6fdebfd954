"""The list of metrics for those who build dashboards and alerts, made from the families.

python -m orchestrator.metric_list > grafana/METRICS.md
"""

from __future__ import annotations

import sys

from orchestrator.metrics import FAMILIES

_INTRODUCTION = """\
# Metrics

What the orchestrator serves at `/metrics`. Made by `python -m orchestrator.metric_list`.

- Seconds are seconds; a figure's or a reading's own unit is the end of its name (`filament_mm`).
- Labels name sites, devices, target groups and code words of the contract: nothing of a
  customer, nothing of one session.
- Sessions, seconds and events are those of the database: a restart resets no counter, unless
  its help says "since the start".
- What counts is `laitevuoro_sessions_total` less `laitevuoro_withdrawn_sessions_total`: a
  correction is entered on the other side, since a counter may only grow. Reports take the
  difference.
- `source` is `observed` where an agent saw the use, `staff` where staff tells of it at a device
  that nothing observes: figures that mix the two say so.
- A target group that nobody told is `unknown`.
- The process's own memory, CPU and files are there as `process_*`, as in all Prometheus clients.

| name | type | labels | help |
|---|---|---|---|
"""


def text() -> str:
    """Return the whole page."""
    rows = [
        f"| `{family.name}` | {family.type} | {', '.join(family.labels)} | {family.help} |\n"
        for family in FAMILIES
    ]
    return _INTRODUCTION + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(text())
