"""What devices say to the person in front of them: a fixed list, in three languages.

A plan's notices and an agent's warnings name a phrase of this list, so no free text, and
with it nobody's name, travels to a public screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

#: The lines of a common printer display hold this much.
BRIEF_LENGTH = 20


class UnknownPhrase(ValueError):
    """The list has no such phrase, or an argument of it is missing or of the wrong type."""


class _Wording(NamedTuple):
    full: str
    brief: str


# `{duration}` is made from the argument `seconds`: in words in the full text, "5 min" or
# "30 s" in the brief one.
_PHRASES: Mapping[str, Mapping[Language, _Wording]] = {
    "turn_ends_in": {
        "fi": _Wording("Vuorosi päättyy {duration} kuluttua.", "Jäljellä {duration}"),
        "sv": _Wording("Din tur slutar om {duration}.", "Tid kvar: {duration}"),
        "en": _Wording("Your turn ends in {duration}.", "Time left: {duration}"),
    },
    "turn_over": {
        "fi": _Wording("Vuorosi on päättynyt.", "Vuoro päättynyt"),
        "sv": _Wording("Din tur är slut.", "Turen är slut"),
        "en": _Wording("Your turn is over.", "Turn over"),
    },
    "closed_now": {
        "fi": _Wording(
            "Laite ei ole nyt käytettävissä. Varaa vuoro palvelupisteestä.", "Varaa ensin vuoro"
        ),
        "sv": _Wording(
            "Apparaten är inte tillgänglig nu. Boka en tur i kundtjänsten.", "Boka först en tur"
        ),
        "en": _Wording(
            "The device is not available now. Please book a turn at the desk.", "Book a turn first"
        ),
    },
    "out_of_service": {
        "fi": _Wording("Laite on poissa käytöstä.", "Poissa käytöstä"),
        "sv": _Wording("Apparaten är ur bruk.", "Ur bruk"),
        "en": _Wording("The device is out of service.", "Out of service"),
    },
    "no_extension": {
        "fi": _Wording("Lisäaikaa ei nyt ole: vuoro päättyy ajallaan.", "Ei lisäaikaa"),
        "sv": _Wording("Det finns ingen mer tid nu: turen slutar i tid.", "Ingen mer tid"),
        "en": _Wording("There is no more time now: your turn ends as planned.", "No more time"),
    },
    "print_too_long": {
        "fi": _Wording(
            "Tuloste ei ehtisi valmiiksi vuorosi aikana, joten se keskeytettiin. "
            "Kysy henkilökunnalta pidempää vuoroa.",
            "Vuoro liian lyhyt",
        ),
        "sv": _Wording(
            "Utskriften hinner inte bli klar under din tur, så den avbröts. "
            "Fråga personalen om en längre tur.",
            "Turen för kort",
        ),
        "en": _Wording(
            "The print would not be done within your turn, so it was stopped. "
            "Please ask the staff for a longer one.",
            "Turn is too short",
        ),
    },
    "print_late": {
        "fi": _Wording(
            "Tuloste valmistuu arviolta vasta {duration} kuluttua vuorosi päättymisestä.",
            "Myöhässä {duration}",
        ),
        "sv": _Wording(
            "Utskriften beräknas bli klar först {duration} efter att din tur har slutat.",
            "{duration} för sent",
        ),
        "en": _Wording(
            "The print is estimated to be done only {duration} after your turn ends.",
            "{duration} too late",
        ),
    },
    "paused_turn_over": {
        "fi": _Wording(
            "Vuorosi on päättynyt ja työ on tauolla. Kysy henkilökunnalta.", "Vuoro ohi: tauolla"
        ),
        "sv": _Wording("Din tur är slut och jobbet är pausat. Fråga personalen.", "Slut: pausat"),
        "en": _Wording(
            "Your turn is over and the job is paused. Please ask the staff.", "Turn over: paused"
        ),
    },
}

PHRASES = frozenset(_PHRASES)

# Finnish counts in the genitive here ("5 minuutin kuluttua"), the same for one and many.
_UNITS: Mapping[Language, Mapping[str, tuple[str, str]]] = {
    "fi": {"min": ("minuutin", "minuutin"), "s": ("sekunnin", "sekunnin")},
    "sv": {"min": ("minut", "minuter"), "s": ("sekund", "sekunder")},
    "en": {"min": ("minute", "minutes"), "s": ("second", "seconds")},
}


def text(phrase: str, language: Language, **arguments: str | int) -> str:
    """Return the phrase as whole sentences, for a screen.

    `turn_ends_in` and `print_late` take `seconds`, a whole number of 0 or more; the others take
    nothing.
    Arguments that a phrase has no use for are ignored. Raises UnknownPhrase.
    """
    template = _wording(phrase, language).full
    if "{duration}" not in template:
        return template
    count, unit = _duration(phrase, arguments)
    one, many = _UNITS[language][unit]
    return template.format(duration=f"{count} {one if count == 1 else many}")


def brief(phrase: str, language: Language, **arguments: str | int) -> str:
    """Return the phrase in at most 20 characters, for a printer's display.

    Arguments and errors are those of `text`. Past 999 minutes it may be longer.
    """
    template = _wording(phrase, language).brief
    if "{duration}" not in template:
        return template
    count, unit = _duration(phrase, arguments)
    return template.format(duration=f"{count} {unit}")


def _wording(phrase: str, language: Language) -> _Wording:
    try:
        return _PHRASES[phrase][language]
    except KeyError:
        raise UnknownPhrase(f"there is no phrase {phrase!r} in {language!r}") from None


def _duration(phrase: str, arguments: Mapping[str, str | int]) -> tuple[int, str]:
    """Return a count and its unit. A warning that left a second late still says "5 min"."""
    seconds = arguments.get("seconds")
    if not isinstance(seconds, int) or seconds < 0:
        raise UnknownPhrase(f"{phrase} needs seconds, a whole number, and got {seconds!r}")
    if seconds < 55:
        return seconds, "s"
    return max(1, (seconds + 30) // 60), "min"
