"""The push socket's rules; the socket itself runs against a real OctoPrint in the e2e tests."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import cast

import pytest
import websocket

from agents.devices.octoprint import push
from agents.devices.octoprint.client import Session
from agents.devices.octoprint.payloads import Happening, PrintEvent, Stale
from agents.devices.octoprint.push import PushSocket
from tests.agents.devices.octoprint.answers import answer

TEXT = websocket.ABNF.OPCODE_TEXT
Frame = tuple[int, bytes] | Exception
SILENT = websocket.WebSocketTimeoutException()


class FakeSocket:
    """Gives frames out of a list, then closes."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = list(frames)
        self.pings = 0

    def recv_data(self, *, control_frame: bool) -> tuple[int, bytes]:
        """Give the next frame."""
        assert control_frame
        frame = self.frames.pop(0) if self.frames else (websocket.ABNF.OPCODE_CLOSE, b"")
        if isinstance(frame, Exception):
            raise frame
        return frame

    def ping(self) -> None:
        """Count it."""
        self.pings += 1


def text(name: str) -> Frame:
    """Return a recorded message as a frame."""
    return TEXT, json.dumps(answer(name)).encode()


def receive(*frames: Frame) -> tuple[PushSocket, FakeSocket, list[tuple[int, PrintEvent | None]]]:
    """Let a push socket receive frames; return it, the socket and what it delivered."""
    session = Session(lambda: "0123456789abcdef")
    listening = PushSocket(url="http://127.0.0.1:9", session=session, boot_ms=lambda: 7)
    told: list[tuple[int, PrintEvent | None]] = []
    socket = FakeSocket(frames)
    as_real = cast("websocket.WebSocket", socket)
    listening._receive(as_real, lambda at_ms, event: told.append((at_ms, event)))
    return listening, socket, told


def test_it_counts_as_open_from_the_first_message_after_subscribing() -> None:
    """Then a look is due, because events may have been missed before."""
    before, _, told = receive(text("push_current"))
    assert (before.connected, told) == (False, [])
    after, _, told = receive(text("push_history"))
    assert (after.connected, told) == (True, [(7, None)])


def test_an_event_of_a_print_is_delivered_with_the_time_it_came() -> None:
    """Any other event only makes a look due."""
    _, _, told = receive(text("push_print_done"), text("push_printer_state_changed"))
    (at_ms, done), other = told
    assert at_ms == 7
    assert done is not None
    assert done.happening is Happening.DONE
    assert other == (7, None)


def test_silence_is_answered_by_one_ping_and_more_silence_is_the_end() -> None:
    """A half-open connection says nothing for ever."""
    _, socket, _ = receive(SILENT, (websocket.ABNF.OPCODE_PONG, b""), SILENT, text("push_current"))
    assert socket.pings == 2
    with pytest.raises(websocket.WebSocketTimeoutException):
        receive(SILENT, SILENT)


def test_a_stale_login_ends_the_connection() -> None:
    """The next one logs in anew."""
    with pytest.raises(Stale):
        receive((TEXT, b'{"reauthRequired": {"reason": "stale"}}'))


def test_it_tries_for_ever_and_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address: each try fails, and stopping waits for none."""
    monkeypatch.setattr(push, "BACKOFF", (0.01, 0.02))
    tries = 0

    def key() -> str:
        nonlocal tries
        tries += 1
        raise ValueError("no key")

    listening = PushSocket(url="http://127.0.0.1:9", session=Session(key), boot_ms=lambda: 0)
    listening.start(lambda *_: None)
    deadline = time.monotonic() + 5
    while tries < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    listening.stop()
    assert not listening.connected
