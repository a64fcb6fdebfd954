"""Codes as people type them, held against salted scrypt."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from agents import codes
from agents.codes import Checker, is_one_of, normalised
from mqtt_schemas.plan import HashedCode

SALT = bytes(range(16))


def coded(words: str, *, n: int = 2**12, r: int = 8) -> HashedCode:
    """Return the hash of words that are normal already."""
    digest = hashlib.scrypt(words.encode(), salt=SALT, n=n, r=r, p=1, maxmem=2**27, dklen=32)
    return HashedCode(salt=SALT.hex(), hash=digest.hex(), n=n, r=r, p=1)


@pytest.mark.parametrize(
    "typed",
    [
        "hirvi räystäs joki",
        "  Hirvi  RÄYSTÄS\tjoki \n",
        "hirvi ra\u0308ysta\u0308s joki",
        "hirvi, räystäs, joki",
        "Hirvi-räystäs-joki",
    ],
)
def test_spelling_is_forgiven(typed: str) -> None:
    """Case, spaces, what stands between the words, and how a letter is composed."""
    assert is_one_of(typed, [coded("hirvi räystäs joki")])


@pytest.mark.parametrize("typed", ["", " ", "hirvi", "hirvi räystäs jokin", "x" * 10_000, "\ud800"])
def test_other_words_are_not_the_code(typed: str) -> None:
    """Whatever somebody types, nothing fails."""
    assert not is_one_of(typed, [coded("hirvi räystäs joki")])


def test_any_of_several_codes_will_do() -> None:
    """Around midnight there are two of staff's."""
    assert is_one_of("b", [coded("a"), coded("b")])
    assert not is_one_of("c", [coded("a"), coded("b")])


def test_a_code_that_asks_for_too_much_memory_is_nobodys() -> None:
    """Agents are small; staff opens then."""
    code = HashedCode(salt=SALT.hex(), hash="0" * 64, n=2**17, r=16)
    assert 128 * code.n * code.r > codes.MOST_MEMORY
    assert not is_one_of("a", [code])


async def test_codes_are_verified_one_at_a_time_beside_the_loop() -> None:
    """The loop goes on meanwhile."""
    checker = Checker()
    code = coded("a", n=2**14)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    found = await asyncio.gather(*(checker.check(words, (code,)) for words in "aba"))
    ticking.cancel()
    assert found == [True, False, True]
    assert ticks > 3


def test_the_contracts_own_vector_is_met() -> None:
    """Both ends hash the same words alike."""
    document = json.loads(
        Path(codes.__file__).parents[1].joinpath("mqtt_schemas/asyncapi.json").read_text()
    )
    vector = document["x-test-vectors"]["check_in"]
    known = {name: vector[name] for name in ("salt", "hash", "n", "r", "p")}
    assert normalised(vector["typed"]) == vector["typed"]
    assert is_one_of(vector["typed"], [HashedCode.model_validate(known)])
