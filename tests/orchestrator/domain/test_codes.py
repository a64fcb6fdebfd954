"""Codes of three words."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest

from orchestrator.domain.codes import draw, hashed, matches, normalised

SALT = bytes(range(16))
CODE = hashed("sieni pöytä vene", SALT, n=2**12)


def test_a_code_is_three_words_of_the_list() -> None:
    """As the random numbers say."""
    numbers = iter([2, 0, 2])
    assert draw(["yksi", "kaksi", "kolme"], lambda n: next(numbers) % n) == "kolme yksi kolme"


@pytest.mark.parametrize(
    "typed",
    [
        "sieni pöytä vene",
        "  Sieni   PÖYTÄ\tvene ",
        unicodedata.normalize("NFD", "sieni pöytä vene"),
        "sieni-pöytä-vene",
        "sieni, pöytä, vene",
    ],
)
def test_typing_is_forgiven_what_ears_do_not_hear(typed: str) -> None:
    """Capitals, spaces, and how a keyboard composes ä."""
    assert matches(typed, CODE)


@pytest.mark.parametrize("typed", ["", "sieni poyta vene", "vene pöytä sieni", "x" * 10_000])
def test_another_code_does_not_do(typed: str) -> None:
    """Nor does none, nor a book."""
    assert not matches(typed, CODE)


def test_the_hash_is_as_the_contract_says() -> None:
    """Scrypt of RFC 7914 with the usual parameters, over UTF-8."""
    code = hashed("Sieni  pöytä vene", SALT)
    expected = hashlib.scrypt(
        "sieni pöytä vene".encode(), salt=SALT, n=2**14, r=8, p=1, dklen=32, maxmem=2**26
    )
    assert (code.salt, code.hash) == (SALT.hex(), expected.hex())
    assert (code.n, code.r, code.p) == (2**14, 8, 1)


def test_normalising_twice_is_normalising_once() -> None:
    """So that both ends may do it."""
    assert normalised(normalised(" Å  B ")) == normalised(" Å  B ") == "å b"
