"""How the desk's commands answer."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from orchestrator.desk_cli import tell_list

NUMBERS = TypeAdapter(list[int])


@pytest.mark.parametrize(
    ("found", "as_json", "out", "err"),
    [
        ([1, 2], False, "1 is.\n2 is.\n", ""),
        ([], False, "", "There is none.\n"),
        ([1, 2], True, "[\n 1,\n 2\n]\n", ""),
        ([], True, "[]\n", ""),
    ],
)
def test_a_list_is_told_line_by_line_or_as_json(
    capsys: pytest.CaptureFixture[str],
    found: list[int],
    as_json: bool,  # noqa: FBT001 - of the table
    out: str,
    err: str,
) -> None:
    """That there is none is said to people only: a program reads an empty list."""
    tell_list(found, NUMBERS, "{} is.".format, "There is none.", as_json=as_json)
    assert capsys.readouterr() == (out, err)
