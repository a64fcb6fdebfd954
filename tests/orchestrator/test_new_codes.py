"""New check-in codes."""

from __future__ import annotations

from orchestrator.domain.codes import matches
from orchestrator.new_codes import new_code
from orchestrator.words import words_of


async def test_a_new_code_opens_what_its_hash_guards() -> None:
    """And another new code does not."""
    first, second = await new_code("fi"), await new_code("fi")
    assert set(first.words.split()) <= set(words_of("fi"))
    assert matches(first.words.upper(), first.hashed)
    assert not matches(second.words, first.hashed)
    assert first.hashed.salt != second.hashed.salt
