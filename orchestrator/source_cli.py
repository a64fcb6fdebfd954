"""What somebody names to be imported: a file, or what a URL gives."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator.calendars.model import MAX_SIZE
from orchestrator.counter import Refused
from orchestrator.fetch import FetchFailed, fetch

_URLS = ("https://", "http://", "webcal://")


def is_url(name: str) -> bool:
    """Tell whether a name is a URL and no file's."""
    return name.lower().startswith(_URLS)


def read_url(url: str) -> bytes:
    """Return what a URL gives. Raises Refused, in a sentence without the URL."""
    try:
        return asyncio.run(fetch(url)).data or b""
    except FetchFailed as error:
        raise Refused(f"The URL can't be read. {error}") from None


def read_file(name: str) -> bytes:
    """Return what is in a file. Raises Refused."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise Refused(f"{name}: {error.strerror}.") from None
    if len(data) > MAX_SIZE:
        raise Refused(f"{name}: The file is larger than {MAX_SIZE // 1024 // 1024} MB.")
    return data
