"""The `[device.octoprint]` table of an agent's configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents.config import FilePath
from agents.devices.phrases import Language

_KEY = re.compile(r"[\x21-\x7e]{8,128}")


def _only_a_server(url: str) -> str:
    """OctoRest knows no path: an OctoPrint below one (`…/octoprint/`) can't be reached by it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("It must name a host and, after a colon, the number of a port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("It must begin with http:// or https:// and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("It must hold nothing but scheme, host and port")
    if parts.path not in ("", "/"):
        raise ValueError("It must hold no path: give OctoPrint's own port")
    return f"{parts.scheme}://{parts.netloc}"


class Settings(BaseModel):
    """Where OctoPrint is and how it is spoken to.

    url: scheme, host and port, e.g. `http://127.0.0.1:5000`.
    api_key_file: of an OctoPrint user with the permissions STATUS, PRINT, CONTROL and, for the
        push socket's state, nothing more.
    language: of the printer's display.
    unreachable_after_seconds: how long OctoPrint may be silent in a print before that print
        counts as interrupted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_only_a_server)]
    api_key_file: FilePath
    language: Language = "fi"
    unreachable_after_seconds: Annotated[int, Field(ge=5, le=3600)] = 30


def read_key(path: Path) -> str:
    """Return the API key that the file holds. Raises ValueError, without the file's content."""
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
        raise ValueError(f"api_key_file: can't read {path}: {reason}") from None
    if not _KEY.fullmatch(key):
        raise ValueError(f"api_key_file: {path} does not hold one key of 8 to 128 characters")
    return key
