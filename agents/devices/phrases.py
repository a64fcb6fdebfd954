"""What devices say to the person in front of them: a fixed list, in three languages.

A plan's notices and an agent's warnings name a phrase of this list, so no free text, and
with it nobody's name, travels to a public screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from agents.devices.answers import ANSWERS
from agents.devices.wordings import NOTICES, Language, Wording

LANGUAGES: tuple[Language, ...] = get_args(Language)

#: The lines of a common printer display hold this much.
BRIEF_LENGTH = 20


class UnknownPhrase(ValueError):
    """The list has no such phrase, or an argument of it is missing or of the wrong type."""


_PHRASES: Mapping[str, Mapping[Language, Wording]] = {**NOTICES, **ANSWERS}

PHRASES = frozenset(_PHRASES)
__all__ = ["LANGUAGES", "PHRASES", "Language", "UnknownPhrase", "brief", "language_of", "text"]

# Finnish counts in the genitive here ("5 minuutin kuluttua"), the same for one and many.
_UNITS: Mapping[Language, Mapping[str, tuple[str, str]]] = {
    "fi": {"min": ("minuutin", "minuutin"), "s": ("sekunnin", "sekunnin")},
    "sv": {"min": ("minut", "minuter"), "s": ("sekund", "sekunder")},
    "en": {"min": ("minute", "minutes"), "s": ("second", "seconds")},
}


def language_of(environment: Mapping[str, str]) -> Language:
    """Return a desktop's language by the order of locale(7), Finnish where it is another."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        for language in LANGUAGES:
            if environment.get(name, "").startswith(language):
                return language
        if environment.get(name):
            break
    return "fi"


def text(phrase: str, language: Language, **arguments: str | int) -> str:
    """Return the phrase as whole sentences, for a screen.

    Phrases with a duration take `seconds`, those with a count it (`tries`, `rounds`): whole
    numbers of 0 or more. Arguments that a phrase has no use for are ignored. Raises
    UnknownPhrase.
    """
    template = _wording(phrase, language).full
    if "{duration}" in template:
        count, unit = _duration(phrase, arguments)
        one, many = _UNITS[language][unit]
        template = template.replace("{duration}", f"{count} {one if count == 1 else many}")
    return _counts(phrase, template, arguments)


def brief(phrase: str, language: Language, **arguments: str | int) -> str:
    """Return the phrase in at most 20 characters, for a printer's display.

    Arguments and errors are those of `text`. Past 999 minutes it may be longer.
    """
    template = _wording(phrase, language).brief
    if "{duration}" not in template:
        return template
    count, unit = _duration(phrase, arguments)
    return template.replace("{duration}", f"{count} {unit}")


def _counts(phrase: str, template: str, arguments: Mapping[str, str | int]) -> str:
    for name in ("tries", "rounds"):
        if f"{{{name}}}" in template:
            template = template.replace(f"{{{name}}}", str(_number(phrase, name, arguments)))
    return template


def _wording(phrase: str, language: Language) -> Wording:
    try:
        return _PHRASES[phrase][language]
    except KeyError:
        raise UnknownPhrase(f"there is no phrase {phrase!r} in {language!r}") from None


def _duration(phrase: str, arguments: Mapping[str, str | int]) -> tuple[int, str]:
    """Return a count and its unit. A warning that left a second late still says "5 min"."""
    seconds = _number(phrase, "seconds", arguments)
    if seconds < 55:
        return seconds, "s"
    return max(1, (seconds + 30) // 60), "min"


def _number(phrase: str, name: str, arguments: Mapping[str, str | int]) -> int:
    number = arguments.get(name)
    if not isinstance(number, int) or number < 0:
        raise UnknownPhrase(f"{phrase} needs {name}, a whole number, and got {number!r}")
    return number
