"""What a process tells of itself -> the category of its program.

The order of the rules is what proved most robust: Steam's launcher names the game by its
number, then the desktop names the application in the control group, and last comes the
command's name. Titles, documents and the names themselves go no further than this module.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path


class Category(StrEnum):
    """What a program is for. OTHER: running, but in no list."""

    GAME = "game"
    IMAGE_EDITING = "image_editing"
    VIDEO_EDITING = "video_editing"
    NOTATION = "notation"
    MODELLING = "modelling"
    OFFICE = "office"
    WEB = "web"
    OTHER = "other"


_LISTS = Path(__file__).with_name("programs.toml")

_VERSION = re.compile(r"[-_.]?\d[\d.]*$")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
_UNIT = re.compile(r"/(app-[^/]+)\.(scope|service)(?:/|$)", re.MULTILINE)
#: A snap's unit: snap.NAME.COMMAND.UUID.scope
_SNAP = re.compile(r"/snap\.([^./]+)\.[^/]*\.scope(?:/|$)", re.MULTILINE)


class Catalogue:
    """The lists of programs.toml, with a library's own entries before ours.

    programs: application id or command name -> category. steam_apps: AppId -> category.
    """

    def __init__(
        self,
        *,
        programs: Mapping[str, Category] | None = None,
        steam_apps: Mapping[str, Category] | None = None,
    ) -> None:
        lists = tomllib.loads(_LISTS.read_text(encoding="utf-8"))
        self._steam_apps = {app: Category(kind) for app, kind in lists.pop("steam_apps").items()}
        self._steam_apps.update(steam_apps or {})
        self._programs = {name: Category(kind) for kind, names in lists.items() for name in names}
        self._programs.update({name.lower(): kind for name, kind in (programs or {}).items()})

    def category(self, *, command: Sequence[str], name: str, cgroup: str) -> Category | None:
        """Return the category of a process, or None where it is in no list.

        `command` is its argument list, `name` the kernel's name for it (15 characters at most),
        `cgroup` the text of its cgroup file.
        """
        app = steam_app(command)
        if app is not None:
            return self._steam_apps.get(app, Category.GAME)
        program = command[0].rsplit("/", 1)[-1] if command else ""
        for candidate in (*application_ids(cgroup), program, name):
            found = self._look_up(candidate.lower())
            if found is not None:
                return found
        return None

    def _look_up(self, name: str) -> Category | None:
        for candidate in (name, name.rsplit(".", 1)[-1], _VERSION.sub("", name)):
            if candidate in self._programs:
                return self._programs[candidate]
        return None


def steam_app(command: Sequence[str]) -> str | None:
    """Return the AppId from `…/reaper SteamLaunch AppId=N -- …`, or None."""
    if "SteamLaunch" not in command[1:3]:
        return None
    for word in command[2:5]:
        if word.startswith("AppId="):
            return word.removeprefix("AppId=")
    return None


def application_ids(cgroup: str) -> tuple[str, ...]:
    r"""Return the application id that a control group's path holds, if any.

    The desktop names units `app[-LAUNCHER]-ID-RANDOM.scope` or
    `app[-LAUNCHER]-ID[@RANDOM].service`, hyphens within a part written `\x2d` (systemd's
    "Desktop Environment Integration").
    """
    unit = _UNIT.search(cgroup)
    if unit is not None:
        parts = unit[1].split("-")[1:]
        if unit[2] == "scope" and len(parts) > 1:
            parts.pop()
        return (_ESCAPE.sub(lambda code: chr(int(code[1], 16)), parts[-1].split("@")[0]),)
    snap = _SNAP.search(cgroup)
    return (snap[1],) if snap else ()
