"""When the last backup was made: a small file beside the database, for metrics and health.

Not in the database: a backup is made beside the running orchestrator, which alone writes there.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from mqtt_schemas.base import UtcTime
from orchestrator.broker.files import write_file
from orchestrator.places import LAST_BACKUP


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    at: UtcTime


def note(state_dir: Path, at: datetime) -> None:
    """Note that a backup was made. Raises OSError."""
    # Everybody may know: the orchestrator, which may be another user, shows it.
    write_file(state_dir / LAST_BACKUP, _Note(at=at).model_dump_json() + "\n", mode=0o644)


def read(state_dir: Path) -> datetime | None:
    """Return when the last backup was made; None before the first."""
    try:
        return _Note.model_validate_json((state_dir / LAST_BACKUP).read_bytes()).at
    except (OSError, ValidationError):
        return None
