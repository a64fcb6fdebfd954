"""Where the command line asks: the running orchestrator, or its services when it rests.

Both are the same HTTP application: over its Unix socket, or in this very process.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from orchestrator.config import Configuration
from orchestrator.places import ADMIN_SOCKET, DATABASE
from orchestrator.web.models import Refusal

#: Seconds. A change waits up to 3 s for the device's word (dispatch.Dispatch.deliver).
ANSWER_WITHIN = 20.0

T = TypeVar("T")
#: What may stand between the slashes of a path; every id is of these (mqtt_schemas.base).
_PART = re.compile(r"[A-Za-z0-9._-]{1,81}")


class Refused(Exception):
    """What was asked was not done. The text is one sentence."""


class Counter:
    """Asks the admin application. Every call raises Refused where it says no."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    def ask(
        self,
        method: str,
        path: tuple[str, ...],
        shape: type[T] | TypeAdapter[T],
        *,
        body: BaseModel | bytes | None = None,
        params: Mapping[str, str | Sequence[str]] | None = None,
        within: float = ANSWER_WITHIN,
    ) -> T:
        """Return the answer of `/api/v1/{path}`, read as `shape`. Raises Refused.

        body: a model, or a file as it is.
        """
        for part in path:
            if not _PART.fullmatch(part):
                raise Refused(f"There is nothing called {part!r}.")
        adapter = shape if isinstance(shape, TypeAdapter) else TypeAdapter(shape)
        answer = asyncio.run(self._send(method, "/".join(path), body, params, within))
        try:
            if answer.is_success:
                return adapter.validate_json(answer.content)
            raise Refused(Refusal.model_validate_json(answer.content).error)
        except ValidationError:
            raise Refused(
                "The orchestrator's answer is not understood: is it of another version?"
            ) from None

    async def _send(
        self,
        method: str,
        path: str,
        body: BaseModel | bytes | None,
        params: Mapping[str, str | Sequence[str]] | None,
        within: float,
    ) -> httpx.Response:
        headers = {"Content-Type": "application/json"} if isinstance(body, BaseModel) else {}
        content = body.model_dump_json(exclude_unset=True) if isinstance(body, BaseModel) else body
        url = f"http://orchestrator/api/v1/{path}"
        async with httpx.AsyncClient(transport=self._transport, timeout=within) as client:
            try:
                return await client.request(
                    method, url, content=content, params=params, headers=headers
                )
            except httpx.HTTPError as error:
                raise Refused(f"The orchestrator does not answer: {error}.") from None


@contextmanager
def counter_of(config: Configuration) -> Iterator[Counter]:
    """Give whoever takes commands now. Raises Refused."""
    state_dir = config.orchestrator.state_dir
    if _listens(state_dir / ADMIN_SOCKET):
        yield Counter(httpx.AsyncHTTPTransport(uds=str(state_dir / ADMIN_SOCKET)))
        return
    if not (state_dir / DATABASE).exists():
        raise Refused(f"There is no orchestrator in {state_dir} yet: start it once.")
    # Most of the time an orchestrator runs; then nobody waits for all of it to be imported.
    from orchestrator.own_counter import InUse, Unusable, own_transport  # noqa: PLC0415 - as said

    try:
        with own_transport(config, state_dir / DATABASE) as transport:
            yield Counter(transport)
    except InUse:
        raise Refused("The orchestrator is starting or stopping; try again in a moment.") from None
    except Unusable as error:
        raise Refused(str(error)) from None


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except PermissionError:
            raise Refused(f"You may not open {path}: ask to be let into its group.") from None
        except OSError:
            return False
        return True
