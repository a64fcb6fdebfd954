"""Requests as they come over a socket."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agents.model import CheckIn, Cleared, EndNow, MoreTime, Reply, SetGroup, StaffOpen, WalkIn
from agents.wishes import Said, Wish, said


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ({"what": "check_in", "words": "a b c"}, CheckIn("a b c")),
        ({"what": "walk_in"}, WalkIn()),
        (
            {"what": "walk_in", "group": "nuoret", "party": 2, "seconds": 60},
            WalkIn("nuoret", 2, 60),
        ),
        ({"what": "staff", "words": "a b c"}, StaffOpen("a b c")),
        ({"what": "more", "seconds": 60}, MoreTime(60)),
        ({"what": "group", "group": "nuoret"}, SetGroup("nuoret")),
    ],
)
def test_a_wish_is_a_request(line: dict[str, Any], request_: object) -> None:
    """Each kind with what it needs."""
    found = Wish.model_validate(line).request()
    assert (type(found), found) == (type(request_), request_)


def test_what_needs_nothing_is_a_request_too() -> None:
    """To be free, and to end."""
    assert isinstance(Wish(what="clear").request(), Cleared)
    assert isinstance(Wish(what="end").request(), EndNow)


@pytest.mark.parametrize(
    "line",
    [
        {"what": "check_in"},
        {"what": "more"},
        {"what": "group"},
        {"what": "cake"},
        {"what": "walk_in", "group": "Not a group"},
        {"what": "walk_in", "party": 0},
        {"what": "check_in", "words": "x" * 201},
        {"what": "more", "seconds": -1},
        {"what": "more", "seconds": "60"},
        {"what": "end", "who": "somebody"},
    ],
)
def test_what_is_no_wish_is_refused(line: dict[str, Any]) -> None:
    """With the reason, and nothing is asked."""
    with pytest.raises(ValidationError):
        Wish.model_validate(line)


def test_the_words_are_in_no_repr() -> None:
    """So in no log either."""
    assert "secret" not in repr(Wish(what="check_in", words="secret"))


def test_a_reply_goes_back_as_it_is() -> None:
    """Whether, in which phrase, with what."""
    reply = Reply(accepted=False, phrase="code_wrong", arguments={"tries": 2})
    assert said(reply) == Said(accepted=False, phrase="code_wrong", arguments={"tries": 2})
