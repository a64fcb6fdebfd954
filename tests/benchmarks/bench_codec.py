"""What the contract's checks cost beyond parsing and validating the JSON."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator

from mqtt_schemas.codec import decode
from mqtt_schemas.messages import Status
from tests.benchmarks.registry import Result, benchmark

TOPIC = "laitevuoro/v1/main/printer-1/up/status"
STATUS = b"""{"v":1,"connection":"0123456789abcdef0123456789abcdef","device_link":"connected",
"state":"in_use","turn":{"id":"b-4711","phase":"open"},"blocked":null,
"session":{"session":"s-1","turn":"b-4711","basis":"turn","at_ms":6000000,"active_ms":60000,
"idle_ms":500,"unobserved_ms":0},"readings":{"nozzle_celsius":214.8,"progress":0.42},
"plan":{"issuer":"library","revision":7,"digest":
"a3f1c2d4e5b60718293a4b5c6d7e8f90a3f1c2d4e5b60718293a4b5c6d7e8f90"},
"clock":{"wall":"2026-11-25T09:30:00.000Z","boot_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7",
"boot_ms":6000000,"offset_ms":-12,"offset_age_ms":1800000},
"outbox":{"log":"9b2d4f60-1c3e-4a5b-8c7d-0e1f2a3b4c5d","first_kept":1,"last":12,
"oldest_age_ms":null},"problems":[]}"""

RUNS = 15
CALLS = 2_000


def fastest(*functions: Callable[[], object]) -> list[float]:
    """Return seconds a call of each, the fastest of some runs that take turns.

    Turns, because the machine's speed changes meanwhile; the fastest, because nothing but
    disturbance makes a run slower.
    """
    best = [float("inf")] * len(functions)
    for _ in range(RUNS):
        for number, function in enumerate(functions):
            best[number] = min(best[number], timeit.timeit(function, number=CALLS) / CALLS)
    return best


@benchmark
def decode_status() -> Iterator[Result]:
    """Measure `codec.decode` of a status against pydantic alone on the same bytes."""
    ours, bare = fastest(lambda: decode(TOPIC, STATUS), lambda: Status.model_validate_json(STATUS))
    yield Result(
        name="decode a status: codec.decode against bare pydantic",
        value=ours * 1e6,
        unit="µs",
        limit=bare * 1e6,
        at_most=1.6,
    )
