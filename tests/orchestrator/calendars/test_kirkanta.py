"""Opening hours of Kirkanta."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calendars.hours_model import Parsed
from orchestrator.calendars.kirkanta import MAX_DAYS, parse
from orchestrator.calendars.model import Unreadable
from orchestrator.domain.opening_hours import DayHours, LocalSpan, Source

ANSWER = Path(__file__).parents[2] / "fixtures/calendars/kirkanta.json"
HOUR = 3600
DAY = "2026-11-25"


def day(**changed: object) -> dict[str, Any]:
    """Return a day that is right, with changes; None takes a key away."""
    times = [{"from": "10:00", "to": "18:00", "status": 1}]
    found = {"date": DAY, "closed": False, "info": None, "times": times} | changed
    return {key: value for key, value in found.items() if value != "gone"}


def times(*spans: tuple[object, object, object]) -> list[dict[str, object]]:
    """Return spans as Kirkanta spells them."""
    return [{"from": begin, "to": end, "status": status} for begin, end, status in spans]


def read(*days: object) -> Parsed:
    """Return what an answer with these days says."""
    return parse(json.dumps({"data": {"id": 84762, "schedules": days}}))


def test_an_answer_is_read_whole() -> None:
    """Staffed, self-service, closed in mid-day and closed all day; nothing is merged."""
    found = parse(ANSWER.read_bytes())
    assert found.faults == ()
    assert found.reach == (date(2026, 12, 21), date(2026, 12, 27))
    monday, tuesday, _, eve = found.days[:4]
    assert monday.spans == (
        LocalSpan(7 * HOUR, 10 * HOUR, staffed=False),
        LocalSpan(10 * HOUR, 18 * HOUR),
        LocalSpan(18 * HOUR, 21 * HOUR, staffed=False),
    )
    assert tuesday.spans == (
        LocalSpan(10 * HOUR, 12 * HOUR),
        LocalSpan(13 * HOUR, 18 * HOUR),
    )
    assert eve == DayHours(date(2026, 12, 24), (), Source.IMPORT, "Jouluaatto")
    assert found.days[-1].spans == (LocalSpan(12 * HOUR, 24 * HOUR, staffed=False),)


def test_one_library_of_a_list_is_meant() -> None:
    """The only one, or the one that is named."""
    libraries = [{"id": number, "schedules": [day()]} for number in (1, 2)]
    assert len(parse(json.dumps({"items": libraries[:1]})).days) == 1
    assert len(parse(json.dumps({"items": libraries}), library="2").days) == 1
    with pytest.raises(Unreadable, match="holds 2 libraries; ask for one"):
        parse(json.dumps({"items": libraries}))
    with pytest.raises(Unreadable, match="holds 0 libraries"):
        parse(json.dumps({"items": libraries}), library="3")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This is no JSON."),
        ("<html>", "This is no JSON."),
        ("[" * 100_000, "This is no JSON."),
        ("[]", "This is no answer of Kirkanta"),
        ('{"error": 404}', "This is no answer of Kirkanta"),
        ('{"data": {"id": 1}}', "The answer holds no opening hours; ask for it `?with=schedules`."),
        (json.dumps({"data": {"schedules": [{}] * (MAX_DAYS + 1)}}), "There are more than 4000 da"),
        (" " * 10_485_761, "The file is larger than 10 MB."),
    ],
)
def test_what_is_no_answer_of_kirkanta_is_one_sentence(text: str, sentence: str) -> None:
    """And what to ask for instead, where that can be told."""
    with pytest.raises(Unreadable) as refusal:
        parse(text)
    assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (day(date="2026-02-30"), "2026-02-30: its date, '2026-02-30', is none."),
        (day(date="25.11.2026"), "day number 2: its date, '25.11.2026', is none."),
        (day(date="20261125"), "day number 2: its date, '20261125', is none."),
        (day(date=20261125), "day number 2: its date, 20261125, is none."),
        (day(date="gone"), "day number 2: its date, None, is none."),
        (day(date="1969-12-31"), "1969-12-31: its date is outside the years 1970 to 9999."),
        ("closed", "day number 2: it is no table of a day."),
        (day(closed="false"), f"{DAY}: closed is true or false, not 'false'."),
        (day(closed=True), f"{DAY}: it is closed, and has hours."),
        (day(times=[]), f"{DAY}: it is not closed, and has no hours."),
        (day(times={}), f"{DAY}: times is no list of at most 48 spans."),
        (day(times=times(("10:00", "18:00", 1)) * 49), f"{DAY}: times is no list of at most 48"),
        (day(times=["10-18"]), f"{DAY}: a span of it is no table."),
        (day(times=times(("18:00", "10:00", 1))), f"{DAY}: '10:00' is not after '18:00'."),
        (day(times=times(("10:00", "10:00", 1))), f"{DAY}: '10:00' is not after '10:00'."),
        (day(times=times(("10:00", "24:01", 1))), f"{DAY}: '24:01' is no time of the day."),
        (day(times=times(("10:00", "18:60", 1))), f"{DAY}: '18:60' is no time of the day."),
        (day(times=times((10, "18:00", 1))), f"{DAY}: 10 is no time of the day."),
        (day(times=times((None, "18:00", 1))), f"{DAY}: None is no time of the day."),
        (day(times=times(("10:00", "18:00", 3))), f"{DAY}: status is 0, 1 or 2, not 3."),
        (day(times=times(("10:00", "18:00", True))), f"{DAY}: status is 0, 1 or 2, not True."),
        (day(times=times(("10:00", "18:00", "1"))), f"{DAY}: status is 0, 1 or 2, not '1'."),
        (day(times=times(("10:00", "18:00", []))), f"{DAY}: status is 0, 1 or 2, not []."),
        (
            day(times=times(("10:00", "18:00", 1), ("17:00", "21:00", 2))),
            f"{DAY}: 10:00 to 18:00 and 17:00 to 21:00 overlap.",
        ),
    ],
)
def test_a_bad_day_is_told_by_its_date_and_the_good_ones_are_read(bad: object, fault: str) -> None:
    """Each with the reason."""
    found = read(day(date="2026-11-24"), bad)
    assert str(found.faults[0]).startswith(fault)
    assert [each.day for each in found.days] == [date(2026, 11, 24)]


def test_a_day_that_stands_there_twice_is_not_taken() -> None:
    """Nobody could say which of them is meant; it is told once."""
    found = read(day(), day(), day(date="2026-11-26"))
    assert [str(fault) for fault in found.faults] == [
        f"{DAY}: the day stands there more than once."
    ]
    assert len(found.days) == 1


def test_times_of_no_day_in_order_are_put_in_order() -> None:
    """As a day goes."""
    found = read(day(times=times(("13:00", "18:00", 1), ("10:00", "12:00", 2))))
    assert [span.from_ for span in found.days[0].spans] == [10 * HOUR, 13 * HOUR]


@pytest.mark.parametrize(
    ("info", "note"),
    [
        ("Poikkeusaukiolo", "Poikkeusaukiolo"),
        ({"fi": None, "sv": "Undantag"}, "Undantag"),
        ("  many\n lines\t", "many lines"),
        ("x" * 1000, "x" * 120),
        ("", None),
        (7, None),
    ],
)
def test_what_is_said_of_a_day_is_kept_as_a_short_line(info: object, note: str | None) -> None:
    """In whichever language it is there."""
    assert read(day(info=info)).days[0].note == note


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "items", "id", "schedules", "date", "closed", "info", "times"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)
clocks = st.sampled_from(["00:00", "07:30", "10:00", "12:00", "24:00", "99:99", "", None, 7])


@given(json_values)
def test_whatever_json_it_is_the_answer_is_clear(value: object) -> None:
    """Days and faults, or a refusal; nothing else ever comes of it."""
    for text in (json.dumps(value), json.dumps({"data": {"schedules": [value]}})):
        try:
            parse(text)
        except Unreadable:
            continue


@given(st.lists(st.tuples(clocks, clocks, st.sampled_from([0, 1, 2, 3])), max_size=5))
def test_spans_of_a_good_day_are_in_order_and_disjoint(
    spans: list[tuple[object, object, object]],
) -> None:
    """Any others are a fault."""
    found = read(day(times=times(*spans)))
    assert len(found.days) + len(found.faults) == 1
    for each in found.days:
        ends = [0, *(span.to for span in each.spans)]
        begins = [*(span.from_ for span in each.spans), 86_400]
        assert all(end <= begin for end, begin in zip(ends, begins, strict=True))
