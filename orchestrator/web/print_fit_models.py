"""Whether a print would be done in time: the shape of the answer."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mqtt_schemas.base import UtcTime
from orchestrator.domain.print_fit import Why


class NextTurnView(BaseModel):
    """A free turn in which the print would be done."""

    model_config = ConfigDict(frozen=True)

    starts_at: UtcTime
    ends_at: UtcTime
    done_at: UtcTime


class PrintFitView(BaseModel):
    """What becomes of a print that is begun now.

    takes_seconds: its estimate, corrected by what prints took on the device. fits: None where
    no turn runs and none can be begun. limit_at: by when it must be done; None: nothing limits
    it. next_turn: told where it does not fit now.
    """

    model_config = ConfigDict(frozen=True)

    site: str
    device: str
    takes_seconds: int
    ratio_percent: int
    fits: bool | None
    done_at: UtcTime | None
    limit_at: UtcTime | None
    limited_by: Why | None
    next_turn: NextTurnView | None
    message: str
