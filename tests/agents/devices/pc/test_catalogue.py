"""From what a process tells to a category."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.devices.pc.catalogue import Catalogue, Category, application_ids, steam_app

GNOME = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
REAPER = ["/home/x/.steam/ubuntu12_32/reaper", "SteamLaunch", "AppId=620", "--", "portal2"]


def test_steam_names_its_games_by_number() -> None:
    """What Steam's reaper started is a game, unless the list knows better."""
    catalogue = Catalogue()
    assert steam_app(REAPER) == "620"
    assert catalogue.category(command=REAPER, name="reaper", cgroup="") is Category.GAME
    blender = [*REAPER[:2], "AppId=365670", "--", "blender"]
    assert catalogue.category(command=blender, name="reaper", cgroup="") is Category.MODELLING


def test_a_document_named_like_steams_launcher_is_no_game() -> None:
    """Only the launcher's own place in the command line counts."""
    assert steam_app(["less", "notes", "x", "SteamLaunch", "AppId=1"]) is None
    assert steam_app([]) is None


@pytest.mark.parametrize(
    ("unit", "application"),
    [
        ("app-gnome-org.gimp.GIMP-4711.scope", "org.gimp.GIMP"),
        ("app-org.kde.kdenlive-0a1b2c.scope", "org.kde.kdenlive"),
        ("app-org.kde.krita@0a1b2c.service", "org.kde.krita"),
        ("app-gnome-firefox\\x2desr-99.scope", "firefox-esr"),
        ("app-flatpak-org.musescore.MuseScore-12.scope", "org.musescore.MuseScore"),
        ("snap.blender.blender.5f3a-77.scope", "blender"),
    ],
)
def test_the_desktop_names_the_application_in_the_control_group(
    unit: str, application: str
) -> None:
    """Scopes, services and snaps are read, hyphens unescaped."""
    assert application_ids(f"{GNOME}{unit}\n") == (application,)


def test_a_control_group_without_an_application_names_none() -> None:
    """A session's scope and a system service are no applications."""
    assert application_ids("0::/user.slice/user-1000.slice/session-2.scope\n") == ()
    assert application_ids("0::/system.slice/apparmor.service\n") == ()


@pytest.mark.parametrize(
    ("command", "name", "unit", "category"),
    [
        (["/usr/bin/python3", "x"], "python3", "app-gnome-org.gimp.GIMP-1.scope", "image_editing"),
        (["/usr/bin/gimp-2.10"], "gimp-2.10", "", "image_editing"),
        (["/usr/lib/libreoffice/program/soffice.bin"], "soffice.bin", "", "office"),
        (["/opt/MuseScore-4.2"], "MuseScore-4.2", "", "notation"),
        (["python3", "/usr/bin/pitivi"], "pitivi", "", "video_editing"),
        (["/usr/bin/PrusaSlicer"], "PrusaSlicer", "", "modelling"),
        (["/usr/lib/firefox-esr/firefox-esr"], "firefox-esr", "", "web"),
        (["/usr/games/supertux2"], "supertux2", "", "game"),
        (["/usr/bin/vim", "gimp"], "vim", "", None),
        ([], "kworker/0:1", "", None),
    ],
)
def test_programs_are_found_by_application_then_by_command(
    command: list[str], name: str, unit: str, category: str | None
) -> None:
    """The application of the control group comes before the command's and the kernel's name."""
    found = Catalogue().category(command=command, name=name, cgroup=GNOME + unit)
    assert (found.value if found else None) == category


def test_a_librarys_own_entries_come_first() -> None:
    """Configuration adds programs, and moves those of the lists, whatever their case."""
    catalogue = Catalogue(
        programs={"Sibelius": Category.NOTATION, "gimp": Category.OTHER},
        steam_apps={"620": Category.OTHER},
    )

    def category(command: list[str]) -> Category | None:
        return catalogue.category(command=command, name="", cgroup="")

    assert category(["/opt/sibelius"]) is Category.NOTATION
    assert category(["/usr/bin/gimp"]) is Category.OTHER
    assert category(REAPER) is Category.OTHER


@given(command=st.lists(st.text(), max_size=6), name=st.text(), cgroup=st.text())
def test_any_process_is_survived(command: list[str], name: str, cgroup: str) -> None:
    """A process may call itself anything; it gets a category or none."""
    found = Catalogue().category(command=command, name=name, cgroup=cgroup)
    assert found is None or isinstance(found, Category)
