"""What an import changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mqtt_schemas.topics import Address
from orchestrator.calendars.changes import Changes, Known, changes, digest_of
from orchestrator.calendars.model import Entry, Fault, Parsed
from orchestrator.domain.bookings import Booking, BookingState
from tests.orchestrator.calendars.frames import NOW

HOUR = timedelta(hours=1)
VR, PRINTER = Address("paja", "vr-1"), Address("paja", "printer-1")


def entry(uid: str = "a", start: float = 1, hours: float = 1, device: str = "vr-1") -> Entry:
    """Return an entry that starts in so many hours."""
    starts_at = NOW + start * HOUR
    return Entry(
        uid=uid,
        series=uid,
        where=f"UID {uid}",
        site="paja",
        device=device,
        starts_at=starts_at,
        ends_at=starts_at + hours * HOUR,
    )


def known(of: Entry, state: BookingState = BookingState.BOOKED) -> Known:
    """Return an entry as it was imported before."""
    booking = Booking(f"b-{of.uid}", of.address, of.starts_at, of.ends_at, state=state)
    return Known(of.uid, of.series, digest_of(of), booking)


def compare(
    entries: Sequence[Entry],
    before: Sequence[Known] = (),
    others: Sequence[Booking] = (),
    faults: Sequence[Fault] = (),
) -> Changes:
    """Return what is to be done."""
    by_device = {
        address: [booking for booking in others if booking.address == address]
        for address in (VR, PRINTER)
    }
    return changes(Parsed(entries=tuple(entries), faults=tuple(faults)), before, by_device, NOW)


def done(found: Changes) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return what is added, changed, removed and refused."""
    return (
        [edit.entry.uid for edit in found.add],
        [edit.entry.uid for edit in found.change],
        [each.uid for each in found.remove],
        [str(fault) for fault in found.faults],
    )


def test_only_what_differs_is_changed() -> None:
    """New ones are added, others changed or removed, equal ones left alone."""
    before = [known(entry("same")), known(entry("moved", 3)), known(entry("gone", 5))]
    found = compare([entry("same"), entry("moved", 7), entry("new", 3)], before)
    assert done(found) == (["new"], ["moved"], ["gone"], [])
    assert found.same == 1


def test_what_has_begun_is_not_removed() -> None:
    """Nor what is over, nor what staff let go of."""
    before = [
        known(entry("over", -9)),
        known(entry("running", -0.5)),
        known(entry("cancelled", 4), BookingState.CANCELLED),
    ]
    assert done(compare([], before)) == ([], [], [], [])


def test_a_running_turn_is_only_given_another_end() -> None:
    """It neither moves to another device nor begins anew."""
    before = known(entry("a", -0.5, 1))
    found = compare([entry("a", -0.75, 2)], [before])
    assert [(edit.entry.starts_at, edit.entry.ends_at) for edit in found.change] == [
        (before.booking.starts_at, NOW + 1.25 * HOUR)
    ]
    found = compare([entry("a", -0.5, 3, "printer-1")], [before])
    assert [(edit.entry.device, edit.entry.ends_at) for edit in found.change] == [
        ("vr-1", before.booking.ends_at)
    ]
    # What the source says is remembered, so that the next import finds nothing to do.
    assert found.change[0].digest == digest_of(entry("a", -0.5, 3, "printer-1"))


def test_the_past_is_not_booked() -> None:
    """Neither anew nor by moving what is booked into it."""
    found = compare([entry("a", -3), entry("b", -3)], [known(entry("b", 3))])
    assert done(found) == ([], [], [], [])
    assert found.past == 2


def test_what_staff_cancelled_stays_so_until_the_source_changes_it() -> None:
    """Then it is a booking of its own."""
    before = [known(entry("a"), BookingState.CANCELLED)]
    assert done(compare([entry("a")], before)) == ([], [], [], [])
    assert done(compare([entry("a", 5)], before)) == (["a"], [], [], [])


