"""The phrases that devices show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.devices import phrases
from agents.devices.phrases import LANGUAGES, PHRASES, Language, UnknownPhrase


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("phrase", sorted(PHRASES))
def test_every_phrase_has_a_text_in_every_language(phrase: str, language: Language) -> None:
    """No language lacks a phrase, and no place in a text stays unfilled."""
    full = phrases.text(phrase, language, seconds=300, tries=2, rounds=3)
    assert full
    assert full.endswith(".")
    assert "{" not in full


@given(
    phrase=st.sampled_from(sorted(PHRASES)),
    language=st.sampled_from(LANGUAGES),
    seconds=st.integers(0, 999 * 60),
)
def test_the_brief_text_fits_a_printers_display(
    phrase: str, language: Language, seconds: int
) -> None:
    """Twenty characters are all that a common display shows at once."""
    assert 0 < len(phrases.brief(phrase, language, seconds=seconds)) <= phrases.BRIEF_LENGTH


@pytest.mark.parametrize(
    ("language", "seconds", "shown"),
    [
        ("en", 300, "Your turn ends in 5 minutes."),
        ("en", 299, "Your turn ends in 5 minutes."),
        ("en", 60, "Your turn ends in 1 minute."),
        ("en", 59, "Your turn ends in 1 minute."),
        ("en", 30, "Your turn ends in 30 seconds."),
        ("en", 1, "Your turn ends in 1 second."),
        ("fi", 60, "Vuorosi päättyy 1 minuutin kuluttua."),
        ("fi", 15, "Vuorosi päättyy 15 sekunnin kuluttua."),
        ("sv", 60, "Din tur slutar om 1 minut."),
        ("sv", 600, "Din tur slutar om 10 minuter."),
    ],
)
def test_the_time_left_is_told_in_words(language: Language, seconds: int, shown: str) -> None:
    """Minutes from a minute on, to the nearest; seconds below; one and many as people say it."""
    assert phrases.text("turn_ends_in", language, seconds=seconds) == shown


def test_an_unknown_phrase_is_refused_by_its_name() -> None:
    """A plan of a newer orchestrator may name a phrase that this agent does not have."""
    with pytest.raises(UnknownPhrase, match="no phrase 'free_cake'"):
        phrases.text("free_cake", "en")


@pytest.mark.parametrize("arguments", [{}, {"seconds": "soon"}, {"seconds": -1}])
def test_a_duration_without_its_seconds_is_refused(arguments: dict[str, str | int]) -> None:
    """A phrase is shown whole or not at all."""
    with pytest.raises(UnknownPhrase, match="turn_ends_in needs seconds"):
        phrases.brief("turn_ends_in", "en", **arguments)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "sv_FI.UTF-8"}, "sv"),
        ({"LANG": "fi_FI.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fi_FI.UTF-8", "LC_ALL": "sv_SE"}, "sv"),
        ({"LANG": "et_EE.UTF-8"}, "fi"),
        ({"LC_ALL": "C", "LANG": "en_GB"}, "fi"),
        ({}, "fi"),
    ],
)
def test_the_desktops_language_is_spoken(environment: dict[str, str], language: str) -> None:
    """LC_ALL before LC_MESSAGES before LANG; a language that we lack is Finnish."""
    assert phrases.language_of(environment) == language


def test_counts_are_told() -> None:
    """How many tries and rounds are left; a phrase without its count is not shown."""
    assert "2" in phrases.text("code_wrong", "en", tries=2)
    assert "3" in phrases.text("change_places", "fi", rounds=3)
    with pytest.raises(UnknownPhrase, match="needs tries"):
        phrases.text("code_wrong", "en")
