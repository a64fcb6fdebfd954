"""Policies as a librarian writes them."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from orchestrator.config import load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.domain.devices import (
    AfterClosing,
    CheckInBy,
    Misfit,
    Per,
    Period,
    Policy,
    Quota,
)
from orchestrator.domain.policy import Effective

EVERYTHING = """
at_end = "lock"
grid = 1800
notice = 7200
ahead = 1209600
same_day = false
party = 2
minimum_age = 13
guardian_below = 15
guardian_in = "self_service"
check_in = "code"
check_in_within = 600
walk_in = 1800
extension = 900
extension_in_last = 600
finish_before_closing = 900
after_closing = "staff"
staffed_only = true
school_days_from = "12:00"
assumed_group = "aikuiset"
print_misfit = "refuse"
offer = 300

[[policy.periods]]
days = "mon-wed, fri"
from = "14:00"
to = "17:00"
group = "nuoret"
exclusive = true

[[policy.periods]]
days = ["sat", "sun"]
from = 20:30:00
to = "24:00"
group = "perheet"

[[policy.quotas]]
most = 1
per = "day"

[[policy.quotas]]
most = 2
per = "week"
of = "days"
"""
PLACE = """
[[site]]
id = "paja"

[[device]]
site = "paja"
id = "vr-1"
kind = "vr"
"""


def effective(folder: Path, policy: str, rest: str = "", **environment: str) -> Effective:
    """Return what a device's policy comes to."""
    file = folder / "laitevuoro.toml"
    file.write_text(f"[policy]\n{policy}\n{PLACE}\n{rest}")
    (found,) = load(file, environment).effective.values()
    return found


def refusal(folder: Path, policy: str, rest: str = "") -> str:
    """Return the one line with which a policy is refused, without the file's name."""
    with pytest.raises(InvalidConfiguration) as refused:
        effective(folder, policy, rest)
    (line,) = str(refused.value).replace(f"{folder / 'laitevuoro.toml'}: ", "").splitlines()
    return line


def test_every_rule_can_be_written(tmp_path: Path) -> None:
    """Each key of a policy, with periods and quotas."""
    policy = effective(tmp_path, EVERYTHING).policy
    assert policy.guardian_in == "self_service"
    assert (policy.check_in, policy.after_closing) == (CheckInBy.CODE, AfterClosing.STAFF)
    assert (policy.print_misfit, policy.staffed_only) == (Misfit.REFUSE, True)
    assert policy.school_days_from == time(12)
    assert policy.periods == (
        Period((0, 1, 2, 4), time(14), time(17), "nuoret", exclusive=True),
        Period((5, 6), time(20, 30), time(0), "perheet"),
    )
    assert policy.quotas == (Quota(1, Per.DAY), Quota(2, Per.WEEK, "days"))


def test_there_is_a_key_for_every_field_of_a_policy(tmp_path: Path) -> None:
    """No rule that only code can set."""
    everything = f"{EVERYTHING}".replace(
        'at_end = "lock"',
        'at_end = "lock"\noutside_turns = "open"\nafter_expiry = "open"\nwarn_before = [1]\n'
        "grace = 1\nbuffer = 1\nshortest = 1\nlongest = 3600",
    )
    sources = effective(tmp_path, everything).sources
    assert set(sources) == set(Policy.__dataclass_fields__)
    assert set(sources.values()) == {"[policy]"}


def test_a_policy_can_be_told_apart_and_looked_up(tmp_path: Path) -> None:
    """Windows are worked out once for all devices of one policy."""
    one, other = (effective(tmp_path, EVERYTHING).policy for _ in range(2))
    assert {one: "known"}[other] == "known"


def test_a_stronger_layer_takes_back_what_a_weaker_one_set(tmp_path: Path) -> None:
    """TOML has no word for nothing, so `none`, 0 and an empty list say it."""
    own = '[device.policy]\nminimum_age = 0\nguardian_below = 0\nschool_days_from = "none"\n'
    own += 'assumed_group = "none"\nperiods = []\nquotas = []'
    policy = effective(tmp_path, EVERYTHING, own).policy
    assert (policy.minimum_age, policy.guardian_below) == (None, None)
    assert (policy.school_days_from, policy.assumed_group) == (None, None)
    assert (policy.periods, policy.quotas) == ((), ())


