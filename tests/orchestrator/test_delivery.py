"""Sentences on how far a change has come."""

from __future__ import annotations

import pytest

from orchestrator.delivery import Delivery, say


@pytest.mark.parametrize("delivery", Delivery)
def test_every_stage_has_a_sentence_that_names_the_device(delivery: Delivery) -> None:
    """The person at the desk knows devices by their names."""
    sentence = say(delivery, "Printer 1")
    assert "Printer 1" in sentence
    assert sentence.endswith(".")
