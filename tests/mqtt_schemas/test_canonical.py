"""Canonical JSON, chain and digest."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from mqtt_schemas.canonical import NotCanonical, canonical, chain, first_link, plan_digest
from tests.mqtt_schemas.strategies import json_values, whole_values

LOG = "9b2d4f60-1c3e-4a5b-8c7d-0e1f2a3b4c5d"


@given(whole_values)
def test_canonical_json_is_the_same_value(value: object) -> None:
    """Nothing is lost, and writing it again changes no byte."""
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@given(json_values)
def test_what_has_no_canonical_form_says_so(value: object) -> None:
    """Any JSON value gives bytes or NotCanonical, never another error."""
    with suppress(NotCanonical):
        assert json.loads(canonical(value)) == value


def test_the_text_is_that_of_rfc_8785() -> None:
    """Keys sorted, no spaces, UTF-8, and only the escapes that JSON demands."""
    value = {"b": [True, None, -1], "a": 'ä€😀"\\/\b\f\n\r\t\u0001\u007f\u2028', "B": {}}
    assert (
        canonical(value)
        == (
            '{"B":{},"a":"ä€😀\\"\\\\/\\b\\f\\n\\r\\t\\u0001\u007f\u2028","b":[true,null,-1]}'
        ).encode()
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, "not whole"),
        ({"a": [float("nan")]}, "not whole"),
        (2**53, "beyond"),
        ([-(2**53)], "beyond"),
        ({"ä": 1}, "not ASCII"),
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "not ASCII"),
    ],
)
def test_what_readers_may_differ_on_is_refused(value: object, reason: str) -> None:
    """Fractions, numbers that some readers round, keys whose order is arguable."""
    with pytest.raises(NotCanonical, match=reason):
        canonical(value)


def test_deep_nesting_is_refused() -> None:
    """A value too deep to walk is an ordinary refusal, no crash."""
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(NotCanonical, match="deep"):
        canonical(value)


def test_the_chain_begins_with_the_log() -> None:
    """Two logs never have an event in common, since their first `prev` differs."""
    assert first_link(LOG) == hashlib.sha256(LOG.encode()).hexdigest()
    assert first_link(LOG) != first_link(LOG.replace("9", "8"))


def test_the_chain_covers_every_byte() -> None:
    """Another body, seq or prev gives another chain value."""
    event = {"seq": 1, "prev": first_link(LOG), "type": "checked_in"}
    others = [event | {"seq": 2}, event | {"prev": "0" * 64}, event | {"new_in_v2": 1}]
    values = {chain(canonical(each)) for each in [event, *others]}
    assert len(values) == 4


def test_the_digest_leaves_out_itself_and_the_time_of_issue() -> None:
    """A plan issued again with the same content has the same digest; unknown fields count."""
    plan = {"v": 1, "revision": 3, "issued_at": "2026-11-25T09:30:00.000Z", "digest": "x"}
    again = plan | {"issued_at": "2026-11-26T09:30:00.000Z", "digest": "y"}
    assert plan_digest(plan) == plan_digest(again)
    assert plan_digest(plan) != plan_digest(plan | {"new_in_v2": True})
    assert plan_digest(plan) == hashlib.sha256(b'{"revision":3,"v":1}').hexdigest()
