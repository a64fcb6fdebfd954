"""The print in hand, on disk, so that a restart of the agent does not make a new use of it.

And whether its part is on the bed, which OctoPrint forgets when it restarts. It holds no file
name: the file's size and date of upload tell it well enough.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.devices.octoprint.payloads import File
from agents.devices.octoprint.prints import Print


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    use: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    size: int
    date: int
    print_ms: int | None


class _KeptPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    part: bool


class Memory:
    """Keeps the print in hand in a file. `path` None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._written: tuple[object, ...] | None = None

    def recall(self, at_ms: int) -> Print | None:
        """Return the print that was in hand; None where there was none, or it can't be read."""
        if self._path is None:
            return None
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None
        return Print(
            use=kept.use,
            file=File(path="", size=kept.size, date=kept.date),
            seen_ms=at_ms,
            print_ms=kept.print_ms,
            confirmed=True,
        )

    def recall_part(self) -> bool | None:
        """Return whether a finished part was on the bed; None where that is not known."""
        if self._path is None:
            return None
        try:
            return _KeptPart.model_validate_json(self._path.read_bytes()).part
        except (OSError, ValidationError):
            return None

    def keep(self, held: Print | None, *, part: bool | None = None, now: bool = False) -> None:
        """Keep the print, where it, its file or its being paused is new; or `now`, for sure.

        Without one, keep whether a finished part is on the bed.

        A disk that takes nothing costs only the memory.
        """
        if self._path is None:
            return
        file = held.file if held else None
        mark = (held.use, file, held.paused) if held else (None, part)
        if mark == self._written and not now:
            return
        with contextlib.suppress(OSError):
            self._write(self._path, held, part=part)
            self._written = mark

    def _write(self, path: Path, held: Print | None, *, part: bool | None) -> None:
        file = held.file if held else None
        kept: _Kept | _KeptPart
        if (
            held is not None
            and file is not None
            and file.size is not None
            and file.date is not None
        ):
            kept = _Kept(use=held.use, size=file.size, date=file.date, print_ms=held.print_ms)
        elif held is None and part is not None:
            kept = _KeptPart(part=part)
        else:
            path.unlink(missing_ok=True)
            return
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(kept.model_dump_json())
        beside.replace(path)
