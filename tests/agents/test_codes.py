"""Codes as people type them, held against salted scrypt."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from agents import codes
from agents.codes import Checker, normalised
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
async def test_spelling_is_forgiven(typed: str) -> None:
    """Case, spaces, what stands between the words, and how a letter is composed."""
    assert await Checker().check(typed, (coded("hirvi räystäs joki"),))


@pytest.mark.parametrize("typed", ["", " ", "hirvi", "hirvi räystäs jokin", "x" * 10_000, "\ud800"])
async def test_other_words_are_not_the_code(typed: str) -> None:
    """Whatever somebody types, nothing fails."""
    assert not await Checker().check(typed, (coded("hirvi räystäs joki"),))


async def test_any_of_several_codes_will_do() -> None:
    """Around midnight there are two of staff's."""
    assert await Checker().check(
        "b",
        (
            coded("a"),
            coded("b"),
        ),
    )
    assert not await Checker().check(
        "c",
        (
            coded("a"),
            coded("b"),
        ),
    )


async def test_a_code_that_asks_for_too_much_memory_is_nobodys() -> None:
    """Agents are small; staff opens then."""
    code = HashedCode(salt=SALT.hex(), hash="0" * 64, n=2**17, r=16)
    assert 128 * code.n * code.r > codes.MOST_MEMORY
    assert not await Checker().check("a", (code,))


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


async def test_the_contracts_own_vector_is_met() -> None:
    """Both ends hash the same words alike."""
    document = json.loads(
        Path(codes.__file__).parents[1].joinpath("mqtt_schemas/asyncapi.json").read_text()
    )
    vector = document["x-test-vectors"]["check_in"]
    known = {name: vector[name] for name in ("salt", "hash", "n", "r", "p")}
    assert normalised(vector["typed"]) == vector["typed"]
    assert await Checker().check(vector["typed"], (HashedCode.model_validate(known),))


async def test_what_can_not_be_found_out_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    """So it costs the customer no try."""
    assert await Checker(str(tmp_path / "nothing")).check("a", (coded("a"),)) is None
    assert await Checker("/bin/false").check("a", (coded("a"),)) is None
