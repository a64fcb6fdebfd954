"""Files of other systems over HTTP: bounded in size, time and redirects.

A feed's URL is a secret (whoever has it can read the calendar), so no sentence, exception or
log line of this module holds one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from mqtt_schemas import __version__
from orchestrator.calendars.model import MAX_SIZE

#: Seconds for all of an answer, redirects and body too.
WITHIN = 30.0
REDIRECTS = 5
#: Seconds: nobody is told to wait longer.
LONGEST_WAIT = 86_400

_SCHEMES = ("https", "http")


class FetchFailed(Exception):
    """There is no file. The text is a sentence about "it", with no URL in it.

    wait: seconds for which the server asks to be left alone.
    """

    def __init__(self, sentence: str, *, wait: int = 0) -> None:
        super().__init__(sentence)
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Version:
    """By what a server knows a file again (RFC 9110, section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file; data None: it is still of the version that was asked about."""

    data: bytes | None
    version: Version


Client = Callable[[], httpx.AsyncClient]


def client() -> httpx.AsyncClient:
    """Return an HTTP client by the machine's own proxy settings."""
    return httpx.AsyncClient(timeout=WITHIN)


async def fetch(
    url: str, *, known: Version | None = None, within: float = WITHIN, client: Client = client
) -> Fetched:
    """Return the file at a URL. Raises FetchFailed."""
    try:
        async with asyncio.timeout(within), client() as connection:
            return await _follow(connection, _address(url), known or Version())
    except (TimeoutError, httpx.TimeoutException):
        raise FetchFailed(f"It does not answer within {within:g} s.") from None
    except httpx.ConnectError as error:
        raise FetchFailed(_not_connected(error)) from None
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise FetchFailed(f"Its answer is broken ({type(error).__name__}).") from None


async def _follow(connection: httpx.AsyncClient, url: httpx.URL, known: Version) -> Fetched:
    for _ in range(REDIRECTS + 1):
        async with connection.stream("GET", url, headers=_headers(known)) as answer:
            if not answer.has_redirect_location:
                return await _take(answer, known)
            url = _next(answer)
    raise FetchFailed(f"It sends us on more than {REDIRECTS} times.")


async def _take(answer: httpx.Response, known: Version) -> Fetched:
    if answer.status_code == httpx.codes.NOT_MODIFIED and known != Version():
        return Fetched(None, known)
    if answer.status_code != httpx.codes.OK:
        said = answer.headers.get("retry-after", "")
        wait = min(int(said[:9]), LONGEST_WAIT) if said.isascii() and said.isdigit() else 0
        raise FetchFailed(f"It answers with HTTP status {answer.status_code}.", wait=wait)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        # Unpacking it is how a small answer becomes a large one.
        raise FetchFailed("It sends packed data that was not asked for.")
    parts, size = [], 0
    async for part in answer.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > MAX_SIZE:
            raise FetchFailed(f"It sends more than {MAX_SIZE // 1024 // 1024} MB.")
    version = Version(_sendable(answer, "etag"), _sendable(answer, "last-modified"))
    return Fetched(b"".join(parts), version)


def _sendable(answer: httpx.Response, name: str) -> str | None:
    """Return a header that can be sent back; httpx sends no other letters than ASCII's."""
    said: str = answer.headers.get(name, "")
    return said if said and said.isascii() else None


def _next(answer: httpx.Response) -> httpx.URL:
    """Return where an answer sends us, which httpx has found to be a URL. Raises FetchFailed."""
    url = answer.url.join(answer.headers["location"])
    if url.scheme not in _SCHEMES or (answer.url.scheme == "https" and url.scheme != "https"):
        raise FetchFailed("It sends us on to where we do not go: from https to something else.")
    return url


def _address(url: str) -> httpx.URL:
    """Return a URL that can be asked. Raises FetchFailed."""
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise FetchFailed("Its URL is none.") from None
    if found.scheme == "webcal":  # what calendars call their feeds
        found = found.copy_with(scheme="https")
    if found.scheme not in _SCHEMES or not found.host:
        raise FetchFailed("Its URL begins with neither https:// nor http://.")
    return found


def _headers(known: Version) -> dict[str, str]:
    headers = {
        "User-Agent": f"Laitevuoro/{__version__}",
        "Accept": "text/calendar, text/csv, application/json, */*;q=0.5",
        "Accept-Encoding": "identity",
    }
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


def _not_connected(error: httpx.ConnectError) -> str:
    reason: BaseException | None = error
    while reason is not None:
        if isinstance(reason, ssl.SSLError):
            return "Its certificate is not trusted, or it speaks no TLS."
        reason = reason.__cause__ or reason.__context__
    return "It can't be connected to."
