"""Metrics of use as it was counted, from the totals of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product

from prometheus_client.core import Metric

from mqtt_schemas.base import COUNTED, Basis, Outcome
from mqtt_schemas.topics import Address
from orchestrator.domain.devices import ATTENDED, Device
from orchestrator.domain.sessions import Source
from orchestrator.domain.usage import NOT_TOLD, Amounts, Cell
from orchestrator.metric_families import Family, Sheet, Type

_KIND = ("site", "device", "kind", "source")
_GROUP = (*_KIND, "target_group")
#: The label of a target group that nobody told.
UNKNOWN = "unknown"

FAMILIES = (
    Family(
        "laitevuoro_sessions_total",
        Type.COUNTER,
        _GROUP,
        "Counted sessions, by target group. Sessions are not people.",
    ),
    Family(
        "laitevuoro_session_outcomes_total",
        Type.COUNTER,
        (*_KIND, "outcome"),
        "Counted sessions, by why they ended.",
    ),
    Family(
        "laitevuoro_session_active_seconds_total",
        Type.COUNTER,
        _GROUP,
        "Time in which somebody was doing something, in counted sessions.",
    ),
    Family(
        "laitevuoro_session_idle_seconds_total",
        Type.COUNTER,
        _GROUP,
        "Time in which nobody was doing anything, in counted sessions.",
    ),
    Family(
        "laitevuoro_session_unobserved_seconds_total",
        Type.COUNTER,
        _GROUP,
        "Time within counted sessions that nobody saw; in neither of the other two.",
    ),
    Family(
        "laitevuoro_session_overrun_seconds_total",
        Type.COUNTER,
        _KIND,
        "Time past the end of the turn, in counted sessions; also in active or idle.",
    ),
    Family(
        "laitevuoro_session_people_total",
        Type.COUNTER,
        _GROUP,
        "Party sizes of counted sessions, where they were told.",
    ),
    Family(
        "laitevuoro_session_category_seconds_total",
        Type.COUNTER,
        (*_KIND, "category"),
        "Active time of counted sessions, by category of software.",
    ),
    Family(
        "laitevuoro_session_figure_total",
        Type.COUNTER,
        (*_KIND, "figure"),
        "The device's own figures of counted sessions, in the unit that their name ends with.",
    ),
    Family(
        "laitevuoro_withdrawn_sessions_total",
        Type.COUNTER,
        _GROUP,
        "Sessions counted above and corrected since: to be taken away from them.",
    ),
    Family(
        "laitevuoro_withdrawn_active_seconds_total",
        Type.COUNTER,
        _GROUP,
        "Active time counted above and corrected since: to be taken away from it.",
    ),
    Family(
        "laitevuoro_uncounted_sessions_total",
        Type.COUNTER,
        (*_KIND, "basis"),
        "Sessions outside any right to use the device: seen, but not use.",
    ),
    Family(
        "laitevuoro_uncounted_seconds_total",
        Type.COUNTER,
        (*_KIND, "basis"),
        "Active and idle time of those.",
    ),
)

_Sums = Counter[tuple[str, tuple[str, ...]]]


def usage_metrics(
    devices: Mapping[Address, Device],
    totals: Iterable[tuple[Cell, Amounts]],
    target_groups: Iterable[str] = (),
) -> list[Metric]:
    """Return the families, filled. Devices that are no longer configured are left out."""
    kinds = {
        (device.address.site, device.address.device): device.kind for device in devices.values()
    }
    sums = _zeros(kinds, (UNKNOWN, *target_groups))
    for cell, amounts in totals:
        kind = kinds.get((cell.site, cell.device))
        if kind is not None:
            _add(sums, (cell.site, cell.device, kind, cell.source.value), cell, amounts)
    sheet = Sheet(FAMILIES)
    for (name, labels), value in sums.items():
        sheet.put(name, labels, value / 1000 if "_seconds_" in name else value)
    return sheet.metrics()


def _zeros(kinds: Mapping[tuple[str, str], str], groups: Iterable[str]) -> _Sums:
    """Return what exists from the start, so that the first use is an increase from 0."""
    each = {
        "target_group": tuple(groups),
        "outcome": tuple(outcome.value for outcome in Outcome),
        "basis": tuple(basis.value for basis in Basis if basis not in COUNTED),
    }
    sums: _Sums = Counter()
    for family, (address, kind) in product(FAMILIES, kinds.items()):
        source = Source.STAFF if kind == ATTENDED else Source.OBSERVED
        last, device = family.labels[-1], (*address, kind, source.value)
        for value in each.get(last, ()):
            sums[family.name, (*device, value)] = 0
        if family.labels == _KIND:
            sums[family.name, device] = 0
    return sums


def _add(sums: _Sums, device: tuple[str, str, str, str], cell: Cell, amounts: Amounts) -> None:
    group = (*device, UNKNOWN if cell.target_group == NOT_TOLD else cell.target_group)
    if cell.basis not in COUNTED:
        _add_uncounted(sums, (*device, cell.basis.value), cell, amounts)
    elif cell.withdrawn:
        sums["laitevuoro_withdrawn_sessions_total", group] += amounts.sessions
        sums["laitevuoro_withdrawn_active_seconds_total", group] += amounts.active_ms
    else:
        sums["laitevuoro_sessions_total", group] += amounts.sessions
        sums["laitevuoro_session_active_seconds_total", group] += amounts.active_ms
        sums["laitevuoro_session_idle_seconds_total", group] += amounts.idle_ms
        sums["laitevuoro_session_unobserved_seconds_total", group] += amounts.unobserved_ms
        sums["laitevuoro_session_people_total", group] += amounts.people
        sums["laitevuoro_session_overrun_seconds_total", device] += amounts.overrun_ms
        outcome = (*device, cell.outcome.value)
        sums["laitevuoro_session_outcomes_total", outcome] += amounts.sessions
        _add_parts(sums, device, amounts)


def _add_parts(sums: _Sums, device: tuple[str, str, str, str], amounts: Amounts) -> None:
    names = {
        "category": "laitevuoro_session_category_seconds_total",
        "figure": "laitevuoro_session_figure_total",
    }
    for (part, name), amount in list(amounts.parts.items()):
        sums[names[part], (*device, name)] += amount


def _add_uncounted(sums: _Sums, labels: tuple[str, ...], cell: Cell, amounts: Amounts) -> None:
    if not cell.withdrawn:
        sums["laitevuoro_uncounted_sessions_total", labels] += amounts.sessions
        spent = amounts.active_ms + amounts.idle_ms
        sums["laitevuoro_uncounted_seconds_total", labels] += spent
