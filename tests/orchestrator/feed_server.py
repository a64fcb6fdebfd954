"""A real HTTP server on loopback that says what a test wants, well-behaved or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. headers: by lower-case names."""

    path: str
    headers: Mapping[str, str]


Answer = bytes | Callable[[Request], bytes] | None


@dataclass(slots=True)
class FeedServer:
    """Answers each path with its bytes; None: never. Keeps what was asked."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str = "/feed") -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


def ok(body: bytes, **headers: str) -> bytes:
    """Return a whole answer; `content_type` is the header Content-Type."""
    return answer("200 OK", body, **headers)


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer of any status."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def with_etag(body: bytes, etag: str = '"1"') -> Callable[[Request], bytes]:
    """Return what answers 304 to who has it already."""

    def reply(request: Request) -> bytes:
        if request.headers.get("if-none-match") == etag:
            return answer("304 Not Modified", ETag=etag)
        return ok(body, ETag=etag, Last_Modified="Wed, 25 Nov 2026 10:00:00 GMT")

    return reply


@asynccontextmanager
async def serving() -> AsyncIterator[FeedServer]:
    """Give a server, and end it."""
    server = FeedServer(port=0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines if line)
            request = Request(
                first.split(" ")[1], {name.lower(): value for name, value in headers.items()}
            )
            server.requests.append(request)
            found = server.answers.get(request.path, answer("404 Not Found"))
            if found is None:
                await reader.read()
            else:
                writer.write(found(request) if callable(found) else found)
                await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
