"""PURE: codes that people say and type: three plain words. Kept only as salted scrypt."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Sequence

from mqtt_schemas.plan import HashedCode

#: Of a list of 4,096: 36 bits. Five tries at the device, then staff only.
WORDS = 3
#: Nobody types more; scrypt is not to be fed a book.
LONGEST = 100
N, R, P = 2**14, 8, 1
SALT_BYTES = 16

_HASH_BYTES = 32


def draw(words: Sequence[str], pick: Callable[[int], int]) -> str:
    """Return a new code. `pick(n)` gives a random number from 0 to below n."""
    return " ".join(words[pick(len(words))] for _ in range(WORDS))


def normalised(text: str) -> str:
    """Return a code as it is hashed: lower case, NFC, single spaces.

    Commas and hyphens between the words are taken for spaces.
    """
    text = unicodedata.normalize("NFC", text).lower()
    return " ".join(text.replace(",", " ").replace("-", " ").split())


def hashed(text: str, salt: bytes, *, n: int = N, r: int = R, p: int = P) -> HashedCode:
    """Return the hash of a code (mqtt_schemas.plan.HashedCode). Takes about 50 ms."""
    digest = _scrypt(normalised(text), salt, n, r, p)
    return HashedCode(salt=salt.hex(), hash=digest.hex(), n=n, r=r, p=p)


def matches(text: str, code: HashedCode) -> bool:
    """Tell whether somebody typed the code. Takes about 50 ms."""
    if len(text) > LONGEST:
        return False
    digest = _scrypt(normalised(text), bytes.fromhex(code.salt), code.n, code.r, code.p)
    return hmac.compare_digest(digest.hex(), code.hash)


def _scrypt(text: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # OpenSSL counts 128·r·(n + p + 2) bytes, and refuses beyond maxmem.
    room = 128 * r * (n + p + 2) + 2**20
    return hashlib.scrypt(text.encode(), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=_HASH_BYTES)
