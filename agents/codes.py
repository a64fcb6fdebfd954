"""Verifying the codes that people type: salted scrypt (RFC 7914), off the event loop."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import unicodedata
from collections.abc import Awaitable, Callable, Iterable

from mqtt_schemas.plan import HashedCode

#: Tells whether words are one of these codes.
Check = Callable[[str, tuple[HashedCode, ...]], Awaitable[bool]]
#: Bytes for one code. A code that asks for more can't be verified here, so staff is asked.
MOST_MEMORY = 64 * 2**20
#: Nobody says more than three words.
LONGEST = 200


class Checker:
    """Verifies one code at a time, for all devices of a process: each takes 16 MB and 50 ms."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def check(self, words: str, codes: tuple[HashedCode, ...]) -> bool:
        """Tell whether the words are one of these codes."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(is_one_of, words, codes)


def is_one_of(words: str, codes: Iterable[HashedCode]) -> bool:
    """Tell whether the words are one of these codes. Takes about 50 ms for each."""
    text = normalised(words)
    return bool(text) and any(_is(text, code) for code in codes)


def normalised(words: str) -> str:
    """Return words as they are hashed: lower case, NFC, single spaces between.

    However they were typed: commas and hyphens between them are spaces too.
    """
    text = unicodedata.normalize("NFC", words[:LONGEST]).lower()
    return " ".join(text.replace(",", " ").replace("-", " ").split())


def _is(text: str, code: HashedCode) -> bool:
    # OpenSSL counts 128·r·(n + p + 2) bytes, and refuses beyond maxmem.
    needed = 128 * code.r * (code.n + code.p + 2)
    if needed > MOST_MEMORY:
        return False
    digest = hashlib.scrypt(
        text.encode(errors="replace"),
        salt=bytes.fromhex(code.salt),
        n=code.n,
        r=code.r,
        p=code.p,
        maxmem=needed + 2**20,
        dklen=32,
    )
    return hmac.compare_digest(digest, bytes.fromhex(code.hash))
