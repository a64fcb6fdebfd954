"""Feeds in the configuration."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestrator.check_config import described
from orchestrator.config import load
from orchestrator.config_errors import InvalidConfiguration
from tests.orchestrator.parts import CONFIG

FEED = """
[[feed]]
id = "respa"
site = "paja"
url = "https://example.org/hush.ics"
device = "printer-1"
every = 300
"""


def written(folder: Path, text: str) -> Path:
    """Return a configuration file."""
    path = folder / "laitevuoro.toml"
    # A key of no table stands before all tables.
    path.write_text(text + CONFIG if text.startswith("feed =") else CONFIG + text)
    return path


def test_a_feed_is_read(tmp_path: Path) -> None:
    """With its defaults; its URL is in no text that is made of it."""
    (feed,) = load(written(tmp_path, FEED), {}).feed
    assert (feed.kind, feed.partial, feed.free, feed.format) == ("bookings", False, "skip", None)
    assert feed.address == "paja/printer-1"
    assert feed.read_url() == "https://example.org/hush.ics"
    assert "hush" not in repr(feed)
    assert "hush" not in feed.model_dump_json()


def test_a_urls_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    """As all paths are."""
    text = FEED.replace('url = "https://example.org/hush.ics"', 'url_file = "feed.url"')
    (feed,) = load(written(tmp_path, text), {}).feed
    (tmp_path / "feed.url").write_text("https://example.org/\n")
    assert feed.read_url() == "https://example.org/"


def test_it_is_told_how_a_feed_is_understood(tmp_path: Path) -> None:
    """By `check-config`, without its URL."""
    more = 'places = {"Room 1" = "pc-1"}\npartial = true\nfree = "block"'
    config = load(written(tmp_path, FEED + more), {})
    (line,) = (line for line in described(config, date(2026, 11, 25)) if line.startswith("  feed"))
    assert line == (
        "  feed respa: bookings, read every 5 min; all of device printer-1; 'Room 1' is pc-1;"
        " good entries are taken where others are faulty; entries shown as free block their"
        " device."
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('site = "paja"', 'site = "x"', "feed respa is of a site that is not in [[site]]."),
        ('"printer-1"\nevery', '"x"\nevery', "feed respa: paja has no device x."),
        ("every = 300", 'places = {"Room 1" = "x"}', "feed respa: paja has no device x."),
        ("every = 300", "every = 59", "feed number 1.every: "),
        ("every = 300", 'kind = "hours"', "feed number 1: hours are of a site: no device and no"),
        ("every = 300", 'url_file = "x"', "feed number 1: it has either url or url_file."),
        ("every = 300", "user = 1", "feed number 1.user: There is no such key."),
        ("every = 300", FEED, "feed respa stands twice."),
        ("https://example.org/", "file:///", "feed number 1.url: it begins with none of https://"),
        ('url = "https://example.org/hush.ics"\n', "", "feed number 1: it has either url or"),
        ("[[feed]]", "[feed]", "feed: It must be a list, not what stands there."),
        (FEED, 'feed = "https://x/hush"', "feed: It must be a list, not what stands there."),
        (FEED, 'feed = ["https://x/hush"]', "feed number 1: It must be a"),
        (
            '"https://example.org/hush.ics"',
            '["https://x/hush"]',
            "feed number 1.url: It must be a valid string, not what stands there.",
        ),
        (
            'device = "printer-1"',
            'kind = "hours"\nformat = "csv"',
            "feed number 1: hours are of a site: no device and no places, no format and no free.",
        ),
        (
            'device = "printer-1"',
            'kind = "hours"\nfree = "block"',
            "feed number 1: hours are of a site: no device and no",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """Which does not hold the URL."""
    path = written(tmp_path, FEED.replace(old, new))
    with pytest.raises(InvalidConfiguration) as refusal:
        load(path, {})
    assert str(refusal.value).removeprefix(f"{path}: ").startswith(sentence)
    assert "hush" not in str(refusal.value)
