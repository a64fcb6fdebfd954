"""What demo and rehearsal read and book over HTTP: the same that any other program may."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from orchestrator.booked_turn import BookedTurn
from orchestrator.children import RunFailed

#: Seconds. It answers in milliseconds; a busy machine gets its time.
ANSWER_WITHIN = 10.0
T = TypeVar("T")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Turn(_Answer):
    """A turn in hand, or the next one."""

    phase: str | None = None
    starts_at: datetime
    ends_at: datetime


class DeviceNow(_Answer):
    """One device of `/api/v1/devices`."""

    device: str
    name: str
    link: str
    device_link: str | None = None
    state: str | None
    turn: Turn | None = None
    next_turn: Turn | None = None
    seconds_left: float | None = None
    sessions_today: int = 0
    active_seconds_today: float = 0.0


class DeviceTotals(_Answer):
    """One device of `/api/v1/totals`. Only counted use."""

    sessions: int = 0
    active_seconds: float = 0.0
    idle_seconds: float = 0.0
    ended_by_turn: int = 0


class EventTotals(_Answer):
    """What became of all that came in."""

    accepted: int
    duplicates: int
    set_aside: int
    rejected: int


class Totals(_Answer):
    """`/api/v1/totals`."""

    devices: dict[str, DeviceTotals]
    events: EventTotals

    def of(self, site: str, device: str) -> DeviceTotals:
        """Return one device's totals; zeros where nothing was counted yet."""
        return self.devices.get(f"{site}/{device}", DeviceTotals())


_DEVICES: TypeAdapter[list[DeviceNow]] = TypeAdapter(list[DeviceNow])
_TOTALS: TypeAdapter[Totals] = TypeAdapter(Totals)


class Reader:
    """Reads a running orchestrator. Raises RunFailed where it can't."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.AsyncClient(base_url=self.url, timeout=ANSWER_WITHIN, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    @property
    def metrics_url(self) -> str:
        """Where Prometheus reads."""
        return f"{self.url}/metrics"

    async def devices(self) -> list[DeviceNow]:
        """Return all devices as they are now."""
        return await self._get("/api/v1/devices", _DEVICES)

    async def totals(self) -> Totals:
        """Return what was counted so far."""
        return await self._get("/api/v1/totals", _TOTALS)

    async def both(self) -> tuple[list[DeviceNow], Totals]:
        """Return both, read one after the other."""
        return await self.devices(), await self.totals()

    async def metric(self, name: str) -> dict[str, float]:
        """Return a metric's values by the label `device`."""
        text = (await self._answer("/metrics")).text
        line = re.compile(
            rf'^{re.escape(name)}\{{[^}}]*device="([^"]+)"[^}}]*\}} (\S+)$', re.MULTILINE
        )
        return {device: float(value) for device, value in line.findall(text)}

    async def _get(self, path: str, shape: TypeAdapter[T]) -> T:
        answer = await self._answer(path)
        try:
            return shape.validate_json(answer.content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise RunFailed(
                f"{path}: the answer is not understood: {where}: {first['msg']}."
            ) from None

    async def _answer(self, path: str) -> httpx.Response:
        try:
            answer = await self._client.get(path)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise RunFailed(f"The orchestrator does not answer: {path}: {error!r}.") from None
        return answer


async def book(socket: Path, turns: Sequence[BookedTurn]) -> None:
    """Book turns, as the command `laitevuoro booking add` does. Raises RunFailed."""
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://admin", timeout=ANSWER_WITHIN
    ) as client:
        # Side by side: each is answered only when its device has heard of it.
        await asyncio.gather(*(_book(client, turn) for turn in turns))


async def _book(client: httpx.AsyncClient, turn: BookedTurn) -> None:
    asked = {
        "device": turn.device,
        "starts_at": turn.starts_at.isoformat(),
        "ends_at": turn.ends_at.isoformat(),
        "target_group": turn.group,
        "party_size": turn.party,
    }
    try:
        answer = await client.post("/api/v1/bookings", json=asked)
    except httpx.HTTPError as error:
        raise RunFailed(f"The orchestrator takes no bookings: {error!r}.") from None
    if answer.is_error:
        raise RunFailed(f"A booking was refused: {answer.text}")
