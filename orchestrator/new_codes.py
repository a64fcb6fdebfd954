"""New check-in codes, hashed beside the event loop: that takes as long as a hundred bookings."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from mqtt_schemas.plan import HashedCode
from orchestrator.domain.codes import SALT_BYTES, draw, hashed
from orchestrator.words import words_of


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code's words, to be told once and kept nowhere, and what is kept of it."""

    words: str
    hashed: HashedCode


async def new_code(language: str) -> NewCode:
    """Return a new code of three words."""
    words = draw(words_of(language), secrets.randbelow)
    return NewCode(words, await asyncio.to_thread(hashed, words, secrets.token_bytes(SALT_BYTES)))
