"""Wall time, boot time, and the offset to the orchestrator."""

from __future__ import annotations

import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agents.clock import MAX_ROUND_TRIP_MS, Offset, SystemClock, measure, plan_time_ms
from tests.agents.fakes import BOOT, OTHER_BOOT

boot_times = st.integers(0, 10**10)
wall_times = st.integers(0, 4 * 10**12)
errors = st.integers(-(10**11), 10**11)


@given(
    sent=boot_times,
    out=st.integers(0, 3000),
    at_work=st.integers(0, 60_000),
    back=st.integers(0, 3000),
    ahead=wall_times,
    wall_error=errors,
)
def test_the_offset_is_wrong_by_half_the_round_trip_at_most(
    sent: int, out: int, at_work: int, back: int, ahead: int, wall_error: int
) -> None:
    """Whatever the wall clock shows, and however unequal the two ways are."""
    back_boot = sent + out + at_work + back
    offset = measure(
        boot_id=BOOT,
        sent_boot_ms=sent,
        back_boot_ms=back_boot,
        back_wall_ms=back_boot + ahead + wall_error,
        received_ms=sent + out + ahead,
        answered_ms=sent + out + at_work + ahead,
    )
    if out + back > MAX_ROUND_TRIP_MS:
        assert offset is None
        return
    assert offset is not None
    assert offset.round_trip_ms == out + back
    assert abs(offset.epoch_ms - ahead) <= (out + back + 1) // 2
    assert offset.offset_ms - (offset.epoch_ms - ahead) == -wall_error
    assert offset.measured_boot_ms == back_boot


@given(sent=boot_times, took=st.integers(0, 5000), earlier=st.integers(1, 10**9))
def test_an_answer_that_was_given_before_it_was_asked_says_nothing(
    sent: int, took: int, earlier: int
) -> None:
    """The orchestrator's clock was stepped between receiving and answering."""
    offset = measure(
        boot_id=BOOT,
        sent_boot_ms=sent,
        back_boot_ms=sent + took,
        back_wall_ms=0,
        received_ms=0,
        answered_ms=took + earlier,
    )
    assert offset is None


@given(epoch=wall_times, boot=boot_times, wall=wall_times, stepped=errors)
def test_a_stepped_wall_clock_moves_no_turn(epoch: int, boot: int, wall: int, stepped: int) -> None:
    """In the boot of the exchange, plan time is boot time and an epoch, nothing else."""
    offset = Offset(BOOT, epoch, offset_ms=0, measured_boot_ms=0, round_trip_ms=0)
    times = {
        plan_time_ms(wall_ms=shown, boot_ms=boot, boot_id=BOOT, offset=offset)
        for shown in (wall, wall + stepped)
    }
    assert times == {boot + epoch}


@given(error=errors, boot=boot_times, wall=wall_times)
def test_after_a_boot_the_wall_clocks_last_known_error_is_taken_off(
    error: int, boot: int, wall: int
) -> None:
    """Boot time has begun anew, so only the wall clock leads over a restart."""
    offset = Offset(OTHER_BOOT, 5, offset_ms=error, measured_boot_ms=0, round_trip_ms=0)
    now = plan_time_ms(wall_ms=wall, boot_ms=boot, boot_id=BOOT, offset=offset)
    assert now == wall + error


def test_before_any_exchange_the_wall_clock_is_all_there_is() -> None:
    """A new machine that was never connected."""
    assert plan_time_ms(wall_ms=7, boot_ms=3, boot_id=BOOT, offset=None) == 7


def test_the_system_clock_tells_linux_time_and_boot(tmp_path: Path) -> None:
    """Milliseconds of CLOCK_REALTIME and CLOCK_BOOTTIME, and the kernel's boot id."""
    boot_id_file = tmp_path / "boot_id"
    boot_id_file.write_text(f"{BOOT}\n")
    clock = SystemClock(str(boot_id_file))
    before = (time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))
    told = (clock.wall_ms() / 1000, clock.boot_ms() / 1000)
    after = (time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))
    assert clock.boot_id == BOOT
    for earlier, now, later in zip(before, told, after, strict=True):
        assert earlier - 0.001 <= now <= later
