"""What runs on the seat: the category of the session's programs, from new PIDs of /proc.

A scan lists /proc and reads only processes that it has not read before (0.35 ms with 300
processes). Of a process nothing is kept but its category and when it started.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agents.devices.pc.catalogue import Catalogue, Category
from agents.devices.pc.sessions import LoginSession

#: Bytes of a command line: the program's name and Steam's AppId stand at its beginning.
_COMMAND_BYTES = 4096
_SCOPE = re.compile(r"/session-([^/]+)\.scope")
_USER = re.compile(r"/user-(\d+)\.slice")
#: Shown only when nothing more telling runs: browsers stand open beside everything else.
_BACKGROUND = frozenset({Category.WEB, Category.OTHER})


@dataclass(frozen=True, slots=True)
class Program:
    """A running program of the session. `started` counts the kernel's ticks since boot."""

    category: Category
    started: int


def foremost(programs: Iterable[Program]) -> Category:
    """Return the one category that stands for all that runs.

    The most recently started program that is no browser; a browser, where only that runs; else
    other. No window manager tells the same way which window is in front, so what was begun
    last counts, until it is closed.
    """
    listed = sorted(programs, key=lambda program: program.started, reverse=True)
    for program in listed:
        if program.category not in _BACKGROUND:
            return program.category
    return Category.WEB if any(p.category is Category.WEB for p in listed) else Category.OTHER


class Processes:
    """The programs of one login session. Make a new one for each use: PIDs are used again."""

    def __init__(self, *, proc: Path, session: LoginSession, catalogue: Catalogue) -> None:
        self._proc = proc
        self._session = session
        self._catalogue = catalogue
        self._known: dict[int, Program | None] = {}
        self._young: set[int] = set()

    def category(self) -> Category:
        """Look at what is new and return the session's foremost category."""
        present = {int(name) for name in os.listdir(self._proc) if name.isdecimal()}  # noqa: PTH208 - half the time
        new = present - self._known.keys()
        # A process is read again at the next scan: it may not have become, by exec(2), what
        # it was started for.
        for pid in new | (self._young & present):
            self._known[pid] = self._read(pid)
        self._young = new
        for pid in self._known.keys() - present:
            del self._known[pid]
        return foremost(program for program in self._known.values() if program is not None)

    def _read(self, pid: int) -> Program | None:
        folder = self._proc / str(pid)
        try:
            cgroup = (folder / "cgroup").read_text(errors="replace")
            if not _belongs(cgroup, self._session):
                return None
            with (folder / "cmdline").open("rb") as file:
                command = file.read(_COMMAND_BYTES).decode(errors="replace").split("\0")
            stat = (folder / "stat").read_text(errors="replace")
        except OSError:
            # Gone between listing and reading, or not ours to read.
            return None
        name, started = _name_and_start(stat)
        category = self._catalogue.category(command=command, name=name, cgroup=cgroup)
        return Program(category, started) if category is not None else None


def _belongs(cgroup: str, session: LoginSession) -> bool:
    """Tell whether a process is the session's: in its scope, or started by its user's manager.

    A process in the scope of another session of the same user is that session's, so nothing
    that a former customer left behind under a shared account is counted.
    """
    scope = _SCOPE.search(cgroup)
    if scope is not None:
        return scope[1] == session.id
    user = _USER.search(cgroup)
    return user is not None and int(user[1]) == session.uid


def _name_and_start(stat: str) -> tuple[str, int]:
    """Return `comm` and `starttime` from /proc/PID/stat (proc(5)). The name may hold brackets."""
    opened, closed = stat.find("("), stat.rfind(")")
    fields = stat[closed + 1 :].split()
    return stat[opened + 1 : closed], int(fields[19]) if len(fields) > 19 else 0
