"""What Prometheus reads at /metrics, rendered from memory: a scrape waits for nothing.

Labels name sites, devices and code words of the contract: nothing of a customer, nothing of
one session. Sessions and seconds are those of the database, so that a restart resets none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from mqtt_schemas.codec import Fault
from mqtt_schemas.topics import Address
from orchestrator import (
    alarm_metrics,
    coverage_metrics,
    device_metrics,
    feed_metrics,
    last_backup,
    usage_metrics,
)
from orchestrator.domain.alarms import Alarm
from orchestrator.domain.devices import Device
from orchestrator.domain.silence import Reason
from orchestrator.feeds import FeedState
from orchestrator.ingest import FOREIGN, Ingest
from orchestrator.metric_families import Family, Sheet, Type
from orchestrator.store.counters import CLOSED, COMMITS, EVENTS, REFUSED, Counted
from orchestrator.store.database import Database
from orchestrator.twins import Twins

#: What may become of an event.
RESULTS = ("accepted", "set_aside", "duplicate", "gap", "fork", "loss", "dropped")

_SERVICE = (
    Family("laitevuoro_build_info", Type.INFO, ("version",), "The orchestrator's version."),
    Family(
        "laitevuoro_broker_connected",
        Type.GAUGE,
        (),
        "1 while there is a connection to the broker.",
    ),
    Family(
        "laitevuoro_other_orchestrators",
        Type.GAUGE,
        (),
        "Other orchestrators heard at this broker that serve a site of ours: there must be none.",
    ),
    Family("laitevuoro_database_healthy", Type.GAUGE, (), "1 while commits succeed."),
    Family(
        "laitevuoro_backup_timestamp_seconds",
        Type.GAUGE,
        (),
        "When the last backup was made and verified, in seconds since 1970; 0 before the first.",
    ),
    Family(
        "laitevuoro_commit_duration_seconds",
        Type.HISTOGRAM,
        (),
        "How long the disk took to sync a transaction.",
    ),
    Family(
        "laitevuoro_commit_failures_total",
        Type.COUNTER,
        (),
        "Commits that failed: nothing was kept and nothing acknowledged.",
    ),
    Family(
        "laitevuoro_backlog_messages",
        Type.GAUGE,
        (),
        "Messages with events that wait for the database.",
    ),
    Family(
        "laitevuoro_events_total",
        Type.COUNTER,
        ("site", "device", "result"),
        "Events by what became of them; loss: those that a device no longer had.",
    ),
    Family(
        "laitevuoro_closed_sessions_total",
        Type.COUNTER,
        ("site", "device", "reason"),
        "Sessions that the orchestrator closed at their last checkpoint, since no device did.",
    ),
    Family(
        "laitevuoro_refused_payloads_total",
        Type.COUNTER,
        ("site", "device", "fault"),
        "Payloads that were no message; site and device are empty where it is none of ours.",
    ),
    Family(
        "laitevuoro_plan_conflicts_total",
        Type.COUNTER,
        (),
        "Devices found with a plan that the orchestrator can't have given, since the start.",
    ),
)

FAMILIES = (
    *_SERVICE,
    *device_metrics.FAMILIES,
    *alarm_metrics.FAMILIES,
    *feed_metrics.FAMILIES,
    *coverage_metrics.FAMILIES,
    *usage_metrics.FAMILIES,
)


@dataclass(frozen=True, slots=True)
class Service:
    """What the process's other parts tell when they are asked, from any thread."""

    version: str
    broker_connected: Callable[[], bool]
    other_orchestrators: Callable[[], int]
    plan_conflicts: Callable[[], int]
    observed_today: Callable[[], Mapping[Address, float]]
    alarms: Callable[[], tuple[Alarm, ...]]
    feeds: Callable[[], Iterable[FeedState]] = tuple


class Metrics(Collector):
    """The collector, and its registry for whoever serves it."""

    def __init__(
        self,
        *,
        devices: Mapping[Address, Device],
        twins: Twins,
        ingest: Ingest,
        database: Database,
        wall_ms: Callable[[], int],
        monotonic: Callable[[], float],
        service: Service,
        target_groups: Collection[str] = (),
    ) -> None:
        self._devices = devices
        self._twins = twins
        self._ingest = ingest
        self._database = database
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._asked = service
        self._target_groups = target_groups
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the body and content type for an Accept header, made beside the event loop."""
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self.registry), content_type

    def describe(self) -> list[Metric]:
        """Return the families without samples: registering asks before there is anything."""
        return Sheet(FAMILIES).metrics()

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now. May run in any thread: it copies, then looks."""
        now = device_metrics.Moment(self._wall_ms(), self._monotonic())
        yield from self._service()
        yield from device_metrics.device_metrics(self._devices, self._twins.all(), now)
        yield from alarm_metrics.alarm_metrics(self._asked.alarms())
        yield from feed_metrics.feed_metrics(self._asked.feeds())
        yield from coverage_metrics.coverage_metrics(self._asked.observed_today())
        totals = list(self._ingest.totals.items())
        yield from usage_metrics.usage_metrics(self._devices, totals, self._target_groups)

    def _service(self) -> list[Metric]:
        sheet = Sheet(_SERVICE)
        sheet.tell("laitevuoro_build_info", (self._asked.version,))
        sheet.put("laitevuoro_broker_connected", (), self._asked.broker_connected())
        sheet.put("laitevuoro_other_orchestrators", (), self._asked.other_orchestrators())
        sheet.put("laitevuoro_plan_conflicts_total", (), self._asked.plan_conflicts())
        sheet.put("laitevuoro_database_healthy", (), self._database.healthy)
        backed_up = last_backup.read(self._database.path.parent)
        seconds = backed_up.timestamp() if backed_up else 0
        sheet.put("laitevuoro_backup_timestamp_seconds", (), seconds)
        sheet.put("laitevuoro_backlog_messages", (), self._ingest.backlog)
        latencies = self._database.latencies
        sheet.spread(
            "laitevuoro_commit_duration_seconds", latencies.cumulative(), latencies.total_seconds
        )
        self._put_counts(sheet)
        return sheet.metrics()

    def _put_counts(self, sheet: Sheet) -> None:
        counts = self._zeros() | dict(self._ingest.counts)
        names = {
            EVENTS: "laitevuoro_events_total",
            REFUSED: "laitevuoro_refused_payloads_total",
            CLOSED: "laitevuoro_closed_sessions_total",
        }
        for counted, number in counts.items():
            if counted.what == COMMITS:
                sheet.put("laitevuoro_commit_failures_total", (), number)
            else:
                labels = (counted.site, counted.device, counted.result)
                sheet.put(names[counted.what], labels, number)

    def _zeros(self) -> dict[Counted, int]:
        """Return what exists from the start, so that the first one is an increase from 0."""
        zeros = {Counted(COMMITS, "failed"): 0}
        zeros |= {Counted(REFUSED, str(fault)): 0 for fault in (*Fault, FOREIGN)}
        of_each = [(EVENTS, result) for result in RESULTS]
        of_each += [(CLOSED, str(reason)) for reason in Reason]
        return zeros | {
            Counted(what, result, address.site, address.device): 0
            for address in self._devices
            for what, result in of_each
        }
