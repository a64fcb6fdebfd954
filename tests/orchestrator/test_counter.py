"""Where the command line books."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from orchestrator.config import Configuration
from orchestrator.counter import Counter, Refused, counter_of
from orchestrator.delivery import Delivery
from orchestrator.places import ADMIN_SOCKET, DATABASE
from orchestrator.store.database import Database
from orchestrator.web.models import BookingView, ChangeView, NewBooking, NewEnd
from tests.orchestrator.parts import configuration

SOON = datetime.now(UTC) + timedelta(hours=1)
NEW = NewBooking(
    device="printer-1",
    starts_at=SOON,
    ends_at=SOON + timedelta(hours=1),
    target_group="nuoret",
)


def add(counter: Counter) -> ChangeView:
    """Book a turn."""
    return counter.ask("POST", ("bookings",), ChangeView, body=NEW)


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    """Return the configuration of an orchestrator that has run before."""
    made = configuration(tmp_path)
    made.orchestrator.state_dir.mkdir()
    Database.open(made.orchestrator.state_dir / DATABASE).close()
    return made


def test_without_an_orchestrator_the_database_takes_the_booking(config: Configuration) -> None:
    """And says that the device is told later."""
    with counter_of(config) as counter:
        made = add(counter)
        assert made.delivery is Delivery.NOT_RUNNING
        span = {
            "ends_after": SOON.isoformat(),
            "starts_before": (SOON + timedelta(hours=1)).isoformat(),
        }
        assert counter.ask("GET", ("bookings",), list[BookingView], params=span) == [made.booking]
        one = ("bookings", made.booking.id)
        later = counter.ask("PATCH", one, ChangeView, body=NewEnd(more_seconds=60)).booking
        assert later.ends_at == made.booking.ends_at + timedelta(minutes=1)
        assert counter.ask("DELETE", one, ChangeView).booking.state == "cancelled"
        with pytest.raises(Refused, match="There is no booking 'x'"):
            counter.ask("DELETE", ("bookings", "x"), ChangeView)


def test_a_socket_that_was_left_behind_is_no_orchestrator(config: Configuration) -> None:
    """The file stays when a process is killed."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(config.orchestrator.state_dir / ADMIN_SOCKET))
    with counter_of(config) as counter:
        assert add(counter).delivery is Delivery.NOT_RUNNING


def test_a_database_that_another_process_has_is_said(config: Configuration) -> None:
    """An orchestrator that does not listen yet, or no longer."""
    database = Database.open(config.orchestrator.state_dir / DATABASE)
    try:
        with pytest.raises(Refused, match="starting or stopping"), counter_of(config):
            pass
    finally:
        database.close()


def test_a_database_is_never_made_here(tmp_path: Path) -> None:
    """It would belong to whoever gave the command, not to the service."""
    config = configuration(tmp_path)
    with pytest.raises(Refused, match="There is no orchestrator in"), counter_of(config):
        pass
    assert not config.orchestrator.state_dir.exists()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (httpx.Response(409, json={"error": "It is taken."}), "It is taken."),
        (httpx.Response(500, text="Internal Server Error"), "The orchestrator's answer is not"),
        (httpx.Response(200, json={"of": "another version"}), "The orchestrator's answer is not"),
    ],
)
def test_a_refusal_or_an_answer_that_is_none_is_one_sentence(
    answer: httpx.Response, sentence: str
) -> None:
    """Never a stack trace at the desk."""
    with pytest.raises(Refused) as refusal:
        add(Counter(httpx.MockTransport(lambda _: answer)))
    assert str(refusal.value).startswith(sentence)


def test_an_orchestrator_that_falls_silent_is_one_sentence() -> None:
    """The command does not wait for ever."""

    def silent(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("timed out")

    with pytest.raises(Refused, match="does not answer: timed out"):
        add(Counter(httpx.MockTransport(silent)))


@pytest.mark.parametrize("booking", ["../bookings", "a b", "a?b", "ä", "x" * 82, "\n"])
def test_what_can_be_no_bookings_id_is_not_asked_for(booking: str) -> None:
    """Nothing that a person types changes the path."""
    nobody = Counter(httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(Refused, match="There is nothing called"):
        nobody.ask("DELETE", ("bookings", booking), ChangeView)
