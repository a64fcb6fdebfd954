"""Event messages as they came, unpacked."""

from __future__ import annotations

from mqtt_schemas import codec
from mqtt_schemas.codec import Fault
from mqtt_schemas.messages import OutboxState
from orchestrator.deliveries import Delivery, Unpacking
from tests.orchestrator.histories import PRINTER, History, checkpoint, ended, log_id, started

HISTORY = History().add(started(), ended())


def _delivery(payload: bytes, outbox: OutboxState | None = None) -> Delivery:
    return Delivery(PRINTER, HISTORY.topic, payload, outbox, checkpoint())


def test_a_batch_holds_the_events_and_what_the_status_said() -> None:
    """What it said of another log is left out."""
    here = HISTORY.outbox(first_kept=2)
    elsewhere = OutboxState(log=log_id(9), first_kept=2, last=2, oldest_age_ms=None)
    deliveries = [_delivery(HISTORY.payload(), each) for each in (here, elsewhere, None)]
    assert list(Unpacking(deliveries)) == [
        HISTORY.batch(first_kept=2, checkpoint=checkpoint()),
        HISTORY.batch(checkpoint=checkpoint()),
        HISTORY.batch(checkpoint=checkpoint()),
    ]


def test_what_is_no_message_is_refused_and_the_next_one_taken() -> None:
    """Each with what is wrong with it."""
    deliveries = [_delivery(b"{"), _delivery(b""), _delivery(HISTORY.payload())]
    unpacking = Unpacking(deliveries)
    assert len(list(unpacking)) == 1
    assert [each.fault for each in unpacking.refused] == [Fault.NOT_JSON, Fault.NOT_JSON]
    assert [each.delivery for each in unpacking.refused] == deliveries[:2]


def test_an_event_without_a_place_spoils_no_other() -> None:
    """It can take no seq."""
    first, second = HISTORY.events
    payload = codec.batch_bytes(HISTORY.log, [first, b'{"type":"ended"}', second])
    unpacking = Unpacking([_delivery(payload)])
    (batch,) = unpacking
    assert [event.seq for event in batch.events] == [1, 2]
    assert [each.fault for each in unpacking.refused] == [Fault.INVALID]


def test_a_message_of_nothing_but_such_events_is_no_batch() -> None:
    """There is nothing to commit."""
    unpacking = Unpacking([_delivery(codec.batch_bytes(HISTORY.log, [b"{}"]))])
    assert list(unpacking) == []
    assert len(unpacking.refused) == 1