def test_a_conflict_is_a_fault_by_uid() -> None:
    """With somebody else's booking, or with another entry of the same file."""
    other = Booking("staff", VR, NOW + HOUR, NOW + 2 * HOUR)
    found = compare([entry("a"), entry("b", 3), entry("c", 3.5)], (), [other])
    assert done(found) == (
        ["b"],
        [],
        [],
        [
            "UID a: its device is booked otherwise.",
            "UID c: its device is taken by UID b.",
        ],
    )
    assert done(compare([entry("a", 2)], (), [other])) == (["a"], [], [], [])


def test_bookings_may_change_places() -> None:
    """What was booked before is in nobody's way when it moves away itself."""
    before = [known(entry("a", 1)), known(entry("b", 2))]
    assert done(compare([entry("a", 2), entry("b", 1)], before))[1:] == (["b", "a"][::-1], [], [])


def test_who_can_not_move_keeps_the_old_time() -> None:
    """And whoever was to have that is refused, and so on."""
    other = Booking("staff", VR, NOW + 9 * HOUR, NOW + 10 * HOUR)
    before = [known(entry("a", 1)), known(entry("b", 2))]
    found = compare([entry("a", 9), entry("b", 1), entry("c", 2)], before, [other])
    assert found.add == []
    assert found.change == []
    assert sorted(map(str, found.faults)) == [
        "UID a: its device is booked otherwise.",
        "UID b: its device is taken by what an earlier import booked.",
        "UID c: its device is taken by what an earlier import booked.",
    ]


def test_what_a_fault_may_be_about_is_not_removed() -> None:
    """Where the fault names its series, only that is spared."""
    before = [known(entry("a", 1)), known(entry("b", 3))]
    named = Fault(where="UID a", reason="it ends before it starts", series="a")
    assert done(compare([], before, faults=[named]))[2] == ["b"]
    unnamed = Fault(where="line 3", reason="the entry that begins here has no UID")
    assert done(compare([], before, faults=[unnamed]))[2] == []


ENTRIES = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.integers(-3, 12),
        st.integers(1, 3),
        st.sampled_from(["vr-1", "printer-1"]),
    ),
    max_size=10,
    unique_by=lambda made: made[0],
)


@given(ENTRIES, ENTRIES, st.lists(st.integers(-3, 12), max_size=3, unique=True))
def test_turns_never_overlap_and_a_second_import_does_nothing(
    first: list[tuple[int, int, int, str]],
    second: list[tuple[int, int, int, str]],
    staff: list[int],
) -> None:
    """Whatever is imported over whatever else."""
    others = [Booking(f"s{hour}", VR, NOW + hour * HOUR, NOW + (hour + 1) * HOUR) for hour in staff]
    there: dict[str, Known] = {}
    for made in (first, second):
        entries = [entry(str(uid), *rest) for uid, *rest in made]  # type: ignore[arg-type] # as made
        found = compare(entries, list(there.values()), others)
        _apply(there, found)
        _check(there, others)
        again = compare(entries, list(there.values()), others)
        refused = {str(fault) for fault in again.faults}
        assert not again.remove
        _apply(there, again)
        _check(there, others)
        assert len(refused) <= len(found.faults)


def _apply(there: dict[str, Known], found: Changes) -> None:
    for each in found.remove:
        del there[each.uid]
    for edit in [*found.add, *found.change]:
        of = edit.entry
        booking = Booking(f"b-{of.uid}", of.address, of.starts_at, of.ends_at)
        if edit.known is not None:
            booking = replace(booking, id=edit.known.booking.id)
        there[of.uid] = Known(of.uid, of.series, edit.digest, booking)


def _check(there: dict[str, Known], others: Sequence[Booking]) -> None:
    bookings = [*(each.booking for each in there.values()), *others]
    for one in bookings:
        for other in bookings:
            apart = one.ends_at <= other.starts_at or other.ends_at <= one.starts_at
            assert one is other or one.address != other.address or apart
