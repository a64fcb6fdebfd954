"""How a configuration is understood."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from orchestrator.check_config import described
from orchestrator.config import load

CONFIG = """
[policy]
at_end = "lock"

[[site]]
id = "paja"
name = "Pajala"

[site.policy]
staffed_only = true

[[site.hours]]
days = "mon-fri"
from = "10:00"
to = "18:00"

[[site.exceptions]]
from = 2026-12-24
closed = true

[kind.vr.policy]
school_days_from = "12:00"

[[kind.vr.policy.periods]]
days = "wed"
from = "14:00"
to = "17:00"
group = "nuoret"

[[device]]
site = "paja"
id = "vr-1"
kind = "vr"

[[device.policy.quotas]]
most = 2
per = "week"
"""
CORNER = """
[[device]]
site = "paja"
id = "corner"
kind = "attended"
"""


def lines(folder: Path, more: str = "") -> list[str]:
    """Return how the configuration is understood."""
    file = folder / "laitevuoro.toml"
    file.write_text(CONFIG + more)
    return list(described(load(file, {}), date(2026, 11, 25)))


def test_each_value_is_told_with_where_it_comes_from(tmp_path: Path) -> None:
    """Everywhere, site, kind, device, or built in."""
    values = [line.split(maxsplit=1) for line in lines(tmp_path)]
    told = {key: " ".join(rest.split()) for key, *more in values for rest in more}
    assert told["at_end"] == "lock [policy]"
    assert told["staffed_only"] == "yes [site.policy]"
    assert told["school_days_from"] == "12:00 [kind.vr.policy]"
    assert told["periods"] == "wed 14:00–17:00 nuoret [kind.vr.policy]"
    assert told["quotas"] == "2 turns a week [device.policy]"
    assert told["minimum_age"] == "none built in"


def test_what_the_policy_means_is_told_in_words(tmp_path: Path) -> None:
    """Beside the values."""
    found = lines(tmp_path)
    assert "  device vr-1, vr: vr-1" in found
    assert "    It is used in staffed hours only, on school days from 12:00." in found


def test_an_attended_device_is_told_of_as_one(tmp_path: Path) -> None:
    """It has no agent that would warn or lock."""
    found = lines(tmp_path, CORNER)
    own = found[found.index("  device corner, attended: corner") :]
    assert "    Staff begins and ends each turn." in own
    told = own[: next(at for at, line in enumerate(own) if "at_end" in line)]
    assert not [line for line in told if "locked" in line or "opens" in line]


def test_hours_are_told_with_the_public_holidays_that_they_may_have_missed(tmp_path: Path) -> None:
    """A hint: only staff knows whether the library is open then."""
    found = lines(tmp_path)
    begin = found.index("site paja: Pajala")
    assert found[begin + 1 : begin + 7] == [
        "  hours: mon-fri 10:00–18:00",
        "  hours: sat-sun closed",
        "  hours: 2026-12-24 closed",
        "  by the weekly hours it is open on these public holidays; is that so?",
        "    2026-12-25 Joulupäivä: 10:00–18:00",
        "    2027-01-01 Uudenvuodenpäivä: 10:00–18:00",
    ]
