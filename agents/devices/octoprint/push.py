"""OctoPrint's push socket: events of prints within milliseconds, where a poll may miss them.

It only adds: the poll stays the truth for liveness and rights. A socket whose key was revoked
goes on streaming, and one may be half open for a while.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable

import websocket
from pydantic import BaseModel, ValidationError

from agents.devices.octoprint.client import OctoPrintError, Session, Unclear
from agents.devices.octoprint.payloads import (
    HISTORY,
    Happening,
    PrintEvent,
    Stale,
    Unreadable,
    pushed,
)

log = logging.getLogger(__name__)

#: (boot time in ms, the event, or None where only a look is due). Called in the socket's thread.
Deliver = Callable[[int, PrintEvent | None], None]

#: Seconds between two tries, from … to.
BACKOFF = (1.0, 30.0)
#: Seconds for the connection and its handshake.
CONNECT_LIMIT = 3.0
#: Seconds of silence after which a ping is sent, and again, after which the socket is given up.
SILENCE = 15.0

# Without a subscription to its state, OctoPrint keeps every line of its serial log for us,
# without end. So we take the state, without the log, every 5 s (10 × 0.5 s), and ignore it.
_SUBSCRIPTION = {
    "state": {"logs": False, "messages": False},
    "events": [*(happening.value for happening in Happening), "PrinterStateChanged"],
    "plugins": False,
}
_THROTTLE = 10


class _Login(BaseModel):
    name: str
    session: str


class PushSocket:
    """Listens in a thread of its own and reconnects for ever.

    session: for logging in; not to be shared with another thread. boot_ms: stamps the events.
    """

    def __init__(self, *, url: str, session: Session, boot_ms: Callable[[], int]) -> None:
        self._url = url
        self._session = session
        self._boot_ms = boot_ms
        self._socket: websocket.WebSocket | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        #: Whether events come in.
        self.connected = False

    def start(self, deliver: Deliver) -> None:
        """Begin to listen."""
        self._thread = threading.Thread(
            target=self._run, args=(deliver,), name="octoprint-push", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening, and wait for the thread; a login under way takes up to 5 s."""
        self._stopping.set()
        if self._socket is not None:
            self._socket.abort()  # type: ignore[no-untyped-call]  # it has no annotations
        if self._thread is not None:
            self._thread.join(timeout=6)
        self._session.close()

    def _run(self, deliver: Deliver) -> None:
        first, longest = BACKOFF
        wait = first
        while not self._stopping.is_set():
            reason = self._listen(deliver)
            if self.connected:
                self.connected = False
                wait = first
                if not self._stopping.is_set():
                    log.info("the push socket of OctoPrint closed: %s", reason)
                    deliver(self._boot_ms(), None)
            self._stopping.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            wait = min(wait * 2, longest)

    def _listen(self, deliver: Deliver) -> str:
        """Listen on one connection until it ends. Return why it did, without any payload."""
        try:
            self._socket = self._open()
            try:
                self._receive(self._socket, deliver)
            finally:
                self._socket.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations
        except Stale:
            return "a new login is asked for"
        except (OctoPrintError, Unreadable) as error:
            return str(error)
        except (websocket.WebSocketException, OSError) as error:
            return type(error).__name__
        return "we are stopping"

    def _open(self) -> websocket.WebSocket:
        who = self._log_in()
        socket = websocket.create_connection(
            f"ws{self._url.removeprefix('http')}/sockjs/websocket",
            timeout=CONNECT_LIMIT,
            http_no_proxy=["*"],
        )
        socket.settimeout(SILENCE)
        for message in (
            {"auth": f"{who.name}:{who.session}"},
            {"throttle": _THROTTLE},
            {"subscribe": _SUBSCRIPTION},
        ):
            socket.send(json.dumps(message))
        return socket

    def _log_in(self) -> _Login:
        answer = self._session.post(f"{self._url}/api/login", json={"passive": True})
        try:
            return _Login.model_validate_json(answer.content)
        except ValidationError:
            raise Unclear("/api/login: no name or no session in the answer") from None

    def _receive(self, socket: websocket.WebSocket, deliver: Deliver) -> None:
        pinged = False
        while not self._stopping.is_set():
            try:
                opcode, data = socket.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                if pinged:
                    raise
                socket.ping()
                pinged = True
                continue
            pinged = False
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._take(pushed(data), deliver)

    def _take(self, told: PrintEvent | str | None, deliver: Deliver) -> None:
        if told is None:
            return
        if told == HISTORY and not self.connected:
            self.connected = True
            log.info("the push socket of OctoPrint is open")
        deliver(self._boot_ms(), told if isinstance(told, PrintEvent) else None)
