"""Sessions -> totals."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.base import Basis, Outcome
from mqtt_schemas.events import Event
from orchestrator.domain.sessions import Session, apply
from orchestrator.domain.usage import (
    NOT_TOLD,
    NUMBERS,
    Amounts,
    Cell,
    GroupUsage,
    Totals,
    by_device,
    change,
    local_hour,
    net,
    no_totals,
    without_hours,
)
from tests.orchestrator.histories import (
    MINUTE,
    MORNING,
    PRINTER,
    STATION,
    ended,
    group_set,
    started,
)

HELSINKI = ZoneInfo("Europe/Helsinki")


def totals_of(*happened: Event) -> Totals:
    """Return what these events add up to, entered as each of them came."""
    totals = no_totals()
    sessions: dict[str | None, Session | None] = {}
    for event in happened:
        before = sessions.get(event.session)
        sessions[event.session] = after = apply(before, event)
        change(totals, PRINTER, before, after, HELSINKI)
    return totals


def test_a_session_counts_in_the_local_hour_of_its_begin() -> None:
    """With its group, basis and outcome as the cell."""
    totals = totals_of(started(group="lapset", party=2), ended(overrun_ms=5, unobserved_ms=7))
    cell = Cell("main", "printer-1", "2026-11-25T11", "lapset", Basis.TURN, Outcome.CUSTOMER)
    assert totals == {
        cell: Amounts(
            sessions=1,
            parties=1,
            people=2,
            active_ms=20 * MINUTE,
            idle_ms=10 * MINUTE,
            unobserved_ms=7,
            overrun_ms=5,
        )
    }


def test_an_open_session_counts_nothing() -> None:
    """Only what is over is counted."""
    assert totals_of(started(), group_set()) == {}


def test_a_session_without_a_party_size_is_no_party() -> None:
    """People are added up only where somebody said how many there were."""
    (amounts,) = totals_of(ended()).values()
    assert (amounts.parties, amounts.people) == (0, 0)


def test_a_correction_withdraws_what_was_counted() -> None:
    """Both sides of the book only grow; what counts is the difference."""
    totals = totals_of(started(group="lapset"), ended(), group_set(group="nuoret"))
    assert sum(amounts.sessions for amounts in totals.values()) == 3
    assert {cell.target_group: amounts.sessions for cell, amounts in net(totals).items()} == {
        "nuoret": 1
    }


def test_what_totals_do_not_depend_on_changes_none() -> None:
    """A group declared again is no correction."""
    once = totals_of(started(), ended(group="nuoret"))
    assert totals_of(started(), ended(group="nuoret"), group_set(group="nuoret")) == once


def test_categories_and_figures_are_added_up_by_name() -> None:
    """Each with what it is."""
    totals = totals_of(
        ended("a", categories={"game": 5}, figures={"filament_mm": 100}),
        ended("b", categories={"game": 2, "other": 1}),
    )
    (amounts,) = totals.values()
    assert amounts.parts == {
        ("category", "game"): 7,
        ("category", "other"): 1,
        ("figure", "filament_mm"): 100,
    }


def test_the_local_hour_follows_the_zone() -> None:
    """Also over the date line, in half-hour zones, and when the clocks are put back."""
    midnight = 1_795_644_000_000  # 2026-11-25T22:00Z
    assert local_hour(midnight, HELSINKI) == "2026-11-26T00"
    assert local_hour(midnight, UTC) == "2026-11-25T22"
    assert local_hour(midnight, timezone(timedelta(hours=5, minutes=30))) == "2026-11-26T03"
    twice = 1_792_886_400_000  # 2026-10-25T00:00Z is 03:00 in summer time, an hour on as well
    assert {local_hour(twice + hour * 3_600_000, HELSINKI) for hour in (0, 1)} == {"2026-10-25T03"}


def test_a_device_has_its_use_and_what_was_outside() -> None:
    """Only use by right is counted; by group with the time that somebody was active."""
    totals = totals_of(
        ended("a", group="lapset", outcome=Outcome.TURN_OVER),
        ended("b", active=1, idle=2),
        ended("c", basis=Basis.OUTSIDE, active=10, idle=5),
        ended("d", basis=Basis.BLOCKED, active=1, idle=0),
        ended("e", basis=Basis.OPEN, active=4, idle=0),
    )
    usage = by_device(totals, [STATION])
    assert usage[STATION].sessions == 0
    printer = usage[PRINTER]
    assert (printer.sessions, printer.active_ms) == (3, 20 * MINUTE + 5)
    assert (printer.idle_ms, printer.ended_by_turn) == (10 * MINUTE + 2, 1)
    assert (printer.outside_sessions, printer.outside_ms) == (2, 16)
    assert printer.by_target_group == {
        "lapset": GroupUsage(1, 20 * MINUTE),
        NOT_TOLD: GroupUsage(2, 5),
    }


def test_a_withdrawn_group_is_not_listed() -> None:
    """A group whose only session turned out another group's has no use."""
    totals = totals_of(ended(group="lapset"), group_set(group="nuoret"))
    assert list(by_device(totals)[PRINTER].by_target_group) == ["nuoret"]


_happened = st.lists(
    st.one_of(
        st.builds(started, st.sampled_from("abc"), st.integers(0, 3).map(lambda n: MORNING + n)),
        st.builds(
            ended,
            st.sampled_from("abc"),
            active=st.integers(0, 9),
            group=st.sampled_from([None, "lapset"]),
            basis=st.sampled_from(Basis),
            outcome=st.sampled_from(Outcome),
            categories=st.dictionaries(st.sampled_from(["game", "other"]), st.integers(0, 9)),
        ),
        st.builds(group_set, st.sampled_from("abc"), st.sampled_from(["lapset", "nuoret"])),
    ),
    max_size=20,
)


@given(_happened)
def test_the_total_is_the_sum_of_the_sessions(happened: list[Event]) -> None:
    """Whatever was corrected on the way, the books agree with the sessions as they are."""
    sessions: dict[str | None, Session | None] = {}
    for event in happened:
        sessions[event.session] = apply(sessions.get(event.session), event)
    afresh = no_totals()
    for session in sessions.values():
        change(afresh, PRINTER, None, session, HELSINKI)
    assert net(totals_of(*happened)) == afresh


@given(_happened)
def test_hours_add_up(happened: list[Event]) -> None:
    """Leaving out the hours loses nothing."""
    totals = totals_of(*happened)
    assert sum(each.sessions for each in without_hours(totals).values()) == sum(
        each.sessions for each in totals.values()
    )
    assert {cell.hour for cell in without_hours(totals)} <= {""}


def test_amounts_can_be_taken_away() -> None:
    """What was added and taken away again leaves nothing."""
    amounts = Amounts(parts={("category", "game"): 3})
    for number, name in enumerate(NUMBERS, start=1):
        setattr(amounts, name, number)
    rest = Amounts()
    rest.add(amounts)
    assert rest == amounts
    rest.add(amounts, -1)
    assert rest == Amounts(parts={("category", "game"): 0})


def test_a_cell_of_nothing_is_no_total() -> None:
    """What was wholly withdrawn is left out."""
    assert net(no_totals()) == {}
