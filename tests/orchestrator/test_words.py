"""The words of check-in codes."""

from __future__ import annotations

import re
import unicodedata

import pytest

from orchestrator.words import LANGUAGES, words_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_list_is_large_and_its_words_are_short_and_plain(language: str) -> None:
    """Three of 4,096 are 36 bits; what one says is what the other types."""
    words = words_of(language)
    assert len(words) >= 4096
    assert list(words) == sorted(set(words))
    assert all(re.fullmatch("[a-zåäö]{4,8}", word) for word in words)
    assert all(unicodedata.is_normalized("NFC", word) for word in words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_words_of_a_list_are_one_letter_apart(language: str) -> None:
    """A slip of the finger or the ear makes no other code."""
    words = words_of(language)
    known = set(words)
    others = [word[:i] + "*" + word[i + 1 :] for word in words for i in range(len(word))]
    assert len(set(others)) == len(others)
    assert not any(word[:i] + word[i + 1 :] in known for word in words for i in range(len(word)))


def test_a_language_without_a_list_gets_english() -> None:
    """A site is never left without codes."""
    assert words_of("et") == words_of("en")
