"""What a power cut leaves of files: rebuilt from a process's writes and syncs, as strace saw them.

A write is safe once its file was synced after it, a file's name once its folder was. Until
then a cut keeps of each what it likes: nothing, all, or some of its sectors, in any order.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
ROOT = Path(__file__).parents[2]
_CALLS = (
    "openat,close,write,writev,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,"
    "sync_file_range,unlink,unlinkat,rename,renameat,renameat2"
)
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


class NotUnderstood(Exception):
    """strace saw a call that the replay does not know. The text is its line."""


@dataclass(frozen=True, slots=True)
class Call:
    """One finished system call: its name, its plain arguments, its texts, its result."""

    name: str
    arguments: list[str]
    texts: list[bytes]
    result: int


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at an offset; or, without bytes, the file's new length."""

    offset: int
    data: bytes | None


@dataclass(slots=True)
class File:
    """A file: what is safe, and what was written since."""

    safe: bytearray = field(default_factory=bytearray)
    unsafe: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything safe."""
        self.safe = self.after(self.unsafe)
        self.unsafe = []

    def after(self, writes: list[Write]) -> bytearray:
        """Return the content after some of the writes."""
        content = bytearray(self.safe)
        for write in writes:
            if write.data is None:
                del content[write.offset :]
                content.extend(bytes(write.offset - len(content)))
            else:
                content.extend(bytes(max(0, write.offset - len(content))))
                content[write.offset : write.offset + len(write.data)] = write.data
        return content


class Folder:
    """One folder as the traced process writes it, call by call.

    told: the newest number that the process told to be safe, in its file `told`.
    """

    def __init__(self, path: Path) -> None:
        self.told = 0
        self._path = path
        self._now: dict[str, File] = {}
        self._safe: dict[str, File] = {}
        self._open: dict[int, str | None] = {}

    def apply(self, call: Call) -> bool:
        """Take a call in. Tell whether it changed anything here."""
        if call.result < 0:
            return False
        if call.name == "openat":
            return self._opened(call)
        if call.name in ("unlink", "unlinkat"):
            return self._now.pop(self._name(call.texts[0]) or "", None) is not None
        if call.name.startswith("rename"):
            if any(self._name(text) for text in call.texts):
                raise NotUnderstood(str(call))
            return False
        number = int(call.arguments[0])
        if call.name == "close":
            return self._open.pop(number, None) == "never"
        name = self._open.get(number)
        return name is not None and self._changed(name, call)

    def cut(self, keep: random.Random | bool) -> dict[str, bytes]:  # noqa: FBT001 - all, none, or by chance
        """Return the files that a power cut leaves: of what is not safe all, none, or some."""
        if keep is True:
            return {name: bytes(file.after(file.unsafe)) for name, file in self._now.items()}
        if keep is False:
            return {name: bytes(file.safe) for name, file in self._safe.items()}
        names = self._now if keep.random() < 0.5 else self._safe
        return {name: bytes(file.after(_some(file.unsafe, keep))) for name, file in names.items()}

    def _opened(self, call: Call) -> bool:
        path = Path(call.texts[0].decode())
        if path == self._path:
            self._open[call.result] = "."
            return False
        name = self._name(call.texts[0])
        self._open[call.result] = name
        if name is None or name in self._now or "O_CREAT" not in call.arguments[2]:
            return False
        self._now[name] = File()
        return True

    def _changed(self, name: str, call: Call) -> bool:
        if name == "told":
            self.told = max(self.told, int(call.texts[0]))
        elif call.name in ("fsync", "fdatasync"):
            if name == ".":
                self._safe = dict(self._now)
            elif name in self._now:
                self._now[name].sync()
        elif call.name == "pwrite64":
            offset = int(call.arguments[-1])
            self._now[name].unsafe.append(Write(offset, call.texts[0][: call.result]))
        elif call.name == "ftruncate":
            self._now[name].unsafe.append(Write(int(call.arguments[1]), None))
        else:
            raise NotUnderstood(str(call))
        return True

    def _name(self, path: bytes) -> str | None:
        """Return the name of a database's file in the folder; shared memory is no matter."""
        where = Path(path.decode())
        known = where.parent == self._path and not where.name.endswith(("-shm", ".lock"))
        return where.name if known else None


def _some(writes: list[Write], chance: random.Random) -> list[Write]:
    """Return some of the writes, some of them torn."""
    kept: list[Write] = []
    for write in writes:
        if write.data is None:
            kept += [write] if chance.random() < 0.5 else []
            continue
        for start in range(0, len(write.data), SECTOR):
            if chance.random() < 0.5:
                sector = write.data[start : start + SECTOR]
                kept.append(Write(write.offset + start, sector))
    return kept


def traced(what: str, folder: Path, log: Path) -> list[Call]:
    """Run tests.simulation.written under strace; return its system calls."""
    subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-xx",
            "-s",
            "10000000",
            "-e",
            f"trace={_CALLS}",
            "-e",
            "signal=none",
            "-o",
            str(log),
            sys.executable,
            "-m",
            "tests.simulation.written",
            what,
            str(folder),
        ],
        cwd=ROOT,
        check=True,
    )
    return list(calls(log))


def calls(log: Path) -> Iterator[Call]:
    """Return the finished calls of a strace log, each where it finished."""
    begun: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue  # +++ exited +++
            thread, resumed, name, rest = found.groups()
            if rest.endswith("<unfinished ...>"):
                begun[thread] = rest.removesuffix("<unfinished ...>").rstrip()
                continue
            name = resumed or name
            yield _call(name, begun.pop(thread) + rest if resumed else rest)


def _call(name: str, rest: str) -> Call:
    texts = []
    for text, cut_short in _TEXT.findall(rest):
        if cut_short:
            raise NotUnderstood(f"{name}: strace shortened a text")
        texts.append(bytes.fromhex(text.replace("\\x", "")))
    before, _, result = _TEXT.sub('""', rest).rpartition(" = ")
    arguments = [each.strip() for each in before.rstrip().removesuffix(")").split(",")]
    return Call(name, arguments, texts, int(result.split()[0]))