def test_the_environment_overrides_what_is_one_value(tmp_path: Path) -> None:
    """Times, yes and no, words and numbers."""
    policy = effective(
        tmp_path,
        EVERYTHING,
        LAITEVUORO_POLICY__SCHOOL_DAYS_FROM="9:30",
        LAITEVUORO_POLICY__STAFFED_ONLY="false",
        LAITEVUORO_POLICY__CHECK_IN="staff",
        LAITEVUORO_POLICY__GRID="900",
    ).policy
    assert policy.school_days_from == time(9, 30)
    assert (policy.staffed_only, policy.check_in, policy.grid) == (False, CheckInBy.STAFF, 900)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("grid = 1800", "grid = 1700", "policy.grid: a day can't be divided into steps of 1700 s"),
        ("party = 2", "party = 0", "policy.party: It must be greater than or equal to 1, not 0."),
        ('"12:00"', '"25:00"', "policy.school_days_from: it is a time of the day such as '12:00'"),
        ('"12:00"', "12", "policy.school_days_from: it is a time of the day such as '12:00', not"),
        ('"12:00"', '"24:00"', "policy.school_days_from: 24:00 is the end of a day"),
        ('"nuoret"', '"nuroet"', "policy.periods number 1.group: there is no target group 'nuro"),
        ('"aikuiset"', '"kaikki"', "policy.assumed_group: there is no target group 'kaikki'."),
        ('to = "17:00"', 'to = "13:00"', "policy.periods number 1: to (13:00) is not after from"),
        ("mon-wed, fri", "fri-mon", "policy.periods number 1.days: 'fri-mon' goes backwards"),
        ("mon-wed, fri", "ma-ke", "policy.periods number 1.days: days are mon, tue, wed, thu"),
        ('["sat", "sun"]', "[5]", "policy.periods number 2.days: days are mon, tue, wed, thu"),
        ('["sat", "sun"]', "[]", "policy.periods number 2.days: it names no day."),
        ('to = "17:00"', "", "policy.periods number 1.to: It is missing."),
        ("walk_in = 1800", "walk_in = 90000", "device paja/vr-1: policy: walk_in (90000 s, [poli"),
        ("notice = 7200", "notice = 1209601", "device paja/vr-1: policy: notice (1209601 s, [po"),
        ("extension = 900", "extension = 30000", "device paja/vr-1: policy: extension (30000 s,"),
        (
            "guardian_below = 15",
            "guardian_below = 13",
            "device paja/vr-1: policy: guardian_below (13, [policy]) is not more than minimum_age",
        ),
        ("most = 1", "most = 0", "policy.quotas number 1.most: It must be greater than or equal"),
        ('"week"', '"day"', "policy.quotas number 2: a quota of days is per week."),
        ('"week"', '"year"', "policy.quotas number 2.per: It must be 'day' or 'week', not 'year'"),
        (
            "same_day = false",
            'same_day = "maybe"',
            "policy.same_day: It must be true or false, not",
        ),
        ("same_day = false", "same_day = []", "policy.same_day: It must be true or false, not []."),
        ("offer = 300", "offer = 0", "policy.offer: It must be greater than or equal to 1, not 0."),
    ],
)
def test_what_makes_no_policy_is_refused_with_its_key(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    """In one sentence."""
    assert old in EVERYTHING
    assert refusal(tmp_path, EVERYTHING.replace(old, new)).startswith(line)


def test_an_hour_is_not_for_two_groups(tmp_path: Path) -> None:
    """Nobody could say which of them is assumed."""
    policy = EVERYTHING.replace('["sat", "sun"]', '"tue-wed"').replace("20:30:00", "16:59:00")
    line = "policy: periods number 1 and number 2 overlap on tue-wed."
    assert refusal(tmp_path, policy) == line
    touching = policy.replace("16:59:00", "17:00:00")
    assert len(effective(tmp_path, touching).policy.periods) == 2
