"""Canonical JSON and what is hashed over it: the plan's digest and the event chain.

The text is that of RFC 8785 (JSON Canonicalization Scheme), kept easy for any language:
events and plans hold no number that is not whole, and every key is ASCII, so "sort the
keys, no spaces, UTF-8" is all of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_LARGEST = 2**53 - 1


class NotCanonical(ValueError):
    """The value can't be written as the contract's canonical JSON."""


def canonical(value: object) -> bytes:
    """Return `value` (of json.loads) as canonical JSON. Raises NotCanonical."""
    try:
        _check(value)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    except UnicodeEncodeError:
        raise NotCanonical("a text holds half a surrogate pair") from None
    except RecursionError:
        raise NotCanonical("it is nested too deeply") from None


def _check(value: object) -> None:
    if isinstance(value, float):
        raise NotCanonical("a number is not whole")
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise NotCanonical("a number is beyond 2^53")
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.isascii():
                raise NotCanonical("a key is not ASCII")
            _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)


def first_link(log: str) -> str:
    """Return what the first event of a log carries as `prev`: SHA-256 of the log's UUID text."""
    return hashlib.sha256(log.encode()).hexdigest()


def chain(event: bytes) -> str:
    """Return the chain value of an event: SHA-256 of its canonical JSON, `seq` and `prev` within.

    As `prev` is the chain value of the event before, equal values mean equal histories.
    """
    return hashlib.sha256(event).hexdigest()


#: Left out of a plan's digest: itself, and the time of issue, which says nothing of content.
NOT_DIGESTED = ("digest", "issued_at")


def plan_digest(plan: dict[str, Any]) -> str:
    """Return SHA-256 of the plan's canonical JSON without `digest` and `issued_at`.

    `plan` is the whole JSON object as it is sent, fields that the reader does not know included.
    """
    content = {key: value for key, value in plan.items() if key not in NOT_DIGESTED}
    return hashlib.sha256(canonical(content)).hexdigest()
