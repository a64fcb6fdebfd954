"""The `[device.octoprint]` table."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.clock import SystemClock
from agents.devices import octoprint
from agents.devices.octoprint.settings import Settings, read_key


def test_the_least_that_must_be_given() -> None:
    """An address and a key file; a closing slash makes no other address."""
    settings = Settings.model_validate({"url": "http://printer:5000/", "api_key_file": "/etc/key"})
    assert settings.url == "http://printer:5000"
    assert (settings.language, settings.unreachable_after_seconds) == ("fi", 30)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("printer:5000", "must begin with http:// or https://"),
        ("http://", "name a host"),
        ("http://printer/octoprint/", "must hold no path"),
        ("http://user:word@printer", "nothing but scheme, host and port"),
        ("http://printer/?apikey=1", "nothing but scheme, host and port"),
        ("http://[::1", "must name a host"),
        ("http://printer:x", "the number of a port"),
    ],
)
def test_an_address_that_would_not_work_is_refused(url: str, reason: str) -> None:
    """With a sentence that says what is wrong."""
    with pytest.raises(ValidationError, match=reason):
        Settings.model_validate({"url": url, "api_key_file": "/etc/key"})


def test_a_misspelt_key_is_refused() -> None:
    """A typing error must not turn a setting off in silence."""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Settings.model_validate({"url": "http://p", "api_key_file": "/etc/key", "languag": "fi"})


def test_a_relative_key_file_is_beside_the_configuration() -> None:
    """As every other path in it."""
    settings = Settings.model_validate(
        {"url": "http://p", "api_key_file": "agent.key"}, context=Path("/etc/agent/agent.toml")
    )
    assert settings.api_key_file == Path("/etc/agent/agent.key")


def test_a_key_is_read_without_its_line_end(tmp_path: Path) -> None:
    """Editors and `echo` add one."""
    path = tmp_path / "key"
    path.write_text("0123456789abcdef\n")
    assert read_key(path) == "0123456789abcdef"


@pytest.mark.parametrize("content", [b"", b"two keys in it", b"k\xc3\xa4y-0123456789", b"short"])
def test_a_bad_key_file_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    """The sentence names the file and goes to a log."""
    path = tmp_path / "agent.key"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^api_key_file: .*agent\.key") as refused:
        read_key(path)
    assert not content or content.decode() not in str(refused.value)


def test_a_missing_key_file_is_told_when_the_device_is_built(tmp_path: Path) -> None:
    """Not only when the first request is refused."""
    settings = Settings(url="http://127.0.0.1:9", api_key_file=tmp_path / "none")
    with pytest.raises(ValueError, match=r"can't read .*none: No such file"):
        octoprint.build(settings, SystemClock())
