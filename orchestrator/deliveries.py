"""Event messages as they came, and their unpacking, which is left to the database's thread.

The event loop then only hands bytes on, however many events there are, and what waits takes
no more memory than its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mqtt_schemas import codec
from mqtt_schemas.codec import Fault, Incoming, InvalidMessage
from mqtt_schemas.messages import Checkpoint, Events, OutboxState
from mqtt_schemas.topics import Address
from orchestrator.store.intake import Batch


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on a device's `up/events`, and what its status said just then."""

    address: Address
    topic: str
    payload: bytes
    outbox: OutboxState | None
    checkpoint: Checkpoint | None


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be unpacked: the whole of a delivery, or an event without its place."""

    delivery: Delivery
    fault: Fault
    reason: str


class Unpacking:
    """The batches of some deliveries, unpacked as they are asked for.

    refused: what was found to be no event so far. One bad event spoils no other.
    """

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self.refused: list[Refused] = []
        self._deliveries = deliveries

    def __iter__(self) -> Iterator[Batch]:
        for delivery in self._deliveries:
            try:
                message = codec.decode(delivery.topic, delivery.payload).message
            except InvalidMessage as error:
                self._refuse(delivery, error)
                continue
            if not isinstance(message, Events):
                empty = InvalidMessage(Fault.NOT_JSON, "payload: it is empty")
                self._refuse(delivery, empty)
            elif events := list(self._events(delivery, message)):
                yield _batch(delivery, message.log, events)

    def _events(self, delivery: Delivery, message: Events) -> Iterator[Incoming]:
        for raw in message.events:
            try:
                yield codec.incoming(raw)
            except InvalidMessage as error:
                self._refuse(delivery, error)

    def _refuse(self, delivery: Delivery, error: InvalidMessage) -> None:
        self.refused.append(Refused(delivery, error.fault, error.reason))


def _batch(delivery: Delivery, log: str, events: list[Incoming]) -> Batch:
    outbox = delivery.outbox
    return Batch(
        address=delivery.address,
        log=log,
        events=tuple(events),
        first_kept=outbox.first_kept if outbox and outbox.log == log else None,
        checkpoint=delivery.checkpoint,
    )
