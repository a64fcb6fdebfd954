"""Files over HTTP, from servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import gzip
import logging

import httpx
import pytest

from orchestrator.calendars.model import MAX_SIZE
from orchestrator.fetch import FetchFailed, Version, fetch
from tests.orchestrator.feed_server import answer, ok, serving, with_etag

HUSH = "/private-0123456789/basic.ics?token=hush"


def direct() -> httpx.AsyncClient:
    """Return a client that uses no proxy, whatever this machine has."""
    return httpx.AsyncClient(trust_env=False)


async def test_a_file_comes_with_its_version() -> None:
    """And is not sent again to who has it."""
    async with serving() as server:
        server.answers["/feed"] = with_etag(b"BEGIN:VCALENDAR")
        first = await fetch(server.url(), client=direct)
        assert first.data == b"BEGIN:VCALENDAR"
        assert first.version == Version('"1"', "Wed, 25 Nov 2026 10:00:00 GMT")
        again = await fetch(server.url(), known=first.version, client=direct)
        assert (again.data, again.version) == (None, first.version)
        asked = server.requests[1].headers
        assert asked["if-modified-since"] == "Wed, 25 Nov 2026 10:00:00 GMT"
        assert asked["accept-encoding"] == "identity"


async def test_a_version_that_cant_be_sent_back_is_none() -> None:
    """RFC 9110 lets a tag hold any letters; the file is asked for as a whole then."""
    async with serving() as server:
        server.answers["/feed"] = ok(b"x", ETag='"ä"')
        first = await fetch(server.url(), client=direct)
        assert first.version == Version()
        assert (await fetch(server.url(), known=first.version, client=direct)).data == b"x"


async def test_it_follows_a_few_redirects() -> None:
    """Also to another path of the same server; not without end."""
    async with serving() as server:
        server.answers["/feed"] = answer("302 Found", Location="/there")
        server.answers["/there"] = ok(b"x")
        server.answers["/loop"] = answer("301 Moved Permanently", Location="/loop")
        assert (await fetch(server.url(), client=direct)).data == b"x"
        with pytest.raises(FetchFailed, match="It sends us on more than 5 times"):
            await fetch(server.url("/loop"), client=direct)
        assert len([each for each in server.requests if each.path == "/loop"]) == 6


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (answer("500 Internal Server Error", b"Example Person"), "It answers with HTTP status 500"),
        (answer("404 Not Found"), "It answers with HTTP status 404."),
        (answer("204 No Content"), "It answers with HTTP status 204."),
        # Nobody asked about a version.
        (answer("304 Not Modified"), "It answers with HTTP status 304."),
        (b"garbage\r\n\r\n", r"Its answer is broken \(RemoteProtocolError\)"),
        (b"", r"Its answer is broken \(RemoteProtocolError\)"),
        (ok(b"x" * 99)[:-50], r"Its answer is broken \(RemoteProtocolError\)"),
        (ok(b"x" * (MAX_SIZE + 1)), "It sends more than 10 MB."),
        (ok(gzip.compress(b"x"), Content_Encoding="gzip"), "It sends packed data"),
        (answer("302 Found", Location="file:///etc/passwd"), "It sends us on to where we do not"),
        (answer("302 Found", Location="http://x:y/"), r"Its answer is broken \(Rem"),
        (None, r"It does not answer within 0\.3 s\."),
    ],
)
async def test_what_is_no_answer_is_a_sentence(said: bytes | None, sentence: str) -> None:
    """Without the URL and without what was answered."""
    async with serving() as server:
        server.answers[HUSH] = said
        within = 0.3 if said is None else 20
        with pytest.raises(FetchFailed, match=sentence) as failure:
            await fetch(server.url(HUSH), client=direct, within=within)
        assert "hush" not in str(failure.value)
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__ or failure.value.__context__ is None


async def test_nobody_there_is_a_sentence() -> None:
    """Nor where TLS is asked of who speaks none."""
    async with serving() as server:
        closed = server.url(HUSH)

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        with pytest.raises(FetchFailed, match="it speaks no TLS"):
            await fetch(f"https://127.0.0.1:{port}{HUSH}", client=direct)
    with pytest.raises(FetchFailed, match="It can't be connected to"):
        await fetch(closed, client=direct)


@pytest.mark.parametrize(
    "url", ["", "ftp://x/", "file:///etc/passwd", "http://", "http://x:y/", "x"]
)
async def test_what_is_no_url_is_a_sentence(url: str) -> None:
    """Only the web is asked."""
    with pytest.raises(FetchFailed, match=r"Its URL"):
        await fetch(url, client=direct)


async def test_a_server_may_ask_to_be_left_alone() -> None:
    """For so many seconds, but at most a day."""
    async with serving() as server:
        for said, wait in (("120", 120), ("999999999", 86_400), ("Wed, 25 Nov", 0)):
            server.answers["/feed"] = answer("503 Service Unavailable", Retry_After=said)
            with pytest.raises(FetchFailed) as failure:
                await fetch(server.url(), client=direct)
            assert failure.value.wait == wait


async def test_no_log_holds_the_url(caplog: pytest.LogCaptureFixture) -> None:
    """As logs.configure sets the libraries' levels, at the most talkative of ours."""
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, logger=name)
    caplog.set_level(logging.DEBUG)
    async with serving() as server:
        server.answers[HUSH] = ok(b"x")
        await fetch(server.url(HUSH), client=direct)
    assert "hush" not in caplog.text
