"""Verifying the codes that people type: salted scrypt (RFC 7914), in a process of its own.

It takes 16 MB and 50 ms. In this process, which is to stay small, the C library would keep the
memory; it goes back with the process.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import sys
import unicodedata
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable

from mqtt_schemas.plan import HashedCode

log = logging.getLogger(__name__)

#: Tells whether words are one of these codes; None where that could not be found out.
Check = Callable[[str, tuple[HashedCode, ...]], Awaitable[bool | None]]
#: Bytes for one code. One that asks for more is nobody's, and staff is asked.
MOST_MEMORY = 64 * 2**20
#: Seconds. Some hundred times what it takes.
WITHIN = 10.0
#: Nobody says more than three words.
LONGEST = 200
#: Reads the words, then salt, n, r and p of each code; writes the hashes. Nothing is on its
#: command line. OpenSSL refuses to use more than maxmem.
_PROGRAM = """
import hashlib, sys
words, *codes = sys.stdin.read().split("\\n")
for code in codes:
    salt, n, r, p = code.split()
    print(hashlib.scrypt(bytes.fromhex(words), salt=bytes.fromhex(salt), n=int(n), r=int(r),
                         p=int(p), maxmem=2**27, dklen=32).hex())
"""


class Checker:
    """Verifies codes, for all devices of a process: one request at a time."""

    def __init__(self, program: str = sys.executable) -> None:
        self._program = program
        self._one_at_a_time = asyncio.Lock()

    async def check(self, words: str, codes: tuple[HashedCode, ...]) -> bool | None:
        """Tell whether the words are one of these codes; None where that can't be found out."""
        text = normalised(words)
        codes = tuple(code for code in codes if _memory(code) <= MOST_MEMORY)
        if not text or not codes:
            return False
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(WITHIN):
                    hashes = await self._hashes(text, codes)
            except (OSError, TimeoutError) as error:
                log.warning("a code could not be verified: %s", error or "it took too long")
                return None
        if len(hashes) != len(codes):
            log.warning("a code could not be verified: there was no memory for it")
            return None
        return any(
            hmac.compare_digest(found, code.hash.encode())
            for found, code in zip(hashes, codes, strict=True)
        )

    async def _hashes(self, text: str, codes: tuple[HashedCode, ...]) -> list[bytes]:
        # Without the site's packages it starts in a third of the time.
        process = await asyncio.create_subprocess_exec(
            *(self._program, "-I", "-S", "-c", _PROGRAM), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
        lines = [f"{code.salt} {code.n} {code.r} {code.p}" for code in codes]
        asked = "\n".join([text.encode(errors="replace").hex(), *lines])
        try:
            told, _ = await process.communicate(asked.encode())
        finally:
            if process.returncode is None:
                process.kill()
        return told.split()


def normalised(words: str) -> str:
    """Return words as they are hashed: lower case, NFC, single spaces between.

    However they were typed: commas and hyphens between them are spaces too.
    """
    text = unicodedata.normalize("NFC", words[:LONGEST]).lower()
    return " ".join(text.replace(",", " ").replace("-", " ").split())


def _memory(code: HashedCode) -> int:
    return 128 * code.r * (code.n + code.p + 2)
