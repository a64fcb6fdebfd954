"""Was a simulated time fair? An independent judge, deliberately simple, with own code only.

It knows the library's rules as plain data, and what became of them over time (record.py). It
shares nothing with the orchestrator: it imports no module of it, nor does what it imports.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

from tests.year.moments import moment
from tests.year.over_time import RULES
from tests.year.record import Record
from tests.year.view import SECOND, View


def check(record: Record, *, samples: int, seed: int = 0) -> list[str]:
    """Return all that is wrong, each once.

    1. Each rule over time. 2. Each interval between two moments at which anything changes, at
    its begin and in its middle. 3. So many seconds, drawn from the whole time and all devices.
    """
    view = View(record)
    wrong = dict.fromkeys(sentence for rule in RULES for sentence in rule(view))
    for name in record.devices:
        for first, last in pairwise(view.boundaries(name)):
            wrong |= dict.fromkeys(moment(view, name, first))
            wrong |= dict.fromkeys(moment(view, name, (first + last) // 2))
    random, names = Random(seed), sorted(record.devices)  # noqa: S311 - no secret
    span = (record.ends - record.starts) // SECOND
    for _ in range(samples):
        ms = record.starts + random.randrange(span) * SECOND
        wrong |= dict.fromkeys(moment(view, random.choice(names), ms))
    return list(wrong)
