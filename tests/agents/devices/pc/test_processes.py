"""Categories from a folder that looks like /proc."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agents.devices.pc.catalogue import Catalogue, Category
from agents.devices.pc.processes import Processes, Program, foremost
from tests.agents.devices.pc.test_sessions import SOMEBODY

SCOPE = "0::/user.slice/user-1000.slice/session-2.scope\n"
MANAGER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/some.service\n"


class Proc:
    """A folder of processes. `looks`: how often a command line was opened is not asked here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "self").mkdir()
        (folder / "loadavg").write_text("0.5 0.4 0.3 1/300 4711\n")

    def add(self, pid: int, program: str, *, cgroup: str = SCOPE, started: int = 0) -> None:
        """Start a program."""
        folder = self.folder / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "cmdline").write_bytes(f"/usr/bin/{program}\0--secret\0".encode())
        (folder / "cgroup").write_text(cgroup)
        numbers = ["0"] * 18 + [str(started or pid)] + ["0"] * 10
        (folder / "stat").write_text(f"{pid} ({program[:15]}) S {' '.join(numbers)}\n")

    def end(self, pid: int) -> None:
        """End a program."""
        shutil.rmtree(self.folder / str(pid))

    def processes(self) -> Processes:
        """Look at session 2 of user 1000."""
        return Processes(proc=self.folder, session=SOMEBODY, catalogue=Catalogue())


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """Give an empty /proc."""
    return Proc(tmp_path)


def test_a_desktop_with_nothing_in_a_list_is_other(proc: Proc) -> None:
    """Somebody does something, no list says what."""
    proc.add(10, "bash")
    assert proc.processes().category() is Category.OTHER


def test_what_was_begun_last_counts_until_it_is_closed(proc: Proc) -> None:
    """The most recently started program stands for all, browsers only where nothing else runs."""
    processes = proc.processes()
    proc.add(10, "firefox", started=900)
    assert processes.category() is Category.WEB
    proc.add(11, "gimp", started=500)
    assert processes.category() is Category.IMAGE_EDITING
    proc.add(12, "kdenlive", started=600)
    assert processes.category() is Category.VIDEO_EDITING
    proc.end(12)
    assert processes.category() is Category.IMAGE_EDITING
    proc.end(11)
    assert processes.category() is Category.WEB


@pytest.mark.parametrize(
    ("cgroup", "category"),
    [
        (SCOPE, Category.IMAGE_EDITING),
        (MANAGER, Category.IMAGE_EDITING),
        (f"1:name=systemd:/user.slice/user-1000.slice/session-2.scope\n{SCOPE}", "image_editing"),
        ("0::/user.slice/user-1000.slice/session-1.scope\n", Category.OTHER),
        ("0::/user.slice/user-1001.slice/user@1001.service/app.slice\n", Category.OTHER),
        ("0::/system.slice/cron.service\n", Category.OTHER),
        ("", Category.OTHER),
    ],
)
def test_only_the_seats_session_counts(proc: Proc, cgroup: str, category: Category) -> None:
    """Another session's, another user's and the system's processes are not the customer's."""
    proc.add(10, "gimp", cgroup=cgroup)
    assert proc.processes().category() == category


def test_each_process_is_read_twice_and_no_more(proc: Proc) -> None:
    """A program that replaced its launcher is seen at the next scan; later ones cost nothing."""
    processes = proc.processes()
    proc.add(10, "sh")
    assert processes.category() is Category.OTHER
    proc.add(10, "gimp")
    assert processes.category() is Category.IMAGE_EDITING
    proc.add(10, "kdenlive")
    assert processes.category() is Category.IMAGE_EDITING


def test_a_process_that_vanishes_or_hides_is_no_error(proc: Proc) -> None:
    """Between listing and reading a process may go; its folder may be unreadable or broken."""
    proc.add(10, "gimp")
    (proc.folder / "10" / "cmdline").unlink()
    (proc.folder / "11").mkdir()
    proc.add(12, "krita")
    (proc.folder / "12" / "stat").write_text("12 (krita")
    assert proc.processes().category() is Category.IMAGE_EDITING


def test_a_name_with_brackets_is_read_whole(proc: Proc) -> None:
    """The kernel's name may hold anything, even `) S 1`."""
    proc.add(10, "x")
    numbers = " ".join(["0"] * 18 + ["77"])
    (proc.folder / "10" / "stat").write_text(f"10 (gimp) S 1) S {numbers}\n")
    (proc.folder / "10" / "cmdline").write_bytes(b"/usr/bin/gimp\0")
    assert proc.processes().category() is Category.IMAGE_EDITING


def test_nothing_of_a_program_is_kept_but_its_category(proc: Proc) -> None:
    """No name, argument or document outlives the scan."""
    processes = proc.processes()
    proc.add(10, "gimp")
    processes.category()
    assert processes._known == {10: Program(Category.IMAGE_EDITING, 10)}
    assert foremost([]) is Category.OTHER
    other = Processes(
        proc=proc.folder, session=replace(SOMEBODY, id="9", uid=1), catalogue=Catalogue()
    )
    assert other.category() is Category.OTHER
