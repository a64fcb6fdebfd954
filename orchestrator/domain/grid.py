"""PURE: the starts that a policy allows: whole multiples of its grid after local midnight."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo

from orchestrator.domain.local_time import to_local

_MINUTE = 60
_DAY = 86_400


def on_grid(moment: datetime, grid: int, zone: tzinfo) -> bool:
    """Tell whether the clock on the wall shows a whole multiple of `grid` seconds; 0: always."""
    if grid == 0:
        return True
    return moment.microsecond == 0 and _of_day(moment, zone) % grid == 0


def grid_up(moment: datetime, grid: int, zone: tzinfo) -> datetime:
    """Return the first start at or after a moment; on whole minutes where there is no grid."""
    whole = moment.replace(microsecond=0)
    if whole != moment:
        whole += timedelta(seconds=1)
    return _nearest(whole, grid or _MINUTE, zone, 1)


def grid_down(moment: datetime, grid: int, zone: tzinfo) -> datetime:
    """Return the last start at or before a moment; on whole minutes where there is no grid."""
    return _nearest(moment.replace(microsecond=0), grid or _MINUTE, zone, -1)


def _nearest(moment: datetime, grid: int, zone: tzinfo, way: int) -> datetime:
    off = _of_day(moment, zone) % grid
    step = timedelta(seconds=(grid - off if off and way > 0 else off))
    found = moment + way * step
    if to_local(moment, zone).utcoffset() == to_local(found, zone).utcoffset() and on_grid(
        found, grid, zone
    ):
        return found
    # A clock change or a midnight lies between: look at each start that there could be.
    pace = math.gcd(grid, _MINUTE)
    off = _of_day(moment, zone) % pace
    found = moment + way * timedelta(seconds=(pace - off if off and way > 0 else off))
    for _ in range((grid + _DAY) // pace):
        if on_grid(found, grid, zone):
            break
        found += way * timedelta(seconds=pace)
    return found


def _of_day(moment: datetime, zone: tzinfo) -> int:
    local = to_local(moment, zone)
    return local.hour * 3600 + local.minute * 60 + local.second
