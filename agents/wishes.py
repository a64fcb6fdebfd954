"""A request as it comes over a socket: from a scripted device, a desktop, or a command."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agents.model import (
    CheckIn,
    Cleared,
    EndNow,
    MoreTime,
    Reply,
    Request,
    SetGroup,
    StaffOpen,
    WalkIn,
)
from mqtt_schemas.base import Code, Id, PartySize, Seconds

What = Literal["check_in", "walk_in", "staff", "more", "group", "clear", "end"]
#: What each can't do without.
_NEEDS = {"check_in": "words", "staff": "words", "more": "seconds", "group": "group"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Wish(_Part):
    """What somebody asks for (agents.model.Request). The words are never logged."""

    what: What
    words: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, repr=False
    )
    seconds: Seconds | None = None
    group: Id | None = None
    party: PartySize | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = _NEEDS.get(self.what)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"{self.what} needs {needed}")
        return self

    def request(self) -> Request:
        """Return it as the rules take it."""
        requests: dict[What, Request] = {
            "check_in": CheckIn(self.words or ""),
            "walk_in": WalkIn(self.group, self.party, self.seconds),
            "staff": StaffOpen(self.words or "", self.seconds),
            "more": MoreTime(self.seconds or 0),
            "group": SetGroup(self.group or "", self.party),
            "clear": Cleared(),
            "end": EndNow(),
        }
        return requests[self.what]


class Said(_Part):
    """What is said to it (agents.model.Reply)."""

    accepted: bool
    phrase: Code
    arguments: dict[Code, int | Annotated[str, StringConstraints(max_length=64)]] = {}


def said(reply: Reply) -> Said:
    """Return a reply as it goes over a socket."""
    return Said(accepted=reply.accepted, phrase=reply.phrase, arguments=dict(reply.arguments))
