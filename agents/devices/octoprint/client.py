"""OctoPrint's HTTP API, through OctoRest: bounded in time, with errors that have names.

OctoPrintError
├── Unreachable    no answer in time, or one that is not OctoPrint's
├── Unclear        an answer that we do not understand
├── KeyRefused     the API key is not (or no longer) good for it
└── NotPossible    OctoPrint refuses: the printer is off, or has nothing to cancel
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar, TypeVar

import octorest
import requests

from agents.devices.octoprint import payloads
from agents.devices.octoprint.payloads import Phase, Reading

T = TypeVar("T")

#: Seconds to connect, and between two bytes. OctoRest sets none.
TIMEOUT = (2, 3)
#: Seconds for everything that one call does.
CALL_LIMIT = 4.5


class OctoPrintError(Exception):
    """OctoPrint did not do what was asked. `code` is the problem's code word."""

    code: ClassVar[str] = "octoprint_unreachable"


class Unreachable(OctoPrintError):
    """No answer in time, or one that is not OctoPrint's."""


class Unclear(OctoPrintError):
    """An answer that we do not understand."""

    code = "octoprint_unclear"


class KeyRefused(OctoPrintError):
    """The API key is not, or no longer, good for it."""

    code = "octoprint_key_refused"


class NotPossible(OctoPrintError):
    """OctoPrint can't do it as things stand (409): the printer is off, or there is no print."""

    code = "printer_not_ready"


class Session(requests.Session):
    """Carries the key, bounds every request in time, raises OctoPrintError for all but 2xx.

    key: reads the key; a ValueError of it counts as refused. It is read again once a key was
    refused, so that a new one needs no restart.
    """

    def __init__(self, key: Callable[[], str]) -> None:
        super().__init__()
        self.trust_env = False  # no proxy for the machine beside us, and nobody's .netrc
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # the key is all we need
        self._read_key = key
        self._key: str | None = None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - as in requests
        """Send a request. Raises OctoPrintError."""
        request.headers["X-Api-Key"] = self._good_key()
        kwargs |= {"timeout": TIMEOUT, "allow_redirects": False, "stream": False}
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as error:
            raise Unreachable(type(error).__name__) from None
        status = response.status_code
        if status in (401, 403):
            self._key = None
            raise KeyRefused(f"OctoPrint answered {status}")
        if status == 409:
            raise NotPossible(f"OctoPrint answered {status}")
        if not 200 <= status < 300:
            raise Unreachable(f"OctoPrint answered {status}")
        return response

    def _good_key(self) -> str:
        if self._key is None:
            try:
                self._key = self._read_key()
            except ValueError as error:
                raise KeyRefused(str(error)) from None
        return self._key


class Client:
    """What the device asks of OctoPrint. One thread, so one request at a time."""

    def __init__(self, *, url: str, session: Session) -> None:
        self._session = session
        self._octorest = octorest.OctoRest(url=url, session=session)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="octoprint")

    async def look(self) -> Reading:
        """Return what the printer is doing. Raises OctoPrintError."""
        return await self._call(self._look)

    async def cancel(self) -> None:
        """Ask to cancel the print; it is not cancelled yet. Raises OctoPrintError."""
        await self._call(self._octorest.cancel)

    async def pause(self) -> None:
        """Ask to pause the print; it is not paused yet. Raises OctoPrintError."""
        await self._call(self._octorest.pause)

    async def show(self, line: str) -> None:
        """Show a line, in ASCII, on the printer's display (M117). Raises OctoPrintError."""
        await self._call(lambda: self._octorest.gcode(f"M117 {line}"))

    def close(self) -> None:
        """Let go of the connection. A request under way ends by its own time-out."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _look(self) -> Reading:
        # One answer holds the state, the job and its progress as they were at one moment;
        # the second one, a moment later, gives only the temperatures.
        reading = payloads.job(self._octorest.job_info())
        if reading.phase in (Phase.OFF, Phase.ERROR):
            return reading
        try:
            answer = self._octorest.printer(exclude=["sd", "state"])
        except NotPossible:
            return reading
        return replace(reading, temperatures=payloads.temperatures(answer))

    async def _call(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CALL_LIMIT):
                return await loop.run_in_executor(self._worker, work)
        except TimeoutError:
            raise Unreachable(f"no answer within {CALL_LIMIT} s") from None
        except payloads.Unreadable as error:
            raise Unclear(str(error)) from None
        except requests.exceptions.JSONDecodeError:
            # While it starts, OctoPrint's port answers with a page for people.
            raise Unreachable("the answer is not JSON") from None
