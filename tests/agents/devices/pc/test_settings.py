"""The table [device.pc]."""

from __future__ import annotations

import tomllib

import pytest
from pydantic import ValidationError

from agents.clock import SystemClock
from agents.devices.pc import Pc, PcSettings, build
from agents.devices.pc.catalogue import Category


def test_an_empty_table_is_enough() -> None:
    """Every key has a default."""
    assert PcSettings().seat == "seat0"
    assert isinstance(build(PcSettings(helper_socket=None), SystemClock()), Pc)


def test_a_library_names_its_own_programs() -> None:
    """Programs and Steam's numbers are given a category by its word."""
    table = tomllib.loads(
        '[programs]\nsibelius = "notation"\n[steam_apps]\n620 = "other"\n',
    )
    settings = PcSettings.model_validate(table)
    assert settings.programs == {"sibelius": Category.NOTATION}
    assert settings.steam_apps == {"620": Category.OTHER}


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"seats": "seat0"}, "seats"),
        ({"seat": "../x"}, "seat"),
        ({"programs": {"gimp": "fun"}}, "programs.gimp"),
        ({"steam_apps": {"portal": "game"}}, "steam_apps.portal"),
    ],
)
def test_a_mistake_is_named(table: dict[str, object], reason: str) -> None:
    """Unknown keys, seats, categories and numbers are refused with their place."""
    with pytest.raises(ValidationError) as refused:
        PcSettings.model_validate(table)
    places = [".".join(str(part) for part in error["loc"]) for error in refused.value.errors()]
    assert any(place.startswith(reason) for place in places)
