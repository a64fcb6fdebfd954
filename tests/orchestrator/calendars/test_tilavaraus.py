"""Reservations of Tilavarauspalvelu."""

from __future__ import annotations

import pytest

from orchestrator.calendars.model import Unreadable
from orchestrator.calendars.tilavaraus import parse
from orchestrator.domain.bookings import Purpose
from tests.orchestrator.calendars.frames import FRAME, PERSONAL, fixture, local

UNITS = FRAME.model_copy(update={"places": {"17": "paja/vr-1", "3d-tulostin": "paja/printer-1"}})


def test_reservations_are_read() -> None:
    """By state and type; nothing of who reserved is left."""
    parsed = parse(fixture("tilavaraus.json"), UNITS)
    assert [(local(each), each.party_size, each.purpose) for each in parsed.entries] == [
        (("vr-1", "11-26 10:00", "11-26 11:00"), 4, Purpose.TURN),
        (("printer-1", "11-27 08:00", "11-27 20:00"), None, Purpose.BLOCK),
    ]
    assert parsed.cancelled == 1
    assert [str(fault) for fault in parsed.faults] == ["reservation 4: it ends before it starts."]
    assert [word for word in PERSONAL if word in parsed.model_dump_json()] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "This is no JSON."),
        (b'{"errors": [{"message": "Example Person"}]}', "This is no answer with reservations."),
        (b'{"data": {"reservations": null}}', "This is no list of reservations."),
        (
            b'{"data": {"reservations": {"pageInfo": {"hasNextPage": true}, "edges": []}}}',
            "This is one page of several",
        ),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, sentence: str) -> None:
    """Whole, and in a sentence that quotes nothing."""
    with pytest.raises(Unreadable) as refusal:
        parse(body, UNITS)
    assert str(refusal.value).startswith(sentence)
