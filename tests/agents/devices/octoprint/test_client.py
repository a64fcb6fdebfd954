"""OctoPrint's HTTP API: bounded in time, with errors that have names. Against real sockets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agents.devices.octoprint.client import (
    Client,
    KeyRefused,
    NotPossible,
    Session,
    Unclear,
    Unreachable,
)
from agents.devices.octoprint.payloads import Phase
from tests.agents.devices.octoprint.answers import answer

Reply = tuple[int, bytes]
KEY = "0123456789abcdef"


class Server(ThreadingHTTPServer):
    """Answers each path as told, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str, Reply | Callable[[], Reply]] = {}
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def _answer(self, body: object) -> None:
        self.server.asked.append((self.command, self.path, self.headers.get("X-Api-Key"), body))
        reply = self.server.replies[self.path.partition("?")[0]]
        status, content = reply() if callable(reply) else reply
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/login")
        self.send_header("Set-Cookie", "session=1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server that knows nothing yet."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,))
        thread.start()
        yield running
        running.released.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Give a client of the server."""
    made = Client(url=server.url, session=Session(lambda: KEY))
    yield made
    made.close()


def recorded(name: str, status: int = 200) -> Reply:
    """Return a recorded answer."""
    return status, json.dumps(answer(name)).encode()


async def test_a_look_asks_for_the_job_and_then_for_the_temperatures(
    server: Server, client: Client
) -> None:
    """With the key, and no more of the printer than is needed."""
    server.replies["/api/job"] = recorded("job_printing")
    server.replies["/api/printer"] = recorded("printer_printing")
    reading = await client.look()
    assert reading.phase is Phase.PRINTING
    assert reading.temperatures["bed_celsius"] == 21.3
    assert server.asked == [
        ("GET", "/api/job", KEY, None),
        ("GET", "/api/printer?exclude=sd%2Cstate", KEY, None),
    ]


async def test_a_printer_that_is_off_is_not_asked_for_temperatures(
    server: Server, client: Client
) -> None:
    """OctoPrint would answer 409."""
    server.replies["/api/job"] = recorded("job_offline")
    assert (await client.look()).phase is Phase.OFF


async def test_a_printer_that_goes_off_between_the_two_answers_is_no_failure(
    server: Server, client: Client
) -> None:
    """The next look shows it."""
    server.replies["/api/job"] = recorded("job_printing")
    server.replies["/api/printer"] = recorded("error_printer_not_operational", 409)
    reading = await client.look()
    assert reading.temperatures == {}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (recorded("error_key_refused", 403), KeyRefused),
        ((401, b""), KeyRefused),
        (recorded("error_printer_not_operational", 409), NotPossible),
        ((503, b"<html>OctoPrint is starting up</html>"), Unreachable),
        ((200, b"<html>OctoPrint is starting up</html>"), Unreachable),
        ((200, b""), Unreachable),
        ((302, b""), Unreachable),
        ((200, b"[]"), Unclear),
        ((200, b'{"state": "Printing"}'), Unclear),
    ],
)
async def test_each_way_to_fail_has_its_name(
    server: Server, client: Client, reply: Reply, error: type[Exception]
) -> None:
    """And no redirection is followed: the key is for OctoPrint alone."""
    server.replies["/api/job"] = reply
    with pytest.raises(error):
        await client.look()
    assert len(server.asked) == 1


async def test_a_server_that_says_nothing_is_given_up_in_time(
    server: Server, client: Client
) -> None:
    """OctoRest alone would wait for ever."""
    server.replies["/api/job"] = lambda: (server.released.wait(20), recorded("job_none"))[1]
    begun = time.monotonic()
    with pytest.raises(Unreachable):
        await client.look()
    assert time.monotonic() - begun < 4.0


async def test_nobody_at_the_address_is_out_of_reach(client: Client, server: Server) -> None:
    """A connection that is refused takes no time at all."""
    server.server_close()
    with pytest.raises(Unreachable):
        await client.look()


async def test_orders_are_octoprints_own(server: Server, client: Client) -> None:
    """As its documentation has them; each 204 only says that it was heard."""
    server.replies["/api/job"] = server.replies["/api/printer/command"] = (204, b"")
    await client.cancel()
    await client.pause()
    await client.show("Turn over")
    assert [(path, body) for _, path, _, body in server.asked] == [
        ("/api/job", {"command": "cancel"}),
        ("/api/job", {"command": "pause", "action": "pause"}),
        ("/api/printer/command", {"command": "M117 Turn over"}),
    ]


async def test_a_refused_key_is_read_anew(server: Server) -> None:
    """A new key in the file needs no restart; a key in use is not read again."""
    keys = iter(["first-key", "second-key"])
    client = Client(url=server.url, session=Session(lambda: next(keys)))
    server.replies["/api/job"] = (403, b"")
    with pytest.raises(KeyRefused):
        await client.look()
    server.replies["/api/job"] = recorded("job_offline")
    await client.look()
    await client.look()
    client.close()
    assert [key for _, _, key, _ in server.asked] == ["first-key", "second-key", "second-key"]


async def test_a_key_file_that_went_missing_is_a_refused_key(server: Server) -> None:
    """Nothing is asked without one."""

    def unreadable() -> str:
        raise ValueError("api_key_file: can't read it")

    client = Client(url=server.url, session=Session(unreadable))
    with pytest.raises(KeyRefused, match="can't read it"):
        await client.look()
    client.close()
    assert server.asked == []


def test_no_cookie_is_kept(server: Server) -> None:
    """A login session beside the key would bring OctoPrint's CSRF checks with it."""
    server.replies["/api/job"] = recorded("job_none")
    session = Session(lambda: KEY)
    session.get(f"{server.url}/api/job")
    assert len(session.cookies) == 0
    session.close()
