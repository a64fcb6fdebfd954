"""The words of check-in codes, by language. README.md beside says where they come from."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

LANGUAGES = ("fi", "sv", "en")


@cache
def words_of(language: str) -> tuple[str, ...]:
    """Return a language's words, at least 4,096; English ones of a language that has no list."""
    name = language if language in LANGUAGES else "en"
    text = files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(text.split())
