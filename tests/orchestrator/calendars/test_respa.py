"""Reservations of Respa."""

from __future__ import annotations

import json

import pytest

from orchestrator.calendars.model import Unreadable
from orchestrator.calendars.respa import parse
from orchestrator.domain.bookings import Purpose
from tests.orchestrator.calendars.frames import FRAME, PERSONAL, fixture, local

RESPA = FRAME.model_copy(update={"places": {"examplevr1": "paja/vr-1"}})


def test_reservations_are_read() -> None:
    """By state and type; nothing of who reserved is left."""
    parsed = parse(fixture("respa.json"), RESPA)
    assert [(local(each), each.party_size, each.purpose) for each in parsed.entries] == [
        (("vr-1", "11-26 10:00", "11-26 11:00"), 2, Purpose.TURN),
        (("vr-1", "11-26 11:00", "11-26 12:00"), None, Purpose.TURN),
        (("vr-1", "11-27 08:00", "11-27 20:00"), None, Purpose.BLOCK),
    ]
    assert parsed.cancelled == 2
    assert [str(fault) for fault in parsed.faults] == [
        "reservation 6: what it reserves is no device here.",
        "reservation 7: begin is missing or wrong.",
    ]
    assert [word for word in PERSONAL if word in parsed.model_dump_json()] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "This is no JSON."),
        (b"\xff", "This is no JSON."),
        (b"7", "This is no list of reservations."),
        (b'{"detail": "Example Person"}', "This is no list of reservations."),
        (b'{"next": "https://x/?page=2", "results": []}', "This is one page of several"),
        (json.dumps([{}] * 20_001).encode(), "There are more than 20000 reservations."),
    ],
)
def test_what_is_no_list_of_reservations_is_refused(body: bytes, sentence: str) -> None:
    """Whole, and in a sentence that quotes nothing."""
    with pytest.raises(Unreadable) as refusal:
        parse(body, RESPA)
    assert str(refusal.value).startswith(sentence)
